//! What the API server of the plane stores; the workloads among it are in [`workloads`](super::workloads).

use std::rc::Rc;

use reconcile_core::PodRecord;
use rules::names::{
    CONTROLLER_REVISION_HASH, DELETION_COST_ANNOTATION, PLACEMENT_GATE, POD_TEMPLATE_HASH, SPREAD_LABEL,
    SUBSET_LABEL,
};
use serde_json::{Value, json};

pub(crate) use super::workloads::{Deployment, Job, ReplicaSet, SetStatus, StatefulSet, set_key};
use crate::json;
use crate::ranking::{Phase, deletion_cost};
use crate::time::Millis;

/// The kinds that somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    Deployment,
    ReplicaSet,
    StatefulSet,
    Job,
    Node,
    Namespace,
    Ledger,
    Lease,
}

/// An object as it was at one version.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Pod(Rc<Pod>),
    Deployment(Rc<Deployment>),
    ReplicaSet(Rc<ReplicaSet>),
    StatefulSet(Rc<StatefulSet>),
    Job(Rc<Job>),
    Node(u64, Rc<Value>),
    Namespace(u64, Rc<Value>),
    /// The ledger of the spread at this place in the settings.
    Ledger(u64, Rc<Value>),
    Lease(Rc<Lease>),
}

/// An object's place in the store: a number that nothing else of its kind has.
pub(crate) type Key = (Kind, u64);

/// Which controller made a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    /// The ReplicaSet of a workload's template.
    Set { workload: usize, template: u32 },
    /// The workload itself.
    Workload(usize),
}

/// What of a pod does not stand in its JSON, or never changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) number: u64,
    pub(crate) maker: Maker,
    pub(crate) created: Millis,
    /// Whether a webhook other than the policy changed it.
    pub(crate) injected: bool,
}

/// A stored pod, and the few of its fields that controllers and checks look at, read anew at each write.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) origin: Origin,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) value: Value,
    /// As the sidecar's own reader sees it.
    pub(crate) record: Rc<PodRecord>,
    pub(crate) revision: Option<String>,
    pub(crate) subset: Option<String>,
    pub(crate) cost: i32,
    /// Whether it has the label of a spread.
    pub(crate) carries_spread: bool,
    /// Behind the gate of Spillway.
    pub(crate) gated: bool,
    /// Behind any gate.
    pub(crate) held: bool,
    pub(crate) node: Option<String>,
    pub(crate) phase: Phase,
    pub(crate) finished: bool,
    pub(crate) failed: bool,
    pub(crate) ready_since: Option<Millis>,
    pub(crate) terminating: bool,
}

/// The Lease of the sidecars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) version: u64,
    /// Empty: given back.
    pub(crate) holder: String,
    pub(crate) transitions: u64,
    /// By the holder's clock, milliseconds since 1970.
    pub(crate) renewed: i64,
    pub(crate) settings: String,
}

impl Maker {
    /// The place of the workload whose pods it makes.
    pub(crate) fn workload(self) -> usize {
        match self {
            Self::Set { workload, .. } | Self::Workload(workload) => workload,
        }
    }
}

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Pod(_) => Kind::Pod,
            Self::Deployment(_) => Kind::Deployment,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::StatefulSet(_) => Kind::StatefulSet,
            Self::Job(_) => Kind::Job,
            Self::Node(..) => Kind::Node,
            Self::Namespace(..) => Kind::Namespace,
            Self::Ledger(..) => Kind::Ledger,
            Self::Lease(_) => Kind::Lease,
        }
    }

    pub(crate) fn key(&self) -> Key {
        let number = match self {
            Self::Pod(pod) => pod.origin.number,
            Self::ReplicaSet(set) => return set_key(set.workload, set.template),
            Self::Node(number, _) | Self::Namespace(number, _) | Self::Ledger(number, _) => *number,
            Self::Deployment(deployment) => deployment.workload as u64,
            Self::StatefulSet(set) => set.workload as u64,
            Self::Job(job) => job.workload as u64,
            // There is one.
            Self::Lease(_) => 0,
        };
        (self.kind(), number)
    }

    /// As the API server shows it.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Pod(pod) => pod.value.clone(),
            Self::Deployment(deployment) => deployment.value(),
            Self::ReplicaSet(set) => set.value(),
            Self::StatefulSet(set) => set.value(),
            Self::Job(job) => job.value(),
            Self::Node(_, value) | Self::Namespace(_, value) | Self::Ledger(_, value) => {
                value.as_ref().clone()
            }
            Self::Lease(lease) => lease.value(),
        }
    }

    /// Where it is; `None`: in no namespace.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Pod(pod) => Some(&pod.namespace),
            Self::Deployment(deployment) => Some(&deployment.id.namespace),
            Self::ReplicaSet(set) => Some(&set.id.namespace),
            Self::StatefulSet(set) => Some(&set.id.namespace),
            Self::Job(job) => Some(&job.id.namespace),
            Self::Ledger(_, value) => json::text(value, &["metadata", "namespace"]),
            Self::Lease(_) => Some(policy_settings::LEASE_NAMESPACE),
            Self::Node(..) | Self::Namespace(..) => None,
        }
    }

    pub(crate) fn pod(&self) -> Option<&Rc<Pod>> {
        if let Self::Pod(pod) = self {
            Some(pod)
        } else {
            None
        }
    }
}

