//! Which gated pod is bound where, and what is written to it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, patched, pod_patch, rule, running};
use placement_core::decide::Placement;
use placement_core::{Decision, DeletionCost, Reason, Rung, Tier, inject};
use reconcile_core::{Action, Event, Outcome, PodRecord};
use rules::SubsetIx;
use serde_json::json;

const TWO: &str = r#"
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
  patch: {metadata: {labels: {pool: fixed}}}
- name: elastic
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists}]
"#;

#[test]
fn gated_pods_are_bound_in_the_order_of_their_creation() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(5);
    for (name, seconds) in [("e", 3), ("a", 1), ("d", 2), ("b", 1), ("c", 2)] {
        scene.pod(&gated(name, seconds));
    }
    assert_eq!(
        all(&scene.begin()),
        [
            "bind a to 0 costs 200",
            "bind b to 0 costs 200",
            "bind d to 1 costs 100",
            "bind c to 1 costs 100",
            "bind e to 1 costs 100",
        ]
    );
}

#[test]
fn a_bound_pod_is_what_admission_would_have_made_of_it() {
    let mut scene = Scene::new(rule(TWO));
    let pod = gated("a", 0);
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    let bound = patched(&pod, pod_patch(&steps[0])).unwrap();

    let rung = Rung {
        subset: SubsetIx::new(0),
        tier: Tier::Maximum,
    };
    let placement = Placement {
        subset: rung.subset,
        cost: Some(DeletionCost::of(rung, 2)),
        reason: Reason::Bound,
    };
    let mut admitted = inject(pod.clone(), &rule(TWO).spread, &Decision::Place(placement)).unwrap();
    admitted["spec"]["schedulingGates"] = json!([]);
    admitted["metadata"]["annotations"]["spillway.dev/bound-at"] = json!("2026-01-01T00:00:00.000000Z");
    assert_eq!(bound, admitted);

    // Whoever reads that again finds it bound.
    let record = PodRecord::read(&bound).unwrap();
    assert!(
        !record.gated && record.subset.as_deref() == Some("fixed") && record.bound_at == Some(common::START)
    );
}

#[test]
fn a_patch_is_refused_by_any_other_pod_and_by_one_that_waits_no_more() {
    let mut scene = Scene::new(rule(TWO));
    let pod = gated("a", 0);
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    let patch = pod_patch(&steps[0]);

    let mut other = pod.clone();
    other["metadata"]["uid"] = "another".into();
    assert!(patched(&other, patch).is_err());
    let mut open = pod.clone();
    open["spec"]["schedulingGates"] = json!([]);
    assert!(patched(&open, patch).is_err());
    let bound = patched(&pod, patch).unwrap();
    assert!(patched(&bound, patch).is_err(), "a second time");
    let mut elsewhere = pod.clone();
    elsewhere["spec"]["schedulingGates"] = json!([{"name": "other"}, {"name": "spillway.dev/placement"}]);
    assert!(patched(&elsewhere, patch).is_err(), "the gate stands elsewhere");
}

#[test]
fn gates_of_others_stay() {
    let mut scene = Scene::new(rule(TWO));
    let mut pod = gated("a", 0);
    pod["spec"]["schedulingGates"] =
        json!([{"name": "first"}, {"name": "spillway.dev/placement"}, {"name": "last"}]);
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    let bound = patched(&pod, pod_patch(&steps[0])).unwrap();
    assert_eq!(
        bound["spec"]["schedulingGates"],
        json!([{"name": "first"}, {"name": "last"}])
    );
}

#[test]
fn the_terms_of_the_pod_are_tightened_and_never_replaced() {
    let mut scene = Scene::new(rule(TWO));
    let mut pod = gated("a", 0);
    let zone = json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]});
    pod["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [zone, {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}],
    }}});
    scene.scaled_to(1).pod(&pod);
    let steps = scene.begin();
    let bound = patched(&pod, pod_patch(&steps[0])).unwrap();
    let pool = json!({"key": "pool", "operator": "In", "values": ["fixed"]});
    assert_eq!(
        bound["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"],
        json!([
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}, pool]},
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}], "matchExpressions": [pool]},
        ])
    );
    // Somebody else changed the terms meanwhile: the places that the patch names may be others.
    let mut edited = pod.clone();
    edited["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        [0] = json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]});
    assert!(patched(&edited, pod_patch(&steps[0])).is_err());
}

