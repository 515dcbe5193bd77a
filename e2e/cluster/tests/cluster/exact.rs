//! Exact capacity: what must be exact waits for the sidecar, and nothing is ever above its maximum.

use serde_json::Value;
use spillway_e2e::{
    ControlPlane, PolicyHost, PolicyHostOptions, Seen, Sidecar, SidecarOptions, Witness, workloads,
};

use crate::scene::turn;
use crate::support::{PATIENCE, fixed_then_elastic, namespace, plane, until_published};

/// Settings by which half of the pods must be exact.
pub(crate) fn exact(namespace: &str, maximum: usize) -> Value {
    let mut settings = fixed_then_elastic(namespace, "web", maximum);
    settings["observe"] = "Ledger".into();
    settings["spreads"][0]["capacity"] = "Exact".into();
    settings
}

/// Scales a Deployment from nothing to so many pods and awaits that all are ready.
async fn burst(plane: &ControlPlane, shop: &str, pods: usize, maximum: usize) -> Seen {
    // Sidecars of the shared plane keep one Lease.
    let _turn = turn().await;
    let admin = namespace(plane, shop).await;
    let settings = exact(shop, maximum);
    let options = SidecarOptions {
        name: format!("sidecar-{shop}"),
        ..SidecarOptions::default()
    };
    let mut sidecar = Sidecar::start(plane, &settings, &options).await.unwrap();
    let policy = PolicyHost::start(plane, &settings, PolicyHostOptions::for_namespace(shop))
        .await
        .unwrap();
    let witness = Witness::start(&admin, shop, "").await.unwrap();

    let web = workloads::deployment("web", 0).unwrap();
    workloads::create(&admin, shop, &web).await.unwrap();
    until_published(&admin, shop, "web").await;
    workloads::scale(&admin, shop, "web", pods.try_into().unwrap())
        .await
        .unwrap();
    let seen = witness
        .until("every pod ready", PATIENCE * 5, |seen| seen.settled_at(pods))
        .await
        .unwrap();
    policy.remove(&admin).await.unwrap();
    sidecar.process().terminate().unwrap();
    drop(sidecar);
    workloads::delete_namespace(&admin, shop).await.unwrap();
    seen
}

fn assert_exact(seen: &Seen, pods: usize, maximum: usize) {
    assert_eq!((seen.unplaced(), seen.gated(), seen.gaps), (0, 0, 0));
    assert_eq!(
        (seen.placed("fixed"), seen.placed("elastic")),
        (maximum, pods - maximum)
    );
    assert_eq!(seen.most_placed("fixed"), maximum, "at any moment");
    for pod in seen.pods.values() {
        let node = pod.node.as_deref().unwrap_or_default();
        assert!(node.starts_with(pod.subset.as_deref().unwrap_or("?")), "{pod:?}");
    }
}

#[tokio::test]
async fn a_burst_across_the_maximum_fills_it_to_the_last_place() {
    let seen = burst(plane().await, "exact-burst", 300, 150).await;
    assert_exact(&seen, 300, 150);
}

#[tokio::test]
async fn three_thousand_pods_end_at_fifteen_hundred_each() {
    let seen = burst(plane().await, "exact-3000", 3000, 1500).await;
    assert_exact(&seen, 3000, 1500);
}
