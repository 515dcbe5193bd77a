//! Pods that stand where they are not meant to stay go home: one at a time, at rest, where a place and a node are free.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{START, Scene, all, gated, rule, workload};
use reconcile_core::{Action, Event, Outcome, Step};
use rules::SubsetIx;
use serde_json::{Value, json};

const SECOND: i64 = 1_000;

/// `fixed` has two places; the rest is open.
const CONTINUOUS: &str = r#"
rebalance: {when: Continuous}
subsets:
- name: fixed
  maxReplicas: 2
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
"#;

fn with(when: &str) -> String {
    CONTINUOUS.replace("when: Continuous", when)
}

fn node(name: &str, pool: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"pool": pool}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

/// A pod of a subset that runs on a node, as an admission made it.
fn placed(name: &str, subset: &str, node: &str) -> Value {
    let mut pod = common::running(
        name,
        Some(subset),
        Some(if subset == "fixed" { 200 } else { 100 }),
        "abc",
    );
    pod["spec"]["nodeName"] = node.into();
    pod["spec"]["containers"] = json!([{"name": "main", "resources": {"requests": {"cpu": "500m"}}}]);
    let term = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [subset]}]});
    pod["spec"]["affinity"] = json!({"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]},
    }});
    if subset == "elastic" {
        pod["spec"]["tolerations"] =
            json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}]);
    }
    pod
}

fn changed(mut pod: Value, at: &str, value: Value) -> Value {
    let (parent, field) = at.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap()[field] = value;
    pod["metadata"]["resourceVersion"] = "20".into();
    pod
}

fn terminating(pod: Value) -> Value {
    changed(pod, "/metadata/deletionTimestamp", START.to_string().into())
}

/// Three pods in the open end, both places of `fixed` free, a node for them; everything still since the start.
fn spilled(rule_of: &str) -> Scene {
    let mut scene = Scene::new(rule(rule_of));
    scene.scaled_to(3);
    scene
        .node(&node("fixed-0", "fixed"))
        .node(&node("elastic-0", "elastic"));
    for name in ["a", "b", "c"] {
        scene.pod(&placed(name, "elastic", "elastic-0"));
    }
    scene
}

impl Scene {
    /// What is planned for pods, when so much time has passed.
    fn after(&mut self, millis: i64) -> Vec<String> {
        self.settled();
        self.now = START.plus(millis);
        let steps = self.plan().steps;
        let pods: Vec<Step> = steps
            .into_iter()
            .filter(|step| step.action.pod().is_some())
            .collect();
        all(&pods)
    }

    /// The pod that is evicted now, by a write that ends so.
    fn evicts(&mut self, outcome: Outcome) -> Option<String> {
        let steps = self.begin();
        let mut evicted = None;
        for step in &steps {
            if let Action::Evict { pod, .. } = &step.action {
                evicted = Some(pod.name.clone());
                self.settle(step, outcome.clone());
            } else {
                self.settle(step, Outcome::Done(None));
            }
        }
        evicted
    }

    /// An evicted pod goes, and its successor comes to a subset and is ready.
    fn replaced(&mut self, gone: &str, successor: &str, subset: &str, node: &str) {
        self.pod(&terminating(placed(gone, "elastic", "elastic-0")));
        self.pod(&gated(successor, 0));
        self.world.take(
            Event::PodGone {
                uid: format!("uid-{gone}"),
            },
            self.now,
        );
        self.pod(&changed(
            placed(successor, subset, node),
            "/metadata/name",
            successor.into(),
        ));
    }
}

const FIRST: &str = "evict c for 0 on fixed-0: a subset before its own has a place and a node";

#[test]
fn a_pod_that_stands_later_than_a_free_place_is_evicted_at_rest() {
    let mut scene = spilled(CONTINUOUS);
    assert_eq!(scene.after(29_999), [""; 0]);
    assert_eq!(scene.plan().wake, Some(START.plus(30 * SECOND)));
    assert_eq!(scene.after(30 * SECOND), [FIRST]);
    let step = scene.plan().steps.pop().unwrap();
    let Action::Evict { version, from, .. } = step.action else {
        panic!("{step:?}")
    };
    assert_eq!((version, from.map(SubsetIx::index)), (Some(10), Some(1)));
}

#[test]
fn without_a_rule_for_it_nobody_moves() {
    for when in ["when: Never", "when: OnScaleIn", "maxMovesPerMinute: 5"] {
        assert_eq!(spilled(&with(when)).after(60 * SECOND), [""; 0], "{when}");
    }
}

