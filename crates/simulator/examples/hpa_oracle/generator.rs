//! Draws a case: an HPA, and step by step the pods and metrics its controller meets. Times are milliseconds, values
//! thousandths.

use serde_json::{Value, json};
use simulator::Random;

use crate::manifest::{self, one_in, pick};
use crate::ours;

/// Room for pods that started long before.
const BEGIN: u64 = 1_000_000;
/// Sums of it overflow, as they do in Go.
const MOST_USED: u64 = 1 << 60;

/// The case of that number, the same for ever.
pub(crate) fn case(seed: u64, number: u64) -> Value {
    let random = &mut Random::new(seed, &format!("hpa {number}"));
    let (hpa, scale_to_zero) = manifest::hpa(random);
    let template = template(random);
    let mut case = json!({"hpa": hpa, "scaleToZero": scale_to_zero, "template": template, "steps": []});
    let mut at = BEGIN + random.below(2000);
    let mut replicas = pick(random, &[0, 1, 1, 1, 2, 3, 4, 5, 8, 12, 30_u64]);
    let calm = one_in(random, 2);
    for _ in 0..1 + random.below(if replicas > 10 { 4 } else { 12 }) {
        let step = step(
            random,
            &case["hpa"]["spec"]["metrics"],
            &template,
            at,
            replicas,
            calm,
        );
        if let Some(steps) = case["steps"].as_array_mut() {
            steps.push(step);
        }
        let desired = ours::answer(&case)["steps"]
            .as_array()
            .and_then(|steps| steps.last()?["desired"].as_u64());
        replicas = match desired {
            Some(desired) if !one_in(random, 10) => desired.min(40),
            _ if one_in(random, 8) => random.below(15),
            _ => replicas,
        };
        at += pick(
            random,
            &[
                15_000, 15_000, 15_000, 15_000, 1000, 30_000, 60_000, 300_000, 14_999, 1,
            ],
        );
    }
    case
}

fn step(random: &mut Random, metrics: &Value, template: &Value, at: u64, replicas: u64, calm: bool) -> Value {
    let count = match random.below(6) {
        0 => replicas + 1,
        1 => replicas.saturating_sub(1),
        _ => replicas,
    };
    let pods: Vec<Value> = (0..count)
        .map(|number| pod(random, template, number, at, calm))
        .collect();
    let load = pick(
        random,
        &[
            0, 100, 400, 500, 899, 900, 901, 1000, 1000, 1050, 1099, 1100, 1101, 1500, 2000, 2700, 5400,
        ],
    );
    let load = if one_in(random, 3) {
        random.below(3000)
    } else {
        load
    };
    let load = if one_in(random, 60) { 40_000_000_000 } else { load };
    let custom: Vec<Value> = list(metrics)
        .iter()
        .filter_map(|metric| custom(random, metric, &pods, replicas, load))
        .collect();
    json!({
        "at": at,
        "spec": replicas,
        "status": if one_in(random, 5) { count } else { replicas },
        "readings": {
            "resources": resources(random, metrics, template, &pods, at, load, calm),
            "custom": custom,
        },
        "pods": pods,
    })
}

fn pod(random: &mut Random, template: &Value, number: u64, at: u64, calm: bool) -> Value {
    let odd = |random: &mut Random, many: u64| one_in(random, if calm { 10 * many } else { many });
    let oldest = pick(random, &[40_000, 200_000, 400_000, 1_000_000]);
    let started = at - random.below(oldest);
    let latest = pick(random, &[1000, 60_000, 400_000]);
    let since = started + random.below(latest);
    let mut pod = json!({"name": format!("web-{number}")});
    if odd(random, 6) {
        pod["phase"] = json!(pick(random, &["Pending", "Pending", "Failed", "Succeeded"]));
    }
    if odd(random, 40) {
        pod["spec"] = template.clone();
        pod["spec"]["containers"][0]["resources"] = json!({});
    }
    if odd(random, 12) {
        pod["deleting"] = json!(true);
    }
    if !odd(random, 12) {
        pod["ready"] = json!({"status": !odd(random, 5), "since": since.min(at)});
    }
    if !odd(random, 20) {
        pod["started"] = json!(started);
    }
    pod
}

fn template(random: &mut Random) -> Value {
    let requests = |random: &mut Random| {
        let cpu = pick(random, &["1", "500m", "250m", "100m", "2", "333m", "1500m"]);
        let memory = pick(random, &["256Mi", "1Gi", "100M", "64Mi"]);
        json!({"requests": {"cpu": cpu, "memory": memory}})
    };
    let mut containers = vec![json!({"name": "main", "resources": requests(random)})];
    if one_in(random, 3) {
        containers.push(json!({"name": "log", "resources": requests(random)}));
    }
    let mut spec = json!({"containers": containers});
    if one_in(random, 5) {
        let restart = if one_in(random, 2) {
            json!("Always")
        } else {
            Value::Null
        };
        let mut init = json!([{"name": "init", "resources": requests(random)}]);
        if restart.is_string() {
            init[0]["restartPolicy"] = restart;
        }
        spec["initContainers"] = init;
    }
    if one_in(random, 8) {
        spec["resources"] = requests(random);
        if one_in(random, 2) {
            spec["resources"] = json!({"requests": {"cpu": "700m"}});
        }
        if one_in(random, 2) {
            spec["overhead"] = json!({"cpu": "50m"});
        }
    }
    spec
}