#[test]
fn what_is_on_its_way_holds_its_place() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3).pod(&gated("a", 0));
    let first = scene.begin();
    assert_eq!(all(&first), ["bind a to 0 costs 200"]);
    scene.pod(&gated("b", 1)).pod(&gated("c", 2));
    assert_eq!(
        all(&scene.begin())[..2],
        ["bind b to 0 costs 200", "bind c to 1 costs 100"]
    );

    // A late sight of the pod as it was changes nothing; the answer to the write does.
    scene.pod(&gated("a", 0));
    assert!(
        !all(&scene.plan().steps)
            .iter()
            .any(|step| step.starts_with("bind"))
    );
    let mut bound = patched(&gated("a", 0), pod_patch(&first[0])).unwrap();
    bound["metadata"]["resourceVersion"] = "11".into();
    scene.settle(
        &first[0],
        Outcome::Done(Some(Box::new(PodRecord::read(&bound).unwrap()))),
    );
    scene.pod(&gated("a", 0));
    assert!(
        !all(&scene.plan().steps)
            .iter()
            .any(|step| step.starts_with("bind"))
    );
}

#[test]
fn a_write_of_which_nobody_knows_is_tried_again_with_the_same_subset() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3).pod(&gated("a", 0));
    let step = scene.begin().remove(0);
    scene.settle(&step, Outcome::Unknown("timeout".into()));
    scene.pod(&gated("b", 1)).pod(&gated("c", 1));
    // Its place stays held.
    assert_eq!(
        all(&scene.begin())[..2],
        ["bind b to 0 costs 200", "bind c to 1 costs 100"]
    );
    let wake = scene.plan().wake.unwrap();
    scene.now = wake;
    assert_eq!(all(&scene.begin())[..1], ["bind a to 0 costs 200"]);
}

#[test]
fn a_pod_that_is_gone_gives_its_place_to_the_next() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3).pod(&gated("a", 0)).pod(&gated("b", 0));
    let steps = scene.begin();
    scene.settle(&steps[0], Outcome::Gone);
    scene.pod(&gated("c", 1));
    assert_eq!(all(&scene.begin())[..1], ["bind c to 0 costs 200"]);
}

#[test]
fn a_bind_that_is_refused_again_and_again_is_given_up() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&gated("a", 0));
    for _ in 0..5 {
        let steps = scene.begin();
        let bind = steps
            .iter()
            .find(|step| matches!(step.action, Action::Bind { .. }))
            .unwrap()
            .clone();
        scene.settle(&bind, Outcome::Refused("no".into()));
        scene.later(60_000);
    }
    let told = all(&scene.begin());
    assert_eq!(
        told[..2],
        [
            "release a: the API server refused to bind the pod",
            "note PodReleased"
        ]
    );
}

#[test]
fn a_replacement_takes_the_place_of_what_goes_unless_that_is_counted() {
    let binds = |rule_text: &str| {
        let mut scene = Scene::new(rule(rule_text));
        let mut leaving = running("old", Some("fixed"), Some(200), "abc");
        leaving["metadata"]["deletionTimestamp"] = common::START.to_string().into();
        scene
            .scaled_to(3)
            .pod(&leaving)
            .pod(&gated("a", 0))
            .pod(&gated("b", 1));
        all(&scene.begin())
    };
    assert_eq!(binds(TWO), ["bind a to 0 costs 200", "bind b to 0 costs 200"]);
    let counted = format!("terminating: Counted{TWO}");
    assert_eq!(
        binds(&counted),
        ["bind a to 0 costs 200", "bind b to 1 costs 100"]
    );
}

#[test]
fn in_shares_too_a_replacement_waits_for_a_place_that_is_counted_until_it_is_left() {
    for capacity in ["Auto", "Exact"] {
        let shares = "[{name: fixed, replicas: 50%}, {name: elastic, replicas: 50%}]";
        let mut scene = Scene::new(rule(&format!(
            "terminating: Counted\ncapacity: {capacity}\nsubsets: {shares}"
        )));
        let mut leaving = running("old", Some("fixed"), Some(1_000_000), "abc");
        leaving["metadata"]["deletionTimestamp"] = common::START.to_string().into();
        scene.scaled_to(2).pod(&leaving);
        scene
            .pod(&running("other", Some("elastic"), Some(999_999), "abc"))
            .pod(&gated("new", 0));
        assert_eq!(all(&scene.begin()), ["publish fixed 1, elastic 1"], "{capacity}");
        scene.world.take(
            Event::PodGone {
                uid: "uid-old".into(),
            },
            scene.now,
        );
        assert_eq!(
            all(&scene.begin())[0],
            "bind new to 0 costs 1000000",
            "{capacity}"
        );
    }
}

