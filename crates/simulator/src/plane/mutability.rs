//! What of a stored pod an update may change: the rules of the API server's `ValidatePodUpdate`, as far as Spillway's
//! writes come near them. A write that breaks one is a fault of whoever planned it.

use serde_json::{Map, Value};

use crate::json;

const NODE_AFFINITY: &[&str] = &["affinity", "nodeAffinity"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// What an update does that no pod lets be done to it; `Ok` where it is allowed.
pub(super) fn check(old: &Value, new: &Value) -> Result<(), String> {
    metadata(old, new)?;
    let is_gated = !json::list(old, &["spec", "schedulingGates"]).is_empty();
    let empty = Map::new();
    let spec = |pod: &Value| json::at(pod, &["spec"]).cloned().unwrap_or_default();
    let (old, new) = (spec(old), spec(new));
    gates(&old, &new)?;
    tolerations(&old, &new)?;
    let (old_fields, new_fields) = (
        old.as_object().unwrap_or(&empty),
        new.as_object().unwrap_or(&empty),
    );
    for field in old_fields.keys().chain(new_fields.keys()) {
        let before = old_fields.get(field).filter(|value| !value.is_null());
        let after = new_fields.get(field).filter(|value| !value.is_null());
        match field.as_str() {
            "schedulingGates" | "tolerations" => {}
            _ if before == after => {}
            "nodeSelector" if is_gated => only_more_keys(before, after)?,
            "affinity" if is_gated => affinity(&old, &new)?,
            other => {
                return Err(format!(
                    "`spec.{other}` is changed, which no pod allows once it is created"
                ));
            }
        }
    }
    Ok(())
}

fn metadata(old: &Value, new: &Value) -> Result<(), String> {
    for field in [
        "name",
        "namespace",
        "uid",
        "generateName",
        "creationTimestamp",
        "ownerReferences",
        "finalizers",
    ] {
        if json::at(old, &["metadata", field]) != json::at(new, &["metadata", field]) {
            return Err(format!("`metadata.{field}` is changed"));
        }
    }
    Ok(())
}

fn gates(old: &Value, new: &Value) -> Result<(), String> {
    let before = json::list(old, &["schedulingGates"]);
    let added = json::list(new, &["schedulingGates"])
        .iter()
        .find(|gate| !before.contains(gate));
    added.map_or(Ok(()), |gate| {
        Err(format!("the gate {gate} is added, gates can only be removed"))
    })
}

fn tolerations(old: &Value, new: &Value) -> Result<(), String> {
    let after = json::list(new, &["tolerations"]);
    let lost = json::list(old, &["tolerations"])
        .iter()
        .find(|toleration| !after.contains(toleration));
    lost.map_or(Ok(()), |lost| {
        Err(format!(
            "the toleration {lost} is removed, tolerations can only be added"
        ))
    })
}

fn only_more_keys(before: Option<&Value>, after: Option<&Value>) -> Result<(), String> {
    let fields = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (fields(before), fields(after));
    let lost = before.iter().find(|(key, value)| after.get(*key) != Some(value));
    lost.map_or(Ok(()), |(key, _)| {
        Err(format!(
            "`spec.nodeSelector.{key}` is changed, keys can only be added"
        ))
    })
}

fn affinity(old: &Value, new: &Value) -> Result<(), String> {
    for field in ["podAffinity", "podAntiAffinity"] {
        if json::at(old, &["affinity", field]) != json::at(new, &["affinity", field]) {
            return Err(format!(
                "`spec.affinity.{field}` is changed, which a gated pod does not allow"
            ));
        }
    }
    let terms = |spec: &Value| {
        let node_affinity = json::at(spec, NODE_AFFINITY)?;
        json::at(node_affinity, &[REQUIRED, "nodeSelectorTerms"])?
            .as_array()
            .cloned()
    };
    let Some(before) = terms(old).filter(|terms| !terms.is_empty()) else {
        return Ok(());
    };
    let after = terms(new).unwrap_or_default();
    if before.len() != after.len() {
        return Err(
            "a required node selector term is added or removed, terms can only be tightened".to_owned(),
        );
    }
    before
        .iter()
        .zip(&after)
        .try_for_each(|(before, after)| term(before, after))
}

/// A term may only be made stricter: what it has stays in its place. One without any condition selects nothing; with one
/// it would select something.
fn term(before: &Value, after: &Value) -> Result<(), String> {
    const LISTS: [&str; 2] = ["matchExpressions", "matchFields"];
    let is_empty = |term: &Value| LISTS.iter().all(|list| json::list(term, &[list]).is_empty());
    if is_empty(before) && !is_empty(after) {
        return Err(
            "an empty node selector term is given a condition, it must go on selecting nothing".to_owned(),
        );
    }
    for list in LISTS {
        if !json::list(after, &[list]).starts_with(json::list(before, &[list])) {
            return Err(format!(
                "an expression of `{list}` is changed or removed, terms can only be tightened"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(spec: Value) -> Value {
        json!({"metadata": {"name": "a", "uid": "u"}, "spec": spec})
    }

    fn term(expressions: Value) -> Value {
        json!({"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": expressions}]}}})
    }

    #[test]
    fn a_gated_pod_is_bound_in_one_update() {
        let gated = json!([{"name": "g"}]);
        let old =
            pod(json!({"schedulingGates": gated, "affinity": term(json!(["x"])), "tolerations": ["t"]}));
        let new = pod(
            json!({"affinity": term(json!(["x", "y"])), "tolerations": ["t", "u"], "nodeSelector": {"a": "b"}}),
        );
        assert_eq!(check(&old, &new), Ok(()));
        let old = pod(json!({"schedulingGates": gated}));
        assert_eq!(check(&old, &pod(json!({"affinity": term(json!(["y"]))}))), Ok(()));
    }

    #[test]
    fn terms_are_made_stricter_one_by_one() {
        let gates = json!([{"name": "g"}]);
        let with = |terms: Value| {
            pod(json!({
                "schedulingGates": gates,
                "affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}},
            }))
        };
        let (a, b) = (json!({"key": "a"}), json!({"key": "b"}));
        for (before, after, is_allowed) in [
            (
                json!([{"matchExpressions": [a]}]),
                json!([{"matchExpressions": [a, b]}]),
                true,
            ),
            (
                json!([{"matchExpressions": [a]}]),
                json!([{"matchExpressions": [a], "matchFields": [b]}]),
                true,
            ),
            (
                json!([{"matchExpressions": [a]}]),
                json!([{"matchExpressions": [b, a]}]),
                false,
            ),
            (
                json!([{"matchExpressions": [a, b]}]),
                json!([{"matchExpressions": [a]}]),
                false,
            ),
            (
                json!([{"matchExpressions": [a]}]),
                json!([{"matchExpressions": [a]}, {}]),
                false,
            ),
            (
                json!([{}, {"matchExpressions": [a]}]),
                json!([{}, {"matchExpressions": [a, b]}]),
                true,
            ),
            (json!([{}]), json!([{"matchExpressions": [a]}]), false),
            (
                json!([{"matchExpressions": []}]),
                json!([{"matchFields": [a]}]),
                false,
            ),
        ] {
            assert_eq!(
                check(&with(before.clone()), &with(after.clone())).is_ok(),
                is_allowed,
                "{before} -> {after}"
            );
        }
    }

    #[test]
    fn what_the_api_server_refuses_is_refused() {
        let gates = json!([{"name": "g"}]);
        for (old, new) in [
            (
                json!({"affinity": term(json!(["x"]))}),
                json!({"affinity": term(json!(["x", "y"]))}),
            ),
            (
                json!({"schedulingGates": gates, "affinity": term(json!(["x"]))}),
                json!({"affinity": term(json!(["y"]))}),
            ),
            (json!({"tolerations": ["t"]}), json!({"tolerations": ["u"]})),
            (json!({}), json!({"schedulingGates": gates})),
            (
                json!({"schedulingGates": gates, "nodeSelector": {"a": "b"}}),
                json!({"nodeSelector": {"a": "c"}}),
            ),
            (
                json!({"schedulingGates": gates, "priority": 1}),
                json!({"priority": 2}),
            ),
            (
                json!({"schedulingGates": gates}),
                json!({"affinity": {"podAffinity": {}}}),
            ),
        ] {
            assert!(
                check(&pod(old.clone()), &pod(new.clone())).is_err(),
                "{old} -> {new}"
            );
        }
    }
}
