//! What most tests begin with: a namespace, sidecars, the policy and a witness, in one call.
//!
//! Sidecars of one cluster share a Lease, and the one that leads takes away the ledgers of spreads that it does not know.
//! So scenes on the shared control plane follow each other; each gives the Lease up when it ends, also when it fails.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spillway_e2e::metrics::Metrics;
use spillway_e2e::{
    ControlPlane, PolicyHost, PolicyHostOptions, Seen, Sidecar, SidecarOptions, Witness, wait, workloads,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{namespace, plane, until_published};

/// How long anything may take on a machine with other work to do; only a failure waits for it.
pub(crate) const SCENE_PATIENCE: Duration = Duration::from_secs(180);

/// The name of the workload and of its spread.
pub(crate) const WEB: &str = "web";

static TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no scene uses the shared control plane's Lease. For tests that start sidecars there by themselves.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// What a scene has beside the rule.
pub(crate) struct SceneOptions {
    /// How many sidecars; the first is likely to lead.
    pub(crate) sidecars: usize,
    /// Further arguments of each.
    pub(crate) sidecar_arguments: Vec<String>,
    /// One policy replica for each entry: how late its view is.
    pub(crate) view_lags: Vec<Duration>,
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            sidecars: 1,
            sidecar_arguments: Vec::new(),
            view_lags: vec![Duration::ZERO],
        }
    }
}

/// A namespace in which one spread is served.
pub(crate) struct Scene<'p> {
    pub(crate) plane: &'p ControlPlane,
    pub(crate) shop: String,
    pub(crate) admin: Client,
    pub(crate) settings: Value,
    pub(crate) sidecars: Vec<Sidecar>,
    /// Take it and drop it: the policy is down, the webhook stays registered.
    pub(crate) policy: Option<PolicyHost>,
    pub(crate) witness: Witness,
    view_lags: Vec<Duration>,
    turn: Option<MutexGuard<'static, ()>>,
}

impl Scene<'static> {
    /// On the shared control plane, when its turn comes. The rule is one of [`rule`], of a workload called [`WEB`].
    pub(crate) async fn start(shop: &str, rule: Value) -> Self {
        Self::start_with(shop, rule, SceneOptions::default()).await
    }

    /// The same with options.
    pub(crate) async fn start_with(shop: &str, rule: Value, options: SceneOptions) -> Self {
        let turn = turn().await;
        let mut scene = Scene::on(plane().await, shop, rule, options).await;
        scene.turn = Some(turn);
        scene
    }
}

impl<'p> Scene<'p> {
    /// On a control plane of the test's own.
    pub(crate) async fn on(plane: &'p ControlPlane, shop: &str, rule: Value, options: SceneOptions) -> Self {
        Self::of(plane, shop, &[(WEB, rule)], options).await
    }

    /// The same with a spread for each of several Deployments, by their names.
    pub(crate) async fn of(
        plane: &'p ControlPlane,
        shop: &str,
        rules: &[(&str, Value)],
        options: SceneOptions,
    ) -> Self {
        let admin = namespace(plane, shop).await;
        let settings = settings(shop, rules);
        let mut sidecars = Vec::new();
        for number in 0..options.sidecars {
            let options = SidecarOptions {
                name: format!("sidecar-{number}-{shop}"),
                arguments: options.sidecar_arguments.clone(),
                ..SidecarOptions::default()
            };
            sidecars.push(Sidecar::start(plane, &settings, &options).await.unwrap());
        }
        let mut scene = Self {
            plane,
            witness: Witness::start(&admin, shop, "").await.unwrap(),
            shop: shop.to_owned(),
            admin,
            settings,
            sidecars,
            policy: None,
            view_lags: options.view_lags,
            turn: None,
        };
        scene.start_policy().await;
        for (name, _) in rules {
            until_published(&scene.admin, shop, name).await;
        }
        scene
    }

    /// Serves and registers the policy, as the scene begins with it.
    pub(crate) async fn start_policy(&mut self) {
        let options = PolicyHostOptions {
            view_lags: self.view_lags.clone(),
            ..PolicyHostOptions::for_namespace(&self.shop)
        };
        let policy = PolicyHost::start(self.plane, &self.settings, options).await;
        self.policy = Some(policy.unwrap());
    }

