//! Pods that find no node: their subset is closed, they move on, one pod tries it again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{START, Scene, all, gated, patched, pod_patch, rule, running, workload};
use reconcile_core::{Action, Event, Leader, Outcome, Plan, Rule, Step, World};
use rules::names::SUBSET_LABEL;
use serde_json::{Value, json};
use spread_api::{LedgerStatus, SpreadLedger};

/// `hello-web`: no maximum, the next pool is tainted.
const IN_PLACE: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
  patch: {metadata: {labels: {resource-pool: fixed}}}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
  patch: {metadata: {labels: {resource-pool: elastic}}}
"#;

/// What the next subset gives can be given at admission alone.
const ANEW: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
  patch: {spec: {containers: [{name: main, env: [{name: POOL, value: elastic}]}]}}
"#;

fn pool(name: &str) -> Value {
    json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [name]}]})
}

/// A pod of `fixed` as an admission makes it where pods can be moved in place; it has no node yet.
fn pending(name: &str, seconds: i64) -> Value {
    let mut pod = gated(name, seconds);
    pod["spec"].as_object_mut().unwrap().remove("schedulingGates");
    pod["metadata"]["labels"][SUBSET_LABEL] = "fixed".into();
    pod["metadata"]["labels"]["resource-pool"] = "fixed".into();
    pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "200".into();
    pod["spec"]["affinity"] = json!({"nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": pool("fixed")}],
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [pool("fixed"), pool("elastic")]},
    }});
    pod
}

/// The same once the scheduler has found no node for it. The condition keeps the time of creation.
fn unschedulable(mut pod: Value) -> Value {
    pod["metadata"]["resourceVersion"] = "11".into();
    let created = pod["metadata"]["creationTimestamp"].clone();
    pod["status"]["conditions"] = json!([
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": created}
    ]);
    pod
}

/// The same on a node.
fn scheduled(mut pod: Value, node: &str) -> Value {
    pod["metadata"]["resourceVersion"] = "12".into();
    pod["spec"]["nodeName"] = node.into();
    pod["status"] = json!({"phase": "Running", "conditions": [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": "True", "lastTransitionTime": START.to_string()},
    ]});
    pod
}

fn elastic(name: &str) -> Value {
    running(name, Some("elastic"), Some(100), "abc")
}

impl Scene {
    /// Pods appear, and the scheduler finds no node for them at once.
    fn stuck(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            let seconds = self.now.since(START) / 1000;
            self.pod(&pending(name, seconds));
            self.pod(&unschedulable(pending(name, seconds)));
        }
        self
    }

    /// Does what is to be done now and does it again until nothing is; no time passes.
    fn at_once(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        for _ in 0..10 {
            let steps = self.begin();
            if steps.is_empty() {
                break;
            }
            for step in &steps {
                done.push(common::told(step));
                self.settle(step, Outcome::Done(None));
            }
            // Ledgers are written so often at most.
            self.later(100);
        }
        done
    }

    fn status(&self) -> LedgerStatus {
        let mut scene = self.plan();
        while let Some(step) = scene.steps.pop() {
            if let Action::PublishLedger(ledger) = step.action {
                return ledger.status.unwrap();
            }
        }
        panic!("no ledger in the plan")
    }

    /// A burst of which these have no node; what is to be published before is published.
    fn full(rule_of: &str, stuck: &[&str]) -> Self {
        let mut scene = Self::new(rule(rule_of));
        scene.scaled_to(6);
        for number in 0..3 {
            scene.pod(&scheduled(pending(&format!("f{number}"), 0), "fixed-0"));
        }
        scene.stuck(stuck);
        scene.at_once();
        scene
    }
}

fn published(steps: &[Step]) -> &SpreadLedger {
    let published = steps.iter().find_map(|step| match &step.action {
        Action::PublishLedger(ledger) => Some(ledger.as_ref()),
        _ => None,
    });
    published.unwrap_or_else(|| panic!("{:?}", all(steps)))
}

