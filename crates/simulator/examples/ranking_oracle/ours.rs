//! Our answer to a question of the oracle `ranking`: for every pair of pods whether the first goes before the second.

use serde_json::{Value, json};
use simulator::{Millis, Phase, Ranked, deleted_before, deletion_cost, restarts};

pub(crate) fn answer(question: &Value) -> Value {
    let empty = Vec::new();
    let pods = question["pods"].as_array().unwrap_or(&empty);
    let ranks = question["ranks"].as_array().unwrap_or(&empty);
    let pods: Vec<Ranked<'_>> = pods
        .iter()
        .zip(ranks)
        .map(|(pod, rank)| ranked(pod, rank))
        .collect();
    let now = Millis(question["nowMillis"].as_u64().unwrap_or_default());
    let row = |a: &Ranked<'_>| -> String {
        let is_first = |b: &Ranked<'_>| {
            if !std::ptr::eq(a, b) && deleted_before(a, b, now) {
                '1'
            } else {
                '0'
            }
        };
        pods.iter().map(is_first).collect()
    };
    let rows: Vec<String> = pods.iter().map(row).collect();
    json!({"before": rows})
}

fn ranked<'p>(pod: &'p Value, rank: &Value) -> Ranked<'p> {
    let status = &pod["status"];
    let ready = status["conditions"].as_array().into_iter().flatten();
    let mut ready = ready.filter(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let init = at(pod, "/spec/initContainers").as_array();
    let is_sidecar = |status: &&Value| {
        let mut containers = init.into_iter().flatten();
        containers
            .any(|container| container["name"] == status["name"] && container["restartPolicy"] == "Always")
    };
    let counts = |list: &'p str| status[list].as_array().into_iter().flatten();
    let count = |status: &Value| {
        u32::try_from(status["restartCount"].as_u64().unwrap_or_default()).unwrap_or_default()
    };
    let containers = counts("containerStatuses").map(count).max().unwrap_or_default();
    let sidecars = counts("initContainerStatuses")
        .filter(is_sidecar)
        .map(count)
        .max()
        .unwrap_or_default();
    Ranked {
        uid: at(pod, "/metadata/uid").as_str().unwrap_or_default(),
        node: at(pod, "/spec/nodeName").as_str(),
        phase: match status["phase"].as_str() {
            Some("Running") => Phase::Running,
            Some("Unknown") => Phase::Unknown,
            _ => Phase::Pending,
        },
        ready_since: ready
            .next()
            .map(|condition| time(&condition["lastTransitionTime"])),
        cost: deletion_cost(
            at(
                pod,
                "/metadata/annotations/controller.kubernetes.io~1pod-deletion-cost",
            )
            .as_str(),
        ),
        rank: usize::try_from(rank.as_u64().unwrap_or_default()).unwrap_or_default(),
        restarts: restarts(containers, sidecars),
        created: time(at(pod, "/metadata/creationTimestamp")),
    }
}

/// Since 1970 here, which the ranking does not mind.
fn time(text: &Value) -> Millis {
    let unix = kube_rules::time::UnixMillis::parse(text.as_str().unwrap_or_default());
    Millis(
        unix.and_then(|unix| u64::try_from(unix.0).ok())
            .unwrap_or_default(),
    )
}

fn at<'v>(object: &'v Value, pointer: &str) -> &'v Value {
    object.pointer(pointer).unwrap_or(&Value::Null)
}
