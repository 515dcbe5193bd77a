//! Deletion costs: which are wrong, and which are left alone.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, patched, pod_patch, revision, rule, running, workload};
use reconcile_core::{Action, Outcome};
use serde_json::json;

const TWO: &str = "subsets: [{name: fixed, minReplicas: 1, maxReplicas: 2}, {name: elastic}]";

fn costs(scene: &mut Scene) -> Vec<String> {
    let steps = scene.begin();
    all(&steps)
        .into_iter()
        .filter(|step| step.contains("costs"))
        .collect()
}

#[test]
fn what_was_placed_by_the_ladder_is_left_alone() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(4);
    for (name, subset, cost) in [
        ("a", "fixed", 400),
        ("b", "fixed", 200),
        ("c", "elastic", 100),
        ("d", "elastic", 100),
    ] {
        scene.pod(&running(name, Some(subset), Some(cost), "abc"));
    }
    assert_eq!(costs(&mut scene), Vec::<String>::new());
    // Scaling changes nothing of that.
    scene.scaled_to(3);
    assert_eq!(costs(&mut scene), Vec::<String>::new());
}

#[test]
fn excess_costs_less_than_anything_that_has_a_place() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(4);
    for (name, cost) in [("a", Some(400)), ("b", Some(200)), ("c", None), ("d", Some(200))] {
        scene.pod(&running(name, Some("fixed"), cost, "abc"));
    }
    let steps = scene.begin();
    let wrong: Vec<_> = steps
        .iter()
        .filter(|step| all(&[(*step).clone()])[0].contains("costs"))
        .collect();
    assert_eq!(wrong.len(), 2, "one of the two that cost 200 keeps it: {steps:?}");
    let told = all(&wrong.iter().map(|step| (*step).clone()).collect::<Vec<_>>());
    assert!(told.iter().all(|step| step.ends_with("costs -100")), "{told:?}");
    let pod = patched(&running("c", Some("fixed"), None, "abc"), pod_patch(wrong[0])).unwrap();
    assert_eq!(
        pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"],
        "-100"
    );
    assert_eq!(
        pod["metadata"]["annotations"]["spillway.dev/decision"]
            .as_str()
            .unwrap()
            .split(':')
            .next(),
        Some("fixed")
    );
}

#[test]
fn a_minimum_that_lost_its_pod_is_filled_from_above_where_that_changes_who_leaves_first() {
    let mut scene = Scene::new(rule(
        "subsets: [{name: fixed, maxReplicas: 2}, {name: elastic, minReplicas: 1}]",
    ));
    scene.scaled_to(3);
    scene.pod(&running("a", Some("fixed"), Some(200), "abc"));
    scene.pod(&running("b", Some("fixed"), Some(200), "abc"));
    scene.pod(&running("c", Some("elastic"), Some(100), "abc"));
    assert_eq!(costs(&mut scene), ["c costs 300"]);

    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(2);
    scene.pod(&running("b", Some("fixed"), Some(200), "abc"));
    scene.pod(&running("c", Some("elastic"), Some(100), "abc"));
    assert_eq!(
        costs(&mut scene),
        Vec::<String>::new(),
        "the elastic one leaves first, whatever the fixed one costs"
    );
}

#[test]
fn nothing_is_written_while_pods_are_given_up() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(2);
    for name in ["a", "b", "c"] {
        scene.pod(&running(name, Some("fixed"), None, "abc"));
    }
    assert_eq!(
        costs(&mut scene),
        Vec::<String>::new(),
        "three pods, two wanted: ranked already"
    );
    scene.scaled_to(3);
    assert_eq!(costs(&mut scene).len(), 3);
}

#[test]
fn nothing_is_written_at_zero_replicas() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(0);
    scene.pod(&running("a", Some("fixed"), None, "abc"));
    assert_eq!(costs(&mut scene), Vec::<String>::new());
}

/// A rollout of five pods: two of the new revision, three of the old one.
fn rollout(old_replicas: u32) -> Scene {
    let mut scene = Scene::new(rule(TWO));
    scene.workload(&workload("Deployment", "web", 5, None));
    scene
        .workload(&revision("old", old_replicas, 1))
        .workload(&revision("new", 2, 2));
    for (name, subset, cost) in [("a", "fixed", 400), ("b", "elastic", 100), ("c", "elastic", 100)] {
        scene.pod(&running(name, Some(subset), Some(cost), "old"));
    }
    for (name, cost) in [("x", 400), ("y", 200)] {
        scene.pod(&running(name, Some("fixed"), Some(cost), "new"));
    }
    scene
}

#[test]
fn old_revisions_give_up_the_first_subset_first_by_as_few_writes_as_can_be() {
    let mut scene = rollout(3);
    assert_eq!(
        costs(&mut scene),
        ["a costs -400"],
        "below the two elastic ones, which keep theirs"
    );
    let mut done = running("a", Some("fixed"), Some(-400), "old");
    done["metadata"]["resourceVersion"] = "11".into();
    scene.pod(&done);
    assert_eq!(costs(&mut scene), Vec::<String>::new());
}

