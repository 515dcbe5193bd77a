//! The workloads as the API server of the plane stores them, and what their controllers store.

use std::rc::Rc;

use rules::names::POD_TEMPLATE_HASH;
use serde_json::{Value, json};

use super::kinds::{DeploymentKind, StatefulSetKind};
use super::objects::{Key, Kind};
use super::setup::{Template, WorkloadName};
use crate::json;
use crate::objects::owner;
use crate::time::Millis;

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// Its place among the workloads.
    pub(crate) workload: usize,
    pub(crate) id: Rc<WorkloadName>,
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) replicas: u32,
    /// Which template it has.
    pub(crate) template: u32,
    pub(crate) is_paused: bool,
    /// What never changes of it.
    pub(crate) kind: Rc<DeploymentKind>,
    pub(crate) status_replicas: u32,
}

/// A ReplicaSet of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplicaSet {
    /// The place of its Deployment among the workloads.
    pub(crate) workload: usize,
    /// Its Deployment.
    pub(crate) id: Rc<WorkloadName>,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) version: u64,
    /// The uid of its Deployment.
    pub(crate) owner: String,
    pub(crate) created: Millis,
    pub(crate) template: u32,
    pub(crate) made_of: Rc<Template>,
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

/// A StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatefulSet {
    /// Its place among the workloads.
    pub(crate) workload: usize,
    pub(crate) id: Rc<WorkloadName>,
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) replicas: u32,
    /// Which template it has: that of `status.updateRevision`.
    pub(crate) template: u32,
    /// The template that the last rollout brought to all pods: that of `status.currentRevision`.
    pub(crate) current: u32,
    /// What never changes of it.
    pub(crate) kind: Rc<StatefulSetKind>,
    pub(crate) status_replicas: u32,
}

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Its place among the workloads.
    pub(crate) workload: usize,
    pub(crate) id: Rc<WorkloadName>,
    pub(crate) uid: String,
    pub(crate) version: u64,
    pub(crate) parallelism: u32,
    pub(crate) ended: bool,
}

/// Where the ReplicaSet of a template is stored.
pub(crate) fn set_key(workload: usize, template: u32) -> Key {
    (Kind::ReplicaSet, (workload as u64) << 32 | u64::from(template))
}

/// The metadata that every workload has.
fn metadata(id: &WorkloadName, uid: &str, version: u64) -> Value {
    json!({
        "name": id.name, "namespace": id.namespace, "uid": uid,
        "resourceVersion": version.to_string(), "creationTimestamp": Millis::ZERO.timestamp(),
    })
}

impl Deployment {
    pub(crate) fn value(&self) -> Value {
        let mut spec = json!({"replicas": self.replicas, "strategy": self.kind.strategy.value()});
        if self.kind.min_ready > Millis::ZERO {
            json::put(
                &mut spec,
                &["minReadySeconds"],
                json!(self.kind.min_ready.whole_seconds()),
            );
        }
        if self.is_paused {
            json::put(&mut spec, &["paused"], json!(true));
        }
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": metadata(&self.id, &self.uid, self.version),
            "spec": spec,
            "status": {"replicas": self.status_replicas},
        })
    }
}

impl ReplicaSet {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": self.name, "namespace": self.id.namespace, "uid": self.uid,
                "resourceVersion": self.version.to_string(), "creationTimestamp": self.created.timestamp(),
                "labels": {POD_TEMPLATE_HASH: self.hash},
                "annotations": {
                    "deployment.kubernetes.io/desired-replicas": self.desired.to_string(),
                    "deployment.kubernetes.io/max-replicas": self.max.to_string(),
                    "deployment.kubernetes.io/revision": self.ordinal.to_string(),
                },
                "ownerReferences": [owner("Deployment", &self.id.name, &self.owner)],
            },
            "spec": {"replicas": self.replicas, "template": self.made_of.value},
            "status": {"replicas": self.status.replicas, "availableReplicas": self.status.available},
        })
    }
}

impl StatefulSet {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": metadata(&self.id, &self.uid, self.version),
            "spec": {
                "replicas": self.replicas, "ordinals": {"start": self.kind.first_ordinal},
                "updateStrategy": self.kind.update.value(),
            },
            "status": {"replicas": self.status_replicas},
        })
    }
}

impl Job {
    pub(crate) fn value(&self) -> Value {
        json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": metadata(&self.id, &self.uid, self.version),
            "spec": {"parallelism": self.parallelism},
        })
    }
}