#[test]
fn where_everybody_is_home_nobody_moves_and_nothing_is_waited_for() {
    let mut scene = spilled(CONTINUOUS);
    scene.pod(&changed(
        placed("a", "fixed", "fixed-0"),
        "/metadata/name",
        "a".into(),
    ));
    scene.pod(&changed(
        placed("b", "fixed", "fixed-0"),
        "/metadata/name",
        "b".into(),
    ));
    assert_eq!(scene.after(60 * SECOND), [""; 0]);
    assert_eq!(scene.plan().wake, None);
}

#[test]
fn nothing_moves_while_anything_else_does() {
    let a = || placed("a", "elastic", "elastic-0");
    let unready = json!([{"type": "Ready", "status": "False"}]);
    for (what, pod) in [
        ("not ready", changed(a(), "/status/conditions", unready)),
        ("terminating", terminating(a())),
        ("without a node", changed(a(), "/spec/nodeName", Value::Null)),
        (
            "of another revision",
            changed(a(), "/metadata/labels/pod-template-hash", "xyz".into()),
        ),
    ] {
        let mut scene = spilled(CONTINUOUS);
        scene.pod(&pod);
        assert_eq!(scene.after(120 * SECOND), [""; 0], "{what}");
    }
    let mut scene = spilled(CONTINUOUS);
    scene.pod(&gated("d", 0)).scaled_to(4);
    assert!(
        !scene
            .after(60 * SECOND)
            .iter()
            .any(|step| step.starts_with("evict"))
    );
}

#[test]
fn nothing_moves_while_the_controller_has_more_or_less_than_it_wants() {
    for replicas in [2, 4] {
        let mut scene = spilled(CONTINUOUS);
        scene.scaled_to(replicas);
        assert_eq!(scene.after(120 * SECOND), [""; 0], "{replicas}");
    }
    // The Deployment was scaled a moment ago.
    let mut scene = spilled(CONTINUOUS);
    scene.workload(&workload("Deployment", "web", 4, None));
    assert_eq!(scene.after(120 * SECOND), [""; 0]);
    // Another revision is on its way.
    let mut scene = spilled(CONTINUOUS);
    scene.workload(&common::revision("xyz", 1, 2));
    assert_eq!(scene.after(120 * SECOND), [""; 0]);
    // Who makes the pods was not seen.
    let mut scene = Scene::new(rule(CONTINUOUS));
    scene.node(&node("fixed-0", "fixed"));
    scene.pod(&placed("a", "elastic", "elastic-0"));
    assert_eq!(scene.after(120 * SECOND), [""; 0]);
}

#[test]
fn rest_begins_anew_when_something_happens() {
    let mut scene = spilled(CONTINUOUS);
    scene.settled();
    scene.now = START.plus(20 * SECOND);
    let unready = json!([{"type": "Ready", "status": "False"}]);
    scene.pod(&changed(
        placed("a", "elastic", "elastic-0"),
        "/status/conditions",
        unready,
    ));
    scene.now = START.plus(25 * SECOND);
    let mut back = placed("a", "elastic", "elastic-0");
    back["metadata"]["resourceVersion"] = "30".into();
    scene.pod(&back);
    scene.settled();
    scene.now = START.plus(54_999);
    assert_eq!(scene.evicts(Outcome::Done(None)), None);
    scene.now = START.plus(55 * SECOND);
    assert_eq!(scene.evicts(Outcome::Done(None)).as_deref(), Some("c"));
}

#[test]
fn a_cost_that_is_corrected_is_no_unrest() {
    let mut scene = spilled(CONTINUOUS);
    scene.settled();
    scene.now = START.plus(20 * SECOND);
    let annotations = json!({"controller.kubernetes.io/pod-deletion-cost": "100", "other": "x"});
    scene.pod(&changed(
        placed("a", "elastic", "elastic-0"),
        "/metadata/annotations",
        annotations,
    ));
    assert_eq!(scene.after(30 * SECOND), [FIRST]);
}

