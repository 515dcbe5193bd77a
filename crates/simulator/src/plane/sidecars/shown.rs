//! What a sidecar is shown, as its loop takes it, and what it plans, in words.

use reconcile_core::{Action, Event, NodeRecord, SpreadId, Step, WorkloadRecord};
use rules::GroupKind;
use sidecar_core::watches::{Change, Filter, Key, What};
use spread_api::SpreadLedger;

use crate::json;
use crate::plane::objects::{Kind, Object};
use crate::plane::setup::{Lag, SidecarSpec};
use crate::plane::store as plane;

/// The subset that a step binds a pod to.
pub(super) fn bound_to(step: &Step) -> Option<usize> {
    if let Action::Bind { subset, .. } = &step.action {
        Some(subset.index())
    } else {
        None
    }
}

pub(super) fn describe(steps: &[&Step], wake: Option<i64>) -> String {
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

/// The kind of what a watch shows, and how late it is; `None`: no object here is of it.
pub(super) fn watched_kind(what: &What, spec: &SidecarSpec) -> Option<(Kind, Lag)> {
    match what {
        What::PlacedPods | What::OtherPods => Some((Kind::Pod, spec.pods)),
        What::Nodes => Some((Kind::Node, spec.others)),
        What::Ledgers => Some((Kind::Ledger, spec.others)),
        What::Workloads { api_version, kind } => {
            let kind = match (api_version.as_str(), kind.kind.as_str()) {
                ("apps/v1", "Deployment") => Kind::Deployment,
                ("apps/v1", "ReplicaSet") => Kind::ReplicaSet,
                ("apps/v1", "StatefulSet") => Kind::StatefulSet,
                ("batch/v1", "Job") => Kind::Job,
                _ => return None,
            };
            Some((kind, spec.workloads))
        }
    }
}

/// A change as the loop takes it; `None`: of an object that nobody asked for.
pub(super) fn change(change: &plane::Change, filter: &Filter) -> Option<Change> {
    let (object, is_there) = match change {
        plane::Change::Stored(object) => (object, true),
        plane::Change::Gone(object) => (object, false),
    };
    let (key, event) = read(object, filter)?;
    Some(match event {
        Some(event) if is_there => Change::There(key, Box::new(event)),
        Some(_) | None => {
            let is_ending = object.pod().is_some_and(|pod| pod.terminating);
            Change::Away(key, is_there || is_ending)
        }
    })
}

/// The key of an object, and what is let through of it.
fn read(object: &Object, filter: &Filter) -> Option<(Key, Option<Event>)> {
    let text = |value: &serde_json::Value, field: &str| {
        json::text(value, &["metadata", field])
            .unwrap_or_default()
            .to_owned()
    };
    match object {
        Object::Pod(pod) => {
            let kept = filter.kept(pod.record.as_ref().clone());
            let event = kept.map(|pod| Event::Pod(Box::new(pod)));
            Some((Key::Pod(pod.uid.as_str().into()), event))
        }
        Object::Node(_, value) => {
            let node = NodeRecord::read(value).ok();
            let event = node.map(|node| Event::Node(Box::new(node)));
            Some((Key::Node(text(value, "name").into()), event))
        }
        Object::Ledger(_, value) => {
            let id = SpreadId {
                namespace: text(value, "namespace"),
                name: text(value, "name"),
            };
            let ledger = serde_json::from_value::<SpreadLedger>(value.as_ref().clone()).ok();
            let event = ledger.map(|ledger| Event::Ledger(Box::new(ledger)));
            Some((Key::Ledger(Box::new(id)), event))
        }
        _ => {
            let (kind, api_version) = owner(object)?;
            let kind = GroupKind::of(api_version, kind)?;
            let workload = WorkloadRecord::of_kind(kind, &object.value()).ok()?;
            let key = Key::Workload(Box::new(workload.id.clone()));
            Some((key, Some(Event::Workload(Box::new(workload)))))
        }
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
