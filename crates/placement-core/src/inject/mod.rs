//! Writes a decision into a pod.
//!
//! The order is WorkloadSpread's: tolerations appended, preferred terms appended, the required term
//! ANDed into every term that is there, the patch merged last, so that a patched list replaces what
//! was injected. Unknown fields of the pod survive: it is edited as raw JSON, never through a type.
//! The same code serves admission and binding, so that the two cannot disagree.

mod affinity;
mod in_place;
mod kept;
mod marks;

use core::fmt;

pub use in_place::{is_movable, move_in_place, next_in_place};
use serde_json::{Map, Value};

use crate::decide::{Decision, Placement};
use kube_rules::smp;
use rules::names::PLACEMENT_GATE;
use rules::{Overlay, Spread};

/// Why a pod cannot be given what its subset says.
#[derive(Debug)]
pub enum Refused {
    /// A field of the pod has a type that it cannot have.
    NotAPod {
        /// Where.
        path: &'static str,
        /// What is needed there.
        expected: &'static str,
    },
    /// The patch does not fit the pod.
    Patch(smp::Refused),
    /// The patch leaves a list of containers that the API server would refuse.
    Containers {
        /// The container without an image; empty where no container is left.
        name: String,
    },
}

/// Gives a pod what the decision says. A pod that is left is returned as it came.
///
/// # Errors
/// When the pod has no readable shape where it must be changed, or the patch does not fit it.
pub fn inject(pod: Value, spread: &Spread, decision: &Decision) -> Result<Value, Refused> {
    match decision {
        Decision::Leave { .. } => Ok(pod),
        Decision::Gate { reason, .. } => {
            let mut pod = pod;
            add_gate(&mut pod)?;
            marks::gated(&mut pod, spread, *reason)?;
            Ok(pod)
        }
        Decision::Hold(placement) => {
            let mut pod = place(pod, spread, placement)?;
            add_gate(&mut pod)?;
            Ok(pod)
        }
        Decision::Place(placement) => place(pod, spread, placement),
    }
}

fn place(mut pod: Value, spread: &Spread, placement: &Placement) -> Result<Value, Refused> {
    let Some(subset) = spread.subset(placement.subset) else {
        return Ok(pod);
    };
    let overlay = subset.overlay();
    let further = in_place::further_term(spread, placement.subset, &pod);
    add_terms(&mut pod, overlay, further)?;
    if let Some(patch) = overlay.patch() {
        let before = priority_class(&pod);
        let kept = kept::Kept::of(&pod);
        pod = smp::merge_pod(pod, patch).map_err(Refused::Patch)?;
        kept.restore(&mut pod)?;
        if priority_class(&pod) != before {
            forget_resolved_priority(&mut pod)?;
        }
    }
    marks::placed(&mut pod, spread, subset, placement)?;
    Ok(pod)
}

fn add_terms(pod: &mut Value, overlay: &Overlay, further: Option<&Value>) -> Result<(), Refused> {
    if overlay.tolerations().is_empty() && overlay.preferred().is_empty() && overlay.required().is_none() {
        return Ok(());
    }
    let spec = object(root(pod)?, "spec", "spec")?;
    if !overlay.tolerations().is_empty() {
        list(spec, "tolerations", "spec.tolerations")?.extend(overlay.tolerations().iter().cloned());
    }
    affinity::add(spec, overlay, further)
}

/// The admission plugin resolved the class that was there before; it runs again for the new one,
/// and refuses a pod whose priority is another's.
fn forget_resolved_priority(pod: &mut Value) -> Result<(), Refused> {
    let spec = object(root(pod)?, "spec", "spec")?;
    spec.remove("priority");
    spec.remove("preemptionPolicy");
    Ok(())
}

fn priority_class(pod: &Value) -> Option<String> {
    let class = pod.get("spec")?.get("priorityClassName")?.as_str()?;
    (!class.is_empty()).then(|| class.to_owned())
}

fn add_gate(pod: &mut Value) -> Result<(), Refused> {
    let spec = object(root(pod)?, "spec", "spec")?;
    let gates = list(spec, "schedulingGates", "spec.schedulingGates")?;
    let is_ours = |gate: &Value| gate.get("name").and_then(Value::as_str) == Some(PLACEMENT_GATE);
    if !gates.iter().any(is_ours) {
        gates.push(serde_json::json!({ "name": PLACEMENT_GATE }));
    }
    Ok(())
}

fn root(pod: &mut Value) -> Result<&mut Map<String, Value>, Refused> {
    pod.as_object_mut().ok_or(Refused::NotAPod {
        path: "",
        expected: "an object",
    })
}

/// The object at a key, made where it is absent or null.
fn object<'v>(
    parent: &'v mut Map<String, Value>,
    key: &str,
    path: &'static str,
) -> Result<&'v mut Map<String, Value>, Refused> {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().ok_or(Refused::NotAPod {
        path,
        expected: "an object",
    })
}

/// The list at a key, made where it is absent or null.
fn list<'v>(
    parent: &'v mut Map<String, Value>,
    key: &str,
    path: &'static str,
) -> Result<&'v mut Vec<Value>, Refused> {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().ok_or(Refused::NotAPod {
        path,
        expected: "a list",
    })
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPod { path: "", expected } => write!(f, "the pod is not {expected}"),
            Self::NotAPod { path, expected } => write!(f, "`{path}` of the pod is not {expected}"),
            Self::Containers { name } if name.is_empty() => {
                f.write_str("the subset's patch leaves the pod no container")
            }
            Self::Containers { name } => write!(
                f,
                "the subset's patch does not fit the pod: it has no container `{name}`, and the patch gives it no image"
            ),
            Self::Patch(refused) => write!(f, "the subset's patch does not fit the pod: {refused}"),
        }
    }
}

impl core::error::Error for Refused {}