#[test]
fn each_revision_has_the_maximum_where_it_is_counted_by_revision() {
    let mut scene = Scene::new(rule(&format!("maximumScope: Revision{TWO}")));
    scene.scaled_to(4);
    for (name, hash) in [("a", "old"), ("b", "old"), ("c", "old")] {
        let subset = if name == "c" { "elastic" } else { "fixed" };
        scene.pod(&running(name, Some(subset), Some(200), hash));
    }
    for name in ["x", "y", "z"] {
        scene.pod(&gated(name, 1));
    }
    assert_eq!(
        all(&scene.begin())[..3],
        [
            "bind x to 0 costs 200",
            "bind y to 0 costs 200",
            "bind z to 1 costs 100"
        ]
    );
}

#[test]
fn where_no_place_is_left_auto_lets_go_and_exact_waits() {
    let one = "subsets: [{name: fixed, maxReplicas: 1}]";
    let mut auto = Scene::new(rule(one));
    auto.scaled_to(2).pod(&gated("a", 0)).pod(&gated("b", 1));
    assert_eq!(
        all(&auto.begin()),
        [
            "bind a to 0 costs 100",
            "release b: every subset is at its maximum or closed",
            "note PodReleased"
        ]
    );

    let mut exact = Scene::new(rule(&format!(
        "{{capacity: Exact, gateTimeoutSeconds: 60, {one}}}"
    )));
    exact.scaled_to(2).pod(&gated("a", 0)).pod(&gated("b", 1));
    assert_eq!(all(&exact.begin()), ["bind a to 0 costs 100"]);
    exact.settled();
    assert_eq!(exact.plan().wake, Some(common::START.plus(61_000)));
    exact.now = common::START.plus(61_000);
    assert_eq!(all(&exact.begin())[0], "release b: no place came free in time");
}

#[test]
fn a_percentage_of_an_unknown_workload_is_waited_for() {
    let mut scene = Scene::new(rule(
        "subsets: [{name: fixed, maxReplicas: 50%}, {name: elastic}]",
    ));
    scene.pod(&gated("a", 0));
    assert!(!all(&scene.begin()).iter().any(|step| step.starts_with("bind")));
    scene.scaled_to(1);
    assert_eq!(all(&scene.begin())[..1], ["bind a to 0 costs 999999"]);
}

#[test]
fn whoever_does_not_lead_plans_nothing() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&gated("a", 0));
    scene.world.lead(None);
    assert_eq!(scene.plan(), reconcile_core::Plan::default());
}

#[test]
fn a_pod_whose_spread_is_no_more_is_let_go_after_a_while() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&gated("a", 0));
    scene.settled();
    let mut scene = {
        scene.pod(&gated("b", 100));
        scene.world.set_rules(Vec::new());
        scene
    };
    assert_eq!(all(&scene.begin()), ["remove ledger"]);
    assert_eq!(scene.plan().wake, Some(common::START.plus(400_000)));
    scene.now = common::START.plus(400_000);
    assert_eq!(
        all(&scene.begin())[0],
        "release b: no spread has the name that the pod carries"
    );
}

#[test]
fn a_deleted_pod_is_forgotten() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(2).pod(&gated("a", 0)).pod(&gated("b", 0));
    scene
        .world
        .take(Event::PodGone { uid: "uid-a".into() }, scene.now);
    assert_eq!(all(&scene.begin()), ["bind b to 0 costs 200"]);
}

#[test]
fn a_minimum_is_kept_by_as_many_pods_whatever_they_cost() {
    let fields = "subsets: [{name: fixed, minReplicas: 1, maxReplicas: 3}, {name: elastic, minReplicas: 2}]";
    let mut scene = Scene::new(rule(fields));
    scene.scaled_to(5);
    // A rollout took the pods that stood on elastic's minimum; three others are there.
    for (name, subset, cost) in [
        ("a", "fixed", 400),
        ("b", "elastic", 100),
        ("c", "elastic", 100),
        ("d", "elastic", 100),
    ] {
        scene.pod(&running(name, Some(subset), Some(cost), "abc"));
    }
    scene.pod(&gated("x", 1));
    assert_eq!(all(&scene.begin())[0], "bind x to 0 costs 200");
}
