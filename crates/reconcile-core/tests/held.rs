//! Pods that are bound at admission: let go where their subset has a place, deleted where it has none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, patched, pod_patch, rule, running};
use reconcile_core::{Action, Event, Outcome};
use serde_json::{Value, json};

const WITH_ENV: &str = r#"
subsets:
- {name: fixed, maxReplicas: 1}
- {name: elastic, patch: {spec: {containers: [{name: main, env: [{name: POOL, value: elastic}]}]}}}
"#;

fn held(name: &str, subset: &str) -> Value {
    common::held(name, 0, subset)
}

#[test]
fn surplus_is_deleted_only_after_admissions_know_that_the_subset_is_full() {
    let mut scene = Scene::new(rule(WITH_ENV));
    scene
        .scaled_to(3)
        .pod(&held("a", "fixed"))
        .pod(&held("b", "fixed"))
        .pod(&held("c", "elastic"));
    let released = scene.begin();
    assert_eq!(all(&released), ["bind a to 0 costs 200", "bind c to 1 costs 100"]);
    let open = patched(&held("a", "fixed"), pod_patch(&released[0])).unwrap();
    assert_eq!(open["spec"]["schedulingGates"], json!([]));

    let publish = scene.begin();
    assert_eq!(all(&publish), ["publish fixed 1/1 closed, elastic 1"]);
    assert_eq!(all(&scene.begin()), Vec::<String>::new(), "nobody knows yet");
    scene.settle(&publish[0], Outcome::Done(None));
    assert_eq!(all(&scene.begin()), ["delete b"]);
}

#[test]
fn deletions_are_bounded_and_then_auto_exceeds() {
    let mut scene = Scene::new(rule(WITH_ENV));
    scene.scaled_to(3).pod(&held("first", "fixed"));
    scene.settled();
    for number in 0..20 {
        scene.pod(&held(&format!("b{number}"), "fixed"));
        assert!(scene.settled().contains(&format!("delete b{number}")));
        scene.world.take(
            reconcile_core::Event::PodGone {
                uid: format!("uid-b{number}"),
            },
            scene.now,
        );
    }
    scene.pod(&held("last", "fixed"));
    assert!(
        scene
            .settled()
            .contains(&"release last: every subset is at its maximum or closed".to_owned())
    );
}

#[test]
fn a_burst_that_was_admitted_whole_before_anybody_counted_is_deleted_whole() {
    let mut scene = Scene::new(rule(&format!("capacity: Exact\n{WITH_ENV}")));
    scene.scaled_to(60);
    for number in 0..60 {
        scene.pod(&held(&format!("b{number}"), "fixed"));
    }
    let done = scene.settled();
    let count = |word: &str| done.iter().filter(|step| step.starts_with(word)).count();
    assert_eq!(
        (count("bind"), count("delete"), count("release")),
        (1, 59, 0),
        "{done:?}"
    );
}

#[test]
fn pods_of_jobs_are_never_deleted() {
    let mut scene = Scene::new(rule(WITH_ENV));
    let job = |name: &str| {
        let mut pod = held(name, "fixed");
        pod["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1".into();
        pod["metadata"]["ownerReferences"][0]["kind"] = "Job".into();
        pod
    };
    scene.scaled_to(3).pod(&job("a")).pod(&job("b"));
    let done = scene.settled();
    assert!(done.iter().all(|step| !step.starts_with("delete")), "{done:?}");
}

#[test]
fn a_pod_that_nobody_makes_again_is_never_deleted() {
    let selecting = "
selector: {matchLabels: {app: web}}
targetRef: null
binding: Admission
subsets:
- {name: fixed, maxReplicas: 1}
- {name: elastic}
";
    let with_owner = |name: &str, owner: Value| {
        let mut pod = held(name, "fixed");
        pod["metadata"]["ownerReferences"] = owner;
        pod
    };
    let unknown = json!([{"apiVersion": "game.example.io/v1", "kind": "Fleet", "name": "f", "uid": "f", "controller": true}]);
    for owner in [json!([]), unknown] {
        let mut scene = Scene::new(rule(selecting));
        scene
            .pod(&with_owner("a", owner.clone()))
            .pod(&with_owner("b", owner));
        assert_eq!(scene.followed(299), ["bind a to 0"]);
        assert_eq!(scene.followed(2), ["release b: no place came free in time"]);
    }
}

#[test]
fn nothing_is_surplus_while_a_percentage_is_of_nothing_known() {
    let half = "
binding: Admission
subsets:
- {name: fixed, maxReplicas: 50%}
- {name: elastic}
";
    let mut scene = Scene::new(rule(half));
    scene.pod(&held("a", "fixed")).pod(&held("b", "fixed"));
    assert_eq!(scene.followed(10), Vec::<String>::new());
    scene.scaled_to(4);
    assert_eq!(
        scene.followed(1),
        ["bind a to 0 costs 999999", "bind b to 0 costs 999997"]
    );
}

#[test]
fn surplus_waits_no_longer_than_others_for_a_ledger_that_cannot_be_written() {
    let mut scene = Scene::new(rule(WITH_ENV));
    scene
        .scaled_to(2)
        .pod(&running("r", Some("fixed"), Some(200), "abc"))
        .pod(&held("a", "fixed"));
    let mut decided = Vec::new();
    while scene.now < common::START.plus(310_000) {
        for step in scene.begin() {
            decided.extend(
                step.action
                    .pod()
                    .map(|_| (scene.now.since(common::START), common::told(&step))),
            );
            match step.action {
                Action::PublishLedger(_) => scene.settle(&step, Outcome::Refused("forbidden".into())),
                _ => scene.settle(&step, Outcome::Done(None)),
            }
        }
        scene.later(1000);
    }
    let released = "release a: no place came free in time".to_owned();
    assert_eq!(decided, [(300_000, released)]);
}

#[test]
fn surplus_of_long_ago_is_forgotten() {
    let mut scene = Scene::new(rule(WITH_ENV));
    scene
        .scaled_to(10)
        .pod(&running("r", Some("fixed"), Some(200), "abc"));
    let mut deleted = Vec::new();
    for _ in 0..2 {
        let mut of_round = 0;
        for number in 0..22 {
            let seconds = scene.now.since(common::START) / 1000;
            let name = format!("p{number}-{seconds}");
            scene.pod(&common::held(&name, seconds, "fixed"));
            let done = scene.settled();
            of_round += done.iter().filter(|step| step.starts_with("delete")).count();
            let uid = format!("uid-{name}");
            scene.world.take(Event::PodGone { uid }, scene.now);
        }
        deleted.push(of_round);
        scene.later(700_000);
    }
    assert_eq!(deleted, [20, 20]);
}

/// With a million rungs looked at for each of these pods the test would run for minutes.
#[test]
fn a_share_that_is_closed_has_no_place_whatever_the_ladder_says_of_the_others() {
    let shares = r#"
binding: Admission
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}
subsets:
- name: fixed
  replicas: 50%
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
"#;
    let mut scene = Scene::new(rule(shares));
    scene.scaled_to(300);
    scene.settled();
    scene.closed_by_the_ledger("fixed", common::START, common::START.plus(300_000));
    for number in 0..200 {
        scene.pod(&held(&format!("p{number}"), "fixed"));
    }
    let steps = all(&scene.begin());
    let deleted = steps.iter().filter(|step| step.starts_with("delete")).count();
    assert_eq!(
        (deleted, steps.len()),
        (20, 201),
        "all others are let go, and told of: {steps:?}"
    );
}