#[test]
fn a_full_pool_is_closed_first_and_its_pods_move_on_in_place() {
    let mut scene = Scene::full(IN_PLACE, &["a", "b"]);
    scene.now = START.plus(1_999);
    assert_eq!(
        scene.plan(),
        Plan {
            steps: vec![],
            wake: Some(START.plus(2_000))
        }
    );
    scene.now = START.plus(2_000);
    let steps = scene.begin();
    assert_eq!(
        all(&steps),
        ["publish fixed 5 closed, elastic 0", "note SubsetClosed"]
    );
    let status = published(&steps).status.clone().unwrap();
    assert_eq!(
        (status.closed, status.probing),
        (vec!["fixed".to_owned()], vec![])
    );
    assert_eq!(status.closings[0].until, START.plus(302_000).to_string());
    assert_eq!(
        all(&scene.begin()),
        Vec::<String>::new(),
        "not before admissions can know"
    );
    for step in &steps {
        scene.settle(step, Outcome::Done(None));
    }
    let moves = scene.begin();
    assert_eq!(
        all(&moves),
        ["move a to 1 costs 100", "move b to 1 costs 100", "note PodMoved"]
    );

    let moved = patched(&unschedulable(pending("a", 0)), pod_patch(&moves[0])).unwrap();
    let spec = &moved["spec"];
    assert_eq!(
        spec["affinity"],
        pending("a", 0)["spec"]["affinity"],
        "affinity is fixed"
    );
    assert_eq!(
        spec["tolerations"].as_array().unwrap().len(),
        2,
        "added, none removed"
    );
    let (labels, annotations) = (&moved["metadata"]["labels"], &moved["metadata"]["annotations"]);
    assert_eq!(
        (&labels[SUBSET_LABEL], &labels["resource-pool"]),
        (&json!("elastic"), &json!("elastic"))
    );
    assert_eq!(annotations["controller.kubernetes.io/pod-deletion-cost"], "100");
    assert_eq!(annotations["spillway.dev/bound-at"], scene.now.to_string());
    assert_eq!(annotations["spillway.dev/moved-from"], "fixed");
    assert_eq!(
        annotations["spillway.dev/decision"],
        "elastic: moved in place, there was no node where it was before"
    );

    let taken = patched(
        &scheduled(unschedulable(pending("a", 0)), "fixed-0"),
        pod_patch(&moves[0]),
    );
    assert!(taken.is_err(), "a pod that got a node meanwhile is left alone");
}

#[test]
fn the_later_of_binding_and_the_first_sight_counts() {
    let mut scene = Scene::new(rule(IN_PLACE));
    scene.scaled_to(1);
    // Behind the gate for ten minutes: the condition says since then.
    let mut pod = pending("a", -600);
    scene.pod(&pod);
    pod["metadata"]["annotations"]["spillway.dev/bound-at"] = START.to_string().into();
    scene.pod(&unschedulable(pod.clone())).at_once();
    scene.now = START.plus(1_500);
    assert_eq!(scene.plan().wake, Some(START.plus(2_000)));

    // The scheduler was late: it looked for the first time after a minute.
    let mut late = Scene::new(rule(IN_PLACE));
    late.scaled_to(1).pod(&pending("a", 0)).at_once();
    late.now = START.plus(60_000);
    late.pod(&unschedulable(pending("a", 0)));
    assert_eq!(
        late.plan(),
        Plan {
            steps: vec![],
            wake: Some(START.plus(62_000))
        }
    );

    // Whoever comes later knows the times of the pod alone.
    let mut restarted = Scene::new(rule(IN_PLACE));
    restarted.now = START.plus(1_000);
    restarted.scaled_to(1).pod(&unschedulable(pod)).at_once();
    assert_eq!(restarted.plan().wake, Some(START.plus(2_000)));
    restarted.now = START.plus(2_000);
    assert!(all(&restarted.begin()).contains(&"note SubsetClosed".to_owned()));
}