/// Usage so that the average is `load` thousandths of the target of the first metric of a resource.
fn resources(
    random: &mut Random,
    metrics: &Value,
    template: &Value,
    pods: &[Value],
    at: u64,
    load: u64,
    calm: bool,
) -> Value {
    if one_in(random, 15) {
        let error = pick(
            random,
            &["", "", "the server is currently unable to handle the request"],
        );
        return json!({"error": error, "pods": []});
    }
    let target = list(metrics).iter().find_map(|metric| {
        let target = [
            &metric["resource"]["target"],
            &metric["containerResource"]["target"],
        ]
        .into_iter()
        .find(|target| target.is_object())?;
        Some(target["averageUtilization"].as_u64().unwrap_or(50))
    });
    let target = target.unwrap_or(80);
    let noise = if one_in(random, 2) { 0 } else { 200 };
    let mut usages = Vec::new();
    for pod in pods {
        if one_in(random, if calm { 40 } else { 6 }) {
            continue;
        }
        let usage = |random: &mut Random, request: u128| {
            let factor = u128::from(load + random.below(noise + 1));
            let usage = request * u128::from(target) * factor / 100_000;
            u64::try_from(usage).map_or(MOST_USED, |usage| usage.min(MOST_USED))
        };
        let mut containers = Vec::new();
        for container in list(&template["containers"]) {
            let (cpu, memory) = (usage(random, 500), usage(random, 256_000_000_000));
            let mut used = json!({"cpu": cpu, "memory": memory});
            if one_in(random, 60) {
                used = json!({"memory": memory});
            }
            containers.push(json!({"name": container["name"], "usage": used}));
        }
        if one_in(random, 60) {
            containers.clear();
        }
        usages.push(json!({
            "pod": pod["name"],
            "at": at - random.below(90_000),
            "window": pick(random, &[15_000, 30_000, 60_000, 10_000_u64]),
            "containers": containers,
        }));
    }
    if one_in(random, 20) {
        let containers = json!([{"name": "main", "usage": {"cpu": 700, "memory": 1_000_000}}]);
        usages.push(json!({"pod": "gone", "at": at, "window": 30_000, "containers": containers}));
    }
    json!({"error": "", "pods": usages})
}

/// A metric that is no resource, its sum near `load` thousandths of the target.
fn custom(random: &mut Random, metric: &Value, pods: &[Value], replicas: u64, load: u64) -> Option<Value> {
    let source = ["pods", "object", "external"]
        .into_iter()
        .map(|name| &metric[name])
        .find(|source| source.is_object())?;
    let target = &source["target"];
    let text = target["value"].as_str().or(target["averageValue"].as_str())?;
    let target_milli = match text {
        "500m" => 500,
        "1500m" => 1500,
        "0.3" => 300,
        "64Mi" => 67_108_864_000,
        "1k" | "1e3" => 1_000_000,
        "0.0001" => 1,
        _ => text.parse::<u64>().unwrap_or(1) * 1000,
    };
    let one = u128::from(target_milli) * u128::from(load) / 1000;
    let one = i64::try_from(one).unwrap_or(i64::MAX);
    if one_in(random, 10) {
        let error = pick(random, &["the server could not find the metric", "timed out"]);
        return Some(json!({"name": source["metric"]["name"], "error": error, "values": []}));
    }
    let values: Vec<Value> = if metric["pods"].is_object() {
        pods.iter()
            .filter(|_| !one_in(random, 10))
            .map(|pod| json!({"pod": pod["name"], "value": one}))
            .collect()
    } else {
        let average = target["averageValue"].is_string();
        let sum = if average {
            one.saturating_mul(i64::try_from(replicas).unwrap_or(1))
        } else {
            one
        };
        let external = metric["external"].is_object();
        if external && one_in(random, 40) {
            vec![json!({"value": i64::MAX}), json!({"value": i64::MAX / 2})]
        } else if external && one_in(random, 40) {
            vec![json!({"value": -5})]
        } else if external && one_in(random, 3) {
            vec![json!({"value": sum / 3}), json!({"value": sum - sum / 3})]
        } else if external && one_in(random, 30) {
            Vec::new()
        } else {
            vec![json!({"value": sum})]
        }
    };
    Some(json!({"name": source["metric"]["name"], "error": "", "values": values}))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
