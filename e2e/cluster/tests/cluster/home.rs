//! A pool that was lost comes back: who had to spill goes home, as far as rule, budget and rate let it.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;
use serde_json::{Value, json};
use spillway_e2e::{NodePool, nodes, wait, workloads};

use crate::scene::{SCENE_PATIENCE, Scene, WEB, elastic, rule, subset};
use crate::support::plane;

const TAINT: &str = "spillway.dev/paid";

/// A paid pool of one node that nobody else's pods come to, and what spilled out of it when it was lost.
struct Spill {
    scene: Scene<'static>,
    pool: NodePool,
    name: String,
}

impl Spill {
    /// So many pods of which so many stood in the pool; now all of them are in `elastic`, and the pool is lost.
    async fn of(name: &str, pods: usize, places: usize, rebalance: Value) -> Self {
        let pool = NodePool::new(name, 1, 20).taint(TAINT, "yes", "NoSchedule");
        plane().await.add_nodes(&pool).await.unwrap();
        let mut paid = subset(name, name);
        paid["maxReplicas"] = places.into();
        paid["tolerations"] = json!([{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]);
        let mut rule = rule(&[paid, elastic()]);
        rule["scheduleStrategy"] = json!({
            "type": "Adaptive", "adaptive": {"rescheduleCriticalSeconds": 2, "unschedulableLastSeconds": 8},
        });
        rule["rebalance"] = rebalance;
        let scene = Scene::start(&format!("home-{name}"), rule).await;
        scene.create(&workloads::deployment(WEB, 0).unwrap()).await;
        let seen = scene.settle_at(pods).await;
        assert_eq!(seen.placed(name), places);
        nodes::lose(&scene.admin, &format!("{name}-0")).await.unwrap();
        scene
            .until("everything spilled", |seen| {
                seen.settled_at(pods) && seen.placed("elastic") == pods
            })
            .await;
        scene.until_known(pods).await;
        let name = name.to_owned();
        Self { scene, pool, name }
    }

    async fn back(&self) {
        nodes::restore(&self.scene.admin, &self.pool, 0).await.unwrap();
    }

    async fn until_home(&self, pods: usize, places: usize) {
        self.scene
            .until("everybody home", |seen| {
                seen.settled_at(pods) && seen.placed(&self.name) == places
            })
            .await;
    }

    async fn until_told(&self, reason: &str) {
        let events: Api<Event> = Api::namespaced(self.scene.admin.clone(), &self.scene.shop);
        let is_told = |event: &Event| event.reason.as_deref() == Some(reason);
        let told = wait::until(
            &events,
            watcher::Config::default(),
            reason,
            SCENE_PATIENCE,
            |events| events.values().any(is_told),
        );
        told.await.unwrap();
    }

    async fn end(self) {
        self.scene.end().await;
        plane().await.remove_nodes(&self.pool).await.unwrap();
    }
}

#[tokio::test]
async fn home_is_gone_to_one_by_one_when_a_pool_comes_back() {
    let spill = Spill::of(
        "comeback",
        6,
        4,
        json!({"when": "Continuous", "maxMovesPerMinute": 60}),
    )
    .await;
    assert_eq!(spill.scene.writes("evict").await, 0);
    spill.back().await;
    spill.until_home(6, 4).await;
    spill.until_told("PodMovedHome").await;
    assert_eq!(spill.scene.writes("evict").await, 4);
    spill.end().await;
}

#[tokio::test]
async fn home_is_not_gone_to_against_a_budget() {
    let spill = Spill::of("guarded", 4, 2, json!({"when": "Continuous"})).await;
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(spill.scene.admin.clone(), &spill.scene.shop);
    let budget = json!({
        "metadata": {"name": WEB},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": WEB}}},
    });
    let budget: PodDisruptionBudget = workloads::read("a budget", budget).unwrap();
    spill.scene.create(&budget).await;
    let before = spill.scene.witness.seen().pods;
    spill.back().await;
    spill.until_told("PodNotMovedHome").await;
    assert!(
        before.keys().eq(spill.scene.witness.seen().pods.keys()),
        "nobody went"
    );

    // Once it is lifted they go.
    budgets.delete(WEB, &DeleteParams::default()).await.unwrap();
    spill.until_home(4, 2).await;
    spill.end().await;
}

#[tokio::test]
async fn home_is_gone_to_so_many_times_a_minute() {
    let spill = Spill::of(
        "rated",
        3,
        2,
        json!({"when": "Continuous", "maxMovesPerMinute": 1}),
    )
    .await;
    spill.back().await;
    spill.until_home(3, 2).await;
    let pods: Api<Pod> = Api::namespaced(spill.scene.admin.clone(), &spill.scene.shop);
    let only = ListParams::default().labels(&format!("spillway.dev/subset={}", spill.name));
    let pods = pods.list(&only).await.unwrap();
    let made: Vec<i64> = pods
        .iter()
        .filter_map(|pod| Some(pod.metadata.creation_timestamp.as_ref()?.0.as_second()))
        .collect();
    // A successor is made when its pod is evicted; times of creation have no fraction.
    let apart = made.iter().max().unwrap() - made.iter().min().unwrap();
    assert!((59..).contains(&apart), "{made:?}");
    spill.end().await;
}

#[tokio::test]
async fn home_is_never_gone_to_where_the_rule_says_so() {
    let spill = Spill::of("stayed", 4, 3, json!({"when": "Never"})).await;
    spill.back().await;
    // A new pod finds the pool open, so that all others could.
    let seen = spill.scene.settle_at(5).await;
    assert_eq!((seen.placed("stayed"), spill.scene.writes("evict").await), (1, 0));
    spill.end().await;
}
