//! What a `scenario.yaml` says: the nodes, the times, the events and what is expected of the run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::autoscaler::ScaleInSettings;
use crate::checks::Check;
use crate::injector::Injector;
use crate::load::{Service, Traffic};
use crate::scheduling::{Node, Resources};
use crate::time::Millis;

/// A checked `scenario.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// One line for people.
    pub description: String,
    /// The seed, unless another is asked for.
    pub seed: u64,
    /// How long to play.
    pub duration: Millis,
    /// How often to take a sample.
    pub sample_every: Millis,
    /// How the cluster behaves.
    pub cluster: Cluster,
    /// The nodes, one entry for each.
    pub nodes: Vec<NodeSpec>,
    /// What adds and removes nodes, if anything does.
    pub cluster_autoscaler: Option<ClusterAutoscaler>,
    /// How many replicas of the policy there are.
    pub policies: usize,
    /// How many sidecars there are.
    pub sidecars: usize,
    /// The mutating webhooks beside the policy.
    pub injectors: Vec<Injector>,
    /// The requests that workloads serve.
    pub demands: Vec<Demand>,
    /// What happens, in order of time.
    pub events: Vec<ScriptEvent>,
    /// The templates of each workload beyond its first; the events name them by number, from 1.
    pub revisions: Vec<Vec<Revision>>,
    /// What must come out.
    pub expectations: Vec<Expectation>,
    /// What must be true, and when.
    pub checks: Vec<Check>,
}

/// How fast the cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// How far the policy's watches are behind.
    pub watch_lag: Millis,
    /// At most so much is added to the lag, drawn for every event; the order is kept.
    pub watch_jitter: Millis,
    /// How far the controllers' own watches are behind.
    pub controller_lag: Millis,
    /// How many writes a second the controllers may make.
    pub writes_per_second: u64,
    /// From the request for a pod to its being stored.
    pub admission_time: Millis,
    /// From scheduled to ready.
    pub startup: Millis,
    /// At most so much is added to it, drawn for every pod.
    pub startup_jitter: Millis,
    /// From deleted to gone.
    pub termination: Millis,
    /// At most so much is added to it, drawn for every pod.
    pub termination_jitter: Millis,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// How many pods it takes.
    pub pods: u64,
    /// What else pods may take of it, by resource; of what is not named there is enough.
    pub allocatable: BTreeMap<String, String>,
    /// Its own time from scheduled to ready.
    pub startup: Option<Millis>,
    /// Its own time from deleted to gone.
    pub termination: Option<Millis>,
}

impl NodeSpec {
    /// The node as the scheduler sees it.
    pub(crate) fn node(&self) -> Node {
        let mut node = Node::roomy(&self.name);
        let list = serde_json::json!(self.allocatable);
        // Amounts were read when the scenario was.
        if let Ok(read) = Resources::read(Some(&list), "allocatable") {
            let is_named = |name| self.allocatable.contains_key(name);
            for (name, own, amount) in [
                ("cpu", &mut node.allocatable.cpu, read.cpu),
                ("memory", &mut node.allocatable.memory, read.memory),
                ("ephemeral-storage", &mut node.allocatable.storage, read.storage),
            ] {
                if is_named(name) {
                    *own = amount;
                }
            }
            node.allocatable.others = read.others;
        }
        node.labels.extend(
            self.labels
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        let taint = |taint: &Taint| {
            let taint = serde_json::json!({"key": taint.key, "value": taint.value, "effect": taint.effect});
            kube_rules::nodes::Taint::read(&taint)
        };
        node.taints = self.taints.iter().filter_map(taint).collect();
        node.pods = self.pods;
        node
    }
}

/// Nodes that come and go with the cluster autoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAutoscaler {
    /// In the order in which they are asked for a node.
    pub groups: Vec<NodeGroupSpec>,
    /// When nodes go.
    pub scale_in: ScaleInSettings,
}

/// Nodes that are alike: `name-1`, `name-2` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroupSpec {
    /// Its name.
    pub name: String,
    /// What its nodes are like; the name and the label `kubernetes.io/hostname` are each node's own.
    pub template: NodeSpec,
    /// How many there are at the beginning.
    pub count: usize,
    /// It never has fewer, once they have come.
    pub min: usize,
    /// It never has more.
    pub max: usize,
    /// From the decision until a node is there.
    pub delay: Millis,
}