#[test]
fn a_pod_that_gets_a_node_or_goes_in_time_closes_nothing() {
    let mut scene = Scene::full(IN_PLACE, &["a", "b"]);
    scene.pod(&scheduled(pending("a", 0), "fixed-0"));
    let mut going = unschedulable(pending("b", 0));
    going["metadata"]["resourceVersion"] = "13".into();
    going["metadata"]["deletionTimestamp"] = START.to_string().into();
    scene.pod(&going);
    scene.later(10_000);
    assert!(!scene.at_once().contains(&"note SubsetClosed".to_owned()));
    assert_eq!(scene.plan(), Plan::default());
}

#[test]
fn nothing_moves_unless_it_is_asked_for() {
    let fixed = IN_PLACE.replace(
        "{type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}",
        "{type: Fixed}",
    );
    let patient = IN_PLACE.replace("rescheduleCriticalSeconds: 2, ", "");
    for text in [fixed, patient] {
        let mut scene = Scene::full(&text, &["a"]);
        scene.later(3_600_000);
        assert_eq!(scene.plan(), Plan::default(), "{text}");
    }
}

#[test]
fn nothing_is_closed_that_has_nothing_else_beside_it() {
    let bounded = IN_PLACE.replace("- name: elastic", "- name: elastic\n  maxReplicas: 1");
    let mut scene = Scene::full(&bounded, &["a"]);
    scene.pod(&elastic("e"));
    scene.later(10_000).at_once();
    assert_eq!(scene.plan(), Plan::default());
    scene
        .world
        .take(Event::PodGone { uid: "uid-e".into() }, scene.now);
    let done = scene.at_once();
    assert!(done.contains(&"move a to 1 costs 100".to_owned()), "{done:?}");
    // With no place left elsewhere, what is closed would leave a new pod without a subset: better it waits in one.
    assert_eq!(done.last().unwrap(), "publish fixed 3, elastic 1/1", "{done:?}");
}

fn patched_to_elastic(name: &str) -> Value {
    let mut pod = scheduled(pending(name, 0), "elastic-0");
    pod["metadata"]["resourceVersion"] = "20".into();
    pod["metadata"]["labels"][SUBSET_LABEL] = "elastic".into();
    pod["metadata"]["annotations"]["spillway.dev/moved-from"] = "fixed".into();
    pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "100".into();
    pod
}

/// `fixed` was closed at two seconds and its stuck pods are in `elastic` by now.
fn closed() -> Scene {
    let mut scene = Scene::full(IN_PLACE, &["a", "b"]);
    scene.now = START.plus(2_000);
    scene.at_once();
    scene.pod(&patched_to_elastic("a")).pod(&patched_to_elastic("b"));
    scene.at_once();
    scene
}

#[test]
fn gated_pods_pass_by_what_is_closed_and_one_of_them_tries_it() {
    let mut scene = closed();
    scene.pod(&gated("g", 10));
    assert_eq!(all(&scene.begin())[0], "bind g to 1 costs 100");
    scene.pod(&patched_to_elastic("g"));
    scene.at_once();
    assert_eq!(
        scene.plan(),
        Plan {
            steps: vec![],
            wake: Some(START.plus(302_000))
        }
    );

    scene.now = START.plus(302_000);
    let status = scene.status();
    assert_eq!(
        (status.closed.len(), status.probing),
        (0, vec!["fixed".to_owned()])
    );
    scene.at_once();
    assert_eq!(scene.plan(), Plan::default(), "until a pod comes");
    for name in ["p", "q", "r"] {
        scene.pod(&gated(name, 400));
    }
    scene.now = START.plus(400_000);
    let steps = scene.begin();
    assert_eq!(all(&steps), ["bind p to 0 costs 200"], "the others wait");
    let probe = patched(&gated("p", 400), pod_patch(&steps[0])).unwrap();
    assert_eq!(
        probe["metadata"]["annotations"]["spillway.dev/decision"],
        "fixed: tries a subset that was closed"
    );
    let mut probe = probe;
    probe["metadata"]["resourceVersion"] = "30".into();
    scene.pod(&probe);
    assert_eq!(
        scene.plan().wake,
        Some(START.plus(403_000)),
        "no longer than that"
    );
    let status = scene.status();
    assert_eq!(
        (status.closed.len(), status.probing),
        (0, vec!["fixed".to_owned()])
    );
    // There was room: two more, then four.
    let mut placed = scheduled(probe, "fixed-0");
    placed["metadata"]["resourceVersion"] = "31".into();
    scene.pod(&placed);
    assert_eq!(
        all(&scene.begin()),
        ["bind q to 0 costs 200", "bind r to 0 costs 200"]
    );
}

