//! What a sidecar is shown, as its brain takes it, and what it plans, in words.

use reconcile_core::{Action, Event as Seen, NodeRecord, SpreadId, Step, WorkloadRecord};
use spread_api::SpreadLedger;

use crate::json;
use crate::plane::objects::{Kind, Object};
use crate::plane::store::Change;

/// The subset that a step binds a pod to.
pub(super) fn bound_to(step: &Step) -> Option<usize> {
    if let Action::Bind { subset, .. } = &step.action {
        Some(subset.index())
    } else {
        None
    }
}

pub(super) fn describe(steps: &[Step], wake: Option<i64>) -> String {
    let steps = steps.iter().map(|step| {
        let pod = step
            .action
            .pod()
            .map_or_else(String::new, |pod| format!(" {}", pod.name));
        let detail = match &step.action {
            Action::Bind { subset, .. } | Action::Adopt { subset, .. } => format!(" to {}", subset.index()),
            Action::Move { to, .. } => format!(" to {to}"),
            Action::Evict { to, why, .. } => format!(" for {} ({why})", to.index()),
            Action::Release { why, .. } => format!(" ({why})"),
            Action::PatchCost { cost, .. } => format!(" {cost}"),
            Action::PublishLedger(ledger) => ledger.status.as_ref().map_or_else(String::new, |status| {
                format!(
                    " {} of {:?}, {} gated, closed {:?}",
                    status.summary, status.replicas, status.gated, status.closed
                )
            }),
            _ => String::new(),
        };
        format!("{}{pod}{detail}", step.action.word())
    });
    let wake = wake.map_or_else(|| "nothing".to_owned(), |wake| format!("{wake} ms"));
    format!(
        "[{}], then waits for {wake}",
        steps.collect::<Vec<String>>().join(", ")
    )
}

/// A change as the brain takes it.
pub(super) fn seen(change: &Change) -> Option<Seen> {
    let workload = |kind: &str, api_version: &str, value: &serde_json::Value| {
        let kind = rules::GroupKind::of(api_version, kind)?;
        WorkloadRecord::of_kind(kind, value).ok().map(Box::new)
    };
    let text = |value: &serde_json::Value, field: &str| {
        json::text(value, &["metadata", field])
            .unwrap_or_default()
            .to_owned()
    };
    let gone = |object: &Object| -> Option<Seen> {
        let (kind, api_version) = match object {
            Object::Pod(pod) => return Some(Seen::PodGone { uid: pod.uid.clone() }),
            Object::Node(_, value) => return Some(Seen::NodeGone(text(value, "name"))),
            Object::Ledger(_, value) => {
                return Some(Seen::LedgerGone(SpreadId {
                    namespace: text(value, "namespace"),
                    name: text(value, "name"),
                }));
            }
            _ => owner(object)?,
        };
        workload(kind, api_version, &object.value()).map(|record| Seen::WorkloadGone(record.id))
    };
    match change {
        Change::Gone(object) => gone(object),
        Change::Stored(object) => match object {
            Object::Pod(pod) => Some(Seen::Pod(Box::new(pod.record.as_ref().clone()))),
            Object::Node(_, value) => NodeRecord::read(value)
                .ok()
                .map(|node| Seen::Node(Box::new(node))),
            Object::Ledger(_, value) => {
                let ledger: SpreadLedger = serde_json::from_value(value.as_ref().clone()).ok()?;
                Some(Seen::Ledger(Box::new(ledger)))
            }
            _ => {
                let (kind, api_version) = owner(object)?;
                workload(kind, api_version, &object.value()).map(Seen::Workload)
            }
        },
    }
}

/// Kind and version of what owns pods, or owners of pods.
fn owner(object: &Object) -> Option<(&'static str, &'static str)> {
    match object.kind() {
        Kind::Deployment => Some(("Deployment", "apps/v1")),
        Kind::ReplicaSet => Some(("ReplicaSet", "apps/v1")),
        Kind::StatefulSet => Some(("StatefulSet", "apps/v1")),
        Kind::Job => Some(("Job", "batch/v1")),
        Kind::Pod | Kind::Node | Kind::Namespace | Kind::Ledger | Kind::Lease => None,
    }
}
