//! The policy alone, `observe: Pods`: best effort at admission.

use spillway_e2e::{PolicyHost, PolicyHostOptions, Witness, workloads};

use crate::support::{PATIENCE, fixed_then_elastic, namespace, plane};

#[tokio::test]
async fn a_burst_is_split_about_as_the_settings_say() {
    let (plane, shop) = (plane().await, "burst-of-50");
    let admin = namespace(plane, shop).await;
    let settings = fixed_then_elastic(shop, "web", 20);
    let policy = PolicyHost::start(plane, &settings, PolicyHostOptions::for_namespace(shop))
        .await
        .unwrap();
    let witness = Witness::start(&admin, shop, "").await.unwrap();

    let web = workloads::deployment("web", 0).unwrap();
    workloads::create(&admin, shop, &web).await.unwrap();
    workloads::scale(&admin, shop, "web", 50).await.unwrap();
    let seen = witness
        .until("50 ready pods", PATIENCE, |seen| seen.settled_at(50))
        .await
        .unwrap();

    assert_eq!((seen.unplaced(), seen.gated(), seen.gaps), (0, 0, 0));
    // Admissions that do not see each other hash: 20 on average, ten pods off in the worst burst that was simulated.
    let fixed = seen.placed("fixed");
    assert!((8..=32).contains(&fixed), "{:?}", seen.split());
    assert_eq!(seen.placed("elastic"), 50 - fixed);
    for pod in seen.pods.values() {
        let node = pod.node.as_deref().unwrap_or_default();
        assert!(node.starts_with(pod.subset.as_deref().unwrap_or("?")), "{pod:?}");
    }

    policy.remove(&admin).await.unwrap();
    workloads::delete_namespace(&admin, shop).await.unwrap();
}
