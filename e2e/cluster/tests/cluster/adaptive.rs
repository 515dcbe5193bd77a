//! Pools that are really full: what finds no node moves on, in place or anew, and the pool is tried again.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;
use serde_json::{Value, json};
use spillway_e2e::{NodePool, Witness, wait, workloads};

use crate::scene::{SCENE_PATIENCE, Scene, WEB, elastic, rule, subset};
use crate::support::{namespace, plane};

const TAINT: &str = "spillway.dev/paid";

/// A pool of one node with so many places, which nobody else's pods come to.
async fn paid(name: &str, places: usize) -> NodePool {
    let pool = NodePool::new(name, 1, places).taint(TAINT, "yes", "NoSchedule");
    plane().await.add_nodes(&pool).await.unwrap();
    pool
}

/// The subset of such a pool, without a maximum: it is full when the scheduler says so.
fn paid_subset(name: &str) -> Value {
    let mut subset = subset(name, name);
    subset["tolerations"] = json!([{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]);
    subset
}

fn adaptive(subsets: &[Value], unschedulable_last_seconds: u32) -> Value {
    let mut rule = rule(subsets);
    rule["scheduleStrategy"] = json!({
        "type": "Adaptive",
        "adaptive": {"rescheduleCriticalSeconds": 2, "unschedulableLastSeconds": unschedulable_last_seconds},
    });
    rule
}

/// Pods of somebody else that take places of a pool.
struct Others {
    namespace: String,
    witness: Witness,
    client: kube::Client,
}

impl Others {
    async fn take(pool: &str, places: usize) -> Self {
        let namespace_of = format!("others-in-{pool}");
        let client = namespace(plane().await, &namespace_of).await;
        let mut others: Value =
            serde_json::to_value(workloads::deployment("others", places.try_into().unwrap()).unwrap())
                .unwrap();
        others["spec"]["template"]["spec"]["nodeSelector"] = json!({"pool": pool});
        others["spec"]["template"]["spec"]["tolerations"] = json!([{"key": TAINT, "operator": "Exists"}]);
        let others: Deployment = serde_json::from_value(others).unwrap();
        workloads::create(&client, &namespace_of, &others).await.unwrap();
        let witness = Witness::start(&client, &namespace_of, "").await.unwrap();
        let there = witness.until("the others", SCENE_PATIENCE, |seen| seen.settled_at(places));
        there.await.unwrap();
        Self {
            namespace: namespace_of,
            witness,
            client,
        }
    }

    async fn leave(self) {
        let deployments: Api<Deployment> = Api::namespaced(self.client, &self.namespace);
        deployments
            .delete("others", &DeleteParams::default())
            .await
            .unwrap();
        let gone = self
            .witness
            .until("no others", SCENE_PATIENCE, |seen| seen.pods.is_empty());
        gone.await.unwrap();
    }
}

async fn until_told(scene: &Scene<'_>, reason: &str) {
    let events: Api<Event> = Api::namespaced(scene.admin.clone(), &scene.shop);
    let is_told = |event: &Event| {
        let regarding = event.regarding.clone().unwrap_or_default();
        event.reason.as_deref() == Some(reason) && regarding.name.as_deref() == Some(WEB)
    };
    let told = wait::until(
        &events,
        watcher::Config::default(),
        reason,
        SCENE_PATIENCE,
        |events| events.values().any(is_told),
    );
    told.await.unwrap();
}

async fn until_closed(scene: &Scene<'_>, name: &str) -> Value {
    let closed = json!([name]);
    scene
        .until_ledger("a closed subset", |status| status["closed"] == closed)
        .await
}

async fn until_tried(scene: &Scene<'_>, name: &str) {
    let probing = json!([name]);
    scene
        .until_ledger("a subset to be tried", |status| status["probing"] == probing)
        .await;
}

async fn until_open(scene: &Scene<'_>) {
    scene
        .until_ledger("no closed subset", |status| status.get("closings").is_none())
        .await;
}

#[tokio::test]
async fn adaptive_pods_move_on_in_place_and_one_tries_again() {
    let pool = paid("paid", 8).await;
    let others = Others::take("paid", 2).await;
    let scene = Scene::start(
        "adaptive-in-place",
        adaptive(&[paid_subset("paid"), elastic()], 8),
    )
    .await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    scene.scale(10).await;
    let made = scene.until("ten pods", |seen| seen.active() == 10).await;
    let seen = scene.settled_at(10).await;
    assert_eq!((seen.placed("paid"), seen.placed("elastic")), (6, 4));
    assert!(made.pods.keys().eq(seen.pods.keys()), "no pod was made anew");
    assert_eq!(scene.writes("move").await, 4);
    until_closed(&scene, "paid").await;
    until_told(&scene, "SubsetClosed").await;
    until_told(&scene, "PodMoved").await;

    // An admission knows that the pool is closed.
    let seen = scene.settle_at(12).await;
    assert_eq!((seen.placed("paid"), seen.placed("elastic")), (6, 6));
    assert_eq!(scene.writes("move").await, 4);

    // One pod tries it, finds it full and moves on; the others go where there is room.
    until_tried(&scene, "paid").await;
    let seen = scene.settle_at(15).await;
    assert_eq!((seen.placed("paid"), seen.placed("elastic")), (6, 9));
    assert_eq!(scene.writes("move").await, 5);
    until_closed(&scene, "paid").await;

    others.leave().await;
    until_tried(&scene, "paid").await;
    scene.settle_at(16).await;
    until_open(&scene).await;
    let seen = scene.settle_at(17).await;
    assert_eq!((seen.placed("paid"), seen.placed("elastic")), (8, 9));

    // The spill goes first.
    let seen = scene.settle_at(8).await;
    assert_eq!((seen.placed("paid"), seen.placed("elastic")), (8, 0));
    assert_eq!(
        (
            scene.writes("move").await,
            scene.writes("recreate").await,
            scene.writes("delete").await
        ),
        (5, 0, 0)
    );
    scene.end().await;
    plane().await.remove_nodes(&pool).await.unwrap();
}

#[tokio::test]
async fn adaptive_pods_that_cannot_change_are_made_anew() {
    let pool = paid("owned", 4).await;
    let others = Others::take("owned", 1).await;
    let mut serverless = elastic();
    serverless["patch"] =
        json!({"spec": {"containers": [{"name": "main", "env": [{"name": "MODE", "value": "SERVERLESS"}]}]}});
    let scene = Scene::start("adaptive-anew", adaptive(&[paid_subset("owned"), serverless], 30)).await;
    scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
    scene.scale(5).await;
    let seen = scene.settled_at(5).await;
    assert_eq!((seen.placed("owned"), seen.placed("elastic")), (3, 2));
    assert_eq!(
        (scene.writes("move").await, scene.writes("recreate").await),
        (0, 2)
    );
    let pods: Api<Pod> = Api::namespaced(scene.admin.clone(), &scene.shop);
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let labels = pod.metadata.labels.unwrap_or_default();
        let env = pod.spec.unwrap().containers.remove(0).env.unwrap_or_default();
        let is_elastic = labels.get("spillway.dev/subset").map(String::as_str) == Some("elastic");
        assert_eq!(env.len(), usize::from(is_elastic), "{labels:?}");
    }

    others.leave().await;
    until_tried(&scene, "owned").await;
    scene.settle_at(6).await;
    until_open(&scene).await;
    let seen = scene
        .until("a place taken again", |seen| seen.settled_at(6))
        .await;
    assert_eq!((seen.placed("owned"), seen.placed("elastic")), (4, 2));
    assert_eq!(scene.writes("recreate").await, 2);
    scene.end().await;
    plane().await.remove_nodes(&pool).await.unwrap();
}
