//! Settings that change, and two sidecars that were given different ones by mistake.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::{Value, json};
use spillway_e2e::{Sidecar, SidecarOptions, wait};

use crate::ground::{Ground, PATIENCE, SHOP, assert_exact, until_counted, until_logged, without_spreads};
use crate::support::fixed_then_elastic;

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

/// In each of them, a spread of somebody else is added to the settings, or taken out again.
const STEPS: i32 = 6;

/// Pods that arrive in each step.
const PODS_A_STEP: i32 = 50;

/// The maximum of the first subset; nothing but that must be exact.
const MAXIMUM: usize = 150;

/// Who gets the other settings first; the rest follow when their webhook is up, which takes a second or two.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Sidecar,
    Policy,
}

/// The settings, and the same with a spread of another workload before those that are there.
fn settings() -> [Value; 2] {
    let mut settings = fixed_then_elastic(SHOP, "web", MAXIMUM);
    settings["observe"] = "Ledger".into();
    let mut edited = settings.clone();
    let other = fixed_then_elastic(SHOP, "other", 3)["spreads"][0].clone();
    edited["spreads"].as_array_mut().unwrap().insert(0, other);
    [settings, edited]
}

async fn a_burst_through_edits(first: First) {
    let [settings, edited] = settings();
    let mut ground = Ground::new(settings.clone()).await;
    let sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let (mut policy, witness) = ground.open().await;
    let mut earlier = Vec::new();
    for step in 0..STEPS {
        ground.settings = if step % 2 == 0 {
            edited.clone()
        } else {
            settings.clone()
        };
        let before = usize::try_from(step * PODS_A_STEP).unwrap();
        ground.scale((step + 1) * PODS_A_STEP).await;
        witness
            .until("some of the step's pods", PATIENCE, |seen| {
                seen.active() > before + 5
            })
            .await
            .unwrap();
        if first == First::Sidecar {
            sidecar.set(&ground.settings).unwrap();
        }
        // Those before answer what they were asked.
        earlier.push(core::mem::replace(&mut policy, ground.policy().await));
        if first == First::Policy {
            sidecar.set(&ground.settings).unwrap();
        }
    }
    let pods = usize::try_from(STEPS * PODS_A_STEP).unwrap();
    let seen = witness
        .until("every pod ready", PATIENCE, |seen| seen.settled_at(pods))
        .await
        .unwrap();
    // Nobody waits, nobody was let go without a place, and no moment was above the maximum.
    assert_exact(&seen, pods, MAXIMUM);
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn a_spread_of_somebody_else_in_the_sidecars_settings_unsettles_nobody() {
    a_burst_through_edits(First::Sidecar).await;
}

#[tokio::test]
async fn a_spread_of_somebody_else_in_the_policys_settings_unsettles_nobody() {
    a_burst_through_edits(First::Policy).await;
}

/// The policy has a rule that the sidecar has not read yet: pods wait for it, and it binds them by what it has.
#[tokio::test]
async fn pods_that_come_between_two_versions_of_their_own_rule_are_exact_by_the_sidecars() {
    let [settings, _] = settings();
    let mut ground = Ground::new(settings).await;
    let sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let (_before, witness) = ground.open().await;
    ground.settings["spreads"][0]["subsets"][0]["maxReplicas"] = json!(MAXIMUM + 20);
    let policy = ground.policy().await;
    ground.scale(200).await;
    let seen = witness
        .until("200 ready pods", PATIENCE, |seen| seen.settled_at(200))
        .await
        .unwrap();
    assert_exact(&seen, 200, MAXIMUM);

    sidecar.set(&ground.settings).unwrap();
    let is_new = |ledger: &DynamicObject| {
        ledger.data.pointer("/spec/subsets/0/maxReplicas") == Some(&json!(MAXIMUM + 20))
    };
    let published = watcher::watcher(ground.ledgers(), watcher::Config::default())
        .applied_objects()
        .any(|ledger| async move { ledger.as_ref().is_ok_and(is_new) });
    assert!(tokio::time::timeout(PATIENCE, published).await.unwrap());
    ground.scale(250).await;
    let seen = witness
        .until("250 ready pods", PATIENCE, |seen| seen.settled_at(250))
        .await
        .unwrap();
    assert_exact(&seen, 250, MAXIMUM + 20);
    policy.remove(&ground.admin).await.unwrap();
}