#[test]
fn the_next_one_goes_when_the_successor_is_ready_without_another_rest() {
    let mut scene = spilled(CONTINUOUS);
    scene.after(30 * SECOND);
    assert_eq!(scene.evicts(Outcome::Done(None)).as_deref(), Some("c"));
    scene.later(SECOND);
    assert_eq!(scene.evicts(Outcome::Done(None)), None);
    scene.pod(&terminating(placed("c", "elastic", "elastic-0")));
    scene.pod(&gated("d", 31));
    scene.now = START.plus(32 * SECOND);
    let bound = all(&scene.begin());
    assert!(
        bound.contains(&"bind d to 0 costs 200".to_owned()),
        "its place was held for it: {bound:?}"
    );
    scene.replaced("c", "d", "fixed", "fixed-0");
    assert_eq!(scene.evicts(Outcome::Done(None)).as_deref(), Some("b"));
    // Then both places are taken.
    scene.replaced("b", "e", "fixed", "fixed-0");
    assert_eq!(scene.after(600 * SECOND), [""; 0]);
}

#[test]
fn no_more_than_so_many_go_within_a_minute() {
    let mut scene = spilled(&with("when: Continuous, maxMovesPerMinute: 1"));
    scene.after(30 * SECOND);
    assert_eq!(scene.evicts(Outcome::Done(None)).as_deref(), Some("c"));
    scene.later(SECOND).replaced("c", "d", "fixed", "fixed-0");
    scene.settled();
    // A while after a pod left, admissions are told of something else.
    scene.later(11 * SECOND).settled();
    let minute = START.plus(90 * SECOND);
    assert_eq!(scene.plan().wake, Some(minute));
    scene.now = minute.plus(-1);
    assert_eq!(scene.evicts(Outcome::Done(None)), None);
    scene.now = minute;
    assert_eq!(scene.evicts(Outcome::Done(None)).as_deref(), Some("b"));
}

#[test]
fn a_successor_that_ends_elsewhere_ends_moves_to_that_subset_for_an_hour() {
    let mut scene = spilled(CONTINUOUS);
    scene.after(30 * SECOND);
    assert_eq!(scene.evicts(Outcome::Done(None)).as_deref(), Some("c"));
    scene.later(SECOND).replaced("c", "d", "elastic", "elastic-0");
    scene.settled();
    scene.now = START.plus(30 * SECOND + 3_599_999);
    assert_eq!(scene.evicts(Outcome::Done(None)), None);
    scene.now = START.plus(30 * SECOND + 3_600_000);
    assert!(scene.evicts(Outcome::Done(None)).is_some());
}

#[test]
fn so_does_one_that_is_made_anew_before_it_is_ready() {
    let mut scene = spilled(CONTINUOUS);
    scene.after(30 * SECOND);
    scene.evicts(Outcome::Done(None));
    scene.pod(&terminating(placed("c", "elastic", "elastic-0")));
    scene.pod(&gated("d", 31));
    for gone in ["c", "d"] {
        scene.world.take(
            Event::PodGone {
                uid: format!("uid-{gone}"),
            },
            scene.now,
        );
    }
    scene.pod(&placed("e", "elastic", "elastic-0"));
    assert_eq!(scene.after(3_000 * SECOND), [""; 0]);
}

#[test]
fn a_refused_eviction_is_told_once_and_tried_again_ever_later() {
    let mut scene = spilled(CONTINUOUS);
    scene.after(30 * SECOND);
    let refused = || Outcome::Refused("it would violate the pod's disruption budget".into());
    assert_eq!(scene.evicts(refused()).as_deref(), Some("c"));
    let notes: Vec<String> = all(&scene.begin());
    assert_eq!(notes, ["note PodNotMovedHome"]);
    let (mut tried, mut told) = (Vec::new(), 0);
    for second in 31..700 {
        scene.now = START.plus(second * SECOND);
        let steps = scene.begin();
        for step in &steps {
            told += usize::from(matches!(step.action, Action::Note(_)));
            if matches!(step.action, Action::Evict { .. }) {
                tried.push(second);
            }
            let is_eviction = step.action.pod().is_some();
            scene.settle(
                step,
                if is_eviction {
                    refused()
                } else {
                    Outcome::Done(None)
                },
            );
        }
    }
    assert_eq!((tried, told), (vec![40, 60, 100, 180, 340, 660], 0));
}

#[test]
fn an_eviction_that_is_only_asked_for_changes_no_count() {
    let mut scene = spilled(CONTINUOUS);
    scene.after(30 * SECOND);
    let steps = scene.begin();
    assert_eq!(all(&steps), [FIRST]);
    scene.later(SECOND);
    assert_eq!(all(&scene.begin()), [""; 0]);
    scene.settle(&steps[0], Outcome::Refused("no".into()));
    assert_eq!(all(&scene.begin()), ["note PodNotMovedHome"]);
}

