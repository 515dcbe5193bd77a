use serde_json::{Value, json};

use super::*;
use crate::scheduling::Node;

const MINUTE: u64 = 60_000;

fn group(name: &str, cpu: &str, min: usize, max: usize) -> NodeGroup {
    let node = json!({
        "metadata": {"name": "template", "labels": {"pool": name}},
        "status": {"allocatable": {"cpu": cpu, "memory": "16Gi"}},
    });
    NodeGroup {
        name: name.to_owned(),
        template: Node::read(&node).unwrap(),
        min,
        max,
        delay: Millis(3 * MINUTE),
    }
}

fn pod(cpu: &str, selector: &Value) -> Arc<Needs> {
    let containers = json!([{"resources": {"requests": {"cpu": cpu}}}]);
    Arc::new(Needs::read(&json!({"spec": {"containers": containers, "nodeSelector": selector}})).unwrap())
}

/// What was added and removed, in short; what was added is there at once.
fn step(autoscaler: &mut Autoscaler, nodes: &mut Nodes, minute: u64, pending: &[Arc<Needs>]) -> Vec<String> {
    let actions = autoscaler.decide(View {
        now: Millis(minute * MINUTE),
        pending,
        nodes,
        may_evict: &|pods| !pods.contains(&99),
    });
    let act = |action: Action| match action {
        Action::Add { node, at, .. } => {
            let text = format!("+{} at {}", node.name, at.0 / MINUTE);
            nodes.put(node);
            text
        }
        Action::Remove { node, evict } => format!("-{node} {evict:?}"),
    };
    actions.into_iter().map(act).collect()
}

#[test]
fn the_first_group_that_would_take_a_pod_gets_the_node() {
    let groups = vec![group("small", "2", 0, 1), group("large", "8", 0, 5)];
    let mut autoscaler = Autoscaler::new(groups, ScaleInSettings::default());
    let mut nodes = Nodes::default();
    let pending = [
        pod("1", &json!({})),
        pod("1", &json!({})),
        pod("4", &json!({})),
        pod("1", &json!({})),
        pod("9", &json!({})),
    ];
    // One small node takes two pods, its maximum is one; the large one takes the rest but the last.
    assert_eq!(
        step(&mut autoscaler, &mut nodes, 1, &pending),
        ["+small-1 at 4", "+large-1 at 4"]
    );
    assert_eq!(
        nodes.named("large-1").unwrap().node().labels["kubernetes.io/hostname"],
        "large-1"
    );
    let pinned = [
        pod("1", &json!({"pool": "large"})),
        pod("8", &json!({"pool": "large"})),
    ];
    assert_eq!(step(&mut autoscaler, &mut nodes, 2, &pinned), ["+large-2 at 5"]);
}

#[test]
fn nodes_that_are_coming_are_not_ordered_twice() {
    let mut autoscaler = Autoscaler::new(vec![group("a", "2", 0, 9)], ScaleInSettings::default());
    let pending = [pod("2", &json!({}))];
    let view = |now, nodes| View {
        now: Millis(now),
        pending: &pending,
        nodes,
        may_evict: &|_| true,
    };
    let nodes = Nodes::default();
    assert_eq!(autoscaler.decide(view(0, &nodes)).len(), 1);
    assert_eq!(autoscaler.decide(view(10_000, &nodes)).len(), 0);
}

#[test]
fn a_group_is_filled_up_to_its_minimum() {
    let mut autoscaler = Autoscaler::new(vec![group("a", "2", 2, 9)], ScaleInSettings::default());
    let mut nodes = Nodes::default();
    assert_eq!(
        step(&mut autoscaler, &mut nodes, 0, &[]),
        ["+a-1 at 3", "+a-2 at 3"]
    );
    assert_eq!(step(&mut autoscaler, &mut nodes, 30, &[]), Vec::<String>::new());
    assert_eq!(step(&mut autoscaler, &mut nodes, 60, &[]), Vec::<String>::new());
}

