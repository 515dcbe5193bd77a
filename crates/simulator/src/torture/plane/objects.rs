//! What the API server of the plane stores.

use std::rc::Rc;

use placement_core::names::{DELETION_COST_ANNOTATION, PLACEMENT_GATE, POD_TEMPLATE_HASH, SUBSET_LABEL};
use reconcile_core::PodRecord;
use serde_json::{Value, json};

use crate::json;
use crate::objects::{owner, set_pod_defaults, template_hash};
use crate::ranking::{Phase, deletion_cost};
use crate::time::Millis;
use crate::torture::case::{NAMESPACE, WORKLOAD};

/// The kinds that somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    Deployment,
    ReplicaSet,
    Job,
    Node,
    Ledger,
    Lease,
}

/// An object as it was at one version.
#[derive(Clone, Debug)]
pub(crate) enum Object {
    Pod(Rc<Pod>),
    Deployment(Rc<Deployment>),
    ReplicaSet(Rc<ReplicaSet>),
    Job(Rc<Job>),
    Node(u64, Rc<Value>),
    Ledger(Rc<Value>),
    Lease(Rc<Lease>),
}

/// An object's place in the store: a number that nothing else of its kind has.
pub(crate) type Key = (Kind, u64);

/// Which controller made a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    /// The ReplicaSet of this template.
    Set(u32),
    Job,
}

/// What of a pod does not stand in its JSON, or never changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) number: u64,
    pub(crate) maker: Maker,
    pub(crate) created: Millis,
}

/// A stored pod, and the few of its fields that controllers and checks look at, read anew at each write.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) value: Value,
    /// As the sidecar's own reader sees it.
    pub(crate) record: Rc<PodRecord>,
    pub(crate) revision: Option<String>,
    pub(crate) subset: Option<String>,
    pub(crate) cost: i32,
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

/// The Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployment {
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) replicas: u32,
    /// Which template it has.
    pub(crate) template: u32,
    pub(crate) status_replicas: u32,
}

/// One of its ReplicaSets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplicaSet {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) version: u64,
    /// The uid of its Deployment.
    pub(crate) owner: String,
    pub(crate) created: Millis,
    pub(crate) template: u32,
    pub(crate) hash: String,
    pub(crate) ordinal: u64,
    pub(crate) replicas: u32,
    /// What the Deployment asked for when it last wrote here, and that with the surge.
    pub(crate) desired: u32,
    pub(crate) max: u32,
    pub(crate) status: SetStatus,
}

/// What a ReplicaSet tells of its pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetStatus {
    pub(crate) replicas: u32,
    pub(crate) available: u32,
}

/// The Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) parallelism: u32,
    pub(crate) ended: bool,
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

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Pod(_) => Kind::Pod,
            Self::Deployment(_) => Kind::Deployment,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::Job(_) => Kind::Job,
            Self::Node(..) => Kind::Node,
            Self::Ledger(_) => Kind::Ledger,
            Self::Lease(_) => Kind::Lease,
        }
    }

    pub(crate) fn key(&self) -> Key {
        let number = match self {
            Self::Pod(pod) => pod.origin.number,
            Self::ReplicaSet(set) => u64::from(set.template),
            Self::Node(number, _) => *number,
            // There is one of each.
            Self::Deployment(_) | Self::Job(_) | Self::Ledger(_) | Self::Lease(_) => 0,
        };
        (self.kind(), number)
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
            name: text(&["metadata", "name"])?,
            uid: text(&["metadata", "uid"])?,
            origin,
            revision: text(&["metadata", "labels", POD_TEMPLATE_HASH]),
            subset: text(&["metadata", "labels", SUBSET_LABEL]),
            cost: deletion_cost(json::text(
                &value,
                &["metadata", "annotations", DELETION_COST_ANNOTATION],
            )),
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

    /// In a subset and let go, or let go already and running.
    pub(crate) fn is_placed(&self) -> bool {
        self.subset.is_some() && !self.gated
    }
}

/// A pod as its controller asks for it, defaulted, for one template.
pub(crate) fn template(number: u32, kind: &str) -> (Value, String) {
    let mut template = json!({
        "metadata": {"labels": {"app": WORKLOAD}},
        "spec": {"containers": [{"name": "main", "image": format!("web:{number}")}]},
    });
    let hash = template_hash(&template);
    if kind == "ReplicaSet" {
        json::put(
            &mut template,
            &["metadata", "labels", POD_TEMPLATE_HASH],
            json!(hash),
        );
    } else {
        json::put(&mut template, &["spec", "restartPolicy"], json!("Never"));
    }
    set_pod_defaults(&mut template);
    (template, hash)
}

/// The pod that a controller of this name and uid creates.
pub(crate) fn new_pod(template: &Value, api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    let mut metadata = template.get("metadata").cloned().unwrap_or_default();
    json::put(&mut metadata, &["generateName"], json!(format!("{name}-")));
    json::put(&mut metadata, &["namespace"], json!(NAMESPACE));
    let mut reference = owner(kind, name, uid);
    json::put(&mut reference, &["apiVersion"], json!(api_version));
    json::put(&mut metadata, &["ownerReferences"], json!([reference]));
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": template.get("spec"), "status": {"phase": "Pending"},
    })
}

impl Deployment {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": WORKLOAD, "namespace": NAMESPACE, "uid": self.uid,
                "resourceVersion": self.version.to_string(), "creationTimestamp": Millis::ZERO.timestamp(),
            },
            "spec": {"replicas": self.replicas},
        })
    }
}

impl ReplicaSet {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": self.name, "namespace": NAMESPACE, "uid": self.uid,
                "resourceVersion": self.version.to_string(), "creationTimestamp": self.created.timestamp(),
                "labels": {"app": WORKLOAD, POD_TEMPLATE_HASH: self.hash},
                "annotations": {
                    "deployment.kubernetes.io/desired-replicas": self.desired.to_string(),
                    "deployment.kubernetes.io/max-replicas": self.max.to_string(),
                    "deployment.kubernetes.io/revision": self.ordinal.to_string(),
                },
                "ownerReferences": [owner("Deployment", WORKLOAD, &self.owner)],
            },
            "spec": {"replicas": self.replicas},
            "status": {"replicas": self.status.replicas, "availableReplicas": self.status.available},
        })
    }
}

impl Job {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {
                "name": WORKLOAD, "namespace": NAMESPACE, "uid": self.uid,
                "resourceVersion": self.version.to_string(), "creationTimestamp": Millis::ZERO.timestamp(),
            },
            "spec": {"parallelism": self.parallelism},
        })
    }
}

impl Lease {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": placement_core::names::LEASE_NAME, "namespace": policy_settings::LEASE_NAMESPACE,
                "resourceVersion": self.version.to_string(),
                "annotations": {placement_core::names::SETTINGS_ANNOTATION: self.settings},
            },
            "spec": {
                "holderIdentity": self.holder,
                "leaseTransitions": self.transitions,
                "renewTime": placement_core::time::UnixMillis(self.renewed).to_string(),
            },
        })
    }
}