#[test]
fn a_move_is_told_when_it_was_granted() {
    let mut scene = spilled(CONTINUOUS);
    scene.after(30 * SECOND);
    scene.evicts(Outcome::Done(None));
    let notes: Vec<String> = scene
        .begin()
        .into_iter()
        .filter_map(|step| match step.action {
            Action::Note(note) => Some(format!("{}: {}", note.reason, note.text)),
            _ => None,
        })
        .collect();
    assert_eq!(
        notes,
        [
            "PodMovedHome: pod c was evicted, its successor goes to subset fixed: a subset before its own has a place and a node"
        ]
    );
}

#[test]
fn where_no_node_has_room_nobody_is_evicted() {
    let cordoned = changed(node("fixed-0", "fixed"), "/spec/unschedulable", true.into());
    let unready = json!([{"type": "Ready", "status": "Unknown"}]);
    let unready = changed(node("fixed-0", "fixed"), "/status/conditions", unready);
    let taint = json!([{"key": "other", "effect": "NoSchedule"}]);
    let tainted = changed(node("fixed-0", "fixed"), "/spec/taints", taint);
    let cpu = changed(node("fixed-0", "fixed"), "/status/allocatable/cpu", "499m".into());
    let pods = changed(node("fixed-0", "fixed"), "/status/allocatable/pods", "0".into());
    let elsewhere = changed(node("fixed-0", "fixed"), "/metadata/labels/pool", "other".into());
    for node in [cordoned, unready, tainted, cpu, pods, elsewhere] {
        let mut scene = spilled(CONTINUOUS);
        scene.node(&node);
        assert_eq!(scene.after(40 * SECOND), [""; 0], "{node}");
        assert_eq!(
            scene.plan().wake,
            Some(START.plus(70 * SECOND)),
            "it is looked for again"
        );
    }
    // What the old subset gave does not help in the new one.
    let taint = json!([{"key": "virtual-kubelet.io/provider", "effect": "NoSchedule"}]);
    let mut scene = spilled(CONTINUOUS);
    scene.node(&changed(node("fixed-0", "fixed"), "/spec/taints", taint));
    assert_eq!(scene.after(40 * SECOND), [""; 0]);
}

#[test]
fn what_other_pods_take_of_a_node_is_not_free() {
    let small = || changed(node("fixed-0", "fixed"), "/status/allocatable/cpu", "1".into());
    let other = |cpu: &str| {
        let mut pod = placed("other", "fixed", "fixed-0");
        pod["metadata"]["ownerReferences"] = json!([]);
        pod["metadata"]["labels"] = json!({"spillway.dev/spread": "db", "spillway.dev/subset": "x"});
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu.into();
        pod
    };
    for (cpu, is_free) in [("500m", true), ("501m", false)] {
        let mut scene = spilled(CONTINUOUS);
        scene.node(&small()).pod(&other(cpu));
        assert_eq!(!scene.after(40 * SECOND).is_empty(), is_free, "{cpu}");
    }
}

#[test]
fn what_the_template_wishes_and_who_keeps_apart_counts() {
    let moved = |template: Value, affinity: Value| {
        let mut scene = spilled(CONTINUOUS);
        scene.scaled_to(4);
        let mut set = common::revision("abc", 4, 1);
        set["spec"]["template"]["spec"] = template;
        scene.workload(&set);
        scene.pod(&placed("f", "fixed", "fixed-0"));
        for name in ["a", "b", "c"] {
            let mut pod = changed(
                placed(name, "elastic", "elastic-0"),
                "/metadata/name",
                name.into(),
            );
            pod["spec"]["affinity"]["podAntiAffinity"] = affinity.clone();
            scene.pod(&pod);
        }
        scene.after(40 * SECOND).len()
    };
    assert_eq!(moved(json!({}), Value::Null), 1);
    assert_eq!(moved(json!({"nodeSelector": {"pool": "fixed"}}), Value::Null), 1);
    assert_eq!(moved(json!({"nodeSelector": {"disk": "ssd"}}), Value::Null), 0);
    let term = json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]});
    let required = json!({"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]},
    }});
    assert_eq!(moved(json!({"affinity": required}), Value::Null), 0);
    let apart =
        json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]);
    let apart = json!({"requiredDuringSchedulingIgnoredDuringExecution": apart});
    assert_eq!(moved(json!({}), apart), 0);
}

