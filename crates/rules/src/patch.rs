//! What a subset's patch may hold.
//!
//! A patch that the API server refuses, or that makes a pod which it refuses, would stop every pod
//! of the subset, so the common mistakes are found before: values without quotes, fields in the
//! wrong place, list items without their merge key.

use kube_rules::{smp, syntax};
use serde_json::{Map, Value, json};

use crate::fault::{FaultCode, Faults, Place};
use crate::names;
use crate::read;

/// What identifies a pod or belongs to its controller.
const RESERVED_METADATA: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generateName",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// Labels, annotations and variables are texts.
const IN_QUOTES: &str = "write the value in quotes";

/// Whether patches are tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trial {
    /// Each is applied to an empty pod.
    Run,
    /// They were tried before, when the settings were checked.
    Done,
}

/// Checks the strategic merge patch of a subset.
pub(crate) fn check(patch: &Value, trial: Trial, at: &Place<'_>, faults: &mut Faults) {
    let Value::Object(fields) = patch else {
        let fix = "write an object, such as `metadata: {labels: {pool: elastic}}`";
        faults.wrong(FaultCode::InvalidPatch, at, patch, fix);
        return;
    };
    let before = faults.len();
    for (name, value) in fields {
        let at = at.field(name);
        match name.as_str() {
            "metadata" => check_metadata(value, &at, faults),
            "spec" => check_spec(value, &at, faults),
            "status" => faults.wrong(
                FaultCode::ReservedField,
                &at,
                value,
                "remove it, a status is written by kubelets",
            ),
            name if name.starts_with('$') => {
                faults.wrong(
                    FaultCode::InvalidPatch,
                    &at,
                    value,
                    "write directives below `spec`",
                );
            }
            _ => {
                let fix = "write it below `metadata` (labels, annotations) or below `spec` (everything else)";
                faults.wrong(FaultCode::UnknownField, &at, value, fix);
            }
        }
    }
    if trial == Trial::Run
        && faults.len() == before
        && let Err(refused) = dry_run(patch)
    {
        let fix = format!("write a patch that can be applied; a trial on an empty pod says: {refused}");
        // The patch is not quoted, it may hold the values of variables; what it says names the place.
        faults.lacks(FaultCode::InvalidPatch, at, &fix);
    }
}

/// Applies the patch twice: lists are only merged, and their merge keys looked at, where the pod
/// has them, and after the first time it has all that the patch names.
fn dry_run(patch: &Value) -> Result<(), String> {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "labels": {}, "annotations": {}},
        "spec": {"containers": [{"name": "main", "image": "main"}]},
    });
    let once = smp::merge_pod(pod, patch).map_err(|refused| refused.to_string())?;
    smp::merge_pod(once, patch).map_err(|refused| refused.to_string())?;
    Ok(())
}

fn check_metadata(metadata: &Value, at: &Place<'_>, faults: &mut Faults) {
    let Some(fields) = object(
        metadata,
        at,
        "write an object with `labels` and `annotations`",
        faults,
    ) else {
        return;
    };
    for (name, value) in fields {
        let at = at.field(name);
        match name.as_str() {
            "labels" | "annotations" => check_texts(value, &at, name, faults),
            "finalizers" | "$setElementOrder/finalizers" | "$deleteFromPrimitiveList/finalizers" => {
                check_finalizers(value, &at, faults);
            }
            name if RESERVED_METADATA.contains(&name) || name.starts_with('$') => {
                let fix = "remove it, it says which pod this is; labels and annotations can be patched";
                faults.wrong(FaultCode::ReservedField, &at, value, fix);
            }
            name => {
                let fix = match read::nearest(name, &["labels", "annotations"]) {
                    Some(near) => format!("write `{near}`"),
                    None => "remove it; labels and annotations can be patched".to_owned(),
                };
                faults.wrong(FaultCode::UnknownField, &at, value, &fix);
            }
        }
    }
}

