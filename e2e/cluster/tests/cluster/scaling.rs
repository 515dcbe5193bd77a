//! Sizes that change: across the maximum, while pods are being made, and down to nothing.

use spillway_e2e::{NodePool, Options, Seen, workloads};

use crate::scene::{Scene, SceneOptions, WEB, elastic, fixed, fixed_first, rule, subset};
use crate::support::{plane, start};

fn split(seen: &Seen) -> (usize, usize) {
    (seen.placed("fixed"), seen.placed("elastic"))
}

#[tokio::test]
async fn a_slow_controller_fills_the_maximum_too() {
    let plane = start(Options::default()).await;
    let scene = Scene::on(&plane, "slow", fixed_first(60), SceneOptions::default()).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    let seen = scene.settle_at(120).await;
    assert_eq!((split(&seen), seen.unplaced()), ((60, 60), 0));
    scene.until_taken(&[60, 60]).await;
    assert!(scene.writes("bind").await <= 120);
    assert_eq!(scene.end().await.most_placed("fixed"), 60, "at any moment");
}

#[tokio::test]
async fn sizes_that_change_before_they_are_reached_never_exceed_the_maximum() {
    let scene = Scene::start("changing", fixed_first(100)).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    for pods in [200, 80, 260] {
        scene.scale(pods).await;
    }
    scene.settled_at(260).await;
    scene.scale(0).await;
    scene.settled_at(0).await;
    // Once more, each change in the middle of the one before.
    scene.scale(200).await;
    scene.until("half of the pods", |seen| seen.active() >= 100).await;
    scene.scale(80).await;
    scene
        .until("deletions", |seen| seen.pods.values().any(|pod| pod.terminating))
        .await;
    scene.scale(260).await;
    let seen = scene.settled_at(260).await;
    // Who was made while a pod of `fixed` was on its way out has its place.
    assert_eq!((split(&seen), seen.unplaced()), ((100, 160), 0));
    assert_eq!(scene.end().await.most_placed("fixed"), 100, "at any moment");
}

#[tokio::test]
async fn each_size_down_to_nothing_has_its_split_without_a_write() {
    let mut fixed = fixed();
    fixed["minReplicas"] = 2.into();
    fixed["maxReplicas"] = 10.into();
    let scene = Scene::start("down", rule(&[fixed, elastic()])).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    let seen = scene.settle_at(30).await;
    assert_eq!((split(&seen), seen.unplaced()), ((10, 20), 0));
    scene.until_taken(&[10, 20]).await;
    let writes = scene.pod_writes().await;
    for pods in (0..30).rev() {
        let seen = scene.settle_at(pods).await;
        let fixed = pods.min(10);
        assert_eq!(split(&seen), (fixed, pods - fixed), "{pods} pods");
    }
    // Whatever the sidecar was to write for these sizes, it has written before this.
    scene.until_taken(&[0, 0]).await;
    assert_eq!(scene.pod_writes().await, writes);
    assert_eq!(scene.end().await.most_placed("fixed"), 10);
}

#[tokio::test]
async fn half_of_every_size_is_half_of_it_rounded_up() {
    let scene = Scene::start("half", fixed_first("50%")).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    for pods in [1_usize, 2, 5, 10, 11, 40, 77] {
        let seen = scene.settle_at(pods).await;
        let fixed = pods.div_ceil(2);
        assert_eq!(
            (split(&seen), seen.unplaced()),
            ((fixed, pods - fixed), 0),
            "{pods} pods"
        );
        assert_eq!(seen.most_placed("fixed"), fixed, "at any moment until {pods}");
        scene.until_taken(&[fixed, pods - fixed]).await;
    }
    scene.end().await;
}

#[tokio::test]
async fn shares_are_within_one_pod_at_every_size() {
    let plane = plane().await;
    let pool = NodePool::new("quarter", 2, 100).taint("spillway.dev/quarter", "", "NoSchedule");
    plane.add_nodes(&pool).await.unwrap();
    let mut subsets = [fixed(), elastic(), subset("quarter", "quarter")];
    subsets[2]["tolerations"] = serde_json::json!([{"key": "spillway.dev/quarter", "operator": "Exists"}]);
    let weights = [("fixed", 2), ("elastic", 1), ("quarter", 1)];
    for (subset, (_, weight)) in subsets.iter_mut().zip(weights) {
        subset["replicas"] = format!("{}%", weight * 25).into();
    }
    let scene = Scene::start("shares", rule(&subsets)).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    for pods in (1..=13).chain((0..13).rev()) {
        let seen = scene.settle_at(pods).await;
        assert_eq!(seen.unplaced(), 0);
        for (subset, weight) in weights {
            // Less than one pod from the exact share, in quarters of a pod.
            let off = (seen.placed(subset) * 4).abs_diff(weight * pods);
            assert!(off < 4, "{pods} pods: {:?}", seen.split());
        }
    }
    scene.until_taken(&[0, 0, 0]).await;
    // Each pod once, to bind it.
    assert_eq!((scene.writes("bind").await, scene.pod_writes().await), (13, 13));
    scene.end().await;
}
