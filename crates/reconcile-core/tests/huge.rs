//! Pods as large as an API server stores them: little of them is kept, and their gates are opened all the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, patched, pod_patch, rule};
use reconcile_core::{PodRecord, SpreadId, plan};
use serde_json::{Value, json};

const TWO: &str = "
subsets:
- name: fixed
  maxReplicas: 2
  patch: {metadata: {annotations: {big: null, small: given}}}
- name: elastic";

fn size(pod: &Value) -> usize {
    format!("{:?}", PodRecord::read(pod).unwrap()).len()
}

fn with_large_annotations() -> Value {
    let mut pod = gated("a", 0);
    pod["metadata"]["annotations"]["big"] = "x".repeat(200_000).into();
    pod["metadata"]["annotations"]["other"] = "y".repeat(50_000).into();
    pod
}

fn with_large_terms() -> Value {
    let mut pod = gated("a", 0);
    let terms: Vec<Value> = (0..2_000)
        .map(|number| json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": format!("v{number}")}}}))
        .collect();
    pod["spec"]["affinity"] =
        json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}});
    pod["spec"]["schedulingGates"] =
        json!([{"name": "example.io/other"}, {"name": "spillway.dev/placement"}]);
    pod
}

#[test]
fn long_annotations_are_not_kept_and_stay_what_they_are() {
    let pod = with_large_annotations();
    assert!(size(&pod) < 4_000, "{}", size(&pod));
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    assert_eq!(all(&steps)[0], "bind a to 0 costs 200");
    let bound = patched(&pod, pod_patch(&steps[0])).unwrap();
    let annotations = &bound["metadata"]["annotations"];
    assert_eq!(
        (annotations.get("big"), &annotations["small"]),
        (None, &json!("given"))
    );
    assert_eq!(annotations["other"].as_str().unwrap().len(), 50_000);
}

#[test]
fn whose_terms_are_too_long_to_be_kept_is_let_go() {
    let pod = with_large_terms();
    assert!(size(&pod) < 4_000, "{}", size(&pod));
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    assert!(all(&steps)[0].starts_with("release a"), "{:?}", all(&steps));
    let open = patched(&pod, pod_patch(&steps[0])).unwrap();
    assert_eq!(
        open["spec"]["schedulingGates"],
        json!([{"name": "example.io/other"}])
    );
    assert_eq!(open["spec"]["affinity"], pod["spec"]["affinity"]);
}

#[test]
fn of_a_pod_that_no_rule_can_mean_the_gate_is_opened() {
    for pod in [with_large_annotations(), with_large_terms()] {
        let kept = PodRecord::read(&pod).unwrap().gate_alone().unwrap();
        assert!(format!("{kept:?}").len() < 3_000, "{kept:?}");
        let mut elsewhere = rule(TWO);
        elsewhere.spread = {
            let mut written = elsewhere.written.clone();
            written["namespace"] = "another".into();
            policy_settings::read_spread(&written, "spread", &[]).unwrap()
        };
        let mut scene = Scene::new(elsewhere);
        scene
            .world
            .take(reconcile_core::Event::Pod(Box::new(kept)), scene.now);
        scene.later(300_000);
        let id = SpreadId {
            namespace: "shop".into(),
            name: "web".into(),
        };
        let steps = plan(&scene.world, &id, scene.now).steps;
        let open = patched(&pod, pod_patch(&steps[0])).unwrap();
        let gates = open["spec"]["schedulingGates"].as_array();
        assert!(!gates.is_some_and(|gates| gates.contains(&json!({"name": "spillway.dev/placement"}))));
        assert_eq!(
            open["metadata"]["annotations"]["big"],
            pod["metadata"]["annotations"]["big"]
        );
    }
}
