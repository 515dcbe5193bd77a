//! What a plane is made of: rules, workloads, nodes, and how fast and how reliable everything is.
//!
//! Data alone. A scenario folder and a torture case both become a [`Setup`].

use std::rc::Rc;

use reconcile_core::Rule;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use super::kinds::{DeploymentKind, Kind, StatefulSetKind, Strategy, Update};
use crate::disruption::DisruptionBudget;
use crate::hpa::Hpa;
use crate::injector::Injector;
use crate::keda::ScaledObject;
use crate::load::{Service, Traffic};
use crate::scenario::{ClusterAutoscaler, NodeSpec};
use crate::time::Millis;

/// Everything that is there at the beginning, and what will happen.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Fixes every draw of chance.
    pub(crate) seed: u64,
    /// The spreads, in the order of the settings.
    pub(crate) rules: Vec<Rule>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) cluster: ClusterSpec,
    /// What the replicas of the policy watch.
    pub(crate) observe: Observe,
    pub(crate) policies: Vec<PolicySpec>,
    pub(crate) sidecars: Vec<SidecarSpec>,
    /// What happens, and when.
    pub(crate) happenings: Vec<(Millis, Happening)>,
    /// When traffic and autoscalers begin.
    pub(crate) begin: Millis,
    pub(crate) demands: Vec<Demand>,
    pub(crate) scalers: Vec<Scaler>,
    pub(crate) budgets: Vec<DisruptionBudget>,
    /// The mutating webhooks beside the policy.
    pub(crate) injectors: Vec<Injector>,
    pub(crate) cluster_autoscaler: Option<ClusterAutoscaler>,
    /// How a lost node is noticed.
    pub(crate) loss: NodeLoss,
}

/// How long the control plane takes to notice that a node is lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NodeLoss {
    /// From the loss until its node is unreachable.
    pub(crate) unnoticed: Millis,
    /// From then until the cloud's controller has deleted the Node of a machine that is gone.
    pub(crate) removed: Millis,
    /// From then until the garbage collector takes each pod.
    pub(crate) collected: Lag,
}

/// The requests that one workload serves.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub(crate) workload: usize,
    pub(crate) begin: Millis,
    pub(crate) traffic: Traffic,
    pub(crate) service: Service,
    /// How often Prometheus scrapes the counter of requests.
    pub(crate) scrape: Millis,
    /// The longest window that anybody asks for.
    pub(crate) longest_window: Millis,
}

/// What scales a workload.
#[derive(Clone, Debug)]
pub(crate) enum Scaler {
    Hpa { workload: usize, hpa: Hpa },
    Keda { workload: usize, object: ScaledObject },
}

/// What an admission looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observe {
    /// Ledgers and the Lease of the sidecars.
    Ledger,
    /// Pods, their owners, nodes and namespaces.
    Pods,
}

/// A workload whose pods are placed.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) id: Rc<WorkloadName>,
    pub(crate) kind: Kind,
    /// Replicas, or the parallelism of a Job, at the beginning.
    pub(crate) replicas: u32,
    /// Its pod templates; it begins with the first. Never empty.
    pub(crate) templates: Vec<Rc<Template>>,
}

/// Where a workload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkloadName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A pod template, defaulted, with the labels that the controller adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) value: Value,
    /// `pod-template-hash`, or the end of `controller-revision-hash`.
    pub(crate) hash: String,
    /// Its containers run, and are never ready.
    pub(crate) is_never_ready: bool,
}

/// How late something is: so many milliseconds, and up to so many more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lag {
    /// At least.
    pub millis: u64,
    /// Drawn anew each time, added.
    #[serde(default)]
    pub jitter: u64,
}

/// How fast and how reliable the cluster is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// The watches of the controller manager.
    pub controllers: Lag,
    /// The watch of the scheduler.
    pub scheduler: Lag,
    /// How many writes a second the controllers make.
    pub writes_per_second: u32,
    /// From the request for a pod to its being stored.
    pub admission: Lag,
    /// From scheduled to ready.
    pub startup: Lag,
    /// From deleted to gone, once scheduled.
    pub termination: Lag,
    /// Of a thousand writes of a sidecar so many never arrive.
    #[serde(default)]
    pub lost_requests: u32,
    /// Of a thousand writes of a sidecar so many are done and the answer is lost.
    #[serde(default)]
    pub lost_answers: u32,
    /// Of a thousand writes of a sidecar so many are turned away: too many requests.
    #[serde(default)]
    pub turned_away: u32,
    /// Of a thousand writes of a sidecar so many arrive only just before they are given up.
    #[serde(default)]
    pub delayed: u32,
    /// How long a Lease is good for.
    pub lease_millis: u64,
    /// When an unanswered request is given up.
    pub request_timeout_millis: u64,
}

