//! Random nodes and pods: mostly what a cluster can hold, now and then what only the matching itself must survive.

#![expect(
    clippy::indexing_slicing,
    reason = "fields of a JSON object that was made here"
)]

use serde_json::{Map, Value, json};

use crate::prng::Prng;

const KEYS: &[&str] = &[
    "pool",
    "type",
    "size",
    "kubernetes.io/arch",
    "topology.kubernetes.io/zone",
];
const BAD_KEYS: &[&str] = &["", "-pool", "a/b/c", "Pool.IO/x", "pool "];
const VALUES: &[&str] = &[
    "paid",
    "virtual-kubelet",
    "a",
    "",
    "7",
    "8",
    "-3",
    "08",
    "+5",
    "9223372036854775807",
];
const BAD_VALUES: &[&str] = &["no label", "-x", "9223372036854775808", "1.5"];
const NAMES: &[&str] = &["node-1", "node-2", "virtual"];
const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
const BAD_OPERATORS: &[&str] = &["", "in", "Equals"];
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
const TAINT_VALUES: &[&str] = &["", "acs", "5", "6", "-6", "05", "0", "-0"];

pub(crate) fn question(seed: u64, number: u64) -> Value {
    let mut draw = Prng::new(seed, number);
    let name = if draw.percent(3) {
        ""
    } else {
        pick(&mut draw, NAMES)
    };
    let mut labels = Map::new();
    for _ in 0..draw.below(5) {
        labels.insert(pick(&mut draw, KEYS).to_owned(), json!(pick(&mut draw, VALUES)));
    }
    let taints = list(&mut draw, 3, taint);
    json!({
        "node": {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}},
        "pod": {"spec": spec(&mut draw)},
    })
}

fn spec(draw: &mut Prng) -> Value {
    let mut spec = json!({"containers": [], "tolerations": list(draw, 4, toleration)});
    if draw.percent(30) {
        let mut selector = Map::new();
        for _ in 0..draw.below(3) {
            selector.insert(pick(draw, KEYS).to_owned(), json!(pick(draw, VALUES)));
        }
        spec["nodeSelector"] = Value::Object(selector);
    }
    if draw.percent(70) {
        let terms = list(draw, 3, term);
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] =
            terms;
    }
    if draw.percent(60) {
        let preferred = list(draw, 4, |draw| {
            let weight = if draw.percent(5) { 0 } else { draw.below(100) + 1 };
            json!({"weight": weight, "preference": term(draw)})
        });
        spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] = preferred;
    }
    spec
}

fn term(draw: &mut Prng) -> Value {
    let mut term = json!({});
    if draw.percent(85) {
        term["matchExpressions"] = list(draw, 3, expression);
    }
    if draw.percent(25) {
        term["matchFields"] = list(draw, 2, field);
    }
    term
}

fn expression(draw: &mut Prng) -> Value {
    let operator = if draw.percent(2) {
        pick(draw, BAD_OPERATORS)
    } else {
        pick(draw, OPERATORS)
    };
    let key = if draw.percent(2) {
        pick(draw, BAD_KEYS)
    } else {
        pick(draw, KEYS)
    };
    let count = match operator {
        _ if draw.percent(4) => draw.below(3),
        "Exists" | "DoesNotExist" => 0,
        "Gt" | "Lt" => 1,
        _ => draw.below(3) + 1,
    };
    let value = |draw: &mut Prng| match operator {
        "Gt" | "Lt" if draw.percent(85) => (draw.below(12).to_string()).into(),
        _ if draw.percent(3) => json!(pick(draw, BAD_VALUES)),
        _ => json!(pick(draw, VALUES)),
    };
    let values: Vec<Value> = (0..count).map(|_| value(draw)).collect();
    let mut expression = json!({"key": key, "operator": operator});
    if !values.is_empty() || draw.percent(50) {
        expression["values"] = json!(values);
    }
    expression
}

fn field(draw: &mut Prng) -> Value {
    let operator = if draw.percent(4) {
        pick(draw, OPERATORS)
    } else {
        pick(draw, &["In", "NotIn"])
    };
    let key = if draw.percent(4) {
        "spec.unschedulable"
    } else {
        "metadata.name"
    };
    let count = if draw.percent(4) { draw.below(3) } else { 1 };
    let values: Vec<&str> = (0..count)
        .map(|_| if draw.percent(4) { "" } else { pick(draw, NAMES) })
        .collect();
    json!({"key": key, "operator": operator, "values": values})
}

fn taint(draw: &mut Prng) -> Value {
    json!({"key": pick(draw, KEYS), "value": pick(draw, TAINT_VALUES), "effect": pick(draw, EFFECTS)})
}

fn toleration(draw: &mut Prng) -> Value {
    let mut toleration = json!({});
    if draw.percent(85) {
        toleration["key"] = json!(pick(draw, KEYS));
    }
    if draw.percent(75) {
        let operator = if draw.percent(2) {
            "equal"
        } else {
            pick(draw, &["Exists", "Exists", "Equal", "Gt", "Lt"])
        };
        toleration["operator"] = json!(operator);
    }
    if draw.percent(60) {
        let value = if draw.percent(3) {
            pick(draw, BAD_VALUES)
        } else {
            pick(draw, TAINT_VALUES)
        };
        toleration["value"] = json!(value);
    }
    if draw.percent(50) {
        toleration["effect"] = json!(pick(draw, EFFECTS));
    }
    if draw.percent(20) {
        toleration["tolerationSeconds"] = json!(draw.below(600));
    }
    toleration
}

fn list(draw: &mut Prng, most: usize, one: impl Fn(&mut Prng) -> Value) -> Value {
    let count = draw.below(most + 1);
    (0..count).map(|_| one(draw)).collect()
}

fn pick(draw: &mut Prng, from: &[&'static str]) -> &'static str {
    draw.pick(from).copied().unwrap_or_default()
}