#[test]
fn the_last_step_of_a_rollout_has_no_order() {
    assert_eq!(costs(&mut rollout(0)), Vec::<String>::new());
}

#[test]
fn a_step_of_a_rollout_that_is_on_its_way_is_not_disturbed() {
    assert_eq!(costs(&mut rollout(2)), Vec::<String>::new());
}

#[test]
fn a_replica_set_that_is_not_known_yet_is_not_taken_for_an_old_one() {
    let mut scene = rollout(0);
    for (name, subset, cost) in [("n", "fixed", 400), ("m", "elastic", 100)] {
        scene.pod(&running(name, Some(subset), Some(cost), "newest"));
    }
    assert_eq!(costs(&mut scene), Vec::<String>::new());
}

#[test]
fn jobs_and_statefulsets_have_no_costs() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1);
    let mut pod = running("a", Some("fixed"), None, "abc");
    pod["metadata"]["ownerReferences"][0]["kind"] = "StatefulSet".into();
    scene.pod(&pod);
    assert_eq!(costs(&mut scene), Vec::<String>::new());
}

#[test]
fn a_pod_without_a_cost_gets_the_lowest_free_rung_of_its_share() {
    let mut scene = Scene::new(rule("subsets: [{name: a, replicas: 50%}, {name: b}]"));
    scene.scaled_to(3);
    scene.pod(&running("p", Some("a"), Some(1_000_000), "abc"));
    scene.pod(&running("q", Some("b"), Some(999_999), "abc"));
    scene.pod(&running("r", Some("a"), None, "abc"));
    assert_eq!(costs(&mut scene), ["r costs 999998"]);
}

#[test]
fn a_running_pod_that_was_never_placed_is_adopted_by_the_subset_of_its_node() {
    let fields = r#"
subsets:
- name: fixed
  maxReplicas: 1
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual, operator: Exists}]
  patch: {metadata: {labels: {eci: "true"}, annotations: {note: x}}, spec: {priorityClassName: low}}
"#;
    let mut scene = Scene::new(rule(fields));
    scene.scaled_to(4);
    let node = |name: &str, pool: &str, taints| json!({"metadata": {"name": name, "labels": {"pool": pool}}, "spec": {"taints": taints}});
    scene.node(&node("n-1", "fixed", json!([])));
    scene.node(&node(
        "n-2",
        "elastic",
        json!([{"key": "virtual", "effect": "NoSchedule"}]),
    ));
    scene.node(&node("n-3", "other", json!([])));
    let stranger = |name: &str, node: &str| {
        let mut pod = running(name, None, None, "abc");
        pod["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("spillway.dev/spread");
        pod["metadata"]["annotations"] = json!({});
        pod["spec"]["nodeName"] = node.into();
        pod
    };
    for (name, node) in [("a", "n-1"), ("b", "n-1"), ("c", "n-2"), ("d", "n-3")] {
        scene.pod(&stranger(name, node));
    }
    let steps = scene.begin();
    assert_eq!(
        all(&steps),
        [
            "adopt a into 0",
            "adopt b into 0",
            "adopt c into 1",
            "d costs -300"
        ]
    );
    let adopted = |name, node, step: usize| {
        patched(&stranger(name, node), pod_patch(&steps[step])).unwrap()["metadata"].clone()
    };
    assert_eq!(
        adopted("c", "n-2", 2)["labels"],
        json!({"app": "web", "pod-template-hash": "abc", "eci": "true", "spillway.dev/spread": "web", "spillway.dev/subset": "elastic"})
    );
    let cost = |metadata: serde_json::Value| {
        metadata["annotations"]["controller.kubernetes.io/pod-deletion-cost"].clone()
    };
    assert_eq!(
        [
            cost(adopted("a", "n-1", 0)),
            cost(adopted("b", "n-1", 1)),
            cost(adopted("c", "n-2", 2))
        ],
        ["200", "-100", "100"]
    );
    // Adopted pods count at once, and their costs are not written a second time.
    assert_eq!(all(&scene.begin()), ["publish fixed 2/1, elastic 1"]);
}

#[test]
fn a_pod_that_was_let_go_without_a_subset_is_not_adopted() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(2);
    scene.node(&json!({"metadata": {"name": "n-1"}}));
    scene.pod(&running("a", None, None, "abc"));
    assert_eq!(all(&scene.begin()), ["a costs -300"], "the first to be given up");
}

#[test]
fn a_cost_of_which_nobody_knows_is_written_again() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&running("a", Some("fixed"), None, "abc"));
    let steps = scene.begin();
    assert_eq!(all(&steps), ["a costs 400"]);
    scene.settle(&steps[0], reconcile_core::Outcome::Unknown("no answer".into()));
    let plan = scene.plan();
    assert!(
        plan.wake.unwrap() > scene.now,
        "it is not asked for again before: {plan:?}"
    );
    scene.now = plan.wake.unwrap().plus(1000);
    assert_eq!(costs(&mut scene), ["a costs 400"]);
}

