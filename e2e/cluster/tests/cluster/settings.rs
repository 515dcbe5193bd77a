//! Two sidecars that were given different settings by mistake.

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::runtime::watcher;
use spillway_e2e::{Sidecar, SidecarOptions, wait};

use crate::ground::{Ground, PATIENCE, SHOP, until_counted, until_logged, without_spreads};

#[tokio::test]
async fn a_leader_tells_of_a_ledger_of_other_settings_and_does_not_remove_it_at_once() {
    let ground = Ground::exact(5).await;
    let mut first = ground.sidecar("first", &[]).await;
    ground.until_held_by("first").await;
    let (_policy, witness) = ground.open().await;
    let options = SidecarOptions {
        name: "second".to_owned(),
        ..SidecarOptions::default()
    };
    let settings = without_spreads(&ground.settings);
    let mut second = Sidecar::start(&ground.plane, &settings, &options).await.unwrap();
    until_counted(&second, "spillway_settings_differ", &[], 1.0).await;
    let log = second.process().log().to_owned();
    until_logged(&log, "leads with the settings").await;

    ground.scale(10).await;
    let seen = witness
        .until("10 pods", PATIENCE, |seen| seen.settled_at(10))
        .await
        .unwrap();
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (5, 5));

    assert!(first.process().terminate().unwrap().success());
    ground.until_held_by("second").await;
    let events: Api<Event> = Api::namespaced(ground.admin.clone(), SHOP);
    let told = "an Event that tells of the ledger";
    wait::until(&events, watcher::Config::default(), told, PATIENCE, |events| {
        events
            .values()
            .any(|event| event.reason.as_deref() == Some("LedgerOfOtherSettings"))
    })
    .await
    .unwrap();
    assert!(
        ground.ledgers().get_opt("web").await.unwrap().is_some(),
        "it stays for a while"
    );
    let differ = second
        .metrics()
        .await
        .unwrap()
        .sum("spillway_settings_differ", &[]);
    assert!(differ.abs() < 0.1, "nobody else leads");
}
