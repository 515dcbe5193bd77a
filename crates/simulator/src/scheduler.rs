//! Which node takes a pod: a scheduler that decides at once, by node selector, node affinity, taints and room for pods.
//! It knows no resources and no affinity between pods.

use serde_json::Value;

use crate::json;
use crate::scenario::{NodeSpec, Taint};

/// A node and the pods on it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    pub(crate) pods: u64,
}

/// The index of the best node for a pod, if any takes it: first by preferences, then by the share of room left, then by order.
pub(crate) fn choose(pod: &Value, nodes: &[Node]) -> Option<usize> {
    let mut best: Option<(usize, i64)> = None;
    for (index, node) in nodes.iter().enumerate() {
        if node.pods >= node.spec.pods || !fits(pod, &node.spec) {
            continue;
        }
        let preference = preference(pod, &node.spec);
        let better = best.is_none_or(|(other, highest)| {
            preference > highest
                || (preference == highest && nodes.get(other).is_some_and(|other| has_more_room(node, other)))
        });
        if better {
            best = Some((index, preference));
        }
    }
    best.map(|(index, _)| index)
}

/// Whether the pod may run on the node, room apart.
fn fits(pod: &Value, node: &NodeSpec) -> bool {
    let selected = json::at(pod, &["spec", "nodeSelector"])
        .and_then(Value::as_object)
        .is_none_or(|selector| {
            selector
                .iter()
                .all(|(key, value)| node.labels.get(key).map(String::as_str) == value.as_str())
        });
    let terms = json::at(
        pod,
        &[
            "spec",
            "affinity",
            "nodeAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ],
    );
    let affine = terms.is_none_or(|required| {
        json::list(required, &["nodeSelectorTerms"])
            .iter()
            .any(|term| term_matches(term, node))
    });
    let tolerations = json::list(pod, &["spec", "tolerations"]);
    let tolerated = node
        .taints
        .iter()
        .filter(|taint| taint.effect != "PreferNoSchedule")
        .all(|taint| tolerations.iter().any(|toleration| tolerates(toleration, taint)));
    selected && affine && tolerated
}

fn preference(pod: &Value, node: &NodeSpec) -> i64 {
    let preferred = json::list(
        pod,
        &[
            "spec",
            "affinity",
            "nodeAffinity",
            "preferredDuringSchedulingIgnoredDuringExecution",
        ],
    );
    let wanted: i64 = preferred
        .iter()
        .filter(|preferred| {
            preferred
                .get("preference")
                .is_some_and(|term| term_matches(term, node))
        })
        .filter_map(|preferred| preferred.get("weight").and_then(Value::as_i64))
        .sum();
    let tolerations = json::list(pod, &["spec", "tolerations"]);
    let avoided = node.taints.iter().filter(|taint| {
        taint.effect == "PreferNoSchedule"
            && !tolerations.iter().any(|toleration| tolerates(toleration, taint))
    });
    wanted - i64::try_from(avoided.count()).unwrap_or(i64::MAX)
}

fn has_more_room(node: &Node, other: &Node) -> bool {
    let used = |node: &Node| u128::from(node.pods);
    used(node) * u128::from(other.spec.pods) < used(other) * u128::from(node.spec.pods)
}

/// A term without expressions matches nothing.
fn term_matches(term: &Value, node: &NodeSpec) -> bool {
    let expressions = json::list(term, &["matchExpressions"]);
    let fields = json::list(term, &["matchFields"]);
    let label = |expression: &Value| {
        json::text(expression, &["key"])
            .and_then(|key| node.labels.get(key))
            .map(String::as_str)
    };
    !(expressions.is_empty() && fields.is_empty())
        && expressions
            .iter()
            .all(|expression| expression_matches(expression, label(expression)))
        && fields
            .iter()
            .all(|field| expression_matches(field, Some(&node.name)))
}

fn expression_matches(expression: &Value, found: Option<&str>) -> bool {
    let values = json::list(expression, &["values"]);
    let among = || found.is_some_and(|found| values.iter().any(|value| value.as_str() == Some(found)));
    let numbers = || {
        let bound = values.first().and_then(Value::as_str)?.parse::<i64>().ok()?;
        Some((found?.parse::<i64>().ok()?, bound))
    };
    match json::text(expression, &["operator"]) {
        Some("In") => among(),
        Some("NotIn") => !among(),
        Some("Exists") => found.is_some(),
        Some("DoesNotExist") => found.is_none(),
        Some("Gt") => numbers().is_some_and(|(found, bound)| found > bound),
        Some("Lt") => numbers().is_some_and(|(found, bound)| found < bound),
        _ => false,
    }
}

fn tolerates(toleration: &Value, taint: &Taint) -> bool {
    let field = |name| json::text(toleration, &[name]).unwrap_or("");
    let exists = field("operator") == "Exists";
    let key = field("key");
    let effect = field("effect");
    (effect.is_empty() || effect == taint.effect)
        && ((key.is_empty() && exists) || key == taint.key)
        && (exists || field("value") == taint.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(name: &str, kind: &str, room: u64, pods: u64, taints: &[(&str, &str, &'static str)]) -> Node {
        let taints = taints.iter().map(|(key, value, effect)| Taint {
            key: (*key).into(),
            value: (*value).into(),
            effect,
        });
        let labels = [
            ("type".to_owned(), kind.to_owned()),
            ("size".to_owned(), "8".to_owned()),
        ]
        .into();
        Node {
            spec: NodeSpec {
                name: name.into(),
                labels,
                taints: taints.collect(),
                pods: room,
                startup: None,
            },
            pods,
        }
    }

    fn with_term(expression: &Value) -> Value {
        json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}}})
    }

    #[test]
    fn pods_spread_by_the_share_of_room_left() {
        let nodes = [
            node("a", "x", 10, 5, &[]),
            node("b", "x", 100, 40, &[]),
            node("c", "x", 1, 1, &[]),
        ];
        assert_eq!(choose(&json!({}), &nodes), Some(1));
        assert_eq!(choose(&json!({}), &nodes[2..]), None);
    }

    #[test]
    fn every_operator_of_node_affinity_counts() {
        let nodes = [node("a", "plain", 1, 0, &[])];
        for (operator, key, values, taken) in [
            ("In", "type", json!(["plain", "x"]), true),
            ("In", "absent", json!(["plain"]), false),
            ("NotIn", "type", json!(["plain"]), false),
            ("NotIn", "absent", json!(["plain"]), true),
            ("Exists", "type", json!([]), true),
            ("DoesNotExist", "type", json!([]), false),
            ("Gt", "size", json!(["7"]), true),
            ("Lt", "size", json!(["8"]), false),
        ] {
            let pod = with_term(&json!({"key": key, "operator": operator, "values": values}));
            assert_eq!(choose(&pod, &nodes).is_some(), taken, "{operator} {key}");
        }
    }

    #[test]
    fn one_matching_term_is_enough_and_an_empty_one_matches_nothing() {
        let pod = |terms: Value| {
            json!({"spec": {"affinity": {"nodeAffinity":
                {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}})
        };
        let nodes = [node("a", "plain", 1, 0, &[])];
        let named = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]});
        assert_eq!(choose(&pod(json!([{}, named])), &nodes), Some(0));
        assert_eq!(choose(&pod(json!([{}])), &nodes), None);
    }

    #[test]
    fn taints_are_tolerated_by_key_value_and_effect() {
        let nodes = [node("v", "virtual", 1, 0, &[("provider", "acs", "NoSchedule")])];
        for (toleration, taken) in [
            (json!({"key": "provider", "operator": "Exists"}), true),
            (json!({"operator": "Exists"}), true),
            (
                json!({"key": "provider", "value": "acs", "effect": "NoSchedule"}),
                true,
            ),
            (json!({"key": "provider", "value": "other"}), false),
            (
                json!({"key": "provider", "operator": "Exists", "effect": "NoExecute"}),
                false,
            ),
        ] {
            let pod = json!({"spec": {"tolerations": [toleration]}});
            assert_eq!(choose(&pod, &nodes).is_some(), taken, "{pod}");
        }
        assert_eq!(choose(&json!({}), &nodes), None);
    }

    #[test]
    fn preferences_come_before_room() {
        let nodes = [node("a", "plain", 100, 0, &[]), node("b", "paid", 10, 9, &[])];
        let pod = json!({"spec": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 5, "preference": {"matchExpressions": [{"key": "type", "operator": "In", "values": ["paid"]}]}}]}}}});
        assert_eq!(choose(&pod, &nodes), Some(1));
    }
}
