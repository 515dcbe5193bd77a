//! Node affinity of a placed pod.

use rules::Overlay;
use serde_json::{Map, Value, json};

use super::{Refused, list, object};

const AFFINITY: &str = "spec.affinity";
const NODE_AFFINITY: &str = "spec.affinity.nodeAffinity";
const PREFERRED: &str = "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED: &str = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
const TERMS: &str =
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";

/// What a term can select nodes by.
const CONDITIONS: [&str; 2] = ["matchExpressions", "matchFields"];

/// Appends the preferred terms and ANDs the required one. Terms are ORed by the scheduler, so that
/// the required one goes into each of them; it stands alone where there is none, or beside a further one, which is then
/// preferred less. A term without a condition selects no node, and goes on doing so: with one it would select some, and the
/// API server refuses that of a pod that exists.
pub(super) fn add(
    spec: &mut Map<String, Value>,
    overlay: &Overlay,
    further: Option<&Value>,
) -> Result<(), Refused> {
    if overlay.preferred().is_empty() && overlay.required().is_none() {
        return Ok(());
    }
    let affinity = object(spec, "affinity", AFFINITY)?;
    let node_affinity = object(affinity, "nodeAffinity", NODE_AFFINITY)?;
    if !overlay.preferred().is_empty() {
        list(
            node_affinity,
            "preferredDuringSchedulingIgnoredDuringExecution",
            PREFERRED,
        )?
        .extend(overlay.preferred().iter().cloned());
    }
    let Some(required) = overlay.required() else {
        return Ok(());
    };
    if further.is_some() {
        list(
            node_affinity,
            "preferredDuringSchedulingIgnoredDuringExecution",
            PREFERRED,
        )?
        .push(json!({ "weight": 100, "preference": required }));
    }
    let selector = object(
        node_affinity,
        "requiredDuringSchedulingIgnoredDuringExecution",
        REQUIRED,
    )?;
    let terms = list(selector, "nodeSelectorTerms", TERMS)?;
    if terms.is_empty() {
        terms.push(required.clone());
        terms.extend(further.cloned());
        return Ok(());
    }
    for term in terms.iter_mut().filter(|term| !term.is_null()) {
        let term = term.as_object_mut().ok_or(Refused::NotAPod {
            path: TERMS,
            expected: "a list of objects",
        })?;
        if is_empty(term) {
            continue;
        }
        for key in CONDITIONS {
            let Some(added) = required
                .get(key)
                .and_then(Value::as_array)
                .filter(|added| !added.is_empty())
            else {
                continue;
            };
            list(term, key, TERMS)?.extend(added.iter().cloned());
        }
    }
    Ok(())
}

/// Whether a term has no condition at all.
fn is_empty(term: &Map<String, Value>) -> bool {
    CONDITIONS.iter().all(|key| match term.get(*key) {
        None | Some(Value::Null) => true,
        Some(Value::Array(conditions)) => conditions.is_empty(),
        Some(_) => false,
    })
}