#[test]
fn a_taint_that_the_template_tolerates_is_no_hindrance() {
    let taint = json!([{"key": "team", "effect": "NoSchedule"}]);
    let moved = |template: Value| {
        let mut scene = spilled(CONTINUOUS);
        scene.node(&changed(node("fixed-0", "fixed"), "/spec/taints", taint.clone()));
        let mut set = common::revision("abc", 3, 1);
        set["spec"]["template"]["spec"] = template;
        scene.workload(&set);
        scene.after(40 * SECOND).len()
    };
    assert_eq!(moved(json!({})), 0);
    let tolerations = json!([{"key": "team", "operator": "Exists"}]);
    assert_eq!(moved(json!({"tolerations": tolerations})), 1);
}

#[test]
fn two_spreads_do_not_go_for_the_same_room() {
    let db = rule(&format!(
        "name: db\ntargetRef: {{apiVersion: apps/v1, kind: Deployment, name: db}}\n{CONTINUOUS}"
    ));
    let mut scene = spilled(CONTINUOUS);
    scene.world.set_rules(vec![rule(CONTINUOUS), db]);
    scene.node(&changed(
        node("fixed-0", "fixed"),
        "/status/allocatable/cpu",
        "500m".into(),
    ));
    let mut set = workload("ReplicaSet", "db-abc", 1, Some("db"));
    set["metadata"]["uid"] = "uid-db-abc".into();
    scene
        .workload(&workload("Deployment", "db", 1, None))
        .workload(&set);
    let mut pod = placed("db", "elastic", "elastic-0");
    pod["metadata"]["labels"]["spillway.dev/spread"] = "db".into();
    pod["metadata"]["ownerReferences"][0]["name"] = "db-abc".into();
    pod["metadata"]["ownerReferences"][0]["uid"] = "uid-db-abc".into();
    scene.pod(&pod);
    let other = reconcile_core::SpreadId {
        namespace: "shop".into(),
        name: "db".into(),
    };
    let evictions = |scene: &Scene| {
        let steps = reconcile_core::plan(&scene.world, &other, scene.now).steps;
        steps
            .iter()
            .filter(|step| matches!(step.action, Action::Evict { .. }))
            .count()
    };
    scene.after(40 * SECOND);
    assert_eq!(evictions(&scene), 1);
    assert!(scene.evicts(Outcome::Done(None)).is_some());
    assert_eq!(evictions(&scene), 0);
}

#[test]
fn pods_without_a_successor_of_another_name_stay() {
    for (api_version, kind) in [
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("x.io/v1", "Custom"),
    ] {
        let mut scene = Scene::new(rule(&format!(
            "selector: {{matchLabels: {{app: web}}}}\ntargetRef: null\n{CONTINUOUS}"
        )));
        scene.node(&node("fixed-0", "fixed"));
        for name in ["a", "b", "c"] {
            let mut pod = placed(name, "elastic", "elastic-0");
            pod["metadata"]["ownerReferences"] = json!([
                {"apiVersion": api_version, "kind": kind, "name": "web", "uid": "uid-web", "controller": true}
            ]);
            scene.pod(&pod);
        }
        assert_eq!(scene.after(60 * SECOND), [""; 0], "{kind}");
    }
    let mut scene = Scene::new(rule(&format!(
        "selector: {{matchLabels: {{app: web}}}}\ntargetRef: null\n{CONTINUOUS}"
    )));
    scene.node(&node("fixed-0", "fixed"));
    scene.pod(&changed(
        placed("a", "elastic", "elastic-0"),
        "/metadata/ownerReferences",
        json!([]),
    ));
    assert_eq!(scene.after(60 * SECOND), [""; 0]);
}

#[test]
fn pods_chosen_by_label_go_home_too() {
    let mut scene = Scene::new(rule(&format!(
        "selector: {{matchLabels: {{app: web}}}}\ntargetRef: null\n{CONTINUOUS}"
    )));
    scene.scaled_to(3).node(&node("fixed-0", "fixed"));
    for name in ["a", "b", "c"] {
        scene.pod(&placed(name, "elastic", "elastic-0"));
    }
    assert_eq!(scene.after(30 * SECOND), [FIRST]);
}

