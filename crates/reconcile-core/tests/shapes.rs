//! Of which pods a closed subset tells, when it opens before its time, and what is offered to whom.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{START, Scene, all, gated, rule, running};
use kube_rules::nodes::NodeAffinity;
use placement_core::decide::Order;
use placement_core::ledger::LedgerFacts;
use placement_core::observe::Binder;
use placement_core::offer::{barred, decide_offered};
use placement_core::{Arrival, Decision, Reason};
use reconcile_core::{Action, Event, Outcome};
use rules::names::{BOUND_AT_ANNOTATION, SUBSET_LABEL};
use serde_json::{Value, json};
use spread_api::LedgerStatus;

const ANEW: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
"#;

/// A pod of so many cores and of a revision.
fn sized(mut pod: Value, cpu: &str, revision: &str) -> Value {
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
    pod["metadata"]["labels"]["pod-template-hash"] = revision.into();
    pod["metadata"]["ownerReferences"][0]["name"] = format!("web-{revision}").into();
    pod["metadata"]["ownerReferences"][0]["uid"] = format!("uid-web-{revision}").into();
    pod
}

/// One that was bound to a subset and finds no node there.
fn stuck(pod: Value, subset: &str, at: i64) -> Value {
    let mut pod = bound(pod, subset, at);
    let created = pod["metadata"]["creationTimestamp"].clone();
    pod["status"]["conditions"] = json!([
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": created}
    ]);
    pod
}

fn bound(mut pod: Value, subset: &str, at: i64) -> Value {
    pod["spec"].as_object_mut().unwrap().remove("schedulingGates");
    pod["metadata"]["resourceVersion"] = "20".into();
    pod["metadata"]["labels"][SUBSET_LABEL] = subset.into();
    let cost = if subset == "fixed" { "200" } else { "100" };
    pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = cost.into();
    pod["metadata"]["annotations"][BOUND_AT_ANNOTATION] = START.plus(at * 1000).to_string().into();
    pod
}

fn on(mut pod: Value, node: &str) -> Value {
    pod["spec"]["nodeName"] = node.into();
    pod
}

fn node(name: &str, pool: &str, cpu: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"pool": pool}, "creationTimestamp": START.to_string()},
        "status": {"allocatable": {"cpu": cpu, "pods": "110"}},
    })
}

fn tainted(mut node: Value, key: &str) -> Value {
    node["spec"]["taints"] = json!([{"key": key, "value": "x", "effect": "NoSchedule"}]);
    node
}

fn status(scene: &Scene) -> Option<LedgerStatus> {
    let steps = scene.plan().steps;
    steps.into_iter().find_map(|step| match step.action {
        Action::PublishLedger(ledger) => ledger.status,
        _ => None,
    })
}

/// Does what is to be done at this moment.
fn done(scene: &mut Scene) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..10 {
        let steps = scene.begin();
        if steps.is_empty() {
            break;
        }
        for step in &steps {
            told.push(common::told(step));
            scene.settle(step, Outcome::Done(None));
        }
        scene.later(100);
    }
    told
}

/// `fixed` has one node of 4 cores with two pods of two cores each; a pod of `cpu` is stuck there, and it is known.
fn closed_by(cpu: &str) -> Scene {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(6).node(&node("f", "fixed", "4"));
    for name in ["r1", "r2"] {
        scene.pod(&on(
            sized(running(name, Some("fixed"), Some(200), "abc"), "2", "abc"),
            "f",
        ));
    }
    scene.pod(&stuck(sized(gated("big", 0), cpu, "big"), "fixed", 0));
    done(&mut scene);
    scene.now = START.plus(5_000);
    let told = done(&mut scene);
    assert!(told.contains(&"note SubsetClosed".to_owned()), "{told:?}");
    scene
}

#[test]
fn a_huge_pod_closes_its_subset_for_pods_as_large_alone() {
    let mut scene = closed_by("8");
    let row = scene_row(&mut scene);
    assert_eq!(
        (row.template.as_str(), row.requests["cpu"].as_str(), row.plain),
        ("big", "8000m", true)
    );
    for (name, cpu, revision) in [("small", "1", "abc"), ("huge", "9", "abc"), ("twin", "8", "big")] {
        scene.pod(&sized(gated(name, 6), cpu, revision));
    }
    assert_eq!(
        all(&scene.begin())[..3],
        [
            "bind small to 0 costs 200",
            "bind huge to 1 costs 100",
            "bind twin to 1 costs 100"
        ]
    );
}

fn scene_row(scene: &mut Scene) -> spread_api::ClosingStatus {
    // A pod that comes makes the ledger be written again.
    scene.pod(&on(running("news", Some("elastic"), Some(100), "abc"), "e"));
    status(scene).unwrap().closings[0].clone()
}

