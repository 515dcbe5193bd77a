//! `rollout: Keep`: a new pod waits for a place of its own ladder, and no rollout waits for ever.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, revision, rule, running, workload};
use reconcile_core::{Action, Event, Outcome, WhyRecreated};
use serde_json::{Value, json};

const EIGHT: &str = "subsets: [{name: fixed, maxReplicas: 8}, {name: elastic}]";
const TEN: &str = "subsets: [{name: fixed, maxReplicas: 10}, {name: elastic}]";

/// A Deployment of ten pods in the middle of a rollout, so many of them old.
fn deployment(strategy: Value) -> Value {
    let mut deployment = workload("Deployment", "web", 10, None);
    deployment["spec"]["strategy"] = strategy;
    deployment
}

fn rolling(surge: u32, unavailable: u32) -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
}

fn old(number: usize, subset: &str) -> Value {
    running(&format!("old-{number}"), Some(subset), None, "old")
}

/// Ten old pods, `fixed` of them there and the others in the open end, and so many new ones that wait.
fn scene(fields: &str, strategy: Value, fixed: usize, waiting: usize) -> Scene {
    let mut scene = Scene::new(rule(fields));
    let new = u32::try_from(waiting).unwrap();
    scene
        .workload(&deployment(strategy))
        .workload(&revision("old", 10, 1))
        .workload(&revision("abc", new, 2));
    for number in 0..10 {
        scene.pod(&old(number, if number < fixed { "fixed" } else { "elastic" }));
    }
    for number in 0..waiting {
        scene.pod(&gated(&format!("n{number}"), i64::try_from(number).unwrap()));
    }
    scene
}

fn binds(scene: &mut Scene) -> Vec<String> {
    let steps = scene.begin();
    all(&steps)
        .into_iter()
        .filter(|step| step.starts_with("bind") || step.starts_with("re"))
        .collect()
}

fn gone(scene: &mut Scene, name: &str) {
    let uid = format!("uid-{name}");
    scene.world.take(Event::PodGone { uid }, scene.now);
}

/// A pod that was bound and runs.
fn ready(scene: &mut Scene, name: &str, subset: &str) {
    let mut pod = running(name, Some(subset), None, "abc");
    pod["metadata"]["resourceVersion"] = "20".into();
    pod["status"]["conditions"][0]["lastTransitionTime"] = scene.now.to_string().into();
    scene.pod(&pod);
}

#[test]
fn the_surge_takes_what_its_own_ladder_has_in_the_open_end_and_waits_for_the_rest() {
    let mut scene = scene(EIGHT, rolling(3, 2), 8, 3);
    assert_eq!(
        binds(&mut scene),
        ["bind n0 to 1 costs 100", "bind n1 to 1 costs 100"]
    );
    gone(&mut scene, "old-0");
    assert_eq!(binds(&mut scene), ["bind n2 to 0 costs 200"]);
}

#[test]
fn what_spill_and_surge_do_with_the_same_pods() {
    let spilled = binds(&mut scene(
        &format!("{{rollout: Spill, {EIGHT}}}"),
        rolling(3, 2),
        8,
        3,
    ));
    assert!(spilled.iter().all(|bind| bind.contains(" to 1 ")), "{spilled:?}");
    let surged = binds(&mut scene(
        &format!("{{rollout: Surge, {EIGHT}}}"),
        rolling(3, 2),
        8,
        3,
    ));
    assert!(surged.iter().all(|bind| bind.contains(" to 0 ")), "{surged:?}");
    assert_eq!((spilled.len(), surged.len()), (3, 3));
}

#[test]
fn a_place_under_the_maximum_that_no_old_pod_holds_is_taken_at_once() {
    let twenty = "subsets: [{name: fixed, maxReplicas: 20}, {name: elastic}]";
    let bound = binds(&mut scene(twenty, rolling(3, 2), 10, 3));
    assert!(bound.iter().all(|bind| bind.contains(" to 0 ")), "{bound:?}");
    assert_eq!(bound.len(), 3);
}

#[test]
fn one_stepping_stone_at_a_time_where_no_old_pod_may_go() {
    let mut scene = scene(TEN, rolling(3, 0), 10, 3);
    assert_eq!(binds(&mut scene), [""; 0], "something may still happen");
    scene.later(1_000);
    assert_eq!(binds(&mut scene), ["bind n0 to 0 costs 200"]);
    scene.later(60_000);
    assert_eq!(binds(&mut scene), [""; 0], "it starts");
    ready(&mut scene, "n0", "fixed");
    scene.later(14_000);
    assert_eq!(
        binds(&mut scene),
        [""; 0],
        "the controller may take an old one now"
    );
    gone(&mut scene, "old-0");
    scene.workload(&revision("old", 9, 1));
    assert_eq!(binds(&mut scene), [""; 0]);
    scene.later(1_000);
    assert_eq!(binds(&mut scene), ["bind n1 to 0 costs 200"]);
}