impl NodeGroupSpec {
    /// The names of the nodes that are there at the beginning.
    pub(crate) fn first_nodes(&self) -> impl Iterator<Item = String> {
        (1..=self.count).map(|number| format!("{}-{number}", self.name))
    }

    /// Whether a node that comes later may have this name.
    pub(crate) fn will_name(&self, node: &str) -> bool {
        let number = node
            .strip_prefix(&self.name)
            .and_then(|rest| rest.strip_prefix('-'));
        let number = number.filter(|digits| !digits.starts_with(['0', '+']));
        number
            .and_then(|digits| digits.parse::<usize>().ok())
            .is_some_and(|number| number > self.count && number <= self.max)
    }
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: &'static str,
}

/// The requests that a workload serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Which.
    pub workload: usize,
    /// What comes in.
    pub traffic: Traffic,
    /// What a pod can do.
    pub service: Service,
    /// How often Prometheus scrapes the counter of requests.
    pub scrape: Millis,
}

/// Something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptEvent {
    /// When.
    pub at: Millis,
    /// What.
    pub kind: EventKind,
}

/// What a rollout changes of the pods, beside the annotation that `kubectl rollout restart` writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Revision {
    /// Its containers run, and are never ready.
    pub is_never_ready: bool,
    /// A strategic merge patch of the template in the manifest.
    pub patch: Option<Value>,
}

/// What happens. Workloads, nodes and sidecars are named by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A workload's replicas are set.
    Scale {
        /// Which.
        workload: usize,
        /// To how many.
        replicas: u64,
    },
    /// A workload gets a template, numbered from 0.
    Rollout {
        /// Which.
        workload: usize,
        /// Its number.
        template: u32,
    },
    /// A Deployment's rollout is held, or goes on.
    Pause {
        /// Which.
        workload: usize,
        /// Whether it is held from now on.
        is_paused: bool,
    },
    /// A machine is gone with its pods, and nobody said so before.
    LoseNode {
        /// Which.
        node: usize,
        /// When another is there, if ever.
        back_after: Option<Millis>,
    },
    /// A kubelet is no longer heard; its pods run on unseen.
    FailNode {
        /// Which.
        node: usize,
        /// When it is heard again, if ever.
        back_after: Option<Millis>,
    },
    /// The cloud takes a machine back.
    ReclaimNode {
        /// Which.
        node: usize,
        /// How long before it says so.
        notice: Millis,
        /// When another is there, if ever, from when it is gone.
        back_after: Option<Millis>,
    },
    /// A node is cordoned and its pods are evicted.
    DrainNode {
        /// Which.
        node: usize,
        /// When it is uncordoned, if ever.
        back_after: Option<Millis>,
    },
    /// Somebody deletes pods, at random.
    DeletePods {
        /// Whose.
        workload: usize,
        /// How many.
        pods: u64,
    },
    /// A sidecar is killed.
    Crash {
        /// Which.
        sidecar: usize,
        /// When a new process begins.
        back_after: Millis,
    },
    /// No replica of the policy answers.
    PolicyDown {
        /// For how long.
        back_after: Millis,
    },
    /// The API server is away.
    RestartApi {
        /// For how long.
        back_after: Millis,
    },
}

/// What must come out of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// No more pods above a subset's maximum than this, at any moment.
    MaxOver(Bound),
    /// The pods per subset at a moment.
    Split(Split),
}

/// So many pods of a subset at the most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The subset.
    pub subset: String,
    /// The most that is allowed.
    pub most: u64,
}

/// The pods per subset at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The moment.
    pub at: Millis,
    /// The pods of each subset.
    pub subsets: BTreeMap<String, u64>,
    /// How far each may be off.
    pub within: u64,
}

impl Default for Cluster {
    /// A small cluster with the controllers' default limits lifted, as larger clusters have them.
    fn default() -> Self {
        Self {
            watch_lag: Millis(50),
            watch_jitter: Millis::ZERO,
            controller_lag: Millis(10),
            writes_per_second: 350,
            admission_time: Millis(5),
            startup: Millis(2000),
            startup_jitter: Millis::ZERO,
            termination: Millis(2000),
            termination_jitter: Millis::ZERO,
        }
    }
}
