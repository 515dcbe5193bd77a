//! Renders what is written to a pod: bound, released, corrected, adopted.
//!
//! A bound pod gets what an admitted one gets, by the same `inject`: the two cannot disagree.

use core::fmt;

use json_patch::{Patch, PatchOperation, RemoveOperation, TestOperation, diff};
use kube_rules::time::UnixMillis;
use placement_core::decide::{Decision, Placement};
use placement_core::{Reason, Refused, inject};
use rules::names::{
    BOUND_AT_ANNOTATION, DECISION_ANNOTATION, DELETION_COST_ANNOTATION, KRUISE_MARKER, MOVED_FROM_ANNOTATION,
    PLACEMENT_GATE, SPREAD_LABEL, SUBSET_LABEL,
};
use rules::{Spread, Subset, SubsetIx};
use serde_json::{Map, Value, json};

use crate::record::PodRecord;
use crate::step::{PodPatch, PodRef};

/// Why a write to a pod cannot be rendered.
#[derive(Debug)]
pub(crate) enum Unrenderable {
    /// Its outline was not kept, or it has no gate: it was decided already.
    Decided,
    /// It is too large for anybody to hold.
    TooLarge,
    /// It cannot be given what its subset says.
    Inject(Refused),
}

pub(crate) fn pod_ref(pod: &PodRecord) -> PodRef {
    PodRef {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
    }
}

fn whole(pod: &PodRecord) -> Result<Value, Unrenderable> {
    let outline = pod.outline.as_ref().ok_or(Unrenderable::Decided)?;
    outline.whole().ok_or(Unrenderable::TooLarge)
}

/// The patch that gives a gated pod its subset and opens its gate, in one write.
pub(crate) fn bind(
    pod: &PodRecord,
    spread: &Spread,
    placement: &Placement,
    now: UnixMillis,
) -> Result<PodPatch, Unrenderable> {
    let outline = whole(pod)?;
    let placed =
        inject(outline.clone(), spread, &Decision::Place(*placement)).map_err(Unrenderable::Inject)?;
    open(&outline, placed, now)
}

/// The patch that opens the gate of a pod that has its subset since admission.
///
/// Why it is where it is was written then; only that it is a stepping stone is new.
pub(crate) fn confirm(
    pod: &PodRecord,
    spread: &Spread,
    placement: &Placement,
    now: UnixMillis,
) -> Result<PodPatch, Unrenderable> {
    let outline = pod.outline.as_ref().ok_or(Unrenderable::Decided)?.value();
    let mut placed = outline.clone();
    if let (Reason::StoneBeside, Some(subset)) = (placement.reason, spread.subset(placement.subset)) {
        let why = format!("{}: {}", subset.name(), placement.reason);
        annotate(&mut placed, DECISION_ANNOTATION, &why);
    }
    if let Some(cost) = placement.cost {
        annotate(&mut placed, DELETION_COST_ANNOTATION, &cost.to_string());
    }
    open(&outline, placed, now)
}

/// The patch that opens the gate of a pod that gets no subset.
///
/// It goes with the cost of such a pod, so that no second write is needed.
pub(crate) fn release(
    pod: &PodRecord,
    why: &str,
    cost: Option<i32>,
    now: UnixMillis,
) -> Result<PodPatch, Unrenderable> {
    let outline = pod.outline.as_ref().ok_or(Unrenderable::Decided)?.value();
    let mut released = outline.clone();
    annotate(&mut released, DECISION_ANNOTATION, &format!("released: {why}"));
    if let Some(cost) = cost {
        annotate(&mut released, DELETION_COST_ANNOTATION, &cost.to_string());
    }
    open(&outline, released, now)
}

/// The differences between an outline and what is to become of it, behind tests that it still is this pod, that it
/// still waits, and that what is changed by place still is what was looked at.
fn open(outline: &Value, mut wanted: Value, now: UnixMillis) -> Result<PodPatch, Unrenderable> {
    let gates = outline.pointer("/spec/schedulingGates").and_then(Value::as_array);
    let at = gates
        .and_then(|gates| gates.iter().position(is_ours))
        .ok_or(Unrenderable::Decided)?;
    annotate(&mut wanted, BOUND_AT_ANNOTATION, &now.to_string());
    if let Some(spec) = wanted.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(gates) = outline.pointer("/spec/schedulingGates")
    {
        spec.insert("schedulingGates".to_owned(), gates.clone());
    }
    let mut operations = vec![test("/metadata/uid", outline.pointer("/metadata/uid"))];
    let gate = format!("/spec/schedulingGates/{at}");
    operations.push(test(&gate, outline.pointer(&gate)));
    let changes = diff(outline, &wanted);
    for list in ["/spec/tolerations", "/spec/affinity"] {
        let is_changed = changes
            .0
            .iter()
            .any(|change| change.path().as_str().starts_with(list));
        if let Some(before) = outline.pointer(list).filter(|_| is_changed) {
            operations.push(test(list, Some(before)));
        }
    }
    operations.push(PatchOperation::Remove(RemoveOperation { path: pointer(&gate) }));
    operations.extend(changes.0);
    Ok(PodPatch::Json(Patch(operations)))
}