/// Labels or annotations: texts, `null` to remove one.
fn check_texts(texts: &Value, at: &Place<'_>, name: &str, faults: &mut Faults) {
    let labels = name == "labels";
    let Some(texts) = object(texts, at, "write an object; `key: null` removes one key", faults) else {
        return;
    };
    for (key, value) in texts {
        let at = at.field(key);
        if key.starts_with('$') {
            // A directive, which the trial looks at. A pod that runs already gets only what is named beside it.
            continue;
        }
        let own = key.starts_with(names::OWN_PREFIX);
        let reserved = if labels {
            names::CONTROLLER_LABELS.contains(&key.as_str())
        } else {
            key == names::DELETION_COST_ANNOTATION
        };
        if own || reserved {
            let fix = "remove it, it is written by Spillway or by the pod's controller";
            faults.wrong(FaultCode::ReservedField, &at, value, fix);
            continue;
        }
        if !syntax::is_key(key) {
            faults.wrong(
                FaultCode::InvalidPatch,
                &at,
                value,
                "write a key as `name` or `domain/name`",
            );
        }
        match value {
            Value::Null => {}
            Value::String(text) if !labels || syntax::is_label_value(text) => {}
            Value::String(_) => {
                let fix = "write a label's value: at most 63 letters, digits and inner `-`, `_`, `.`";
                faults.wrong(FaultCode::InvalidPatch, &at, value, fix);
            }
            _ => faults.wrong(FaultCode::InvalidPatch, &at, value, IN_QUOTES),
        }
    }
}

/// The API server takes names with a domain; those without are its own. `null` removes all.
fn check_finalizers(finalizers: &Value, at: &Place<'_>, faults: &mut Faults) {
    let Value::Array(names) = finalizers else {
        if !finalizers.is_null() {
            faults.wrong(FaultCode::InvalidPatch, at, finalizers, "write a list of names");
        }
        return;
    };
    for (ix, name) in names.iter().enumerate() {
        let is_name = |name: &str| name.contains('/') && syntax::is_key(name);
        if !name.as_str().is_some_and(is_name) {
            let fix = "write a name as `domain/name`, of a controller that removes it again";
            faults.wrong(FaultCode::InvalidPatch, &at.item(ix), name, fix);
        }
    }
}

fn check_spec(spec: &Value, at: &Place<'_>, faults: &mut Faults) {
    let Some(fields) = object(spec, at, "write an object with fields of a pod's spec", faults) else {
        return;
    };
    for (name, value) in fields {
        let at = at.field(name);
        match name.as_str() {
            "nodeName" => {
                let fix = "remove it, the scheduler picks the node; use `requiredNodeSelectorTerm`";
                faults.wrong(FaultCode::ReservedField, &at, value, fix);
            }
            "$patch" => {
                faults.wrong(
                    FaultCode::InvalidPatch,
                    &at,
                    value,
                    "remove it, the pod would lose its containers",
                );
            }
            "schedulingGates" => check_gates(value, &at, faults),
            "containers" | "initContainers" => check_containers(value, &at, faults),
            "nodeSelector" => check_strings(value, &at, faults),
            _ => {}
        }
    }
}

fn check_gates(gates: &Value, at: &Place<'_>, faults: &mut Faults) {
    for (ix, gate) in list(gates).iter().enumerate() {
        if gate.get("name").and_then(Value::as_str) == Some(names::PLACEMENT_GATE) {
            let fix = "remove it, Spillway sets and removes this gate itself";
            faults.wrong(FaultCode::ReservedField, &at.item(ix), gate, fix);
        }
    }
}

fn check_containers(containers: &Value, at: &Place<'_>, faults: &mut Faults) {
    for (ix, container) in list(containers).iter().enumerate() {
        let at = at.item(ix);
        let at = at.field("env");
        for (ix, variable) in container
            .get("env")
            .map(list)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let at = at.item(ix);
            if let Some(value) = variable.get("value").filter(|value| !is_text(value)) {
                let at = at.field("value");
                faults.wrong_secret(FaultCode::InvalidPatch, &at, value, IN_QUOTES);
            }
        }
    }
}

fn check_strings(values: &Value, at: &Place<'_>, faults: &mut Faults) {
    let texts = values.as_object().into_iter().flatten();
    for (key, value) in texts.filter(|(_, value)| !is_text(value)) {
        faults.wrong(FaultCode::InvalidPatch, &at.field(key), value, IN_QUOTES);
    }
}

/// A text, or `null` to remove one.
fn is_text(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

fn object<'v>(
    value: &'v Value,
    at: &Place<'_>,
    fix: &str,
    faults: &mut Faults,
) -> Option<&'v Map<String, Value>> {
    let object = value.as_object();
    if object.is_none() {
        faults.wrong(FaultCode::InvalidPatch, at, value, fix);
    }
    object
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
