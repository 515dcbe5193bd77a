//! A pod that was moved on in place and has no node yet holds a place in both subsets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{START, Scene, gated, patched, pod_patch, rule, told};
use reconcile_core::Outcome;
use serde_json::{Value, json};

const ONE: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 30}}
subsets:
- name: fixed
  maxReplicas: 1
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
"#;

/// A scene in which the only pod of the first subset found no node there and was moved on; and that pod.
fn moved() -> (Scene, Value) {
    let mut scene = Scene::new(rule(ONE));
    scene.scaled_to(2);
    for pool in ["fixed", "elastic"] {
        scene.node(&json!({"metadata": {"name": pool, "labels": {"pool": pool}}}));
    }
    let mut pod = gated("a", 0);
    scene.pod(&pod);
    let mut done = act(&mut scene, &mut pod);
    pod["status"]["conditions"] = json!([
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": START.to_string()}
    ]);
    show(&mut scene, &mut pod);
    scene.later(5000);
    for _ in 0..5 {
        done.extend(act(&mut scene, &mut pod));
        scene.later(1000);
    }
    let of_pod: Vec<&String> = done.iter().filter(|step| step.contains(" a ")).collect();
    assert_eq!(of_pod, ["bind a to 0 costs 200", "move a to 1 costs 100"]);
    (scene, pod)
}

/// Does what is planned until nothing is left to do now, and shows what becomes of the pod.
fn act(scene: &mut Scene, pod: &mut Value) -> Vec<String> {
    let mut done = Vec::new();
    for _ in 0..10 {
        let steps = scene.begin();
        for step in &steps {
            done.push(told(step));
            scene.settle(step, Outcome::Done(None));
            if step
                .action
                .pod()
                .is_some_and(|changed| pod["metadata"]["uid"] == changed.uid)
            {
                *pod = patched(pod, pod_patch(step)).unwrap();
                show(scene, pod);
            }
        }
    }
    done
}

fn show(scene: &mut Scene, pod: &mut Value) {
    let version: u64 = pod["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    pod["metadata"]["resourceVersion"] = (version + 1).to_string().into();
    scene.pod(pod);
}

fn run_on(scene: &mut Scene, pod: &mut Value, node: &str) {
    pod["spec"]["nodeName"] = node.into();
    pod["status"] = json!({"phase": "Running"});
    show(scene, pod);
}

#[test]
fn a_pod_that_may_still_come_back_is_counted_where_it_may_land() {
    let (mut scene, mut pod) = moved();
    // The subset is to be tried, but its one place may still be the moved pod's.
    scene.later(31_000);
    let mut other = gated("b", 40);
    scene.pod(&other);
    assert!(act(&mut scene, &mut other).contains(&"bind b to 1 costs 100".to_owned()));

    run_on(&mut scene, &mut pod, "fixed");
    let back = act(&mut scene, &mut pod);
    assert!(back.contains(&"move a to 0 costs 200".to_owned()), "{back:?}");
    assert_eq!(
        scene.world.counts()[0].placed,
        [("fixed".into(), 1), ("elastic".into(), 1)]
    );
}

#[test]
fn a_pod_that_landed_elsewhere_gives_its_place_up() {
    let (mut scene, mut pod) = moved();
    run_on(&mut scene, &mut pod, "elastic");
    act(&mut scene, &mut pod);
    scene.later(31_000);
    let mut other = gated("b", 40);
    scene.pod(&other);
    let tried = act(&mut scene, &mut other);
    assert!(tried.contains(&"bind b to 0 costs 200".to_owned()), "{tried:?}");
}

#[test]
fn admissions_are_told_of_the_place_that_is_kept() {
    let (mut scene, mut pod) = moved();
    scene.scaled_to(3);
    let published = act(&mut scene, &mut pod);
    assert_eq!(published, ["publish fixed 1/1 closed, elastic 1"]);
}