/// The patch that moves a pending pod on to the next subset. It names the pod's version: one that got a node meanwhile
/// stays what it is.
pub(crate) fn move_in_place(
    pod: &PodRecord,
    spread: &Spread,
    from: SubsetIx,
    placement: &Placement,
    now: UnixMillis,
) -> Result<PodPatch, Unrenderable> {
    let outline = whole(pod)?;
    let mut moved =
        inject::move_in_place(outline.clone(), spread, from, placement).map_err(Unrenderable::Inject)?;
    annotate(&mut moved, BOUND_AT_ANNOTATION, &now.to_string());
    let mut operations = vec![test("/metadata/uid", outline.pointer("/metadata/uid"))];
    if let Some(version) = pod.version {
        operations.push(test(
            "/metadata/resourceVersion",
            Some(&Value::from(version.to_string())),
        ));
    }
    operations.extend(diff(&outline, &moved).0);
    Ok(PodPatch::Json(Patch(operations)))
}

/// The patch that gives a pod back the labels of the subset that it was moved from: that is where it runs.
pub(crate) fn landed(
    pod: &PodRecord,
    spread: &Spread,
    first: &Subset,
    second: &Subset,
    cost: Option<i32>,
) -> PodPatch {
    let why = Reason::Landed;
    let PodPatch::Merge(mut patch) = marks(pod, spread, first, &why.to_string(), cost) else {
        return PodPatch::Merge(Value::Null);
    };
    for field in ["labels", "annotations"] {
        let given = second
            .overlay()
            .patch()
            .and_then(|patch| patch.get("metadata")?.get(field)?.as_object());
        let Some(fields) = patch
            .pointer_mut(&format!("/metadata/{field}"))
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        for key in given
            .into_iter()
            .flat_map(Map::keys)
            .filter(|key| !is_directive(key))
        {
            fields.entry(key.as_str()).or_insert(Value::Null);
        }
        if field == "annotations" {
            fields.insert(MOVED_FROM_ANNOTATION.to_owned(), Value::Null);
        }
    }
    PodPatch::Merge(patch)
}

/// The patch that corrects a deletion cost.
pub(crate) fn cost(pod: &PodRecord, cost: i32) -> PodPatch {
    PodPatch::Merge(json!({ "metadata": {
        "uid": pod.uid,
        "annotations": { DELETION_COST_ANNOTATION: cost.to_string() },
    }}))
}

/// The patch that marks a running pod as one of a subset: the subset's own labels and annotations, and the marks that
/// an admitted pod has. Nothing else of the overlay can be given to it any more.
pub(crate) fn adopt(pod: &PodRecord, spread: &Spread, subset: &Subset, cost: Option<i32>) -> PodPatch {
    marks(
        pod,
        spread,
        subset,
        "adopted, it runs on a node of this subset",
        cost,
    )
}

fn marks(pod: &PodRecord, spread: &Spread, subset: &Subset, why: &str, cost: Option<i32>) -> PodPatch {
    let texts = |field: &str| -> Map<String, Value> {
        let texts = subset
            .overlay()
            .patch()
            .and_then(|patch| patch.get("metadata")?.get(field)?.as_object());
        let mut texts = texts.cloned().unwrap_or_default();
        // A merge patch knows no directive, and a pod that runs keeps what others find it by.
        if texts.get("$patch").and_then(Value::as_str) == Some("delete") {
            return Map::new();
        }
        texts.retain(|key, _| !is_directive(key));
        texts
    };
    let (mut labels, mut annotations) = (texts("labels"), texts("annotations"));
    labels.insert(SPREAD_LABEL.to_owned(), spread.name().into());
    labels.insert(SUBSET_LABEL.to_owned(), subset.name().into());
    annotations.insert(
        DECISION_ANNOTATION.to_owned(),
        format!("{}: {why}", subset.name()).into(),
    );
    let marker = json!({ "name": spread.name(), "subset": subset.name() });
    annotations.insert(KRUISE_MARKER.to_owned(), marker.to_string().into());
    if let Some(cost) = cost {
        annotations.insert(DELETION_COST_ANNOTATION.to_owned(), cost.to_string().into());
    }
    PodPatch::Merge(json!({ "metadata": { "uid": pod.uid, "labels": labels, "annotations": annotations } }))
}

/// Whether a key of a strategic merge patch says how to merge, and is no label.
fn is_directive(key: &str) -> bool {
    key.starts_with('$')
}

fn is_ours(gate: &Value) -> bool {
    gate.get("name").and_then(Value::as_str) == Some(PLACEMENT_GATE)
}

fn annotate(pod: &mut Value, key: &str, value: &str) {
    let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(key.to_owned(), value.into());
    }
}

fn test(path: &str, value: Option<&Value>) -> PatchOperation {
    PatchOperation::Test(TestOperation {
        path: pointer(path),
        value: value.cloned().unwrap_or(Value::Null),
    })
}

/// A pointer that was written here; the root where it cannot be read, which no test would pass.
fn pointer(path: &str) -> json_patch::jsonptr::PointerBuf {
    path.parse().unwrap_or_default()
}

impl fmt::Display for Unrenderable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided => f.write_str("the pod does not wait any more"),
            Self::TooLarge => {
                f.write_str("its labels, annotations, tolerations and affinity are too large to be kept")
            }
            Self::Inject(refused) => refused.fmt(f),
        }
    }
}
