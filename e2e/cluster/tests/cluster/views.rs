//! Replicas of the policy that see the cluster at different times.

use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use spillway_e2e::workloads;

use crate::ground::assert_exact;
use crate::scene::{Scene, SceneOptions, WEB, fixed_first};

const MAXIMUM: usize = 10;

async fn scale(scene: &Scene<'_>, replicas: usize) {
    let sets: Api<ReplicaSet> = Api::namespaced(scene.admin.clone(), &scene.shop);
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    sets.patch_scale(WEB, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

#[tokio::test]
async fn two_views_of_different_age_never_exceed_the_maximum() {
    let mut rule = fixed_first(MAXIMUM);
    rule["targetRef"]["kind"] = "ReplicaSet".into();
    rule["capacity"] = "Exact".into();
    let options = SceneOptions {
        view_lags: vec![Duration::from_millis(20), Duration::from_millis(300)],
        ..SceneOptions::default()
    };
    let scene = Scene::start_with("views", rule, options).await;
    let reviews = || scene.policy.as_ref().unwrap().reviews_by_replica().unwrap();
    let before = reviews();
    let set = json!({
        "metadata": {"name": WEB},
        "spec": {"replicas": 10, "selector": {"matchLabels": {"app": WEB}}, "template": workloads::template(WEB)},
    });
    let set: ReplicaSet = workloads::read("a replica set", set).unwrap();
    scene.create(&set).await;
    assert_exact(&scene.settled_at(10).await, 10, MAXIMUM);
    for size in [20, 60] {
        scale(&scene, size).await;
        assert_exact(&scene.settled_at(size).await, size, MAXIMUM);
    }

    // Paid places become free and are filled again while one view is still of the time before.
    scale(&scene, 4).await;
    let seen = scene.settled_at(4).await;
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (4, 0));
    for size in [10, 20, 60] {
        scale(&scene, size).await;
    }
    let seen = scene.settled_at(60).await;
    assert_eq!((seen.unplaced(), seen.most_placed("fixed")), (0, MAXIMUM));
    // One that sees a place late may leave it empty for what has no end.
    assert!(seen.placed("fixed") + 2 >= MAXIMUM, "{:?}", seen.split());

    let asked: Vec<u64> = reviews()
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    assert!(
        asked.iter().all(|asked| *asked > 20),
        "both were asked: {asked:?}"
    );
    scene.end().await;
}