#[test]
fn an_admission_passes_by_what_is_closed_for_its_own_template_alone() {
    let mut scene = closed_by("8");
    scene.pod(&on(running("news", Some("elastic"), Some(100), "abc"), "e"));
    let mut counts = status(&scene).unwrap();
    // Two templates of one workload are a rollout, for which everybody waits.
    counts.vacating = false;
    let ledger = json!({"spec": rule(ANEW).written, "status": counts});
    let text = serde_json::value::to_raw_value(&ledger).unwrap();
    let spread = rule(ANEW).spread;
    let admitted = |revision: &str, wishes: Value| {
        let facts = LedgerFacts::of(&text).unwrap();
        let counts = facts.counts().unwrap();
        let mut observation = counts.observation(&spread, Some(revision), &facts.subset_names());
        observation.binder = Binder::Serving;
        let arrival = Arrival {
            uid: "u",
            order: Order::None,
            ranked: true,
            replaceable: true,
            may_wait: true,
        };
        decide_offered(
            &spread,
            &observation,
            arrival,
            &barred(&spread, &NodeAffinity::of_pod(&wishes)),
        )
    };
    let placed_in = |decision: Decision| match decision {
        Decision::Place(placement) => Some(placement.subset.index()),
        _ => None,
    };
    assert_eq!(placed_in(admitted("big", json!({}))), Some(1));
    assert!(matches!(admitted("abc", json!({})), Decision::Gate { .. }));
    assert_eq!(
        placed_in(admitted("abc", json!({"nodeSelector": {"pool": "elastic"}}))),
        Some(1)
    );
    assert_eq!(
        admitted("abc", json!({"nodeSelector": {"pool": "other"}})),
        Decision::Leave {
            reason: Reason::NotOffered
        }
    );
}