impl Pod {
    /// Reads what was written. `None`: nothing that an API server would have stored.
    pub(crate) fn of(value: Value, origin: Origin, ready_since: Option<Millis>) -> Option<Self> {
        let record = Rc::new(PodRecord::read(&value).ok()?);
        let text = |path: &[&str]| json::text(&value, path).map(ToOwned::to_owned);
        let gates = json::list(&value, &["spec", "schedulingGates"]);
        let is_ours = |gate: &Value| json::text(gate, &["name"]) == Some(PLACEMENT_GATE);
        let phase = json::text(&value, &["status", "phase"]).unwrap_or("Pending");
        Some(Self {
            namespace: text(&["metadata", "namespace"])?,
            name: text(&["metadata", "name"])?,
            uid: text(&["metadata", "uid"])?,
            origin,
            revision: text(&["metadata", "labels", POD_TEMPLATE_HASH])
                .or_else(|| text(&["metadata", "labels", CONTROLLER_REVISION_HASH])),
            subset: text(&["metadata", "labels", SUBSET_LABEL]),
            cost: deletion_cost(json::text(
                &value,
                &["metadata", "annotations", DELETION_COST_ANNOTATION],
            )),
            carries_spread: text(&["metadata", "labels", SPREAD_LABEL]).is_some(),
            gated: gates.iter().any(is_ours),
            held: !gates.is_empty(),
            node: text(&["spec", "nodeName"]),
            phase: match phase {
                "Running" => Phase::Running,
                "Unknown" => Phase::Unknown,
                _ => Phase::Pending,
            },
            finished: matches!(phase, "Succeeded" | "Failed"),
            failed: phase == "Failed",
            ready_since,
            terminating: json::at(&value, &["metadata", "deletionTimestamp"]).is_some(),
            record,
            value,
        })
    }

    /// In a few words.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!(
            "{} in {}",
            self.name,
            self.subset.as_deref().unwrap_or("no subset")
        );
        let node = self.node.as_ref().map(|node| format!("on {node}"));
        let marks = [
            (self.gated, "gated"),
            (self.ready_since.is_some(), "ready"),
            (self.terminating, "terminating"),
            (self.finished, "finished"),
        ];
        for mark in marks
            .iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, mark)| *mark)
            .chain(node.as_deref())
        {
            text.push_str(", ");
            text.push_str(mark);
        }
        format!("{text}, cost {}", self.cost)
    }

    /// Neither finished nor being deleted.
    pub(crate) fn is_active(&self) -> bool {
        !self.finished && !self.terminating
    }

    /// From when on it is available, if it stays ready.
    pub(crate) fn available_since(&self, min_ready: Millis) -> Option<Millis> {
        self.ready_since.map(|since| since + min_ready)
    }

    /// In a subset and let go, or let go already and running.
    pub(crate) fn is_placed(&self) -> bool {
        self.subset.is_some() && !self.gated
    }
}

impl Lease {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": rules::names::LEASE_NAME, "namespace": policy_settings::LEASE_NAMESPACE,
                "resourceVersion": self.version.to_string(),
                "annotations": {rules::names::SETTINGS_ANNOTATION: self.settings},
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseTransitions": self.transitions,
                "renewTime": kube_rules::time::UnixMillis(self.renewed).to_string(),
            },
        })
    }
}