#[test]
fn an_exact_spread_sends_its_stone_to_the_open_end_and_marks_it() {
    let mut scene = scene(&format!("{{capacity: Exact, {TEN}}}"), rolling(3, 0), 10, 3);
    scene.later(1_000);
    let steps = scene.begin();
    assert_eq!(all(&steps)[0], "bind n0 to 1 costs 100");
    let Action::Bind { patch, .. } = &steps[0].action else {
        unreachable!("it was shown as one")
    };
    let text = format!("{patch:?}");
    assert!(text.contains("spillway.dev~1stepping-stone"), "{text}");
}

#[test]
fn a_stone_is_still_one_when_nobody_knows_whether_it_was_written() {
    let mut scene = scene(&format!("{{capacity: Exact, {TEN}}}"), rolling(3, 0), 10, 3);
    scene.later(1_000);
    let stone = scene.begin().swap_remove(0);
    scene.settle(&stone, Outcome::Unknown("no answer".into()));
    scene.later(200);
    let again = scene.begin();
    assert_eq!(all(&again)[0], all(&[stone])[0]);
    let text = format!("{:?}", common::pod_patch(&again[0]));
    assert!(text.contains("spillway.dev~1stepping-stone"), "{text}");
}

#[test]
fn a_stone_that_was_placed_at_admission_says_that_it_is_one() {
    let mut scene = scene(TEN, rolling(3, 0), 10, 0);
    scene
        .workload(&revision("abc", 1, 2))
        .pod(&common::held("n0", 0, "fixed"));
    scene.later(1_000);
    let steps = scene.begin();
    assert_eq!(all(&steps)[0], "bind n0 to 0 costs 200");
    let text = format!("{:?}", common::pod_patch(&steps[0]));
    assert!(text.contains("fixed: a stepping stone of the rollout"), "{text}");
}

#[test]
fn without_an_open_end_the_stone_of_an_exact_spread_is_let_go() {
    let closed = "{capacity: Exact, subsets: [{name: fixed, maxReplicas: 10}]}";
    let mut scene = scene(closed, rolling(3, 0), 10, 1);
    scene.later(1_000);
    assert_eq!(
        binds(&mut scene),
        ["release n0: every subset is at its maximum or closed"]
    );
}

/// A pod that was bound to `fixed` and finds no node.
fn stuck(name: &str, revision: &str, now: &str) -> Value {
    let mut waits = running(name, Some("fixed"), Some(200), revision);
    waits["metadata"]["resourceVersion"] = "20".into();
    waits["spec"].as_object_mut().unwrap().remove("nodeName");
    waits["status"] = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": now,
    }]});
    waits
}

#[test]
fn nobody_is_made_anew_who_could_go_nowhere_else() {
    let closed = "subsets: [{name: fixed, maxReplicas: 10}]";
    let at_admission = format!("{{binding: Admission, {TEN}}}");
    for (fields, revision) in [(closed, "abc"), (at_admission.as_str(), "abc"), (TEN, "old")] {
        let mut scene = scene(fields, rolling(3, 0), 10, 0);
        let now = scene.now.to_string();
        scene
            .workload(&common::revision("abc", 1, 2))
            .pod(&stuck("n0", revision, &now));
        scene.later(60_000);
        assert_eq!(binds(&mut scene), [""; 0], "{fields}, {revision}");
    }
}

