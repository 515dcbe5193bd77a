//! Adaptive spreads in a small cluster: two pools with so many places, a scheduler, a ReplicaSet, admissions that read the
//! ledger. Whatever happens, nothing is sent to what is closed, no more pods try a pool than found room there before, no
//! pod that has a node is touched, and once nothing happens any more no pod waits while a pool has a place, and none
//! moves again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use std::collections::BTreeMap;

use common::{START, Scene, gated, patched, revision, rule, workload};
use kube_rules::time::UnixMillis;
use placement_core::decide::Order;
use placement_core::ledger::LedgerFacts;
use placement_core::observe::Binder;
use placement_core::{Arrival, decide, inject};
use proptest::prelude::*;
use reconcile_core::{Action, Event, Leader, Outcome, PodRef, Rule, Step};
use rules::names::{PLACEMENT_GATE, SPREAD_LABEL, SUBSET_LABEL};
use serde_json::{Value, json};
use spread_api::{LedgerStatus, SpreadLedger};

/// What happens to the cluster.
#[derive(Clone, Debug)]
enum Happening {
    Scale(u32),
    Places(usize, usize),
    Pass(i64),
    Kill(usize),
    NewLeader,
}

struct Cluster {
    scene: Scene,
    rule: Rule,
    pods: BTreeMap<String, Value>,
    ledger: Option<SpreadLedger>,
    places: BTreeMap<&'static str, usize>,
    replicas: u32,
    made: u32,
    version: u64,
    moves: usize,
}

impl Cluster {
    fn new(rule: Rule) -> Self {
        let mut scene = Scene::new(rule.clone());
        scene.scaled_to(0);
        let mut cluster = Self {
            scene,
            rule,
            pods: BTreeMap::new(),
            ledger: None,
            places: BTreeMap::new(),
            replicas: 0,
            made: 0,
            version: 100,
            moves: 0,
        };
        cluster.give("fixed", 3);
        cluster.give("elastic", 1_000);
        // The ledger is there before the first pod.
        cluster.settle();
        cluster
    }

    /// Makes a pool's only node take so many pods.
    fn give(&mut self, pool: &'static str, places: usize) {
        self.places.insert(pool, places);
        self.scene.node(&json!({
            "metadata": {"name": pool, "labels": {"pool": pool}},
            "status": {"allocatable": {"pods": places}},
        }));
    }

    fn has_place(&self, pool: &str) -> bool {
        self.on(pool) < self.places[pool]
    }

