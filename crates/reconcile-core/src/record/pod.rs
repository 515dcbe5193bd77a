//! What is kept of a pod.

use std::collections::BTreeMap;

use kube_rules::nodes::{Requests, Resources};
use kube_rules::time::UnixMillis;
use placement_core::facts::{Foreign, PodFacts, is_decided, revision_key};
use rules::WorkloadKind;
use rules::names::{
    BOUND_AT_ANNOTATION, CONTROLLER_REVISION_HASH, DECISION_ANNOTATION, DELETION_COST_ANNOTATION,
    MIRROR_ANNOTATION, MOVED_FROM_ANNOTATION, PLACEMENT_GATE, POD_TEMPLATE_HASH, SPREAD_LABEL,
    STEPPING_STONE_ANNOTATION, SUBSET_LABEL,
};
use serde_json::Value;

use super::{Object, Outline, OwnerRecord, Unreadable};

/// A pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRecord {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its `resourceVersion` as a number, by which an older sight is told from a newer one.
    pub version: Option<u64>,
    /// When it was created.
    pub created: UnixMillis,
    /// Its controller.
    pub owner: Option<OwnerRecord>,
    /// Why it is not ours to place, if it is not.
    pub foreign: Option<Foreign>,
    /// The spread that it carries the label of.
    pub spread: Option<String>,
    /// The subset that it carries the label of.
    pub subset: Option<String>,
    /// Its revision, see [`revision_key`].
    pub revision: Option<String>,
    /// Its deletion cost, where it has a readable one.
    pub cost: Option<i32>,
    /// Whether that is ours: whoever placed the pod wrote it, and its controller ranks by it.
    pub has_our_cost: bool,
    /// The subset that had no node for it, if it was moved in place.
    pub moved_from: Option<String>,
    /// Whether a rollout put it where it stands for want of a better place, as a stepping stone.
    pub stone: bool,
    /// When it was bound.
    pub bound_at: Option<UnixMillis>,
    /// Whether it waits behind the gate of Spillway.
    pub gated: bool,
    /// Whether it waits behind a gate of somebody else: the scheduler does not know it yet, and it tells nothing of a pool.
    pub gated_by_others: bool,
    /// The node it is on.
    pub node: Option<String>,
    /// Its phase.
    pub phase: Phase,
    /// Since when it is ready.
    pub ready_since: Option<UnixMillis>,
    /// Since when the scheduler finds no node for it.
    pub unschedulable_since: Option<UnixMillis>,
    /// The most restarts that any of its containers had.
    pub restarts: u32,
    /// Being deleted.
    pub terminating: bool,
    /// What it asks of a node, as the scheduler counts. What cannot be read is nothing.
    pub requests: Resources,
    /// Whether it asks more of a node than room: labels, other pods or none, ports, volumes.
    pub is_choosy: bool,
    /// Whether it stays away from nodes that have others like it: by anti-affinity, or by a port of the node.
    pub keeps_apart: bool,
    /// Labels, annotations, gates, tolerations, node selector and affinity; kept only of pods that may still be bound or adopted.
    pub outline: Option<Outline>,
}

/// The phase of a pod, in the order in which the ReplicaSet controller gives pods up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not started.
    #[default]
    Pending,
    /// Its node does not answer.
    Unknown,
    /// Started.
    Running,
    /// Succeeded or Failed.
    Finished,
}

impl PodRecord {
    /// What is kept of a pod.
    ///
    /// # Errors
    /// When it has not the shape of a stored pod.
    pub fn read(pod: &Value) -> Result<Self, Unreadable> {
        let Object {
            metadata,
            spec,
            status,
        } = Object::read(pod)?;
        if metadata.uid.is_empty() || metadata.name.is_empty() {
            return Err(Unreadable("the pod has no name or no uid".to_owned()));
        }
        let owner = metadata.controller();
        let kind = owner.as_ref().and_then(|owner| owner.owner.kind.known());
        let revision = revision_key(
            kind,
            metadata.label(POD_TEMPLATE_HASH),
            metadata.label(CONTROLLER_REVISION_HASH),
        );
        let gates = spec.get("schedulingGates").and_then(Value::as_array);
        let (ours, others): (Vec<&Value>, Vec<&Value>) = gates
            .into_iter()
            .flatten()
            .partition(|gate| gate.get("name").and_then(Value::as_str) == Some(PLACEMENT_GATE));
        let gated = !ours.is_empty();
        let node = spec
            .get("nodeName")
            .and_then(Value::as_str)
            .filter(|node| !node.is_empty());
        let phase = match status.get("phase").and_then(Value::as_str) {
            Some("Running") => Phase::Running,
            Some("Unknown") => Phase::Unknown,
            Some("Succeeded" | "Failed") => Phase::Finished,
            _ => Phase::Pending,
        };
        let terminating = metadata
            .deletion_timestamp
            .as_ref()
            .is_some_and(|at| !at.is_null());
        let unschedulable_since = condition(&status, "PodScheduled", "False", Some("Unschedulable"));
        // Whoever finds no node may be moved on.
        let is_undecided = metadata.label(SUBSET_LABEL).is_none()
            || gated
            || (unschedulable_since.is_some() && node.is_none());
        let outline =
            (is_undecided && !terminating && phase != Phase::Finished).then(|| Outline::of(&metadata, &spec));
        let foreign = Foreign::of(
            owner.as_ref().map(|owner| &owner.owner.kind),
            metadata.annotation(MIRROR_ANNOTATION).is_some(),
            metadata.was_made_with_node(),
        );
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        Ok(Self {
            version: metadata
                .resource_version
                .as_deref()
                .and_then(|version| version.parse().ok()),
            created: metadata.created(),
            spread: owned(metadata.label(SPREAD_LABEL)),
            subset: owned(metadata.label(SUBSET_LABEL)),
            revision: owned(revision),
            has_our_cost: kind.is_none_or(WorkloadKind::honours_deletion_cost)
                && is_decided(
                    metadata.annotation(DECISION_ANNOTATION),
                    metadata.label(SUBSET_LABEL),
                ),
            cost: metadata
                .annotation(DELETION_COST_ANNOTATION)
                .and_then(|cost| cost.parse().ok()),
            moved_from: owned(metadata.annotation(MOVED_FROM_ANNOTATION)),
            stone: metadata.annotation(STEPPING_STONE_ANNOTATION).is_some(),
            bound_at: metadata
                .annotation(BOUND_AT_ANNOTATION)
                .and_then(UnixMillis::parse),
            foreign,
            gated,
            gated_by_others: !others.is_empty(),
            node: owned(node),
            phase,
            ready_since: condition(&status, "Ready", "True", None),
            unschedulable_since,
            restarts: restarts(&status),
            terminating,
            requests: Requests::of_pod(&spec).unwrap_or_default().exact,
            is_choosy: is_choosy(&spec),
            keeps_apart: keeps_apart(&spec),
            outline,
            owner,
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
        })
    }

