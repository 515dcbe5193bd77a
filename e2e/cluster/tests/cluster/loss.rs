//! Pods and nodes that are lost.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use spillway_e2e::{NodePool, Seen, nodes, workloads};

use crate::scene::{Scene, WEB, elastic, fixed_first, rule, subset};
use crate::support::plane;

/// Deletes pods and waits until others are ready in their place.
async fn lose(scene: &Scene<'_>, names: &[String], pods: usize) -> Seen {
    let api: Api<Pod> = Api::namespaced(scene.admin.clone(), &scene.shop);
    let deletions = names.iter().map(|name| {
        let (api, now) = (&api, DeleteParams::default());
        async move { api.delete(name, &now).await.map(drop) }
    });
    for deleted in futures::future::join_all(deletions).await {
        deleted.unwrap();
    }
    let seen = scene
        .until(&format!("{pods} pods again"), |seen| {
            seen.settled_at(pods) && names.iter().all(|name| !seen.pods.contains_key(name))
        })
        .await;
    scene.until_known(pods).await;
    assert_eq!((seen.unplaced(), seen.gated()), (0, 0));
    seen
}

#[tokio::test]
async fn places_of_deleted_pods_are_taken_by_those_that_replace_them_and_never_twice() {
    let scene = Scene::start("deleted", fixed_first(30)).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    let mut seen = scene.settle_at(60).await;
    assert_eq!(seen.placed("fixed"), 30);
    for round in 0..6 {
        // Names end at random; every third one, from another place each time.
        let lost: Vec<String> = seen
            .pods
            .keys()
            .cycle()
            .skip(7 * round)
            .step_by(3)
            .take(20)
            .cloned()
            .collect();
        seen = lose(&scene, &lost, 60).await;
        assert_eq!(seen.placed("fixed"), 30, "round {round}");
    }
    assert_eq!(scene.end().await.most_placed("fixed"), 30, "at any moment");
}

#[tokio::test]
async fn pods_of_lost_nodes_come_again_within_the_maximum() {
    let plane = plane().await;
    let pool = NodePool::new("lossy", 3, 20).taint("spillway.dev/lossy", "", "NoSchedule");
    plane.add_nodes(&pool).await.unwrap();
    let mut lossy = subset("lossy", "lossy");
    lossy["maxReplicas"] = 18.into();
    lossy["tolerations"] = json!([{"key": "spillway.dev/lossy", "operator": "Exists"}]);
    let scene = Scene::start("lost", rule(&[lossy, elastic()])).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    let seen = scene.settle_at(30).await;
    assert_eq!(seen.placed("lossy"), 18);
    let on = |seen: &Seen, node: &str| -> Vec<String> {
        let there = seen
            .pods
            .iter()
            .filter(|(_, pod)| pod.node.as_deref() == Some(node));
        there.map(|(name, _)| name.clone()).collect()
    };

    // A node that is tainted: its pods are asked to end.
    assert!(!on(&seen, "lossy-0").is_empty(), "{:?}", seen.pods);
    nodes::lose(&scene.admin, "lossy-0").await.unwrap();
    let seen = scene
        .until("30 pods, none on the lost node", |seen| {
            seen.settled_at(30) && on(seen, "lossy-0").is_empty()
        })
        .await;
    scene.until_known(30).await;
    assert_eq!(seen.placed("lossy"), 18);

    // A node that is removed: its pods go at once, as the garbage collector of pods does it.
    let lost = on(&seen, "lossy-1");
    assert!(!lost.is_empty(), "{:?}", seen.pods);
    let nodes: Api<Node> = Api::all(scene.admin.clone());
    nodes.delete("lossy-1", &DeleteParams::default()).await.unwrap();
    let api: Api<Pod> = Api::namespaced(scene.admin.clone(), &scene.shop);
    for name in &lost {
        // The garbage collector may have been first.
        let _ = api.delete(name, &DeleteParams::default().grace_period(0)).await;
    }
    let pods = seen.pods.len();
    let seen = scene
        .until("as many pods, none on the removed node", |seen| {
            seen.settled_at(pods) && on(seen, "lossy-1").is_empty()
        })
        .await;
    scene.until_known(pods).await;
    assert_eq!(seen.placed("lossy"), 18);
    assert_eq!((on(&seen, "lossy-2").len(), seen.unplaced()), (18, 0));
    assert_eq!(scene.end().await.most_placed("lossy"), 18, "at any moment");
}