#[test]
fn whoever_waits_for_a_probe_passes_by_once_it_finds_no_node() {
    for is_told in [true, false] {
        let (mut scene, probe) = probed();
        scene.pod(&gated("q", 400));
        assert!(scene.at_once().iter().all(|step| step.starts_with("publish")));
        if is_told {
            let mut full = unschedulable(probe);
            full["metadata"]["resourceVersion"] = "31".into();
            scene.pod(&full);
        } else {
            scene.now = START.plus(403_000);
        }
        assert_eq!(all(&scene.begin())[0], "bind q to 1 costs 100", "{is_told}");
    }
}

/// The probe is bound at 400 s.
fn probed() -> (Scene, Value) {
    let mut scene = closed();
    scene.now = START.plus(302_000);
    scene.at_once();
    scene.now = START.plus(400_000);
    scene.pod(&gated("p", 400));
    let steps = scene.begin();
    let mut probe = patched(&gated("p", 400), pod_patch(&steps[0])).unwrap();
    probe["metadata"]["resourceVersion"] = "30".into();
    scene.pod(&probe);
    (scene, probe)
}

#[test]
fn a_probe_that_gets_a_node_opens_its_subset() {
    let (mut scene, mut probe) = probed();
    probe["spec"]["nodeName"] = "fixed-0".into();
    probe["metadata"]["resourceVersion"] = "31".into();
    scene.pod(&probe);
    let done = scene.at_once();
    assert_eq!(
        done,
        ["publish fixed 4, elastic 2"],
        "others of its burst may follow"
    );
    scene.pod(&gated("next", 401));
    assert_eq!(all(&scene.begin())[0], "bind next to 0 costs 200");
    let mut next = pending("next", 401);
    next["metadata"]["annotations"]["spillway.dev/bound-at"] = scene.now.to_string().into();
    scene.pod(&scheduled(next, "fixed-0"));
    scene.at_once();
    let wake = scene.plan().wake.unwrap();
    scene.now = wake;
    assert!(scene.at_once().contains(&"note SubsetReopened".to_owned()));
}

#[test]
fn a_probe_that_is_stuck_closes_its_subset_again_and_moves_on() {
    let (mut scene, probe) = probed();
    scene.at_once();
    let mut stuck = unschedulable(probe);
    stuck["metadata"]["resourceVersion"] = "31".into();
    scene.pod(&stuck);
    let since = scene.now;
    assert_eq!(scene.plan().wake, Some(since.plus(2_000)));
    scene.now = since.plus(2_000);
    let steps = scene.begin();
    assert!(
        all(&steps).contains(&"note SubsetClosed".to_owned()),
        "{:?}",
        all(&steps)
    );
    let closing = published(&steps).status.clone().unwrap().closings[0].clone();
    assert_eq!(
        (closing.since, closing.until),
        (scene.now.to_string(), scene.now.plus(300_000).to_string())
    );
    for step in &steps {
        scene.settle(step, Outcome::Done(None));
    }
    assert_eq!(all(&scene.begin())[0], "move p to 1 costs 100");
}

#[test]
fn a_probe_that_goes_makes_room_for_another() {
    let (mut scene, _) = probed();
    scene.at_once();
    scene
        .world
        .take(Event::PodGone { uid: "uid-p".into() }, scene.now);
    scene.pod(&gated("other", 401));
    assert_eq!(all(&scene.begin())[0], "bind other to 0 costs 200");
}

