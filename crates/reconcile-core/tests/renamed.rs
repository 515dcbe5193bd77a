//! Subsets that are given another name: their pods go on counting, by the node that they are on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, patched, pod_patch, rule, running};
use reconcile_core::{Event, Outcome, PodRecord};
use serde_json::{Value, json};

const BEFORE: &str = r#"
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  tolerations: [{key: virtual, operator: Exists}]
"#;

fn node(name: &str, pool: &str, taints: Value) -> Value {
    json!({"metadata": {"name": name, "labels": {"pool": pool}}, "spec": {"taints": taints}})
}

fn on(node: &str, name: &str, subset: &str, cost: i32) -> Value {
    let mut pod = running(name, Some(subset), Some(cost), "abc");
    pod["spec"]["nodeName"] = node.into();
    pod
}

/// Two pods in `fixed`, one in `elastic`, where both have other names by now; the nodes are known.
fn renamed() -> Scene {
    let after = BEFORE
        .replace("name: fixed", "name: paid")
        .replace("name: elastic", "name: spill");
    let mut scene = Scene::new(rule(BEFORE));
    scene.scaled_to(4);
    scene.node(&node("n-1", "fixed", json!([])));
    // One that the pods tolerate by themselves.
    scene.node(&node(
        "n-2",
        "virtual",
        json!([{"key": "virtual", "effect": "NoSchedule"}, {"key": "own", "effect": "NoSchedule"}]),
    ));
    scene
        .pod(&on("n-1", "a", "fixed", 200))
        .pod(&on("n-1", "b", "fixed", 200));
    scene.pod(&on("n-2", "c", "elastic", 100));
    scene.settled();
    scene.world.set_rules(vec![rule(&after)]);
    scene
}

#[test]
fn they_count_where_they_are_before_anything_is_written() {
    let mut scene = renamed();
    // The two places are taken: this one must go on.
    scene.pod(&gated("d", 5));
    let steps = scene.begin();
    assert_eq!(
        all(&steps),
        [
            "bind d to 1 costs 100",
            "adopt a into 0",
            "adopt b into 0",
            "adopt c into 1"
        ]
    );
    let pod = on("n-1", "a", "fixed", 200);
    let after = patched(&pod, pod_patch(&steps[1])).unwrap();
    let metadata = &after["metadata"];
    assert_eq!(metadata["labels"]["spillway.dev/subset"], "paid");
    assert_eq!(
        metadata["annotations"]["controller.kubernetes.io/pod-deletion-cost"],
        "200"
    );
    assert!(
        metadata["annotations"]["spillway.dev/decision"]
            .as_str()
            .unwrap()
            .starts_with("paid: ")
    );
    assert_eq!(all(&scene.begin()), ["publish paid 2/2, spill 2"]);
    // Seen with its new label, it is as any other.
    scene.pod(&after);
    let seen = PodRecord::read(&after).unwrap();
    assert_eq!(seen.subset.as_deref(), Some("paid"));
    assert!(!all(&scene.begin()).iter().any(|step| step.contains(" a ")));
}

#[test]
fn they_go_on_counting_where_the_label_cannot_be_written() {
    let mut scene = renamed();
    for step in scene.begin() {
        let outcome = if step.action.pod().is_some() {
            Outcome::Refused("no".into())
        } else {
            Outcome::Done(None)
        };
        scene.settle(&step, outcome);
    }
    scene.pod(&gated("d", 5));
    let steps = all(&scene.begin());
    assert_eq!(steps, ["bind d to 1 costs 100"], "written again later");
}

#[test]
fn a_node_that_is_seen_later_tells_then() {
    let after = BEFORE.replace("name: fixed", "name: paid");
    let mut scene = Scene::new(rule(&after));
    scene.scaled_to(2);
    scene.pod(&on("n-1", "a", "fixed", 200));
    assert_eq!(all(&scene.begin()), ["a costs -300"], "nobody knows where it is");
    let step = scene.plan().steps;
    assert_eq!(all(&step), ["publish paid 0/2, elastic 0"]);
    let record = reconcile_core::NodeRecord::read(&node("n-1", "fixed", json!([]))).unwrap();
    let dirty = scene.world.take(Event::Node(Box::new(record)), scene.now);
    assert_eq!(dirty, [common::id()]);
    assert_eq!(all(&scene.plan().steps), ["publish paid 1/2, elastic 0"]);
}

#[test]
fn a_subset_that_was_taken_out_leaves_its_pods_to_no_other_that_does_not_fit() {
    let after = r#"
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: other
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [other]}]}
"#;
    let mut scene = renamed();
    scene.world.set_rules(vec![rule(after)]);
    assert_eq!(all(&scene.begin()), ["c costs -300"]);
    assert_eq!(
        all(&scene.begin()),
        ["publish fixed 2/2, other 0"],
        "the first has its old name again"
    );
}

#[test]
fn of_subsets_that_fit_alike_the_first_with_a_place_has_it() {
    let two = |first: &str, second: &str| {
        rule(&format!(
            "subsets:\n- {{name: {first}, maxReplicas: 2}}\n- {{name: {second}}}\n"
        ))
    };
    let mut scene = Scene::new(two("a", "b"));
    scene.scaled_to(3).node(&node("n-1", "any", json!([])));
    for (name, subset, cost) in [("x", "a", 200), ("y", "a", 200), ("z", "b", 100)] {
        scene.pod(&on("n-1", name, subset, cost));
    }
    scene.world.set_rules(vec![two("c", "d")]);
    assert_eq!(
        all(&scene.begin()),
        ["adopt x into 0", "adopt y into 0", "adopt z into 1"]
    );
}
