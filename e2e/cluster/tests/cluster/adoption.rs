//! Pods that were made while the policy was away.

use serde_json::json;
use spillway_e2e::{Seen, workloads};

use crate::scene::{SCENE_PATIENCE, Scene, WEB, fixed_first};

/// What fits both pools: without the policy the scheduler takes either.
fn tolerant(replicas: i32) -> k8s_openapi::api::apps::v1::Deployment {
    let web = workloads::deployment(WEB, replicas).unwrap();
    let mut web = serde_json::to_value(web).unwrap();
    web["spec"]["template"]["spec"]["tolerations"] =
        json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]);
    // Some in each pool.
    web["spec"]["template"]["spec"]["topologySpreadConstraints"] = json!([{
        "maxSkew": 1,
        "topologyKey": "pool",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": WEB}},
    }]);
    workloads::read("a deployment", web).unwrap()
}

async fn adopted(scene: &Scene<'_>, pods: usize) -> Seen {
    let seen = scene
        .until("every pod ready and in a subset", |seen| {
            seen.settled_at(pods) && seen.unplaced() == 0
        })
        .await;
    for pod in seen.pods.values() {
        let (subset, cost) = (pod.subset.as_deref().unwrap(), pod.cost);
        assert!(pod.node.as_deref().unwrap().starts_with(subset), "{pod:?}");
        assert_eq!(cost, if subset == "fixed" { 200 } else { 100 }, "{pod:?}");
        assert_eq!(pod.spread.as_deref(), Some(WEB));
    }
    scene
        .until_taken(&[seen.placed("fixed"), seen.placed("elastic")])
        .await;
    scene.until_known(pods).await;
    seen
}

/// From pods that the policy never saw to a full pool and back.
async fn go_on(mut scene: Scene<'_>) {
    scene.create(&tolerant(0)).await;
    scene.scale(8).await;
    let seen = adopted(&scene, 8).await;
    assert_eq!(seen.most_gated(), 0);
    assert_eq!(
        (scene.writes("adopt").await, scene.pod_writes().await),
        (8, 8),
        "one write each"
    );

    if let Some(dead) = scene.policy.take() {
        dead.remove(&scene.admin).await.unwrap();
    }
    scene.start_policy().await;
    let seen = scene.settle_at(20).await;
    assert_eq!(
        (seen.placed("fixed"), seen.placed("elastic"), seen.unplaced()),
        (10, 10, 0)
    );
    scene.until_taken(&[10, 10]).await;
    assert_eq!((scene.writes("adopt").await, scene.writes("cost").await), (8, 0));
    assert!(scene.writes("bind").await <= 12);
    // The adopted pods are given up in their order.
    let seen = scene.settle_at(10).await;
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (10, 0));
    assert_eq!(scene.end().await.most_placed("fixed"), 10, "at any moment");
}

#[tokio::test]
async fn pods_made_while_the_policy_does_not_answer_are_adopted_and_counted() {
    let mut scene = Scene::start("dead-policy", fixed_first(10)).await;
    for process in scene.policy.as_mut().unwrap().processes() {
        process.kill().unwrap();
    }
    go_on(scene).await;
}

#[tokio::test]
async fn pods_made_without_a_webhook_are_adopted_and_counted() {
    let mut scene = Scene::start("no-webhook", fixed_first(10)).await;
    scene.stop_policy().await;
    // The API server learns of it by a watch: until then it asks a server that is gone, which comes to the same.
    go_on(scene).await;
}

#[tokio::test]
async fn more_pods_than_a_pool_may_have_are_the_first_to_go() {
    let mut scene = Scene::start("too-many", fixed_first(4)).await;
    scene.stop_policy().await;
    // No toleration: all of them run on `fixed`.
    scene.create(&workloads::deployment(WEB, 7).unwrap()).await;
    let seen = scene
        .witness
        .until("7 adopted pods", SCENE_PATIENCE, |seen| {
            seen.settled_at(7) && seen.unplaced() == 0
        })
        .await
        .unwrap();
    let mut costs: Vec<i64> = seen.pods.values().map(|pod| pod.cost).collect();
    costs.sort_unstable();
    assert_eq!(costs, [-100, -100, -100, 200, 200, 200, 200]);
    scene.until_taken(&[7, 0]).await;
    scene.until_known(7).await;
    assert_eq!((scene.writes("adopt").await, scene.writes("cost").await), (7, 0));

    scene.start_policy().await;
    let seen = scene.settle_at(9).await;
    assert_eq!(
        (seen.placed("fixed"), seen.placed("elastic")),
        (7, 2),
        "no more into it"
    );
    // Excess goes before the spill.
    let seen = scene.settle_at(6).await;
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (4, 2));
    scene.end().await;
}
