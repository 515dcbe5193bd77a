//! Vectors through the native core.
//!
//! The walk along owners and the reading of replicas are the policy's in the wasm run; here they
//! are done on the objects of the vector, so that the two runs are two opinions.

use placement_core::decide::Order;
use placement_core::facts::{
    ListedPod, PathError, PodHead, WorkloadFacts, latest_revision, ordinal, replicas_at, replicas_in,
    revision_key,
};
use placement_core::observe::Desired;
use placement_core::{Arrival, Closed, Decision, Observation, decide, observe};
use rules::names::{CONTROLLER_REVISION_HASH, POD_TEMPLATE_HASH};
use rules::{Amount, CustomKind, Owner, ReplicasPath, Spread, SubsetIx, is_followed};
use serde_json::{Map, Value, json};

use crate::fixture::{controller, find, group_kind, text};
use crate::settings::{custom_kinds, namespace, usable};

/// The version key of pods whose kind has no revisions.
const NO_VERSION: &str = "versionIgnored";

/// The name of the spread that concerns a pod.
pub(crate) fn matching(pod: &Value, spreads: &[Value], objects: &[Value], custom: &Value) -> Option<String> {
    let pod_text = pod.to_string();
    let head = PodHead::read(&pod_text).ok()?;
    if !head.is_active() {
        return None;
    }
    let kinds = custom_kinds(custom);
    let chain = chain(pod, objects, &kinds);
    usable(spreads, custom)
        .into_iter()
        .filter(|(_, spread)| spread.namespace() == namespace(pod))
        .find(|(_, spread)| {
            chain.iter().any(|owner| spread.target().is(owner))
                && spread.target().selects(|key| head.label(key))
        })
        .map(|(_, spread)| spread.name().to_owned())
}

/// The name of the spread that targets a workload, or what owns it.
pub(crate) fn lookup(workload: &Value, spreads: &[Value], custom: &Value) -> Option<String> {
    let own = group_kind(workload).map(|kind| Owner {
        kind,
        name: text(workload, "/metadata/name").to_owned(),
    });
    let owners: Vec<Owner> = own
        .into_iter()
        .chain(chain(workload, &[], &custom_kinds(custom)))
        .collect();
    usable(spreads, custom)
        .into_iter()
        .filter(|(_, spread)| spread.namespace() == namespace(workload))
        .find(|(_, spread)| owners.iter().any(|owner| spread.target().is(owner)))
        .map(|(_, spread)| spread.name().to_owned())
}

/// The subset that a pod is placed in, beside the pods that are there: strict first-fit, as one
/// pod is missing.
pub(crate) fn choose(
    spread: &Spread,
    pod: &Value,
    pods: &[Value],
    replicas: u32,
    closed: &Closed,
    objects: &[Value],
) -> Option<String> {
    let revision = revision(pod);
    let texts: Vec<String> = pods.iter().map(Value::to_string).collect();
    let listed: Vec<ListedPod<'_>> = texts
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    let desired = Desired {
        workload: Some(replicas),
        revision: None,
    };
    let counted = observe(
        spread,
        revision.as_deref(),
        desired,
        listed.iter().map(ListedPod::facts),
    );
    let observation = Observation {
        missing: 1,
        behind: false,
        closed: closed.clone(),
        ..counted
    };
    let arrival = Arrival {
        uid: "",
        order: order(pod, objects),
        ranked: false,
        replaceable: true,
        may_wait: true,
    };
    match decide(spread, &observation, arrival) {
        Decision::Place(placement) | Decision::Hold(placement) => spread
            .subset(placement.subset)
            .map(|subset| subset.name().to_owned()),
        Decision::Gate { .. } | Decision::Leave { .. } => None,
    }
}

/// The subsets that the spread's status calls unschedulable, for a pod of this version.
pub(crate) fn closed(spread: &Spread, object: &Value, version: &str) -> Closed {
    let status = object.get("status").unwrap_or(&Value::Null);
    let versions = status
        .get("versionedSubsetStatuses")
        .and_then(Value::as_object)
        .filter(|rows| !rows.is_empty());
    let rows = match versions {
        Some(versions) => versions.get(version),
        None => status.get("subsetStatuses"),
    };
    let is_closed = |row: &&Value| {
        let conditions = row.get("conditions").and_then(Value::as_array);
        conditions.into_iter().flatten().any(|condition| {
            text(condition, "/type") == "Schedulable" && text(condition, "/status") == "False"
        })
    };
    let rows = rows
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(is_closed);
    rows.filter_map(|row| spread.subset_named(text(row, "/name")))
        .collect()
}

/// The version key of a pod.
pub(crate) fn version(pod: &Value) -> String {
    revision(pod).unwrap_or_else(|| NO_VERSION.to_owned())
}

