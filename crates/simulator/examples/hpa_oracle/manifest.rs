//! Draws a HorizontalPodAutoscaler, now and then one that the API server refuses.

use serde_json::{Value, json};
use simulator::Random;

/// An HPA, and whether the gate for a minimum of 0 is on.
pub(crate) fn hpa(random: &mut Random) -> (Value, bool) {
    let scale_to_zero = one_in(random, 8);
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "metrics": metrics(random),
        "maxReplicas": pick(random, &[1, 3, 5, 10, 10, 20, 100, 1000]),
    });
    if !one_in(random, 4) {
        spec["minReplicas"] = if scale_to_zero && one_in(random, 2) {
            json!(0)
        } else {
            json!(pick(random, &[1, 1, 1, 2, 3, 5]))
        };
    }
    if one_in(random, 12) {
        spec["metrics"] = json!([]);
    }
    if !one_in(random, 3) {
        spec["behavior"] = behavior(random);
    }
    let manifest = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "hpa"},
        "spec": spec,
    });
    (manifest, scale_to_zero)
}

fn metrics(random: &mut Random) -> Value {
    let count = pick(random, &[1, 1, 1, 1, 2, 2, 3]);
    (0..count).map(|number| metric(random, number)).collect()
}

fn metric(random: &mut Random, number: usize) -> Value {
    let resource = pick(random, &["cpu", "cpu", "cpu", "memory"]);
    let amount = amount(random);
    let value = if one_in(random, 2) {
        json!({"type": "Value", "value": amount})
    } else {
        json!({"type": "AverageValue", "averageValue": amount})
    };
    let usage = if one_in(random, 4) {
        json!({"type": "AverageValue", "averageValue": amount})
    } else {
        let percent = pick(
            random,
            &[
                1, 40, 50, 50, 60, 80, 80, 100, 150, 300, 45, 70, 90, 33, 10, 250, 0,
            ],
        );
        json!({"type": "Utilization", "averageUtilization": percent})
    };
    let mut id = json!({"name": format!("metric-{number}")});
    match random.below(4) {
        0 => id["selector"] = json!({"matchLabels": {"app": "web", "a.b/c": "d"}}),
        1 => {
            id["selector"] = json!({"matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "canary", "operator": "DoesNotExist"},
            ]});
        }
        _ => {}
    }
    match random.below(8) {
        0..=2 => json!({"type": "Resource", "resource": {"name": resource, "target": usage}}),
        3 => {
            let container = pick(random, &["main", "main", "main", "log", "none"]);
            let source = json!({"name": resource, "container": container, "target": usage});
            json!({"type": "ContainerResource", "containerResource": source})
        }
        4 => {
            let target = json!({"type": "AverageValue", "averageValue": amount});
            json!({"type": "Pods", "pods": {"metric": id, "target": target}})
        }
        5 => {
            let described = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"});
            json!({"type": "Object", "object": {"describedObject": described, "metric": id, "target": value}})
        }
        _ => json!({"type": "External", "external": {"metric": id, "target": value}}),
    }
}

fn amount(random: &mut Random) -> &'static str {
    if one_in(random, 40) {
        return pick(random, &["0.0001", "0", "-1"]);
    }
    pick(
        random,
        &[
            "100", "10", "1", "500m", "1500m", "0.3", "33", "7", "1k", "64Mi", "1e3",
        ],
    )
}

fn behavior(random: &mut Random) -> Value {
    let mut behavior = json!({});
    for name in ["scaleUp", "scaleDown"] {
        if !one_in(random, 4) {
            behavior[name] = rules(random);
        }
    }
    behavior
}

fn rules(random: &mut Random) -> Value {
    let mut rules = json!({});
    if !one_in(random, 3) {
        let window = pick(random, &[0, 0, 10, 15, 30, 60, 120, 300, 600, 3600]);
        rules["stabilizationWindowSeconds"] = json!(window);
    }
    if !one_in(random, 3) {
        let policy = pick(random, &["Max", "Max", "Min", "Min", "Disabled"]);
        rules["selectPolicy"] = json!(policy);
    }
    if !one_in(random, 3) {
        let count = 1 + random.below(3);
        rules["policies"] = (0..count).map(|_| policy(random)).collect();
    }
    if !one_in(random, 3) {
        let tolerance = pick(
            random,
            &["0", "0.05", "0.07", "0.1", "0.2", "150m", "1", "0.333", "1u"],
        );
        rules["tolerance"] = json!(tolerance);
    }
    if one_in(random, 60) {
        match random.below(4) {
            0 => rules["stabilizationWindowSeconds"] = json!(3601),
            1 => rules["selectPolicy"] = json!("Most"),
            2 => rules["policies"] = json!([]),
            _ => rules["tolerance"] = json!("-0.1"),
        }
    }
    rules
}

fn policy(random: &mut Random) -> Value {
    let mut policy = json!({
        "type": pick(random, &["Pods", "Percent"]),
        "value": pick(random, &[1, 2, 3, 4, 10, 10, 25, 33, 50, 100, 150]),
        "periodSeconds": pick(random, &[1, 15, 15, 30, 60, 60, 120, 600, 1800]),
    });
    if one_in(random, 80) {
        match random.below(3) {
            0 => policy["type"] = json!("Nodes"),
            1 => policy["value"] = json!(0),
            _ => policy["periodSeconds"] = json!(1801),
        }
    }
    policy
}

pub(crate) fn pick<T: Copy + Default>(random: &mut Random, choices: &[T]) -> T {
    let index = usize::try_from(random.below(choices.len() as u64)).unwrap_or(0);
    choices.get(index).copied().unwrap_or_default()
}

pub(crate) fn one_in(random: &mut Random, many: u64) -> bool {
    random.below(many) == 0
}
