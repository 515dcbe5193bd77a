//! Labels and annotations by which a pod says where it is and why.

use rules::names::{
    DECISION_ANNOTATION, DELETION_COST_ANNOTATION, KRUISE_MARKER, SPREAD_LABEL, STEPPING_STONE_ANNOTATION,
    SUBSET_LABEL,
};
use rules::{Spread, Subset};
use serde_json::{Map, Value, json};

use super::{Refused, object, root};
use crate::decide::Placement;
use crate::reason::Reason;

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
    if placement.reason == Reason::StoneBeyond {
        set(annotations, STEPPING_STONE_ANNOTATION, "true");
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

fn set(map: &mut Map<String, Value>, key: &str, value: &str) {
    map.insert(key.to_owned(), Value::String(value.to_owned()));
}