#[test]
fn a_probe_that_an_admission_placed_counts_as_well() {
    let mut scene = closed();
    scene.now = START.plus(302_000);
    scene.at_once();
    scene.now = START.plus(400_000);
    scene.pod(&pending("p", 400));
    let status = scene.status();
    assert_eq!(
        (status.closed.len(), status.probing),
        (0, vec!["fixed".to_owned()])
    );
    scene.at_once();
    scene.pod(&scheduled(pending("p", 400), "fixed-0"));
    scene.later(20_000);
    assert!(scene.at_once().contains(&"note SubsetReopened".to_owned()));
}

#[test]
fn a_new_leader_knows_what_is_closed() {
    let mut old = Scene::full(IN_PLACE, &["a"]);
    old.now = START.plus(2_000);
    let steps = old.begin();
    let ledger = published(&steps).clone();
    let mut world = World::new();
    world.set_rules(vec![rule(IN_PLACE)]);
    let mut scene = Scene {
        world,
        now: START.plus(3_000),
    };
    scene.scaled_to(6);
    for number in 0..3 {
        scene.pod(&scheduled(pending(&format!("f{number}"), 0), "fixed-0"));
    }
    scene.world.take(Event::Ledger(Box::new(ledger)), scene.now);
    scene.world.lead(Some(Leader {
        epoch: 4,
        settings: "abc".into(),
    }));
    scene.at_once();
    assert_eq!(scene.plan().wake, Some(START.plus(302_000)));
    scene.pod(&gated("g", 3));
    assert_eq!(all(&scene.begin())[0], "bind g to 1 costs 100");
}

#[test]
fn what_somebody_writes_into_the_ledger_opens_nothing() {
    let mut scene = closed();
    let mut plan = scene.begin();
    assert!(plan.pop().is_none());
    scene.world.take(Event::LedgerGone(common::id()), scene.now);
    let steps = scene.begin();
    assert_eq!(published(&steps).status.clone().unwrap().closed, ["fixed"]);
}