#[test]
fn stepping_stones_go_home_without_continuous() {
    let stone = |name: &str| {
        let mut pod = changed(
            placed(name, "elastic", "elastic-0"),
            "/metadata/name",
            name.into(),
        );
        pod["metadata"]["annotations"]["spillway.dev/stepping-stone"] = "rollout of abc".into();
        pod
    };
    let mut scene = spilled(&with("when: OnScaleIn"));
    scene.pod(&stone("a"));
    assert_eq!(
        scene.after(30 * SECOND),
        ["evict a for 0 on fixed-0: it stood there only for a rollout"]
    );
    let mut scene = spilled(CONTINUOUS);
    scene.pod(&stone("a"));
    assert!(
        scene.after(30 * SECOND)[0].starts_with("evict a "),
        "stones first"
    );
    let mut scene = spilled(&with("when: Never"));
    scene.pod(&stone("a"));
    assert_eq!(scene.after(30 * SECOND), [""; 0]);
}

#[test]
fn who_was_let_go_without_a_subset_goes_where_a_place_is_free() {
    let let_go = |mut pod: Value| {
        pod["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("spillway.dev/subset");
        // The first to be given up.
        pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "-300".into();
        pod
    };
    let mut scene = spilled(&with("when: OnScaleIn"));
    scene.pod(&let_go(changed(
        placed("a", "elastic", "elsewhere"),
        "/metadata/name",
        "a".into(),
    )));
    assert_eq!(
        scene.after(30 * SECOND),
        ["evict a for 0 on fixed-0: it has no subset, and one has a place and a node"]
    );
    let mut scene = spilled(&with("when: Never"));
    scene.pod(&let_go(placed("a", "elastic", "elsewhere")));
    assert_eq!(scene.after(30 * SECOND), [""; 0]);
}

/// 33 % and 33 % of four are two and two, of three one and one: the third subset has a place only when there are three.
const PERCENT: &str = r#"
subsets:
- {name: a, maxReplicas: 33%}
- {name: b, maxReplicas: 33%}
- {name: c}
"#;

#[test]
fn who_stands_above_a_percent_maximum_moves_where_no_order_of_removal_keeps_it() {
    let stand = |rule_of: &str| {
        let mut scene = Scene::new(rule(rule_of));
        scene.scaled_to(3).node(&node("n", "any"));
        for (name, subset, cost) in [("x", "a", 300), ("y", "a", -100), ("z", "b", 200)] {
            let mut pod = placed(name, subset, "n");
            pod["spec"]["affinity"] = Value::Null;
            pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] =
                i32::to_string(&cost).into();
            scene.pod(&pod);
        }
        let steps = scene.after(40 * SECOND);
        steps
            .into_iter()
            .filter(|step| step.starts_with("evict"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        stand(PERCENT),
        ["evict y for 2 on n: its subset stands above its maximum"]
    );
    assert_eq!(stand(&format!("rebalance: {{when: Never}}\n{PERCENT}")), [""; 0]);
    // Of two subsets there is an order, and a number is no percentage.
    let two = "subsets:\n- {name: a, maxReplicas: 33%}\n- {name: b}\n";
    assert_eq!(stand(two), [""; 0]);
    assert_eq!(stand(&PERCENT.replace("33%", "1")), [""; 0]);
}

#[test]
fn nobody_goes_to_a_closed_subset() {
    let adaptive = "scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}";
    let mut scene = spilled(&format!("{adaptive}\n{CONTINUOUS}"));
    scene.closed_by_the_ledger("fixed", START, START.plus(300 * SECOND));
    assert_eq!(scene.after(40 * SECOND), [""; 0]);
}

#[test]
fn the_first_that_goes_to_a_subset_that_was_closed_tries_it() {
    let adaptive = "scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 20}}";
    let mut scene = spilled(&format!("{adaptive}\n{CONTINUOUS}"));
    scene.closed_by_the_ledger("fixed", START, START.plus(20 * SECOND));
    assert_eq!(scene.after(30 * SECOND), [FIRST]);
}

#[test]
fn shares_go_home_to_whichever_subset_is_short() {
    let shares = r#"
rebalance: {when: Continuous}
subsets:
- {name: a, replicas: 50%}
- {name: b, replicas: 50%}
"#;
    let mut scene = Scene::new(rule(shares));
    scene.scaled_to(2).node(&node("n", "any"));
    for (name, cost) in [("x", 1000), ("y", 998)] {
        let mut pod = placed(name, "a", "n");
        pod["spec"]["affinity"] = Value::Null;
        pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] =
            i32::to_string(&cost).into();
        scene.pod(&pod);
    }
    let steps = scene.after(40 * SECOND);
    assert!(
        steps
            .iter()
            .any(|step| step.starts_with("evict") && step.contains(" for 1 on n")),
        "{steps:?}"
    );
}
