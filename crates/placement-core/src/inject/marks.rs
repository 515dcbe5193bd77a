//! Labels and annotations by which a pod says where it is and why.

use serde_json::{Map, Value, json};

use super::{Refused, object, root};
use crate::decide::Placement;
use crate::names::{
    CONTROLLER_REVISION_HASH, DECISION_ANNOTATION, DELETION_COST_ANNOTATION, KRUISE_MARKER,
    POD_TEMPLATE_HASH, SPREAD_LABEL, SUBSET_LABEL,
};
use crate::reason::Reason;
use crate::spread::{Spread, Subset};

/// Marks a pod that was placed.
pub(super) fn placed(
    pod: &mut Value,
    spread: &Spread,
    subset: &Subset,
    placement: &Placement,
) -> Result<(), Refused> {
    let metadata = object(root(pod)?, "metadata", "metadata")?;
    let labels = object(metadata, "labels", "metadata.labels")?;
    set(labels, SPREAD_LABEL, spread.name());
    set(labels, SUBSET_LABEL, subset.name());
    let annotations = object(metadata, "annotations", "metadata.annotations")?;
    set(
        annotations,
        DECISION_ANNOTATION,
        &format!("{}: {}", subset.name(), placement.reason),
    );
    if let Some(cost) = placement.cost {
        set(annotations, DELETION_COST_ANNOTATION, &cost.to_string());
    }
    let marker = json!({ "name": spread.name(), "subset": subset.name() });
    set(annotations, KRUISE_MARKER, &marker.to_string());
    Ok(())
}

/// Marks a pod that waits for its place.
pub(super) fn gated(pod: &mut Value, spread: &Spread, reason: Reason) -> Result<(), Refused> {
    let metadata = object(root(pod)?, "metadata", "metadata")?;
    set(
        object(metadata, "labels", "metadata.labels")?,
        SPREAD_LABEL,
        spread.name(),
    );
    let annotations = object(metadata, "annotations", "metadata.annotations")?;
    set(annotations, DECISION_ANNOTATION, &format!("gated: {reason}"));
    Ok(())
}

/// The labels by which a controller finds its pods: a ReplicaSet whose pods lose theirs makes
/// new ones without end.
pub(super) fn revision_labels(pod: &Value) -> Vec<(&'static str, Value)> {
    let labels = pod.get("metadata").and_then(|metadata| metadata.get("labels"));
    [POD_TEMPLATE_HASH, CONTROLLER_REVISION_HASH]
        .into_iter()
        .filter_map(|key| Some((key, labels?.get(key)?.clone())))
        .collect()
}

/// Puts labels back that a patch may have dropped with all others (`$patch: replace`).
pub(super) fn keep_labels(pod: &mut Value, kept: Vec<(&'static str, Value)>) -> Result<(), Refused> {
    if kept.is_empty() {
        return Ok(());
    }
    let labels = object(
        object(root(pod)?, "metadata", "metadata")?,
        "labels",
        "metadata.labels",
    )?;
    labels.extend(kept.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Ok(())
}

fn set(map: &mut Map<String, Value>, key: &str, value: &str) {
    map.insert(key.to_owned(), Value::String(value.to_owned()));
}
