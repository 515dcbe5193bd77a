//! How many nodes are chosen a second: `cargo run --release --example scheduling_rate [NODES [PODS]]`.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use simulator::Random;
use simulator::scheduling::{Needs, Node, Nodes};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let count = arguments.next().unwrap_or(1000);
    let pods = arguments.next().unwrap_or(100_000);
    let labels = json!({"app": "web"});
    let web = json!({"matchLabels": labels});
    let zone = "topology.kubernetes.io/zone";
    let term = json!({"weight": 1, "preference": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["1"]}]}});
    for (name, spec) in [
        ("requests", json!({})),
        (
            "preferred node affinity",
            json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}}),
        ),
        (
            "topology spread",
            json!({"topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": zone, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": web},
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": web},
            ]}),
        ),
        (
            "preferred anti-affinity",
            json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 100, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": web}}]}}}),
        ),
    ] {
        let mut nodes = cluster(count, pods);
        let needs = Arc::new(read(&labels, spec));
        let mut random = Random::new(1, "rate");
        let begin = Instant::now();
        let mut placed = 0_u64;
        for key in 0..pods {
            if let Ok(choice) = nodes.choose(&needs, &mut random) {
                nodes.assume(key, Arc::clone(&needs), choice.node);
                placed += 1;
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{name}: {placed} of {pods} pods on {count} nodes in {seconds:.2} s, {:.0} choices/s",
            pods as f64 / seconds
        );
    }
}

fn cluster(count: u64, pods: u64) -> Nodes {
    let mut nodes = Nodes::default();
    for number in 0..count {
        let name = format!("node-{number}");
        let labels = json!({
            "kubernetes.io/hostname": name, "pool": (number % 4).to_string(), "topology.kubernetes.io/zone": (number % 3).to_string(),
        });
        let node = json!({
            "metadata": {"name": name, "labels": labels},
            "status": {"allocatable": {"cpu": "64", "memory": "256Gi", "pods": (pods / count + 10).to_string()}},
        });
        if let Ok(node) = Node::read(&node) {
            nodes.put(node);
        }
    }
    nodes
}

fn read(labels: &Value, mut spec: Value) -> Needs {
    if let Some(spec) = spec.as_object_mut() {
        spec.insert(
            "containers".to_owned(),
            json!([{"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}}]),
        );
    }
    match Needs::read(&json!({"metadata": {"labels": labels}, "spec": spec})) {
        Ok(needs) => needs,
        Err(unreadable) => {
            println!("{unreadable}");
            std::process::exit(2)
        }
    }
}