/// A replica of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySpec {
    /// Its watch of ledgers, or all its watches where it looks at pods.
    pub ledgers: Lag,
    /// Its watch of Leases.
    pub leases: Lag,
    /// How far its clock is ahead, in milliseconds.
    #[serde(default)]
    pub skew: i64,
}

/// A sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SidecarSpec {
    /// Its watch of pods.
    pub pods: Lag,
    /// Its watches of workloads, each by itself.
    pub workloads: Lag,
    /// Its watches of nodes and ledgers, each by itself.
    pub others: Lag,
    /// From a request to its arrival, and as long for the answer.
    pub requests: Lag,
    /// How many writes are on their way at once.
    pub writes_at_once: u32,
    /// From an event to the plan that knows of it.
    pub think_millis: u64,
    /// How far its clock is ahead, in milliseconds.
    #[serde(default)]
    pub skew: i64,
}

/// What happens. Workloads, nodes and sidecars are named by their place; what has an end tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Scale {
        workload: usize,
        replicas: u32,
    },
    /// The workload gets another of its templates; an earlier one is a rollback.
    Rollout {
        workload: usize,
        template: u32,
    },
    /// A rollout is held, or goes on.
    Pause {
        workload: usize,
        is_paused: bool,
    },
    /// A machine is gone with its pods.
    LoseNode {
        node: usize,
        back_after: Option<Millis>,
    },
    /// A kubelet is no longer heard.
    FailNode {
        node: usize,
        back_after: Option<Millis>,
    },
    /// The cloud takes a machine back, and says so before; `back_after`: when another is there, from then on.
    ReclaimNode {
        node: usize,
        notice: Millis,
        back_after: Option<Millis>,
    },
    /// `kubectl drain`; `back_after`: when it is uncordoned.
    DrainNode {
        node: usize,
        back_after: Option<Millis>,
    },
    /// Somebody deletes so many pods of a workload, at random.
    DeletePods {
        workload: usize,
        count: u32,
    },
    /// Somebody gives so many waiting pods a toleration and an annotation.
    EditGated {
        workload: usize,
        count: u32,
    },
    /// SIGKILL.
    Crash {
        sidecar: usize,
        back_after: Millis,
    },
    /// SIGTERM: the writes in flight are finished, the Lease is given up.
    Stop {
        sidecar: usize,
        back_after: Millis,
    },
    /// SIGSTOP, then SIGCONT.
    Freeze {
        sidecar: usize,
        back_after: Millis,
    },
    /// The API server is away; every watch breaks.
    RestartApi {
        back_after: Millis,
    },
    /// No replica of the policy answers: pods are created as they came.
    PolicyDown {
        back_after: Millis,
    },
}

impl Happening {
    /// For how long it goes on.
    pub(crate) fn lasts(&self) -> Millis {
        match self {
            Self::Scale { .. }
            | Self::Rollout { .. }
            | Self::Pause { .. }
            | Self::DeletePods { .. }
            | Self::EditGated { .. } => Millis::ZERO,
            Self::LoseNode { back_after, .. }
            | Self::FailNode { back_after, .. }
            | Self::DrainNode { back_after, .. } => back_after.unwrap_or(Millis::ZERO),
            Self::ReclaimNode {
                notice, back_after, ..
            } => *notice + back_after.unwrap_or(Millis::ZERO),
            Self::Crash { back_after, .. }
            | Self::Stop { back_after, .. }
            | Self::Freeze { back_after, .. }
            | Self::RestartApi { back_after }
            | Self::PolicyDown { back_after } => *back_after,
        }
    }
}

impl Setup {
    /// When the last happening has ended.
    pub(crate) fn end(&self) -> Millis {
        let ends = self
            .happenings
            .iter()
            .map(|(at, happening)| *at + happening.lasts());
        ends.max().unwrap_or(Millis::ZERO)
    }
}