    /// Takes the policy and its webhook away: pods are made as if there were none.
    pub(crate) async fn stop_policy(&mut self) {
        let policy = self.policy.take().unwrap();
        policy.remove(&self.admin).await.unwrap();
    }

    /// Makes a workload, or anything else in the namespace.
    pub(crate) async fn create<K>(&self, object: &K) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        workloads::create(&self.admin, &self.shop, object).await.unwrap()
    }

    /// Sets the replicas of the Deployment.
    pub(crate) async fn scale(&self, replicas: usize) {
        let replicas = replicas.try_into().unwrap();
        workloads::scale(&self.admin, &self.shop, WEB, replicas)
            .await
            .unwrap();
    }

    /// Waits for something of the pods; a failure shows what the sidecars said last.
    pub(crate) async fn until(&self, what: &str, done: impl FnMut(&Seen) -> bool) -> Seen {
        match self.witness.until(what, SCENE_PATIENCE, done).await {
            Ok(seen) => seen,
            Err(error) => panic!("{error}; logs: {}", self.plane.folder().display()),
        }
    }

    /// Waits until there are exactly so many pods, all ready.
    pub(crate) async fn settled_at(&self, pods: usize) -> Seen {
        let what = format!("{pods} ready pods and no other");
        self.until(&what, |seen| seen.settled_at(pods)).await
    }

    /// Scales the Deployment and waits until its pods are ready and its controllers know that.
    pub(crate) async fn settle_at(&self, pods: usize) -> Seen {
        self.scale(pods).await;
        let seen = self.settled_at(pods).await;
        self.until_known(pods).await;
        seen
    }

    /// Waits until the Deployment says that so many pods are ready: whom its ReplicaSet does not know to be ready, it
    /// gives up first, whatever the cost.
    pub(crate) async fn until_known(&self, ready: usize) {
        let ready = i32::try_from(ready).unwrap();
        self.until_deployment(&format!("the Deployment to know of {ready} ready pods"), |web| {
            let status = web.status.as_ref();
            status.is_some_and(|status| {
                status.observed_generation == web.metadata.generation
                    && status.ready_replicas.unwrap_or(0) == ready
                    && status.replicas.unwrap_or(0) == ready
            })
        })
        .await;
    }

    /// Waits for something of the Deployment.
    pub(crate) async fn until_deployment(
        &self,
        what: &str,
        done: impl FnMut(&Deployment) -> bool,
    ) -> Deployment {
        self.until_deployment_of(WEB, what, done).await
    }

    /// The same of the Deployment of this name.
    pub(crate) async fn until_deployment_of(
        &self,
        name: &str,
        what: &str,
        mut done: impl FnMut(&Deployment) -> bool,
    ) -> Deployment {
        let deployments: Api<Deployment> = Api::namespaced(self.admin.clone(), &self.shop);
        let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let found = wait::until(&deployments, only, what, SCENE_PATIENCE, |found| {
            found.values().any(&mut done)
        });
        match found.await {
            Ok(found) => found.into_values().next().unwrap(),
            Err(error) => panic!("{name}: {error}; logs: {}", self.plane.folder().display()),
        }
    }

    /// Changes the Deployment by a strategic merge patch.
    pub(crate) async fn change(&self, patch: Value) {
        self.change_of(WEB, patch).await;
    }

    /// The same of the Deployment of this name.
    pub(crate) async fn change_of(&self, name: &str, patch: Value) {
        let deployments: Api<Deployment> = Api::namespaced(self.admin.clone(), &self.shop);
        deployments
            .patch(name, &PatchParams::default(), &Patch::Strategic(patch))
            .await
            .unwrap();
    }

    /// Waits until the ledger's status is as wanted. What it says was seen by the sidecar, and written before.
    pub(crate) async fn until_ledger(&self, what: &str, mut done: impl FnMut(&Value) -> bool) -> Value {
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("spillway.dev", "v1alpha1", "SpreadLedger"));
        let ledgers: Api<DynamicObject> = Api::namespaced_with(self.admin.clone(), &self.shop, &resource);
        let mut status = Value::Null;
        let events = watcher(ledgers, watcher::Config::default()).applied_objects();
        let found = async {
            futures::pin_mut!(events);
            while let Some(ledger) = events.next().await {
                status = ledger.map_or(Value::Null, |ledger| ledger.data["status"].clone());
                if done(&status) {
                    return;
                }
            }
        };
        let found = tokio::time::timeout(SCENE_PATIENCE, found).await;
        assert!(found.is_ok(), "{what} is not in the ledger: {status}");
        status
    }

    /// Waits until the ledger says that so many pods are in each subset and no other is there.
    pub(crate) async fn until_taken(&self, taken: &[usize]) {
        let pods: usize = taken.iter().sum();
        let what = format!("{taken:?}, none gated");
        self.until_ledger(&what, |status| {
            status["taken"] == json!(taken) && status["active"] == pods && status["gated"] == 0
        })
        .await;
    }

    /// How many writes of one action the sidecars have made, by their own counts: `bind`, `release`, `delete`, `cost`,
    /// `adopt`, `publish`; those that were refused included.
    pub(crate) async fn writes(&self, action: &str) -> usize {
        let mut writes = 0.0;
        for sidecar in &self.sidecars {
            let metrics: Metrics = sidecar.metrics().await.unwrap();
            writes += metrics.sum("spillway_writes_total", &[("action", action)]);
        }
        format!("{writes:.0}").parse().unwrap()
    }

    /// All writes to pods.
    pub(crate) async fn pod_writes(&self) -> usize {
        let mut writes = 0;
        for action in ["bind", "release", "delete", "cost", "adopt"] {
            writes += self.writes(action).await;
        }
        writes
    }

    /// Ends the scene and checks what must always hold; answers with what was seen.
    pub(crate) async fn end(mut self) -> Seen {
        for sidecar in &mut self.sidecars {
            sidecar.process().check().unwrap();
        }
        if self.policy.is_some() {
            self.stop_policy().await;
        }
        let seen = self.witness.seen();
        assert_eq!((seen.gated(), seen.gaps), (0, 0), "gates, gaps: {:?}", seen.pods);
        for (name, pod) in &seen.pods {
            // Each pool's nodes are named after it.
            if let (Some(subset), Some(node)) = (&pod.subset, &pod.node) {
                assert!(node.starts_with(subset.as_str()), "{name}: {pod:?}");
            }
        }
        seen
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        // Who is killed keeps the Lease for a while, and the next scene would wait for it.
        for sidecar in &mut self.sidecars {
            if sidecar.process().check().is_ok() {
                let _ = sidecar.process().thaw();
                let _ = sidecar.process().terminate();
            }
        }
    }
}

