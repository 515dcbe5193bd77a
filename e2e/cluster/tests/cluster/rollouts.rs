//! Rollouts: two revisions, one pool. `daily` plays them where pods take their time.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};
use spillway_e2e::{NodePool, Seen, workloads};

use crate::scene::{Scene, WEB, elastic, fixed_first, rule, subset};
use crate::support::plane;

fn deployment(replicas: i32, surge: Value, unavailable: Value) -> Deployment {
    let web = workloads::deployment(WEB, replicas).unwrap();
    let mut web = serde_json::to_value(web).unwrap();
    web["spec"]["strategy"] = json!({
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    });
    workloads::read("a deployment", web).unwrap()
}

fn revisions(seen: &Seen) -> BTreeSet<String> {
    seen.pods.values().map(|pod| pod.revision.clone()).collect()
}

/// Gives the pods another image and waits until all of them have it.
async fn roll_out(scene: &Scene<'_>, image: usize, pods: usize) -> Seen {
    let before = revisions(&scene.witness.seen());
    let image = json!([{"name": "main", "image": format!("registry.example.org/app:{image}")}]);
    scene
        .change(json!({"spec": {"template": {"spec": {"containers": image}}}}))
        .await;
    let seen = scene
        .until("every pod of the new revision, ready", |seen| {
            seen.settled_at(pods) && revisions(seen).is_disjoint(&before)
        })
        .await;
    scene.until_known(pods).await;
    assert_eq!((revisions(&seen).len(), seen.gated(), seen.unplaced()), (1, 0, 0));
    seen
}

#[tokio::test]
async fn rollouts_keep_the_split_and_both_revisions_together_are_never_above_the_maximum() {
    let scene = Scene::start("roll-keep", fixed_first(10)).await;
    scene.create(&deployment(20, json!("25%"), json!("25%"))).await;
    let seen = scene.settle_at(20).await;
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (10, 10));
    for image in 2..5 {
        let seen = roll_out(&scene, image, 20).await;
        assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (10, 10));
    }
    assert_eq!(scene.end().await.most_placed("fixed"), 10, "at any moment");
}

#[tokio::test]
async fn a_surge_that_spills_is_never_above_the_maximum_either() {
    let mut rule = fixed_first(10);
    rule["rollout"] = "Spill".into();
    let scene = Scene::start("roll-spill", rule).await;
    scene.create(&deployment(20, json!("25%"), json!("25%"))).await;
    let seen = scene.settle_at(20).await;
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (10, 10));
    let seen = roll_out(&scene, 2, 20).await;
    // Nobody moves it home, but the pods that come next fill what it left empty.
    let empty = 10 - seen.placed("fixed");
    let seen = scene.settle_at(20 + empty).await;
    assert_eq!(seen.placed("fixed"), 10, "{empty} were empty");
    assert_eq!(scene.end().await.most_placed("fixed"), 10, "at any moment");
}

#[tokio::test]
async fn no_revision_is_ever_above_the_maximum_of_a_revision() {
    let mut rule = fixed_first(10);
    rule["rollout"] = "Surge".into();
    let scene = Scene::start("roll-surge", rule).await;
    scene.create(&deployment(20, json!("25%"), json!("25%"))).await;
    scene.settle_at(20).await;
    let seen = roll_out(&scene, 2, 20).await;
    // No pod of it was ever deleted: all of its places are taken.
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (10, 10));
    assert_eq!(
        scene.end().await.most_placed_of_a_revision("fixed"),
        10,
        "at any moment"
    );
}

#[tokio::test]
async fn a_rollout_on_an_exactly_full_pool_ends() {
    let pool = NodePool::new("tight", 1, 10).taint("spillway.dev/tight", "", "NoSchedule");
    plane().await.add_nodes(&pool).await.unwrap();
    let mut tight = subset("tight", "tight");
    tight["maxReplicas"] = 10.into();
    tight["tolerations"] = json!([{"key": "spillway.dev/tight", "operator": "Exists"}]);
    let scene = Scene::start("roll-tight", rule(&[tight, elastic()])).await;
    scene.create(&deployment(10, json!(1), json!(0))).await;
    let seen = scene.settle_at(10).await;
    assert_eq!(seen.placed("tight"), 10);
    let seen = roll_out(&scene, 2, 10).await;
    // A stepping stone that finds no node beside the old pods goes to `elastic`, and no second one is needed.
    let empty = 10 - seen.placed("tight");
    assert!(empty <= 1, "{:?}", seen.split());
    let seen = scene.settle_at(10 + empty).await;
    assert_eq!(seen.placed("tight"), 10, "{empty} were empty");
    assert!(scene.end().await.most_placed("tight") <= 11, "at any moment");
}

/// The first step is faster than any writer. Here the rollout stands still after it, for the new pods find no node.
#[tokio::test]
async fn an_old_revision_gives_up_the_first_subset_first_from_the_second_step_on() {
    let scene = Scene::start("roll-old", fixed_first(10)).await;
    scene.create(&deployment(20, json!(0), json!(5))).await;
    let seen = scene.settle_at(20).await;
    let old = seen.pods.values().next().unwrap().revision.clone();
    let placed = |seen: &Seen, subset: &str| {
        let of_old = seen.pods.values().filter(|pod| pod.revision == old);
        of_old.filter(|pod| pod.subset.as_deref() == Some(subset)).count()
    };
    let costs = |seen: &Seen, subset: &str| -> BTreeSet<i64> {
        let of_old = seen.pods.values().filter(|pod| pod.revision == old);
        let of_subset = of_old.filter(|pod| pod.subset.as_deref() == Some(subset));
        of_subset.map(|pod| pod.cost).collect()
    };
    let nowhere = json!({"pool": "nowhere"});
    scene
        .change(json!({"spec": {"template": {"spec": {"nodeSelector": nowhere}}}}))
        .await;
    let first = scene
        .until("the costs of the old revision in reverse", |seen| {
            seen.pods.len() == 20
                && !seen.pods.values().any(|pod| pod.terminating || pod.gated)
                && seen.ready() == 15
                && costs(seen, "fixed").last() < costs(seen, "elastic").first()
        })
        .await;
    scene
        .until_ledger("20 pods, none gated", |status| {
            status["active"] == 20 && status["gated"] == 0
        })
        .await;
    let (fixed, elastic) = (placed(&first, "fixed"), placed(&first, "elastic"));
    assert_eq!(fixed + elastic, 15);

    scene
        .change(json!({"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 10}}}}))
        .await;
    let second = scene
        .until("10 pods of the old revision", |seen| {
            seen.ready() == 10 && seen.pods.len() == 20 && !seen.pods.values().any(|pod| pod.terminating)
        })
        .await;
    assert_eq!(
        (placed(&second, "fixed"), placed(&second, "elastic")),
        (fixed - 5, elastic)
    );

    let back = json!({"pool": null});
    scene
        .change(json!({"spec": {"template": {"spec": {"nodeSelector": back, "containers": [{"name": "main", "image": "registry.example.org/app:3"}]}}}}))
        .await;
    let seen = scene
        .until("20 ready pods of the latest revision", |seen| {
            seen.settled_at(20) && revisions(seen).len() == 1
        })
        .await;
    assert_eq!(seen.unplaced(), 0);
    assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (10, 10));
    assert_eq!(scene.end().await.most_placed("fixed"), 10, "at any moment");
}