    /// What is kept of a pod that no rule can mean: that our gate is on it, and what it takes to open it. `None`: there is no
    /// such gate.
    #[must_use]
    pub fn gate_alone(self) -> Option<Self> {
        self.gated.then(|| Self {
            owner: None,
            subset: None,
            revision: None,
            moved_from: None,
            requests: Resources::default(),
            outline: self.outline.as_ref().map(Outline::gates_alone),
            ..self
        })
    }

    /// Whether it is neither finished nor being deleted.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.terminating && self.phase != Phase::Finished
    }

    /// The known kind of its controller.
    #[must_use]
    pub fn kind(&self) -> Option<WorkloadKind> {
        self.owner.as_ref()?.owner.kind.known()
    }

    /// Its labels, while its outline is kept.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<&str, &str> {
        self.outline.as_ref().map_or_else(BTreeMap::new, Outline::labels)
    }

    /// What counting needs. A gated pod holds no place, whatever its labels say.
    #[must_use]
    pub fn facts(&self) -> PodFacts<'_> {
        PodFacts {
            spread: self.spread.as_deref(),
            subset: self.subset.as_deref().filter(|_| !self.gated),
            revision: self.revision.as_deref(),
            cost: self.cost,
            has_our_cost: self.has_our_cost,
            finished: self.phase == Phase::Finished,
            terminating: self.terminating,
        }
    }
}

/// Whether a pod is particular about its node for more than what it requests. Its terms and tolerations stand apart.
fn is_choosy(spec: &Value) -> bool {
    let mut spreading = items(spec, "/topologySpreadConstraints");
    let mut volumes = items(spec, "/volumes");
    has_some(spec, "/nodeSelector")
        || has_some(
            spec,
            "/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution",
        )
        || has_some(spec, "/resourceClaims")
        || keeps_apart(spec)
        || spreading.any(|one| one.get("whenUnsatisfiable").and_then(Value::as_str) == Some("DoNotSchedule"))
        || volumes
            .any(|volume| volume.get("persistentVolumeClaim").is_some() || volume.get("ephemeral").is_some())
}

/// Whether a node that has one such pod may not take another.
fn keeps_apart(spec: &Value) -> bool {
    let ports = items(spec, "/containers");
    let mut ports = ports
        .filter_map(|container| container.get("ports")?.as_array())
        .flatten();
    has_some(
        spec,
        "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
    ) || ports.any(|port| port.get("hostPort").is_some())
}

fn has_some(spec: &Value, path: &str) -> bool {
    spec.pointer(path).is_some_and(|list| match list {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    })
}

fn items<'v>(spec: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    spec.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn condition(status: &Value, kind: &str, wanted: &str, reason: Option<&str>) -> Option<UnixMillis> {
    let text = |condition: &Value, field: &str| {
        condition
            .get(field)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let conditions = status.get("conditions")?.as_array()?;
    let condition = conditions
        .iter()
        .find(|condition| text(condition, "type").as_deref() == Some(kind))?;
    let holds = text(condition, "status").as_deref() == Some(wanted)
        && reason.is_none_or(|reason| text(condition, "reason").as_deref() == Some(reason));
    holds.then(|| {
        text(condition, "lastTransitionTime")
            .as_deref()
            .and_then(UnixMillis::parse)
            .unwrap_or_default()
    })
}

fn restarts(status: &Value) -> u32 {
    let statuses = status.get("containerStatuses").and_then(Value::as_array);
    let counts = statuses
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("restartCount")?.as_u64());
    u32::try_from(counts.max().unwrap_or(0)).unwrap_or(u32::MAX)
}