#[test]
fn what_a_choosy_pod_finds_tells_of_its_own_template_alone() {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(6);
    let mut choosy = stuck(sized(gated("a", 0), "1", "abc"), "fixed", 0);
    choosy["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    scene.pod(&choosy);
    scene.now = START.plus(5_000);
    done(&mut scene);
    scene.pod(&sized(gated("same", 6), "1", "abc"));
    scene.pod(&sized(gated("other", 6), "2", "def"));
    assert_eq!(
        all(&scene.begin())[..2],
        ["bind same to 1 costs 100", "bind other to 0 costs 200"]
    );
}

#[test]
fn pods_that_terminate_are_no_evidence_that_their_subset_is_full() {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(2).node(&node("f", "fixed", "4"));
    let mut going = on(running("old", Some("fixed"), Some(200), "abc"), "f");
    going["metadata"]["deletionTimestamp"] = START.to_string().into();
    scene.pod(&going).pod(&stuck(gated("a", 0), "fixed", 0));
    done(&mut scene);
    scene.now = START.plus(15_000);
    assert!(done(&mut scene).iter().all(|told| told != "note SubsetClosed"));
    // Its place is free: time to take it.
    scene.world.take(
        Event::PodGone {
            uid: "uid-old".into(),
        },
        scene.now,
    );
    scene.later(1_000);
    assert!(done(&mut scene).iter().all(|told| told != "note SubsetClosed"));
    scene.later(1_000);
    assert!(done(&mut scene).contains(&"note SubsetClosed".to_owned()));
}

#[test]
fn nobody_waits_for_ever_for_what_terminates() {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(2);
    let mut going = on(running("old", Some("fixed"), Some(200), "abc"), "f");
    going["metadata"]["deletionTimestamp"] = START.to_string().into();
    scene.pod(&going).pod(&stuck(gated("a", 0), "fixed", 0));
    done(&mut scene);
    assert_eq!(scene.plan().wake, Some(START.plus(2_000)));
    scene.now = START.plus(22_000);
    assert!(done(&mut scene).contains(&"note SubsetClosed".to_owned()));
}

/// What makes a closed subset be tried before its time: the next gated pod goes there once the ledger says so.
fn is_tried_after(scene: &mut Scene, happens: impl FnOnce(&mut Scene)) -> bool {
    scene.later(10_000);
    happens(scene);
    scene.pod(&sized(gated("g", 15), "2", "big"));
    let told = done(scene);
    told.contains(&"bind g to 0 costs 200".to_owned())
}

#[test]
fn a_closing_ends_early_when_there_is_room_for_such_a_pod() {
    let gone = |uid: &str| Event::PodGone { uid: uid.into() };
    let take = |event: Event| {
        move |scene: &mut Scene| {
            scene.world.take(event, scene.now);
        }
    };
    assert!(
        is_tried_after(&mut closed_by("2"), take(gone("uid-r1"))),
        "a pod left"
    );
    assert!(!is_tried_after(&mut closed_by("2"), |_| {}), "nothing happened");
    let node = |node: Value| {
        move |scene: &mut Scene| {
            let mut node = node;
            node["metadata"]["creationTimestamp"] = scene.now.to_string().into();
            scene.node(&node);
        }
    };
    assert!(
        is_tried_after(&mut closed_by("2"), node(self::node("g", "fixed", "2"))),
        "a node joined"
    );
    assert!(
        !is_tried_after(&mut closed_by("2"), node(self::node("g", "elastic", "2"))),
        "of another pool"
    );
    assert!(
        !is_tried_after(&mut closed_by("2"), node(self::node("g", "fixed", "1"))),
        "too small"
    );
    assert!(
        !is_tried_after(
            &mut closed_by("2"),
            node(tainted(self::node("g", "fixed", "2"), "k"))
        ),
        "with a taint"
    );
}

#[test]
fn a_node_that_stood_there_before_is_no_news() {
    let mut scene = closed_by("2");
    let joins = |scene: &mut Scene| {
        scene.node(&node("g", "fixed", "2"));
    };
    assert!(!is_tried_after(&mut scene, joins));
}

#[test]
fn a_taint_or_a_cordon_that_goes_makes_room() {
    for is_cordon in [true, false] {
        let mut scene = closed_by("2");
        let shut = match is_cordon {
            true => {
                let mut shut = node("g", "fixed", "2");
                shut["spec"]["unschedulable"] = true.into();
                shut
            }
            false => tainted(node("g", "fixed", "2"), "k"),
        };
        scene.node(&shut);
        done(&mut scene);
        let opens = |scene: &mut Scene| {
            scene.node(&node("g", "fixed", "2"));
        };
        assert!(is_tried_after(&mut scene, opens), "{is_cordon}");
    }
}

#[test]
fn a_place_that_is_too_small_is_none() {
    let mut scene = closed_by("8");
    scene
        .world
        .take(Event::PodGone { uid: "uid-r1".into() }, scene.now);
    scene.pod(&sized(gated("g", 15), "8", "big"));
    assert!(done(&mut scene).contains(&"bind g to 1 costs 100".to_owned()));
}

#[test]
fn a_new_leader_does_not_know_what_came_free_before() {
    let mut scene = closed_by("2");
    let ledger = scene.begin();
    assert!(ledger.is_empty());
    let (since, until) = (START.plus(2_000), START.plus(302_000));
    scene.world.take(Event::PodGone { uid: "uid-r1".into() }, START);
    scene.closed_by_the_ledger("fixed", since, until);
    scene.pod(&sized(gated("g", 15), "2", "big"));
    assert!(done(&mut scene).contains(&"bind g to 0 costs 200".to_owned()));
}

#[test]
fn the_last_subset_may_have_no_node_either() {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(1).node(&node("f", "fixed", "4"));
    scene.workload(&common::revision("abc", 1, 1));
    scene.pod(&stuck(sized(gated("a", 0), "2", "abc"), "elastic", 0));
    done(&mut scene);
    scene.now = START.plus(2_000);
    let told = done(&mut scene);
    assert_eq!(told[0], "publish fixed 0, elastic 1 closed");
    scene.later(1_000);
    let told = done(&mut scene);
    assert!(
        told.contains(&"recreate a of 1".to_owned()),
        "{told:?} {:?}",
        scene.plan()
    );
    scene
        .world
        .take(Event::PodGone { uid: "uid-a".into() }, scene.now);
    scene.pod(&sized(gated("b", 4), "2", "abc"));
    assert!(done(&mut scene).contains(&"bind b to 0 costs 200".to_owned()));
}

#[test]
fn between_two_full_pools_a_pod_moves_on_signs_of_room_alone() {
    let mut scene = closed_by("2");
    // Its successor finds nothing in the last subset either; then hours pass.
    scene.workload(&common::revision("big", 1, 2));
    scene.world.take(
        Event::PodGone {
            uid: "uid-big".into(),
        },
        scene.now,
    );
    scene.pod(&stuck(sized(gated("next", 6), "2", "big"), "elastic", 6));
    let told = scene.followed(7_200);
    assert!(told.iter().all(|told| !told.starts_with("recreate")), "{told:?}");
    scene
        .world
        .take(Event::PodGone { uid: "uid-r2".into() }, scene.now);
    let told = scene.followed(60);
    assert!(told.contains(&"recreate next of 1".to_owned()), "{told:?}");
}

#[test]
fn a_subset_that_contradicts_the_pod_is_not_offered() {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(3);
    let choosy = |name: &str, pool: &str| {
        let mut pod = gated(name, 0);
        pod["spec"]["nodeSelector"] = json!({"pool": pool});
        pod
    };
    scene
        .pod(&choosy("a", "elastic"))
        .pod(&choosy("b", "fixed"))
        .pod(&choosy("c", "other"));
    let told = all(&scene.begin());
    assert_eq!(told[..2], ["bind a to 1 costs 100", "bind b to 0 costs 200"]);
    assert_eq!(
        told[2],
        "release c: its own node selector or affinity contradicts that of every subset"
    );
}

#[test]
fn a_stuck_pod_goes_to_nothing_that_its_template_contradicts() {
    let mut scene = Scene::new(rule(ANEW));
    scene.scaled_to(1);
    let mut set = common::revision("abc", 1, 1);
    set["spec"]["template"] = json!({"spec": {"nodeSelector": {"pool": "fixed"}}});
    scene.workload(&set);
    let mut pod = stuck(gated("a", 0), "fixed", 0);
    pod["spec"]["nodeSelector"] = json!({"pool": "fixed"});
    scene.pod(&pod);
    done(&mut scene);
    scene.later(60_000);
    assert!(done(&mut scene).is_empty());
}