    fn put(&mut self, mut pod: Value) {
        self.version += 1;
        pod["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.scene.pod(&pod);
        self.pods
            .insert(pod["metadata"]["name"].as_str().unwrap().to_owned(), pod);
    }

    fn remove(&mut self, name: &str) {
        let pod = self.pods.remove(name).unwrap();
        let uid = pod["metadata"]["uid"].as_str().unwrap().to_owned();
        self.scene.world.take(Event::PodGone { uid }, self.scene.now);
    }

    fn status(&self) -> LedgerStatus {
        self.ledger
            .as_ref()
            .and_then(|ledger| ledger.status.clone())
            .unwrap_or_default()
    }

    fn admit(&self, name: &str) -> Value {
        let mut pod = gated(name, self.scene.now.since(START) / 1000);
        pod["spec"].as_object_mut().unwrap().remove("schedulingGates");
        pod["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove(SPREAD_LABEL);
        let Some(ledger) = &self.ledger else { return pod };
        let text = serde_json::value::to_raw_value(ledger).unwrap();
        let facts = LedgerFacts::of(&text).unwrap();
        let mut observation =
            facts
                .counts()
                .unwrap()
                .observation(&self.rule.spread, Some("abc"), &facts.subset_names());
        observation.binder = Binder::Serving;
        let arrival = Arrival {
            uid: name,
            order: Order::None,
            ranked: true,
            replaceable: true,
            may_wait: true,
        };
        inject(
            pod,
            &self.rule.spread,
            &decide(&self.rule.spread, &observation, arrival),
        )
        .unwrap()
    }

    /// The ReplicaSet: who has no node goes first, then who costs least.
    fn replicate(&mut self) -> bool {
        let wanted = usize::try_from(self.replicas).unwrap();
        if self.pods.len() == wanted {
            return false;
        }
        while self.pods.len() < wanted {
            self.made += 1;
            let name = format!("p{:04}", self.made);
            let pod = self.admit(&name);
            let is_ungated = pod["spec"].get("schedulingGates").is_none();
            let status = self.status();
            if is_ungated && pod["metadata"]["labels"][SUBSET_LABEL] == "fixed" {
                assert!(
                    !status.closed.contains(&"fixed".to_owned()),
                    "admitted to what is closed"
                );
            }
            self.put(pod);
        }
        while self.pods.len() > wanted {
            let cost = |pod: &Value| -> i64 {
                let cost = &pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"];
                cost.as_str().map_or(0, |cost| cost.parse().unwrap())
            };
            let worst = self.pods.iter().min_by_key(|(name, pod)| {
                (
                    pod["spec"].get("nodeName").is_some(),
                    cost(pod),
                    std::cmp::Reverse(name.to_owned()),
                )
            });
            let name = worst.unwrap().0.clone();
            self.remove(&name);
        }
        true
    }

    fn on(&self, node: &str) -> usize {
        self.pods
            .values()
            .filter(|pod| pod["spec"]["nodeName"] == node)
            .count()
    }

    /// The scheduler: terms, taints and places.
    fn schedule(&mut self) -> bool {
        let waiting: Vec<Value> = self
            .pods
            .values()
            .filter(|pod| {
                let gates = pod["spec"]["schedulingGates"].as_array();
                gates.is_none_or(|gates| gates.is_empty()) && pod["spec"].get("nodeName").is_none()
            })
            .cloned()
            .collect();
        let mut changed = false;
        for mut pod in waiting {
            let terms = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
                ["nodeSelectorTerms"];
            let selects = |pool: &str| {
                terms.as_array().is_none_or(|terms| {
                    terms
                        .iter()
                        .any(|term| term["matchExpressions"][0]["values"] == json!([pool]))
                })
            };
            let tolerations = pod["spec"]["tolerations"].as_array().unwrap();
            let tolerates = tolerations
                .iter()
                .any(|one| one["key"] == "virtual-kubelet.io/provider");
            let node = if selects("fixed") && self.has_place("fixed") {
                Some("fixed")
            } else {
                (selects("elastic") && tolerates && self.has_place("elastic")).then_some("elastic")
            };
            if let Some(node) = node {
                pod["spec"]["nodeName"] = node.into();
                pod["status"] = json!({"phase": "Running", "conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": self.scene.now.to_string()}]});
            } else if pod["status"].get("conditions").is_none() {
                let created = pod["metadata"]["creationTimestamp"].clone();
                pod["status"]["conditions"] = json!([
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": created}]);
            } else {
                continue;
            }
            changed = true;
            self.put(pod);
        }
        changed
    }

    fn apply(&mut self, step: &Step) {
        let stored = |cluster: &Self, pod: &PodRef| cluster.pods.get(&pod.name).cloned();
        let outcome = match &step.action {
            Action::PublishLedger(ledger) => {
                self.ledger = Some(ledger.as_ref().clone());
                Outcome::Done(None)
            }
            Action::RemoveLedger | Action::Note(_) => Outcome::Done(None),
            Action::Evict { .. } => panic!("no rule here moves pods home: {step:?}"),
            Action::DeletePod { pod, .. } | Action::Recreate { pod, .. } => match stored(self, pod) {
                None => Outcome::Gone,
                Some(seen) => {
                    let version = match &step.action {
                        Action::Recreate { version, .. } => version.map(|version| version.to_string()),
                        _ => None,
                    };
                    if version.is_some_and(|version| seen["metadata"]["resourceVersion"] != version.as_str())
                    {
                        Outcome::Refused("another version".into())
                    } else {
                        assert!(
                            seen["spec"].get("nodeName").is_none(),
                            "deleted on its node: {}",
                            pod.name
                        );
                        self.moves += usize::from(matches!(step.action, Action::Recreate { .. }));
                        self.remove(&pod.name);
                        Outcome::Gone
                    }
                }
            },
            Action::Bind { pod, patch, .. }
            | Action::Release { pod, patch, .. }
            | Action::Move { pod, patch, .. }
            | Action::PatchCost { pod, patch, .. }
            | Action::Adopt { pod, patch, .. } => match stored(self, pod) {
                None => Outcome::Gone,
                Some(before) => match patched(&before, patch) {
                    Err(why) => Outcome::Refused(why),
                    Ok(after) => {
                        self.count(step, &before);
                        self.put(after);
                        Outcome::Done(None)
                    }
                },
            },
        };
        self.scene.settle(step, outcome);
    }

    fn count(&mut self, step: &Step, before: &Value) {
        match &step.action {
            Action::Move { from, subset, .. } => {
                self.moves += 1;
                let is_back = subset < from;
                assert_eq!(before["spec"].get("nodeName").is_some(), is_back, "{before}");
            }
            Action::Bind { subset, pod, .. } if subset.index() == 0 => {
                let closings = self.status().closings;
                // Where every pool is closed, the first is as good as any.
                let [closing] = closings.as_slice() else { return };
                if closing.subset != "fixed" {
                    return;
                }
                let until = UnixMillis::parse(&closing.until).unwrap();
                assert!(until <= self.scene.now, "{} is bound to what is closed", pod.name);
                let came_since = |pod: &&Value| {
                    let bound = pod["metadata"]["annotations"]["spillway.dev/bound-at"].as_str();
                    pod["metadata"]["labels"][SUBSET_LABEL] == "fixed"
                        && bound
                            .and_then(UnixMillis::parse)
                            .is_some_and(|bound| bound >= until)
                };
                let (runs, tries): (Vec<&Value>, Vec<&Value>) = self
                    .pods
                    .values()
                    .filter(came_since)
                    .partition(|pod| pod["spec"].get("nodeName").is_some());
                assert!(
                    tries.len() <= runs.len(),
                    "{} is one too many of those that try",
                    pod.name
                );
            }
            _ => {}
        }
    }

    /// Lets everything happen that happens at once.
    fn settle(&mut self) {
        for _ in 0..400 {
            let mut busy = self.replicate();
            busy |= self.schedule();
            let plan = self.scene.plan();
            for step in &plan.steps {
                self.scene.world.assume(step, self.scene.now);
            }
            for step in &plan.steps {
                self.apply(step);
            }
            busy |= !plan.steps.is_empty();
            if !busy {
                match plan.wake {
                    Some(at) if at.since(self.scene.now) <= 100 => {
                        self.scene.now = at.max(self.scene.now.plus(1));
                    }
                    _ => return,
                }
            }
        }
        panic!("it does not settle: {:?}", self.scene.plan());
    }

    fn pass(&mut self, millis: i64) {
        let end = self.scene.now.plus(millis);
        for _ in 0..2_000 {
            self.settle();
            match self.scene.plan().wake.filter(|at| *at < end) {
                Some(at) => self.scene.now = at.max(self.scene.now),
                None => {
                    self.scene.now = end.max(self.scene.now);
                    self.settle();
                    return;
                }
            }
        }
        panic!("it is planned for ever: {:?}", self.scene.plan());
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Scale(replicas) => {
                self.replicas = *replicas;
                self.scene
                    .workload(&workload("Deployment", "web", *replicas, None))
                    .workload(&revision("abc", *replicas, 1));
            }
            Happening::Places(fixed, elastic) => {
                self.give("fixed", *fixed);
                self.give("elastic", *elastic);
            }
            Happening::Pass(millis) => self.pass(*millis),
            Happening::Kill(which) => {
                if let Some(name) = self.pods.keys().nth(which % self.pods.len().max(1)).cloned() {
                    self.remove(&name);
                }
            }
            Happening::NewLeader => {
                if let Some(ledger) = self.ledger.clone() {
                    let now = self.scene.now;
                    self.scene.world.lead(None);
                    self.scene.world.take(Event::Ledger(Box::new(ledger)), now);
                    self.scene.world.lead(Some(Leader {
                        epoch: 4,
                        settings: "abc".into(),
                    }));
                }
            }
        }
        self.settle();
    }
}

fn in_place() -> Rule {
    rule(&TEXT.replace("PATCH", "{metadata: {labels: {resource-pool: elastic}}}"))
}

fn anew() -> Rule {
    rule(&TEXT.replace(
        "PATCH",
        "{spec: {containers: [{name: main, env: [{name: A, value: b}]}]}}",
    ))
}

const TEXT: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 30}}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [elastic]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
  patch: PATCH