#[test]
fn who_else_writes_costs_is_corrected_ever_more_rarely_and_told_of_once() {
    let mut scene = Scene::new(rule("subsets: [{name: fixed, maxReplicas: 1}, {name: elastic}]"));
    scene.scaled_to(1);
    let mut pod = running("a", Some("fixed"), Some(0), "abc");
    scene.pod(&pod);
    let (mut told, mut version) = (Vec::new(), 100);
    for _ in 0..600 {
        for step in scene.begin() {
            told.push((scene.now.since(common::START), common::told(&step)));
            if matches!(step.action, Action::PatchCost { .. }) {
                let ours = patched(&pod, pod_patch(&step)).unwrap();
                let mut theirs = ours.clone();
                theirs["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "0".into();
                for mut seen in [ours, theirs] {
                    version += 1;
                    seen["metadata"]["resourceVersion"] = version.to_string().into();
                    scene.pod(&seen);
                    pod = seen;
                }
            }
            scene.settle(&step, Outcome::Done(None));
        }
        scene.later(100);
    }
    let at = |told: &[(i64, String)], what: &str| -> Vec<i64> {
        let those = told.iter().filter(|(_, step)| step == what);
        those.map(|(at, _)| *at).collect()
    };
    assert_eq!(
        at(&told, "a costs 200"),
        [0, 200, 600, 1_400, 3_000, 6_200, 12_600, 25_400, 51_000]
    );
    assert_eq!(at(&told, "note DeletionCostOverwritten"), [1_400]);
}

#[test]
fn who_else_writes_costs_every_minute_is_corrected_at_once_each_time() {
    let mut scene = Scene::new(rule("subsets: [{name: fixed, maxReplicas: 1}, {name: elastic}]"));
    scene.scaled_to(1);
    let mut version = 100;
    let mut seen = |scene: &mut Scene, cost: i32| {
        version += 1;
        let mut pod = running("a", Some("fixed"), Some(cost), "abc");
        pod["metadata"]["resourceVersion"] = version.to_string().into();
        scene.pod(&pod);
    };
    let mut told = 0;
    for _ in 0..1_000 {
        seen(&mut scene, 0);
        let steps = scene.begin();
        assert!(
            all(&steps).contains(&"a costs 200".to_owned()),
            "{:?}",
            all(&steps)
        );
        told += all(&steps)
            .iter()
            .filter(|step| step.starts_with("note Deletion"))
            .count();
        seen(&mut scene, 200);
        for step in &steps {
            scene.settle(step, Outcome::Done(None));
        }
        scene.later(60_000);
    }
    assert!(told > 0);
}

#[test]
fn a_kind_of_which_the_settings_say_so_is_ranked() {
    let settings = common::yaml(
        r#"
customWorkloads:
- {apiVersion: game.example.io/v1, kind: GameServerSet, replicasPath: spec.size, honoursDeletionCost: true}
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: game.example.io/v1, kind: GameServerSet, name: web}
  subsets: [{name: fixed, maxReplicas: 50%}, {name: elastic}]
"#,
    );
    let read = policy_settings::Settings::from_value(&settings).unwrap();
    let written = policy_settings::written_spreads(&settings).remove(0);
    let rule = reconcile_core::Rule::new(read.spreads()[0].clone(), written);
    let pod = |name: &str, seconds: i64| {
        let mut pod = gated(name, seconds);
        pod["metadata"]["ownerReferences"] = json!([
            {"apiVersion": "game.example.io/v1", "kind": "GameServerSet", "name": "web", "uid": "uid-web", "controller": true}
        ]);
        pod
    };
    let set = json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "uid-web"}, "spec": {"size": 2},
    });
    let kind = rules::GroupKind::of("game.example.io/v1", "GameServerSet").unwrap();
    let set = reconcile_core::WorkloadRecord::of_kind(kind, &set).unwrap();
    for (custom, wanted) in [
        (
            read.custom_kinds().to_vec(),
            ["bind a to 0 costs 999999", "bind b to 1 costs 999998"],
        ),
        (Vec::new(), ["bind a to 0", "bind b to 1"]),
    ] {
        let mut scene = Scene::new(rule.clone());
        let is_ranked = !custom.is_empty();
        scene.world.set_custom_kinds(custom);
        scene
            .world
            .take(reconcile_core::Event::Workload(Box::new(set.clone())), scene.now);
        scene.pod(&pod("a", 0)).pod(&pod("b", 1));
        let bound = scene.begin();
        assert_eq!(all(&bound), wanted);
        // What somebody overwrote is corrected.
        for (step, before) in bound.iter().zip([pod("a", 0), pod("b", 1)]) {
            let mut after = patched(&before, pod_patch(step)).unwrap();
            after["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "7".into();
            scene.pod(&after);
        }
        let corrected = all(&scene.begin())
            .iter()
            .filter(|step| step.contains("costs"))
            .count();
        assert_eq!(corrected, if is_ranked { 2 } else { 0 });
    }
}
