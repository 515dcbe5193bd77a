//! Gated pods of a StatefulSet: each is bound to its own rung, and none beyond a maximum.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, rule, running, workload};
use serde_json::{Value, json};

const THREE: &str = r#"
targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}
subsets:
- {name: fixed, maxReplicas: 3}
- {name: elastic}
"#;

/// A pod of the StatefulSet in place of one of a ReplicaSet.
fn of_set(mut pod: Value) -> Value {
    pod["metadata"]["ownerReferences"] = json!([
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "uid-web", "controller": true}
    ]);
    let labels = pod["metadata"]["labels"].as_object_mut().unwrap();
    labels.remove("pod-template-hash");
    pod
}

fn set(replicas: u32, start: u32, policy: &str) -> Value {
    let mut set = workload("StatefulSet", "web", replicas, None);
    set["spec"]["ordinals"] = json!({"start": start});
    set["spec"]["podManagementPolicy"] = policy.into();
    set
}

fn waits(ordinal: u32) -> Value {
    of_set(gated(&format!("web-{ordinal}"), i64::from(ordinal)))
}

fn runs(ordinal: u32, subset: &str) -> Value {
    of_set(running(&format!("web-{ordinal}"), Some(subset), None, "abc"))
}

fn terminating(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = common::START.to_string().into();
    pod["metadata"]["resourceVersion"] = "20".into();
    pod
}

fn binds(scene: &mut Scene) -> Vec<String> {
    let steps = all(&scene.begin());
    let is_of_pod = |step: &String| !step.starts_with("publish");
    steps.into_iter().filter(is_of_pod).collect()
}

#[test]
fn a_number_says_where_a_pod_goes_whoever_was_created_first() {
    let mut scene = Scene::new(rule(THREE));
    scene.workload(&set(5, 5, "OrderedReady"));
    let mut last = waits(9);
    last["metadata"]["creationTimestamp"] = common::START.to_string().into();
    scene.pod(&last).pod(&waits(7)).pod(&waits(5));
    assert_eq!(
        binds(&mut scene),
        ["bind web-9 to 1", "bind web-5 to 0", "bind web-7 to 0"]
    );
}

#[test]
fn a_pod_waits_for_the_place_of_one_that_a_moved_start_gives_up() {
    let mut scene = Scene::new(rule(THREE));
    for (ordinal, subset) in [
        (5, "fixed"),
        (6, "fixed"),
        (7, "fixed"),
        (8, "elastic"),
        (9, "elastic"),
    ] {
        scene.pod(&runs(ordinal, subset));
    }
    scene.workload(&set(5, 0, "Parallel"));
    for ordinal in 0..5 {
        scene.pod(&waits(ordinal));
    }
    assert_eq!(
        binds(&mut scene),
        ["bind web-3 to 1", "bind web-4 to 1"],
        "the others have places in `fixed`"
    );
    scene.world.take(
        reconcile_core::Event::PodGone {
            uid: "uid-web-6".into(),
        },
        scene.now,
    );
    assert_eq!(binds(&mut scene), ["bind web-0 to 0"]);
    // Who is being deleted gives its place to the one that waits for it.
    scene.pod(&terminating(runs(5, "fixed")));
    assert_eq!(binds(&mut scene), ["bind web-1 to 0"]);
    for uid in ["uid-web-5", "uid-web-7"] {
        scene
            .world
            .take(reconcile_core::Event::PodGone { uid: uid.into() }, scene.now);
    }
    assert_eq!(binds(&mut scene), ["bind web-2 to 0"]);
}

#[test]
fn where_pods_are_made_one_after_the_other_nobody_waits_for_those_that_go_last() {
    let mut scene = Scene::new(rule(THREE));
    for ordinal in 5..8 {
        scene.pod(&runs(ordinal, "fixed"));
    }
    scene.workload(&set(3, 0, "OrderedReady")).pod(&waits(0));
    assert_eq!(binds(&mut scene), ["bind web-0 to 1"]);
}

#[test]
fn a_place_that_another_ordinal_keeps_is_not_waited_for() {
    let mut scene = Scene::new(rule(THREE));
    // They were the first three of 3 to 7, and stay.
    for ordinal in 3..6 {
        scene.pod(&runs(ordinal, "fixed"));
    }
    scene.workload(&set(6, 0, "Parallel")).pod(&waits(0));
    assert_eq!(binds(&mut scene), ["bind web-0 to 1"]);
}

#[test]
fn a_number_that_the_workload_does_not_have_yet_waits_for_news_of_it() {
    let mut scene = Scene::new(rule(THREE));
    scene.pod(&waits(0)).pod(&waits(5));
    assert_eq!(binds(&mut scene), [""; 0], "the workload was not seen");
    scene.workload(&set(5, 5, "Parallel"));
    assert_eq!(binds(&mut scene), ["bind web-5 to 0"], "web-0 is of another time");
    scene.workload(&set(5, 0, "Parallel"));
    assert_eq!(binds(&mut scene), ["bind web-0 to 0"]);
    // No longer than any gate.
    scene.pod(&waits(7));
    scene.settled();
    scene.later(400_000);
    assert_eq!(
        binds(&mut scene)[..1],
        ["release web-7: no place came free in time"]
    );
}

#[test]
fn numbers_that_are_left_out_make_others_higher() {
    let mut scene = Scene::new(rule(&THREE.replace("apps/v1", "apps.kruise.io/v1beta1")));
    let mut set = set(3, 0, "Parallel");
    set["spec"]["reserveOrdinals"] = json!([1]);
    let kind = rules::GroupKind::of("apps.kruise.io/v1beta1", "StatefulSet").unwrap();
    let record = reconcile_core::WorkloadRecord::of_kind(kind, &set).unwrap();
    scene
        .world
        .take(reconcile_core::Event::Workload(Box::new(record)), scene.now);
    let mut pod = waits(3);
    pod["metadata"]["ownerReferences"][0]["apiVersion"] = "apps.kruise.io/v1beta1".into();
    scene.pod(&pod);
    assert_eq!(binds(&mut scene), ["bind web-3 to 1"]);
}