/// Two nodes of 4 cores and one from another hand, adopted at minute 0.
fn idle() -> (Autoscaler, Nodes) {
    let template = group("a", "4", 0, 9);
    let mut nodes = Nodes::default();
    let mut autoscaler = Autoscaler::new(vec![template.clone()], ScaleInSettings::default());
    for name in ["a-1", "a-2", "other"] {
        let mut node = template.template.clone();
        node.name = name.to_owned();
        nodes.put(node);
    }
    assert!(autoscaler.adopt("a-1", "a") && autoscaler.adopt("a-2", "a") && !autoscaler.adopt("other", "b"));
    (autoscaler, nodes)
}

fn assume(nodes: &mut Nodes, key: u64, cpu: &str, node: &str) {
    let id = nodes.id(node).unwrap();
    nodes.assume(key, pod(cpu, &json!({})), id);
}

#[test]
fn an_idle_node_goes_after_ten_minutes_and_busy_ones_stay() {
    let (mut autoscaler, mut nodes) = idle();
    assume(&mut nodes, 1, "1", "a-1");
    assume(&mut nodes, 2, "2", "a-2");
    assert_eq!(step(&mut autoscaler, &mut nodes, 0, &[]), Vec::<String>::new());
    assert_eq!(step(&mut autoscaler, &mut nodes, 9, &[]), Vec::<String>::new());
    assert_eq!(step(&mut autoscaler, &mut nodes, 10, &[]), ["-a-1 [1]"]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 11, &[]), Vec::<String>::new());
}

#[test]
fn being_busy_for_a_moment_starts_the_time_anew() {
    let (mut autoscaler, mut nodes) = idle();
    assume(&mut nodes, 2, "3", "a-2");
    step(&mut autoscaler, &mut nodes, 0, &[]);
    assume(&mut nodes, 1, "3", "a-1");
    step(&mut autoscaler, &mut nodes, 5, &[]);
    nodes.forget(1);
    step(&mut autoscaler, &mut nodes, 6, &[]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 15, &[]), Vec::<String>::new());
    assert_eq!(step(&mut autoscaler, &mut nodes, 16, &[]), ["-a-1 []"]);
}

#[test]
fn pods_that_fit_nowhere_else_or_may_not_be_evicted_keep_their_node() {
    let (mut autoscaler, mut nodes) = idle();
    assume(&mut nodes, 1, "1", "a-1");
    assume(&mut nodes, 2, "3500m", "a-2");
    assume(&mut nodes, 3, "3500m", "other");
    step(&mut autoscaler, &mut nodes, 0, &[]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 20, &[]), Vec::<String>::new());
    nodes.forget(2);
    nodes.forget(3);
    nodes.forget(1);
    assume(&mut nodes, 99, "1", "a-1");
    step(&mut autoscaler, &mut nodes, 21, &[]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 31, &[]), ["-a-2 []"]);
}

#[test]
fn nodes_with_pods_go_one_at_a_time_and_only_while_the_rest_has_room() {
    let (mut autoscaler, mut nodes) = idle();
    for (key, node) in [(1, "a-1"), (2, "a-2")] {
        assume(&mut nodes, key, "1500m", node);
    }
    step(&mut autoscaler, &mut nodes, 0, &[]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 10, &[]), ["-a-1 [1]"]);
    nodes.remove("a-1");
    assume(&mut nodes, 1, "1500m", "other");
    assert_eq!(step(&mut autoscaler, &mut nodes, 11, &[]), ["-a-2 [2]"]);
}

#[test]
fn nothing_goes_soon_after_something_came() {
    let (mut autoscaler, mut nodes) = idle();
    step(&mut autoscaler, &mut nodes, 0, &[]);
    let huge = [
        pod("4", &json!({})),
        pod("4", &json!({})),
        pod("4", &json!({})),
        pod("4", &json!({})),
    ];
    assert_eq!(step(&mut autoscaler, &mut nodes, 9, &huge), ["+a-3 at 12"]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 18, &[]), Vec::<String>::new());
    assert_eq!(step(&mut autoscaler, &mut nodes, 19, &[]), ["-a-1 []", "-a-2 []"]);
    assert_eq!(step(&mut autoscaler, &mut nodes, 28, &[]), ["-a-3 []"]);
}
