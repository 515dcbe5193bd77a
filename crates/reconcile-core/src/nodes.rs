//! Whether a pod could run on a node: taints and node selector terms, as the scheduler reads them
//! (k8s.io/component-helpers/scheduling/corev1).

use serde_json::Value;

use crate::record::NodeRecord;

/// Whether every taint that keeps pods away is tolerated. `PreferNoSchedule` keeps nobody away.
pub(crate) fn tolerates<'t>(node: &NodeRecord, tolerations: impl Iterator<Item = &'t Value> + Clone) -> bool {
    node.taints
        .iter()
        .filter(|taint| text(taint, "effect") != "PreferNoSchedule")
        .all(|taint| {
            tolerations
                .clone()
                .any(|toleration| tolerates_taint(toleration, taint))
        })
}

fn tolerates_taint(toleration: &Value, taint: &Value) -> bool {
    let (effect, key) = (text(toleration, "effect"), text(toleration, "key"));
    if !effect.is_empty() && effect != text(taint, "effect") {
        return false;
    }
    if !key.is_empty() && key != text(taint, "key") {
        return false;
    }
    match text(toleration, "operator") {
        "Exists" => true,
        "" | "Equal" => !key.is_empty() && text(toleration, "value") == text(taint, "value"),
        "Gt" => numbers(text(taint, "value"), text(toleration, "value")).is_some_and(|(a, b)| a > b),
        "Lt" => numbers(text(taint, "value"), text(toleration, "value")).is_some_and(|(a, b)| a < b),
        _ => false,
    }
}

/// Whether a node is selected by one term: all its requirements hold. A term without any selects nothing.
pub(crate) fn matches_term(node: &NodeRecord, term: &Value) -> bool {
    let list = |field: &str| {
        term.get(field)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    let holds_label = |requirement: &Value| {
        let label = node.labels.get(text(requirement, "key")).map(String::as_str);
        holds(requirement, label)
    };
    let holds_field = |requirement: &Value| {
        text(requirement, "key") == "metadata.name" && holds(requirement, Some(&node.name))
    };
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(holds_label)
        && fields.iter().all(holds_field)
}

/// Whether a pod's own node selector and required terms select the node; terms are ORed.
pub(crate) fn matches_pod(node: &NodeRecord, spec: &Value) -> bool {
    let selector = spec.get("nodeSelector").and_then(Value::as_object);
    let is_selected = selector.is_none_or(|selector| {
        let has =
            |(key, value): (&String, &Value)| node.labels.get(key).map(String::as_str) == value.as_str();
        selector.iter().all(has)
    });
    let required = spec
        .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    let terms = required.and_then(Value::as_array);
    is_selected && terms.is_none_or(|terms| terms.iter().any(|term| matches_term(node, term)))
}

fn holds(requirement: &Value, value: Option<&str>) -> bool {
    let values = requirement.get("values").and_then(Value::as_array);
    let mut values = values.into_iter().flatten().filter_map(Value::as_str);
    match text(requirement, "operator") {
        "In" => value.is_some_and(|value| values.any(|wanted| wanted == value)),
        "NotIn" => value.is_none_or(|value| values.all(|wanted| wanted != value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        operator @ ("Gt" | "Lt") => {
            let compared = value
                .zip(values.next())
                .and_then(|(value, wanted)| numbers(value, wanted));
            compared.is_some_and(|(value, wanted)| {
                if operator == "Gt" {
                    value > wanted
                } else {
                    value < wanted
                }
            })
        }
        _ => false,
    }
}

fn numbers(left: &str, right: &str) -> Option<(i64, i64)> {
    Some((left.parse().ok()?, right.parse().ok()?))
}

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}
