//! Random pods of one ReplicaSet. Most fields are drawn from a few values, so that the later steps of the ranking decide
//! as well.

#![expect(
    clippy::indexing_slicing,
    reason = "fields of a JSON object that was made here"
)]

use serde_json::{Value, json};
use simulator::{Millis, Random};

/// 2026-01-01T00:00:00Z, where the simulator's clock begins.
const BEGIN: u64 = 1_767_225_600_000;

pub(crate) fn question(seed: u64, number: u64) -> Value {
    let mut draw = Random::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15), "ranking");
    // Up to a hundred days, by powers of two, as ages are compared.
    let bits = draw.below(33);
    let now = 3_600_000 + draw.below(1 << bits);
    let count = 2 + draw.below(3);
    let common = pod(&mut draw, now);
    let pods: Vec<Value> = (0..count).map(|_| near(&mut draw, now, &common)).collect();
    let ranks: Vec<u64> = (0..count)
        .map(|_| 1 + if one_in(&mut draw, 4) { draw.below(4) } else { 0 })
        .collect();
    json!({"nowMillis": BEGIN + now, "pods": pods, "ranks": ranks})
}

/// A pod that shares most of its parts with another.
fn near(draw: &mut Random, now: u64, common: &Value) -> Value {
    let mut near = pod(draw, now);
    for (part, chance) in [
        ("/spec/nodeName", 8),
        ("/status/phase", 8),
        ("/status/conditions", 3),
        ("/metadata/annotations", 5),
        ("/metadata/creationTimestamp", 2),
        ("/spec/initContainers", 8),
        ("/status/containerStatuses", 4),
        ("/status/initContainerStatuses", 3),
    ] {
        if !one_in(draw, chance)
            && let (Some(own), Some(shared)) = (near.pointer_mut(part), common.pointer(part))
        {
            *own = shared.clone();
        }
    }
    for part in ["metadata", "spec", "status"] {
        if let Some(fields) = near.get_mut(part).and_then(Value::as_object_mut) {
            fields.retain(|_, value| *value != Value::Null && *value != json!([]) && *value != json!({}));
        }
    }
    near
}

fn pod(draw: &mut Random, now: u64) -> Value {
    let phase = pick(
        draw,
        &["Pending", "Unknown", "Running", "Running", "Running", "Running"],
    );
    let mut conditions =
        vec![json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": time(draw, now)})];
    if !one_in(draw, 5) {
        let status = if one_in(draw, 6) { "False" } else { "True" };
        conditions.push(json!({"type": "Ready", "status": status, "lastTransitionTime": time(draw, now)}));
    }
    let init: Vec<Value> = (0..draw.below(3))
        .map(|index| {
            let mut container = json!({"name": format!("init-{index}")});
            if !one_in(draw, 3) {
                container["restartPolicy"] = json!("Always");
            }
            container
        })
        .collect();
    let statuses = |draw: &mut Random, prefix: &str| -> Value {
        // One that says 0 is as good as none.
        let counts: Vec<u64> = (0..draw.below(3))
            .map(|_| if one_in(draw, 3) { draw.below(4) } else { 0 })
            .collect();
        let counts = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
        counts
            .map(|(index, count)| json!({"name": format!("{prefix}-{index}"), "restartCount": count}))
            .collect()
    };
    let cost = pick(
        draw,
        &[
            "",
            "0",
            "1",
            "-1",
            "+10",
            "008",
            "-2147483648",
            "2147483647",
            "2147483648",
            "x",
            "5.0",
            "-",
        ],
    );
    let node = pick(draw, &["", "node-1", "node-1", "node-2"]);
    let annotations = if cost.is_empty() {
        json!({})
    } else {
        json!({"controller.kubernetes.io/pod-deletion-cost": cost})
    };
    json!({
        "metadata": {"uid": draw.name_suffix(6), "creationTimestamp": time(draw, now), "annotations": annotations},
        "spec": {"nodeName": if node.is_empty() { Value::Null } else { json!(node) }, "initContainers": init},
        "status": {
            "phase": phase, "conditions": conditions,
            "containerStatuses": statuses(draw, "main"), "initContainerStatuses": statuses(draw, "init"),
        },
    })
}

/// A time to the second, now and then one that is still to come.
fn time(draw: &mut Random, now: u64) -> String {
    let ago = draw.below(now) >> draw.below(20);
    let ahead = if one_in(draw, 20) { draw.below(5000) } else { 0 };
    Millis(now - ago + ahead).timestamp()
}

fn one_in(draw: &mut Random, chance: u64) -> bool {
    draw.below(chance) == 0
}

fn pick(draw: &mut Random, from: &[&'static str]) -> &'static str {
    let index = usize::try_from(draw.below(from.len() as u64)).unwrap_or_default();
    from.get(index).copied().unwrap_or_default()
}