"#;

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0_u32..12).prop_map(Happening::Scale),
        (0_usize..8, prop_oneof![Just(1_000_usize), 0_usize..8])
            .prop_map(|(fixed, elastic)| Happening::Places(fixed, elastic)),
        prop_oneof![0_i64..3_000, 0_i64..40_000].prop_map(Happening::Pass),
        (0_usize..12).prop_map(Happening::Kill),
        Just(Happening::NewLeader),
    ]
}

fn check(rule: Rule, happenings: &[Happening]) {
    let mut cluster = Cluster::new(rule);
    cluster.happen(&Happening::Scale(5));
    for happening in happenings {
        cluster.happen(happening);
    }
    cluster.pass(600_000);
    let waiting = cluster
        .pods
        .values()
        .filter(|pod| pod["spec"].get("nodeName").is_none());
    let waiting: Vec<&Value> = waiting.collect();
    let has_place = cluster.has_place("fixed") || cluster.has_place("elastic");
    assert!(waiting.is_empty() || !has_place, "{waiting:?}");
    for pod in cluster.pods.values() {
        let gates = pod["spec"]["schedulingGates"].as_array().map_or(0, Vec::len);
        assert_eq!(gates, 0, "{PLACEMENT_GATE}");
        if let (Some(subset), Some(_)) = (
            pod["metadata"]["labels"].get(SUBSET_LABEL),
            pod["spec"].get("nodeName"),
        ) {
            assert_eq!(*subset, pod["spec"]["nodeName"], "the label follows the node");
        }
    }
    let before = cluster.moves;
    cluster.pass(3_600_000);
    assert_eq!(cluster.moves, before, "nothing happens, and pods move");
    let replicas = usize::try_from(cluster.replicas).unwrap();
    assert_eq!(cluster.pods.len(), replicas);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn pods_that_move_in_place_settle(happenings in prop::collection::vec(any_happening(), 0..24)) {
        check(in_place(), &happenings);
    }

    #[test]
    fn pods_that_are_made_anew_settle(happenings in prop::collection::vec(any_happening(), 0..24)) {
        check(anew(), &happenings);
    }
}

#[test]
fn a_burst_fills_the_pool_and_spills_and_comes_back_when_there_is_room() {
    for rule in [in_place(), anew()] {
        let mut cluster = Cluster::new(rule);
        cluster.happen(&Happening::Scale(8));
        cluster.pass(120_000);
        assert_eq!((cluster.on("fixed"), cluster.on("elastic")), (3, 5));
        cluster.happen(&Happening::Places(10, 1_000));
        cluster.happen(&Happening::Pass(60_000));
        cluster.happen(&Happening::Scale(9));
        cluster.happen(&Happening::Scale(11));
        assert_eq!((cluster.on("fixed"), cluster.on("elastic")), (6, 5));
        cluster.happen(&Happening::Scale(6));
        assert_eq!((cluster.on("fixed"), cluster.on("elastic")), (6, 0));
    }
}
