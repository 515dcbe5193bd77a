//! What is kept of a workload, or of an object between a workload and its pods.

use kube_rules::nodes::{NodeAffinity, Toleration};
use kube_rules::time::UnixMillis;
use rules::names::{DESIRED_REPLICAS_ANNOTATION, POD_TEMPLATE_HASH};
use rules::{GroupKind, WorkloadKind};
use serde_json::Value;

use super::{Object, OwnerRecord, Unreadable, WorkloadId};

/// A workload, or an object between a workload and its pods.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadRecord {
    /// Which.
    pub id: WorkloadId,
    /// Its uid.
    pub uid: String,
    /// When it was created.
    pub created: UnixMillis,
    /// Its own controller.
    pub owner: Option<OwnerRecord>,
    /// The replicas it asks for itself.
    pub replicas: u32,
    /// The replicas that its Deployment asks for.
    pub desired_by_owner: Option<u32>,
    /// The key of its pods' revision, of a ReplicaSet.
    pub revision: Option<String>,
    /// The Deployment's own number of the revision.
    pub ordinal: u64,
    /// What its template requires of a node.
    pub wishes: NodeAffinity,
    /// What its template tolerates.
    pub tolerations: Vec<Toleration>,
    /// `spec` without the template, which paths to replicas may lead through.
    pub spec: Value,
}

impl WorkloadRecord {
    /// By which the newest ReplicaSet of a Deployment is the greatest: the number of its revision, and where a Deployment
    /// has not given one yet, when it was created.
    pub(crate) fn revision_order(&self) -> impl Ord + use<'_> {
        (self.ordinal, self.created, self.id.name.as_str())
    }

    /// What is kept of a workload.
    ///
    /// # Errors
    /// When it has not the shape of a stored object.
    pub fn read(object: &Value) -> Result<Self, Unreadable> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let kind = GroupKind::of(text("apiVersion"), text("kind"))
            .filter(|kind| !kind.kind.is_empty())
            .ok_or_else(|| Unreadable("the workload has no apiVersion or no kind".to_owned()))?;
        Self::of_kind(kind, object)
    }

    /// What is kept of a workload of a known kind: watches leave out what every object of theirs is.
    ///
    /// # Errors
    /// When it has not the shape of a stored object.
    pub fn of_kind(kind: GroupKind, object: &Value) -> Result<Self, Unreadable> {
        let Object {
            metadata, mut spec, ..
        } = Object::read(object)?;
        let field = match kind.known() {
            Some(WorkloadKind::Job) => "parallelism",
            _ => "replicas",
        };
        let count = |value: &Value| value.as_u64().and_then(|count| u32::try_from(count).ok());
        let replicas = spec.get(field).map_or(1, |value| count(value).unwrap_or(0));
        let template = spec.pointer("/template/spec");
        let wishes = template.map_or_else(NodeAffinity::default, NodeAffinity::of_pod);
        let tolerations = spec
            .pointer("/template/spec/tolerations")
            .and_then(Value::as_array);
        let tolerations = tolerations.into_iter().flatten().map(Toleration::read).collect();
        if kind.known().is_some()
            && let Some(fields) = spec.as_object_mut()
        {
            fields.remove("template");
        }
        let is_replica_set = kind.known() == Some(WorkloadKind::ReplicaSet);
        Ok(Self {
            uid: metadata.uid.clone(),
            created: metadata.created(),
            owner: metadata.controller(),
            replicas,
            desired_by_owner: metadata
                .annotation(DESIRED_REPLICAS_ANNOTATION)
                .and_then(|replicas| replicas.parse().ok()),
            revision: metadata
                .label(POD_TEMPLATE_HASH)
                .filter(|_| is_replica_set)
                .map(ToOwned::to_owned),
            ordinal: metadata
                .annotation("deployment.kubernetes.io/revision")
                .and_then(|ordinal| ordinal.parse().ok())
                .unwrap_or(0),
            id: WorkloadId {
                namespace: metadata.namespace,
                kind,
                name: metadata.name,
            },
            wishes,
            tolerations,
            spec,
        })
    }
}
