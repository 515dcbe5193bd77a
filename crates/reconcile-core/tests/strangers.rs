//! Pods that carry our labels and are nobody's that a rule means: they count for nothing, and nothing is done to them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, never_placed, revision, rule, running, workload};
use reconcile_core::Action;
use serde_json::{Value, json};
use spread_api::LedgerStatus;

const TWO: &str = "subsets: [{name: fixed, maxReplicas: 2}, {name: elastic}]";
const ADAPTIVE: &str = "
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 5}}
subsets: [{name: fixed, maxReplicas: 2}, {name: elastic}]";

/// A workload of two pods, of the revision `abc`.
fn scene(rule_text: &str) -> Scene {
    let mut scene = Scene::new(rule(rule_text));
    scene.workload(&workload("Deployment", "web", 2, None));
    scene.workload(&revision("abc", 2, 1));
    scene
}

fn with_owner(mut pod: Value, kind: &str, name: &str, uid: &str) -> Value {
    pod["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true}]);
    pod
}

/// All ways to carry our labels without being one of the workload's pods.
fn strangers(pod: &Value) -> Vec<(&'static str, Value)> {
    let mut alone = pod.clone();
    alone["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("ownerReferences");
    vec![
        ("no owner", alone),
        (
            "another Deployment's",
            with_owner(pod.clone(), "ReplicaSet", "other-abc", "u-1"),
        ),
        (
            "a set of that name that was never there",
            with_owner(pod.clone(), "ReplicaSet", "web-abc", "u-2"),
        ),
        (
            "another kind",
            with_owner(pod.clone(), "StatefulSet", "web", "u-3"),
        ),
    ]
}

fn status(scene: &mut Scene) -> LedgerStatus {
    let steps = scene.begin();
    let ledger = steps.iter().find_map(|step| match &step.action {
        Action::PublishLedger(ledger) => ledger.status.clone(),
        _ => None,
    });
    ledger.unwrap()
}

#[test]
fn a_label_takes_no_place() {
    for (who, stranger) in strangers(&running("x", Some("fixed"), Some(200), "abc")) {
        let mut scene = scene(TWO);
        scene.pod(&stranger);
        scene.pod(&gated("a", 0)).pod(&gated("b", 0));
        assert_eq!(
            all(&scene.begin())[..2],
            ["bind a to 0 costs 200", "bind b to 0 costs 200"],
            "{who}"
        );
    }
}

#[test]
fn a_label_makes_no_row_and_no_count() {
    for (who, stranger) in strangers(&running("x", Some("fixed"), Some(200), "made-up")) {
        let mut scene = scene(TWO);
        scene.pod(&stranger);
        let status = status(&mut scene);
        assert_eq!((status.active, status.taken), (0, vec![0, 0]), "{who}");
        assert_eq!(status.revisions.len(), 1, "{who}");
    }
}

#[test]
fn a_label_closes_no_pool_and_no_pod_is_deleted_for_it() {
    let mut stuck = running("x", Some("fixed"), Some(200), "abc");
    stuck["spec"].as_object_mut().unwrap().remove("nodeName");
    stuck["status"] = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "lastTransitionTime": common::START.to_string(),
    }]});
    for (who, stranger) in strangers(&stuck) {
        let mut scene = scene(ADAPTIVE);
        scene.pod(&stranger);
        scene.later(60_000);
        let status = status(&mut scene);
        assert_eq!(status.closed, Vec::<String>::new(), "{who}");
        let told = all(&scene.begin());
        assert!(!told.iter().any(|step| step.contains(" x")), "{who}: {told:?}");
    }
}

#[test]
fn the_cost_of_a_stranger_is_its_own_matter() {
    for (who, stranger) in strangers(&running("x", Some("fixed"), Some(-7), "abc")) {
        let mut scene = scene(TWO);
        scene.pod(&stranger);
        let told = all(&scene.begin());
        assert!(!told.iter().any(|step| step.contains("costs")), "{who}: {told:?}");
    }
}

#[test]
fn whoever_is_told_of_before_its_replica_set_counts() {
    let mut scene = Scene::new(rule(TWO));
    scene.workload(&workload("Deployment", "web", 2, None));
    scene.pod(&running("a", Some("fixed"), Some(200), "abc"));
    assert_eq!(status(&mut scene).taken, [1, 0]);
}

#[test]
fn revisions_beyond_fifty_are_one_row() {
    let mut scene = scene(TWO);
    for number in 0..60 {
        let hash = format!("h{number:02}");
        let mut pod = running(&format!("p-{hash}"), Some("elastic"), Some(100), &hash);
        pod["metadata"]["ownerReferences"][0]["name"] = "web-abc".into();
        pod["metadata"]["ownerReferences"][0]["uid"] = "uid-web-abc".into();
        scene.pod(&pod);
    }
    let status = status(&mut scene);
    assert_eq!((status.active, status.revisions.len()), (60, 51));
    let of_abc = status
        .revisions
        .iter()
        .find(|row| row.revision.as_deref() == Some("abc"));
    assert_eq!(of_abc.and_then(|row| row.desired), Some(2));
    let others = status.revisions.last().unwrap();
    assert_eq!((others.revision.as_deref(), others.active), (Some("*"), 11));
}

#[test]
fn whose_node_comes_to_be_known_later_is_looked_at_again() {
    let mut scene = scene(
        "
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic",
    );
    let pod = never_placed("a");
    scene.pod(&pod);
    scene.settled();
    let node = json!({"metadata": {"name": "n-1", "labels": {"pool": "fixed"}}});
    let node = reconcile_core::NodeRecord::read(&node).unwrap();
    let dirty = scene
        .world
        .take(reconcile_core::Event::Node(Box::new(node)), scene.now);
    assert_eq!(dirty, [common::id()]);
    assert!(
        all(&scene.begin())[0].starts_with("adopt a"),
        "{:?}",
        all(&scene.begin())
    );
}