fn anew(stuck: usize) -> Scene {
    let names: Vec<String> = (0..stuck).map(|number| format!("s{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scene = Scene::full(ANEW, &names);
    scene.scaled_to(u32::try_from(stuck).unwrap() + 3);
    scene.now = START.plus(2_000);
    scene
}

#[test]
fn what_cannot_be_given_later_is_made_anew_a_third_at_a_time() {
    let mut scene = anew(25);
    let closed = scene.begin();
    assert!(
        all(&closed)[0].starts_with("publish fixed 28 closed"),
        "{:?}",
        all(&closed)
    );
    for step in &closed {
        scene.settle(step, Outcome::Done(None));
    }
    assert_eq!(
        scene.plan(),
        Plan {
            steps: vec![],
            wake: Some(START.plus(3_000))
        },
        "admissions see it first"
    );
    scene.now = START.plus(3_000);
    let steps = scene.begin();
    let told = all(&steps);
    assert_eq!(
        (told[0].as_str(), told[9].as_str()),
        ("recreate s00 of 0", "recreate s09 of 0")
    );
    assert_eq!(told[10..], ["note PodMoved"]);
    assert!(matches!(
        &steps[0].action,
        Action::Recreate {
            version: Some(11),
            ..
        }
    ));
    for step in &steps {
        scene.settle(step, Outcome::Done(None));
    }
    scene.later(100);
    let plan = scene.plan();
    assert!(
        plan.steps
            .iter()
            .all(|step| !matches!(step.action, Action::Recreate { .. }))
    );
    assert_eq!(plan.wake, Some(START.plus(13_000)));
    scene.now = START.plus(13_000);
    assert!(all(&scene.begin()).contains(&"recreate s10 of 0".to_owned()));
}

/// Two pools that can be full, and a period that is over before the second one is known to be.
const TWO_FULL: &str = r"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 12}}
subsets: [{name: fixed}, {name: reserve}, {name: elastic}]
";

#[test]
fn whoever_is_made_in_place_of_a_stuck_pod_tries_nothing() {
    let mut scene = Scene::full(TWO_FULL, &["a"]);
    let mut first = unschedulable(pending("a", 0));
    first["metadata"]["resourceVersion"] = "12".into();
    first["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "300".into();
    scene.pod(&first);
    let pass = |scene: &mut Scene, millis: i64| -> Vec<Step> {
        scene.now = START.plus(millis);
        let steps = scene.begin();
        for step in &steps {
            scene.settle(step, Outcome::Done(None));
        }
        steps
    };
    let go = |scene: &mut Scene, name: &str| {
        let uid = pending(name, 0)["metadata"]["uid"].as_str().unwrap().to_owned();
        scene.world.take(Event::PodGone { uid }, scene.now);
    };
    assert_eq!(
        published(&pass(&mut scene, 2_000)).status.clone().unwrap().closed,
        ["fixed"]
    );
    assert_eq!(all(&pass(&mut scene, 3_000))[0], "recreate a of 0");
    go(&mut scene, "a");
    scene.now = START.plus(13_000);
    let mut next = pending("b", 13);
    next["metadata"]["labels"][SUBSET_LABEL] = "reserve".into();
    scene.pod(&next).pod(&unschedulable(next));
    pass(&mut scene, 13_100);
    // By now `fixed` could be tried; the pod that comes in place of `b` would do so.
    let status = published(&pass(&mut scene, 15_000)).status.clone().unwrap();
    assert_eq!(
        (status.closed, status.probing.len()),
        (vec!["fixed".to_owned(), "reserve".to_owned()], 0)
    );
    assert_eq!(all(&pass(&mut scene, 16_000))[0], "recreate b of 1");
    go(&mut scene, "b");
    scene.pod(&gated("c", 16));
    assert!(all(&pass(&mut scene, 16_100))[0].starts_with("bind c to 2"));
    scene.pod(&elastic("c"));
    pass(&mut scene, 16_200);
    // Nobody has moved for a while.
    scene.pod(&gated("d", 26));
    assert!(all(&pass(&mut scene, 26_500))[0].starts_with("bind d to 0"));
}

#[test]
fn nobody_is_deleted_whom_no_controller_replaces() {
    let owners = [
        Some(("Job", "batch/v1")),
        Some(("StatefulSet", "apps/v1")),
        Some(("GameServerSet", "game.example.io/v1")),
        None,
    ];
    let selected = common::yaml(&format!("selector: {{matchLabels: {{app: web}}}}{ANEW}")).to_string();
    for owner in owners {
        let mut scene = Scene::new(rule(&selected));
        let mut pod = pending("a", 0);
        match owner {
            Some((kind, api)) => {
                pod["metadata"]["ownerReferences"][0]["kind"] = kind.into();
                pod["metadata"]["ownerReferences"][0]["apiVersion"] = api.into();
            }
            None => {
                pod["metadata"].as_object_mut().unwrap().remove("ownerReferences");
            }
        }
        scene.pod(&pod).pod(&unschedulable(pod.clone()));
        scene.now = START.plus(20_000);
        let done = scene.at_once();
        assert!(
            done.contains(&"note SubsetClosed".to_owned()),
            "{owner:?} closes it: {done:?}"
        );
        assert!(
            done.iter().all(|step| !step.starts_with("recreate")),
            "{owner:?}: {done:?}"
        );
    }
}

#[test]
fn nobody_is_deleted_while_his_controller_gives_pods_up() {
    let mut scene = anew(2);
    scene.workload(&common::revision("abc", 4, 1));
    scene.now = START.plus(20_000);
    let done = scene.at_once();
    assert!(done.iter().all(|step| !step.starts_with("recreate")), "{done:?}");
    scene.workload(&common::revision("abc", 5, 1)).later(1_000);
    assert!(scene.at_once().contains(&"recreate s00 of 0".to_owned()));
}

#[test]
fn a_job_moves_on_in_place() {
    let target = "targetRef: {apiVersion: batch/v1, kind: Job, name: web-abc}";
    let mut scene = Scene::new(rule(&format!("{target}{IN_PLACE}")));
    let mut pod = pending("a", 0);
    pod["metadata"]["ownerReferences"][0]["kind"] = "Job".into();
    pod["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1".into();
    scene.pod(&pod).pod(&unschedulable(pod.clone()));
    scene.now = START.plus(2_000);
    assert!(scene.at_once().contains(&"move a to 1".to_owned()));
}

#[test]
fn a_pod_without_the_terms_of_both_is_made_anew() {
    let mut scene = Scene::new(rule(IN_PLACE));
    scene.scaled_to(1);
    let mut pod = pending("a", 0);
    pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] =
        json!([pool("fixed")]);
    scene.pod(&pod).pod(&unschedulable(pod.clone()));
    scene.now = START.plus(2_000);
    scene.at_once();
    scene.later(1_000);
    assert!(scene.at_once().contains(&"recreate a of 0".to_owned()));
}

#[test]
fn a_statefulset_keeps_its_rungs() {
    let mut rule: Rule = rule(&format!(
        "targetRef: {{apiVersion: apps/v1, kind: StatefulSet, name: web}}\n{IN_PLACE}"
    ));
    assert_eq!(rule.spread.patience(), None);
    rule.written = Value::Null;
    let mut scene = Scene::new(rule);
    scene.workload(&workload("StatefulSet", "web", 3, None));
    scene.stuck(&["web-0"]);
    scene.later(10_000).at_once();
    assert_eq!(scene.plan(), Plan::default());
}

#[test]
fn labels_follow_the_node_of_a_moved_pod() {
    let mut scene = closed();
    let node = |pool: &str| json!({"metadata": {"name": format!("{pool}-0"), "labels": {"pool": pool}}});
    scene.node(&node("fixed")).node(&node("elastic"));
    let mut landed = patched_to_elastic("a");
    landed["spec"]["nodeName"] = "fixed-0".into();
    landed["metadata"]["labels"]["resource-pool"] = "elastic".into();
    landed["metadata"]["resourceVersion"] = "21".into();
    scene.pod(&landed).pod(&patched_to_elastic("b"));
    let steps = scene.begin();
    assert_eq!(all(&steps), ["move a to 0 costs 200"]);
    let now = patched(&landed, pod_patch(&steps[0])).unwrap();
    let (labels, annotations) = (&now["metadata"]["labels"], &now["metadata"]["annotations"]);
    assert_eq!(
        (&labels[SUBSET_LABEL], &labels["resource-pool"]),
        (&json!("fixed"), &json!("fixed"))
    );
    assert_eq!(annotations.get("spillway.dev/moved-from"), None);
    assert_eq!(
        annotations["spillway.dev/decision"],
        "fixed: runs on a node of this subset, though it was moved on"
    );
}

#[test]
fn a_move_that_is_refused_is_tried_again_later_and_at_last_made_anew() {
    let mut scene = Scene::full(IN_PLACE, &["a"]);
    scene.now = START.plus(2_000);
    for step in scene.begin() {
        scene.settle(&step, Outcome::Done(None));
    }
    for _ in 0..5 {
        let steps = scene.begin();
        assert_eq!(all(&steps)[0], "move a to 1 costs 100");
        scene.settle(&steps[0], Outcome::Refused("another changed it".into()));
        let wake = scene.plan().wake.unwrap();
        assert!(wake > scene.now);
        scene.now = wake;
    }
    assert_eq!(all(&scene.begin())[0], "recreate a of 0");
}

#[test]
fn shares_spill_into_each_other() {
    let shares = IN_PLACE
        .replace("- name: fixed", "- name: fixed\n  replicas: 50%")
        .replace("- name: elastic", "- name: elastic\n  replicas: 50%");
    let mut scene = Scene::full(&shares, &["a"]);
    scene.now = START.plus(2_000);
    let done = scene.at_once();
    assert!(
        done.iter().any(|step| step.starts_with("move a to 1")),
        "{done:?}"
    );
}