/// The rule of the Deployment [`WEB`] with these subsets; capacity is `Auto`. Change the fields that a test is about.
pub(crate) fn rule(subsets: &[Value]) -> Value {
    json!({
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WEB},
        "subsets": subsets,
    })
}

/// `fixed` up to a maximum, a number or a percentage, then `elastic`.
pub(crate) fn fixed_first(maximum: impl Into<Value>) -> Value {
    let mut fixed = fixed();
    fixed["maxReplicas"] = maximum.into();
    rule(&[fixed, elastic()])
}

/// The subset of the pool `fixed`, without bounds.
pub(crate) fn fixed() -> Value {
    subset("fixed", "fixed")
}

/// The subset of the tainted pool `elastic`, without bounds.
pub(crate) fn elastic() -> Value {
    let mut elastic = subset("elastic", "elastic");
    elastic["tolerations"] =
        json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}]);
    elastic
}

/// A subset of a pool of nodes.
pub(crate) fn subset(name: &str, pool: &str) -> Value {
    json!({
        "name": name,
        "requiredNodeSelectorTerm": {"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]},
    })
}

fn settings(shop: &str, rules: &[(&str, Value)]) -> Value {
    let named = rules.iter().map(|(name, rule)| {
        let mut rule = rule.clone();
        rule["name"] = (*name).into();
        rule["namespace"] = shop.into();
        rule["targetRef"]["name"] = (*name).into();
        rule
    });
    json!({"observe": "Ledger", "spreads": named.collect::<Vec<Value>>()})
}
