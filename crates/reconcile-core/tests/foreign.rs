//! Pods that are not ours to place, and gates that are not ours to open.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, patched, pod_patch, rule, running};
use reconcile_core::{Outcome, PodRecord, Rule, SpreadId, plan};
use serde_json::{Value, json};

/// All pods of the namespace with `app: web`, whoever owns them.
const SELECTED: &str = r#"
selector: {matchLabels: {app: web}}
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
"#;

fn selected() -> Scene {
    let mut written = common::yaml(SELECTED);
    written["name"] = "web".into();
    written["namespace"] = "shop".into();
    let spread = policy_settings::read_spread(&written, "spread", &[]).unwrap();
    let mut scene = Scene::new(Rule::new(spread, written));
    scene.node(&json!({"metadata": {"name": "n-1", "labels": {"pool": "fixed"}}}));
    scene
}

/// A pod that the policy left as it came, on a node.
fn untouched(name: &str) -> Value {
    let mut pod = running(name, None, None, "abc");
    pod["metadata"]["labels"] = json!({"app": "web", "pod-template-hash": "abc"});
    pod["metadata"]["annotations"] = json!({});
    pod
}

fn of_daemon_set(name: &str) -> Value {
    let mut pod = untouched(name);
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u-agent", "controller": true}]);
    pod
}

fn made_with_node(name: &str) -> Value {
    let mut pod = untouched(name);
    pod["metadata"]["managedFields"] = json!([
        {"manager": "kube-controller-manager", "fieldsV1": {"f:spec": {"f:containers": {}, "f:nodeName": {}}}},
        {"manager": "kubelet", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]);
    pod
}

fn mirror(name: &str) -> Value {
    let mut pod = untouched(name);
    pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "0d3c"});
    pod["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Node", "name": "n-1", "uid": "u-n", "controller": true}]);
    pod
}

#[test]
fn they_are_neither_counted_nor_adopted_nor_given_a_cost() {
    for foreign in [of_daemon_set("x"), made_with_node("x"), mirror("x")] {
        let mut scene = selected();
        // With marks of an earlier version, too.
        let mut marked = foreign.clone();
        marked["metadata"]["name"] = "y".into();
        marked["metadata"]["uid"] = "uid-y".into();
        marked["metadata"]["labels"]["spillway.dev/spread"] = "web".into();
        marked["metadata"]["labels"]["spillway.dev/subset"] = "fixed".into();
        scene.pod(&foreign).pod(&marked);
        assert_eq!(all(&scene.begin()), ["publish fixed 0/2, elastic 0"], "{foreign}");
        // One that is ours is adopted, as ever.
        scene.pod(&untouched("z"));
        assert_eq!(all(&scene.begin()), ["adopt z into 0"]);
    }
}

#[test]
fn a_gate_that_an_earlier_version_gave_them_is_opened_one_day() {
    let mut scene = selected();
    let mut pod = gated("x", 0);
    pod["metadata"]["ownerReferences"] = of_daemon_set("x")["metadata"]["ownerReferences"].clone();
    scene.pod(&pod).later(300_000);
    let nobodys = SpreadId {
        namespace: "shop".into(),
        name: String::new(),
    };
    let steps = plan(&scene.world, &nobodys, scene.now).steps;
    assert_eq!(
        all(&steps),
        ["release x: no spread has the name that the pod carries"]
    );
}

fn with_other_gates(mut pod: Value) -> Value {
    pod["spec"]["schedulingGates"] = json!([
        {"name": "example.org/quota"}, {"name": "spillway.dev/placement"}, {"name": "example.org/volume"},
    ]);
    pod
}

const TWO: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 10, unschedulableLastSeconds: 60}}
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
"#;

#[test]
fn gates_of_others_stay_when_ours_goes_and_the_pod_counts_as_bound() {
    let mut scene = Scene::new(rule(TWO));
    let pod = with_other_gates(gated("a", 0));
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    assert_eq!(all(&steps), ["bind a to 0 costs 200"]);
    let mut bound = patched(&pod, pod_patch(&steps[0])).unwrap();
    assert_eq!(
        bound["spec"]["schedulingGates"],
        json!([{"name": "example.org/quota"}, {"name": "example.org/volume"}])
    );
    // Whoever else opens a gate meanwhile is not overwritten: the patch is refused, and made anew.
    let mut less = pod.clone();
    less["spec"]["schedulingGates"] = json!([{"name": "spillway.dev/placement"}]);
    assert!(patched(&less, pod_patch(&steps[0])).is_err());

    bound["status"]["conditions"] = json!([
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "lastTransitionTime": common::START.to_string()},
    ]);
    let record = PodRecord::read(&bound).unwrap();
    assert!(!record.gated && record.gated_by_others);
    scene.settle(&steps[0], Outcome::Done(Some(Box::new(record))));
    assert_eq!(all(&scene.begin()), ["publish fixed 1/2, elastic 0"]);
    // It waits for somebody else as long as it likes: no pool is closed for it, and it is not moved.
    scene.later(600_000);
    assert_eq!(all(&scene.plan().steps), Vec::<String>::new());
}

#[test]
fn a_pod_that_waits_for_others_does_not_try_a_pool() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(2);
    let (since, until) = (scene.now, scene.now.plus(60_000));
    scene.closed_by_the_ledger("fixed", since, until);
    scene.later(61_000);
    scene.pod(&with_other_gates(gated("a", 0))).pod(&gated("b", 1));
    let steps = scene.begin();
    assert_eq!(
        all(&steps),
        ["bind a to 1 costs 100", "bind b to 0 costs 200"],
        "the one that the scheduler will look at"
    );
}