/// The version key of a workload's newest revision.
pub(crate) fn workload_version(workload: &Value, replica_sets: &[Value]) -> Value {
    match latest_revision(workload, replica_sets) {
        Ok(Some(version)) => json!({ "version": version }),
        Ok(None) => json!({ "version": NO_VERSION }),
        Err(_) => json!({ "error": true }),
    }
}

/// The replicas of a spread's workload and each subset's maximum of them, -1 for no end.
pub(crate) fn counters(object: &Value, objects: &[Value], custom: &Value) -> Value {
    match maximums(object, objects, custom) {
        Ok((replicas, missing)) => json!({ "replicas": replicas, "missing": missing }),
        Err(_) => json!({ "error": true }),
    }
}

/// The replicas that percentages are taken of; 0 where the workload is not there, or where no
/// subset has a percentage.
pub(crate) fn replicas(object: &Value, objects: &[Value], custom: &Value) -> Result<u32, PathError> {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let mut subsets = spec
        .get("subsets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let target = spec.get("targetRef").unwrap_or(&Value::Null);
    if !subsets.any(|subset| subset.get("maxReplicas").is_some_and(Value::is_string)) {
        return Ok(0);
    }
    let Some(kind) = group_kind(target) else {
        return Ok(0);
    };
    let Some(workload) = find(objects, &kind, text(target, "/name"), namespace(object)) else {
        return Ok(0);
    };
    let paths = spec
        .pointer("/targetFilter/replicasPathList")
        .and_then(Value::as_array);
    let paths: Vec<ReplicasPath> = paths
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(ReplicasPath::new)
        .collect();
    if !paths.is_empty() {
        return replicas_in(workload, &paths);
    }
    match kind.known() {
        Some(known) => {
            Ok(WorkloadFacts::read(&workload.to_string()).map_or(0, |workload| workload.replicas(known)))
        }
        None => {
            let kinds = custom_kinds(custom);
            let listed = kinds.iter().find(|listed| listed.kind == kind);
            listed
                .and_then(|listed| listed.replicas.as_ref())
                .map_or(Ok(0), |path| replicas_at(workload, path.as_str()))
        }
    }
}

fn maximums(
    object: &Value,
    objects: &[Value],
    custom: &Value,
) -> Result<(u32, Map<String, Value>), PathError> {
    let replicas = replicas(object, objects, custom)?;
    let subsets = object.pointer("/spec/subsets").and_then(Value::as_array);
    let maximum = |subset: &Value| match subset.get("maxReplicas") {
        Some(Value::String(percent)) => Amount::parse_percent(percent)
            .ok()
            .map(|percent| percent.of(replicas)),
        Some(count) => count.as_u64().and_then(|count| u32::try_from(count).ok()),
        None => None,
    };
    let missing = subsets.into_iter().flatten().map(|subset| {
        (
            text(subset, "/name").to_owned(),
            maximum(subset).map_or(Value::from(-1), Value::from),
        )
    });
    Ok((replicas, missing.collect()))
}

/// The owners above an object, nearest first, as far as they are followed and found.
fn chain(object: &Value, objects: &[Value], custom: &[CustomKind]) -> Vec<Owner> {
    let within = namespace(object);
    let mut chain: Vec<Owner> = Vec::new();
    let mut here = Some(object);
    while let Some(reference) = here.and_then(controller) {
        let Some(kind) = group_kind(reference).filter(|kind| is_followed(kind, custom)) else {
            break;
        };
        let owner = Owner {
            kind,
            name: text(reference, "/name").to_owned(),
        };
        if chain.contains(&owner) {
            break;
        }
        here = find(objects, &owner.kind, &owner.name, within);
        chain.push(owner);
    }
    chain
}

fn order(pod: &Value, objects: &[Value]) -> Order {
    let Some(owner) = controller(pod) else {
        return Order::None;
    };
    let Some(kind) = group_kind(owner) else {
        return Order::None;
    };
    if !kind.known().is_some_and(|known| known.has_ordinals()) {
        return Order::None;
    }
    let start = find(objects, &kind, text(owner, "/name"), namespace(pod))
        .and_then(|set| {
            WorkloadFacts::read(&set.to_string())
                .ok()
                .map(|set| set.first_ordinal())
        })
        .unwrap_or(0);
    Order::Ordinal(ordinal(text(pod, "/metadata/name")).map(|ordinal| ordinal.saturating_sub(start)))
}

fn revision(pod: &Value) -> Option<String> {
    let owner = controller(pod).and_then(group_kind).and_then(|kind| kind.known());
    let label = |key: &str| pod.pointer("/metadata/labels")?.get(key)?.as_str();
    revision_key(owner, label(POD_TEMPLATE_HASH), label(CONTROLLER_REVISION_HASH)).map(str::to_owned)
}

/// Whether any subset is closed.
pub(crate) fn any_closed(spread: &Spread, closed: &Closed) -> bool {
    (0..spread.subsets().len()).any(|subset| closed.contains(SubsetIx::new(subset)))
}
