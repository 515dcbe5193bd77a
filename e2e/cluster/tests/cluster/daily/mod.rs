//! An ordinary day where pods take their time, everything at its default: whatever happens to a workload, its split is that
//! of the ladder afterwards.
//!
//! Scenes are of several Deployments, to each of which something else happens at the same time.

mod disturbed;
mod losses;
mod returning;
mod rollouts;
mod tight;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use serde_json::{Value, json};
use spillway_e2e::{ControlPlane, NodePool, Options, PodPace, Seen, Witness, workloads};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::scene::{SCENE_PATIENCE, Scene, SceneOptions, subset};
use crate::support::start;

/// Sidecars of one cluster share a Lease: scenes follow each other.
static TURN: Mutex<()> = Mutex::const_new(());

async fn plane() -> &'static ControlPlane {
    static PLANE: OnceCell<ControlPlane> = OnceCell::const_new();
    let options = Options {
        controller_qps: 2000,
        pods: PodPace::Unhurried,
        ..Options::default()
    };
    PLANE.get_or_init(|| start(options)).await
}

/// A scene on the plane of this module. It is over before the next one begins.
struct Day {
    scene: Scene<'static>,
    _turn: MutexGuard<'static, ()>,
}

impl Day {
    async fn start(shop: &str, rules: &[(&str, Value)]) -> Self {
        let turn = TURN.lock().await;
        let scene = Scene::of(plane().await, shop, rules, SceneOptions::default()).await;
        Self { scene, _turn: turn }
    }

    /// Makes a Deployment, see [`deployment`], and waits until all of it is available.
    async fn web(&self, deployment: Value) -> Web<'_> {
        let deployment: Deployment = workloads::read("a deployment", deployment).unwrap();
        let name = deployment.metadata.name.clone().unwrap();
        let selector = format!("app={name}");
        let witness = Witness::start(&self.scene.admin, &self.scene.shop, &selector)
            .await
            .unwrap();
        let pods = deployment.spec.as_ref().unwrap().replicas.unwrap();
        self.scene.create(&deployment).await;
        let web = Web {
            scene: &self.scene,
            name,
            witness,
        };
        web.rolled_out(usize::try_from(pods).unwrap()).await;
        web
    }

    async fn end(self) {
        self.scene.end().await;
    }
}

/// One Deployment, and all that was seen of its pods.
struct Web<'d> {
    scene: &'d Scene<'static>,
    name: String,
    witness: Witness,
}

impl Web<'_> {
    async fn until(&self, what: &str, done: impl FnMut(&Seen) -> bool) -> Seen {
        match self.witness.until(what, SCENE_PATIENCE, done).await {
            Ok(seen) => seen,
            Err(error) => {
                let pods = self.witness.seen().pods;
                let logs = self.scene.plane.folder().display();
                panic!("{}: {error}; logs: {logs}; pods: {pods:#?}", self.name)
            }
        }
    }

    /// Waits until the Deployment says so, having seen its latest change.
    async fn until_status(&self, what: &str, mut done: impl FnMut(&DeploymentStatus) -> bool) {
        self.scene
            .until_deployment_of(&self.name, what, |web| {
                let status = web.status.as_ref();
                status.is_some_and(|status| {
                    status.observed_generation == web.metadata.generation && done(status)
                })
            })
            .await;
    }

    /// Waits for what `kubectl rollout status` waits for. Pods may still be on their way out.
    async fn rolled_out(&self, pods: usize) -> Seen {
        let count = i32::try_from(pods).unwrap();
        self.until_status(&format!("{pods} available pods, all new"), |status| {
            [
                status.replicas,
                status.updated_replicas,
                status.available_replicas,
            ]
            .iter()
            .all(|known| known.unwrap_or(0) == count)
        })
        .await;
        self.until(&format!("{pods} ready pods of one revision"), |seen| {
            seen.replaced_at(pods) && by_revision(seen).len() == 1
        })
        .await
    }

    async fn change(&self, patch: Value) {
        self.scene.change_of(&self.name, patch).await;
    }

    async fn scale(&self, replicas: usize) {
        let replicas = replicas.try_into().unwrap();
        workloads::scale(&self.scene.admin, &self.scene.shop, &self.name, replicas)
            .await
            .unwrap();
    }

    /// Gives the pods an image.
    async fn give_image(&self, number: usize) {
        let image = json!([{"name": "main", "image": image(number)}]);
        self.change(json!({"spec": {"template": {"spec": {"containers": image}}}}))
            .await;
    }

    /// Gives the pods an image and waits until that is done.
    async fn roll_out(&self, number: usize, pods: usize) -> Seen {
        self.give_image(number).await;
        self.rolled_out(pods).await
    }

    /// Gives the pods an image and waits until some of the new ones are ready, and old ones are left.
    async fn begin_rollout(&self, number: usize) {
        let old = by_revision(&self.witness.seen());
        self.give_image(number).await;
        self.until("the middle of a rollout", |seen| {
            let now = by_revision(seen);
            let new = seen.pods.values().filter(|pod| !old.contains_key(&pod.revision));
            now.len() > 1 && new.filter(|pod| pod.ready && !pod.terminating).count() >= 2
        })
        .await;
    }

    /// Asserts how many pods each subset has, those on their way out left out.
    fn assert_split(&self, seen: &Seen, split: &[(&str, usize)]) {
        let wanted: BTreeMap<String, usize> = split
            .iter()
            .filter(|(_, pods)| *pods > 0)
            .map(|(name, pods)| ((*name).to_owned(), *pods))
            .collect();
        assert_eq!(seen.split(), wanted, "{}: {:#?}", self.name, seen.pods);
    }

    /// Asserts that a subset never had more pods than so many.
    fn assert_never_above(&self, subset: &str, maximum: usize) {
        let most = self.witness.seen().most_placed(subset);
        assert!(
            most <= maximum,
            "{}: {most} of {maximum} in {subset} at one moment",
            self.name
        );
    }
}

/// The pods that stay, by their revision.
fn by_revision(seen: &Seen) -> BTreeMap<String, usize> {
    let mut revisions = BTreeMap::new();
    for pod in seen.pods.values().filter(|pod| !pod.terminating) {
        *revisions.entry(pod.revision.clone()).or_default() += 1;
    }
    revisions
}

fn image(number: usize) -> String {
    format!("registry.example.org/app:{number}")
}

/// A Deployment whose pods may take half a minute to end; change the fields that a test is about.
fn deployment(name: &str, replicas: i32, strategy: Value) -> Value {
    let web = workloads::deployment(name, replicas).unwrap();
    let mut web = serde_json::to_value(web).unwrap();
    web["spec"]["strategy"] = strategy;
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 30.into();
    web
}

fn rolling(surge: impl Into<Value>, unavailable: impl Into<Value>) -> Value {
    json!({
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge.into(), "maxUnavailable": unavailable.into()},
    })
}

/// What a Deployment has that says nothing.
fn quarters() -> Value {
    rolling("25%", "25%")
}

/// Nodes that only the pods of one subset come to.
async fn add_pool(name: &str, nodes: usize, places: usize) -> NodePool {
    let pool = NodePool::new(name, nodes, places).taint(name, "", "NoSchedule");
    plane().await.add_nodes(&pool).await.unwrap();
    pool
}

/// The subset of such a pool.
fn subset_of_pool(name: &str, maximum: Option<usize>) -> Value {
    let mut subset = subset(name, name);
    subset["tolerations"] = json!([{"key": name, "operator": "Exists"}]);
    if let Some(maximum) = maximum {
        subset["maxReplicas"] = maximum.into();
    }
    subset
}
