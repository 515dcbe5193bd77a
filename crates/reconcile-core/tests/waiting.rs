//! No pod waits for ever: whatever became of a write to it, and whatever became of its rule.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, gated, rule, running};
use reconcile_core::{Event, Outcome, PodRecord, plan};
use serde_json::{Value, json};

const TWO: &str = "
subsets:
- {name: fixed, maxReplicas: 2}
- {name: elastic}
";

fn unknown() -> Outcome {
    Outcome::Unknown("no answer".into())
}

/// A pod whose bind got no answer, and whose subset is no more since, is let go.
fn assert_let_go_without_its_subset(pod: &Value) {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(pod);
    assert_eq!(scene.pods_end(&unknown()), ["bind a to 0 costs 200"]);
    scene.world.set_rules(vec![rule(&TWO.replace("fixed", "paid"))]);
    assert_eq!(
        scene.followed(60),
        ["release a: the API server refused to bind the pod"]
    );
}

#[test]
fn a_bind_of_which_nobody_knows_is_not_waited_for_when_its_subset_is_no_more() {
    assert_let_go_without_its_subset(&gated("a", 0));
}

#[test]
fn a_held_pod_that_cannot_be_given_its_place_any_more_is_let_go() {
    assert_let_go_without_its_subset(&common::held("a", 0, "fixed"));
}

#[test]
fn a_gate_that_was_perhaps_opened_is_opened_again_though_the_spread_is_no_more() {
    let mut scene = Scene::new(rule(TWO));
    scene.pod(&gated("a", 0));
    scene.world.set_rules(Vec::new());
    scene.later(400_000);
    let released = "release a: no spread has the name that the pod carries".to_owned();
    assert!(scene.pods_end(&unknown()).contains(&released));
    scene.later(10);
    let plan = scene.plan();
    assert_eq!((plan.steps, plan.wake), (Vec::new(), Some(scene.now.plus(190))));
    assert!(scene.followed(1).contains(&released));
}

#[test]
fn a_pod_that_no_rule_means_is_let_go_in_time() {
    let mut scene = Scene::new(rule(TWO));
    let mut pod = gated("a", 0);
    pod["metadata"]["labels"] = json!({"app": "other"});
    pod["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    let record = PodRecord::read(&pod).unwrap();
    let dirty = scene.world.take(Event::Pod(Box::new(record)), scene.now);
    let [nobodys] = dirty.as_slice() else {
        panic!("{dirty:?}")
    };
    let before = plan(&scene.world, nobodys, scene.now);
    assert_eq!(
        (before.steps, before.wake),
        (Vec::new(), Some(common::START.plus(300_000)))
    );
    let then = plan(&scene.world, nobodys, common::START.plus(300_000));
    assert_eq!(
        common::all(&then.steps),
        ["release a: no spread has the name that the pod carries"],
        "and no Event, for there is nothing that it could be of"
    );
}

#[test]
fn a_pod_whose_owner_is_seen_late_is_not_let_go_for_that() {
    let mut scene = Scene::new(rule(TWO));
    let mut pod = gated("a", 0);
    pod["metadata"]["labels"] = json!({"app": "web"});
    scene.pod(&pod).later(299_000);
    scene.scaled_to(1);
    assert_eq!(scene.followed(60), ["bind a to 0 costs 200"]);
}

#[test]
fn an_adoption_that_failed_is_tried_again() {
    let numbered = r#"
targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
  maxReplicas: 2
- {name: elastic}
"#;
    let mut scene = Scene::new(rule(numbered));
    scene.workload(&common::workload("StatefulSet", "web", 1, None));
    scene.node(&json!({"metadata": {"name": "n-1", "labels": {"pool": "fixed"}}}));
    let mut pod = running("web-0", None, None, "x");
    pod["metadata"]["labels"] = json!({"app": "web", "controller-revision-hash": "x"});
    pod["metadata"]["ownerReferences"] = json!([
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "uid-web", "controller": true}
    ]);
    scene.pod(&pod);
    assert!(
        scene
            .pods_end(&unknown())
            .contains(&"adopt web-0 into 0".to_owned())
    );
    assert_eq!(scene.followed(60), ["adopt web-0 into 0"]);
}