#[test]
fn a_stone_that_finds_no_node_beside_is_made_anew_in_the_open_end() {
    let mut scene = scene(TEN, rolling(3, 0), 10, 1);
    scene.later(1_000);
    assert_eq!(binds(&mut scene), ["bind n0 to 0 costs 200"]);
    let mut waits = gated("n0", 0);
    waits["metadata"]["resourceVersion"] = "20".into();
    waits["metadata"]["labels"]["spillway.dev/subset"] = "fixed".into();
    waits["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "200".into();
    waits["spec"].as_object_mut().unwrap().remove("schedulingGates");
    waits["status"]["conditions"] = json!([{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "lastTransitionTime": scene.now.to_string(),
    }]);
    scene.pod(&waits);
    scene.later(4_999);
    assert_eq!(binds(&mut scene), [""; 0]);
    scene.later(1);
    let steps = scene.begin();
    let recreate = steps
        .iter()
        .find(|step| matches!(step.action, Action::Recreate { .. }))
        .unwrap();
    assert!(matches!(
        recreate.action,
        Action::Recreate {
            why: WhyRecreated::NoNodeBeside,
            ..
        }
    ));
    scene.settle(recreate, Outcome::Gone);
    scene.pod(&gated("n1", 6));
    scene.later(1_000);
    assert_eq!(binds(&mut scene), ["bind n1 to 1 costs 100"]);
}

#[test]
fn a_rollout_that_is_paused_waits_as_long_as_the_spread_lets_it() {
    let mut scene = scene(TEN, rolling(3, 0), 10, 1);
    let mut paused = deployment(rolling(3, 0));
    paused["spec"]["paused"] = true.into();
    scene.workload(&paused);
    scene.later(299_000);
    assert_eq!(binds(&mut scene), [""; 0]);
    scene.later(1_000);
    assert_eq!(binds(&mut scene), ["bind n0 to 0 costs 200"]);
}

/// Ready for a moment is not available: the old pods stay until then, so that nothing is stuck yet.
#[test]
fn a_pod_that_is_not_available_yet_is_waited_for() {
    let mut scene = scene(EIGHT, rolling(1, 0), 8, 1);
    let mut slow = deployment(rolling(1, 0));
    slow["spec"]["minReadySeconds"] = 30.into();
    scene.workload(&slow);
    assert_eq!(binds(&mut scene), ["bind n0 to 1 costs 100"]);
    ready(&mut scene, "n0", "elastic");
    scene.workload(&revision("abc", 2, 2)).pod(&gated("n1", 9));
    assert_eq!(binds(&mut scene), ["bind n1 to 1 costs 100"]);
    ready(&mut scene, "n1", "elastic");
    scene.workload(&revision("abc", 3, 2)).pod(&gated("n2", 9));
    scene.later(20_000);
    assert_eq!(binds(&mut scene), [""; 0]);
}

#[test]
fn a_ladder_that_is_too_short_for_the_workload_lets_go_at_once() {
    let short = "subsets: [{name: fixed, maxReplicas: 8}]";
    let mut scene = Scene::new(rule(short));
    scene.scaled_to(10);
    for number in 0..8 {
        scene.pod(&running(&format!("p{number}"), Some("fixed"), Some(100), "abc"));
    }
    scene.pod(&gated("n0", 0)).pod(&gated("n1", 0));
    assert_eq!(
        binds(&mut scene),
        [
            "release n0: every subset is at its maximum or closed",
            "release n1: every subset is at its maximum or closed"
        ]
    );
}

#[test]
fn shares_are_filled_by_what_each_subset_lacks() {
    let thirds = "subsets: [{name: a, replicas: 34%}, {name: b, replicas: 33%}, {name: c, replicas: 33%}]";
    let mut scene = Scene::new(rule(thirds));
    scene.scaled_to(6);
    // A scale-in in the middle of a start left two pods of one subset on high rungs.
    for (name, subset, cost) in [("p0", "a", 1_000_000), ("p1", "a", 999_991), ("p2", "a", 999_988)] {
        scene.pod(&running(name, Some(subset), Some(cost), "abc"));
    }
    for name in ["n0", "n1", "n2"] {
        scene.pod(&gated(name, 0));
    }
    let mut subsets: Vec<String> = binds(&mut scene)
        .iter()
        .map(|bind| bind.split(' ').nth(3).unwrap().to_owned())
        .collect();
    subsets.sort_unstable();
    assert_eq!(subsets, ["1", "1", "2"]);
}

#[test]
fn the_ledger_says_when_places_come_free_that_it_may_not_show() {
    let mut scene = Scene::new(rule(EIGHT));
    scene.scaled_to(2);
    for name in ["p0", "p1"] {
        scene.pod(&running(name, Some("fixed"), Some(200), "abc"));
    }
    let vacating = |scene: &mut Scene| {
        let steps = scene.begin();
        for step in &steps {
            scene.settle(step, Outcome::Done(None));
        }
        let mut published = steps.iter().filter_map(|step| match &step.action {
            Action::PublishLedger(ledger) => Some(ledger.status.as_ref().unwrap().vacating),
            _ => None,
        });
        published.next()
    };
    assert_eq!(vacating(&mut scene), Some(false));
    scene.later(1_000);
    gone(&mut scene, "p0");
    assert_eq!(vacating(&mut scene), Some(true));
    scene.later(9_999);
    assert_eq!(vacating(&mut scene), None);
    assert_eq!(scene.plan().wake, Some(scene.now.plus(1)));
    scene.later(1);
    assert_eq!(vacating(&mut scene), Some(false));
}

/// A label takes the pods of two Deployments; one of them is rolled out.
#[test]
fn labels_keep_the_split_of_all_workloads_that_they_take() {
    let labels = "
selector: {matchLabels: {app: web}}
targetRef: null
subsets: [{name: fixed, maxReplicas: 4}, {name: elastic}]";
    let mut scene = Scene::new(rule(labels));
    scene
        .workload(&workload("Deployment", "web", 3, None))
        .workload(&revision("old", 3, 1))
        .workload(&revision("abc", 1, 2));
    let mut other = workload("ReplicaSet", "web-other", 3, Some("shop"));
    other["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] = "3".into();
    scene.workload(&other);
    for (name, subset, hash) in [
        ("a", "fixed", "old"),
        ("b", "fixed", "old"),
        ("c", "elastic", "old"),
        ("d", "fixed", "other"),
        ("e", "fixed", "other"),
        ("f", "elastic", "other"),
    ] {
        scene.pod(&running(name, Some(subset), None, hash));
    }
    // Six pods are 4/2. The newest ones have 2/1, the surge may have the second place of the open end.
    scene.pod(&gated("n0", 0));
    assert_eq!(binds(&mut scene), ["bind n0 to 1 costs 100"]);
    scene.pod(&gated("n1", 0)).workload(&revision("abc", 2, 2));
    assert_eq!(
        binds(&mut scene),
        [""; 0],
        "both places in `fixed` are held by old pods"
    );
    gone(&mut scene, "a");
    assert_eq!(binds(&mut scene), ["bind n1 to 0 costs 200"]);
}
