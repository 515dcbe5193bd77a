//! What is published, when, and that an admission reads it as it was meant.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, id, revision, rule, running, workload};
use kube_rules::time::UnixMillis;
use placement_core::Observation;
use placement_core::ledger::{LeaseFacts, LedgerFacts};
use reconcile_core::{Action, Event, Outcome, Step};
use rules::SubsetIx;
use serde_json::{Value, json};
use spread_api::SpreadLedger;

const TWO: &str = "subsets: [{name: fixed, maxReplicas: 2}, {name: elastic}]";

fn published(steps: &[Step]) -> Option<&SpreadLedger> {
    steps.iter().find_map(|step| match &step.action {
        Action::PublishLedger(ledger) => Some(&**ledger),
        _ => None,
    })
}

fn status_of(steps: &[Step]) -> &spread_api::LedgerStatus {
    published(steps).unwrap().status.as_ref().unwrap()
}

fn observation(ledger: &SpreadLedger, rule: &reconcile_core::Rule, revision: Option<&str>) -> Observation {
    let text = serde_json::to_string(ledger).unwrap();
    let facts = LedgerFacts::of(serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(facts.rule().unwrap(), rule.written);
    assert!(facts.is_of(&rule.spread));
    let names = facts.subset_names();
    facts
        .counts()
        .unwrap()
        .observation(&rule.spread, revision, &names)
}

#[test]
fn the_ledger_of_a_rollout_as_it_is_stored() {
    let mut scene = Scene::new(rule(TWO));
    scene.workload(&workload("Deployment", "web", 3, None));
    scene
        .workload(&revision("old", 2, 1))
        .workload(&revision("new", 2, 2));
    let mut leaving = running("z", Some("fixed"), Some(200), "old");
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    scene
        .pod(&leaving)
        .pod(&running("a", Some("fixed"), Some(200), "old"));
    scene.pod(&running("b", Some("elastic"), Some(100), "new"));
    let steps = scene.begin();
    let ledger = published(&steps).unwrap();
    assert_eq!(
        serde_json::to_value(ledger).unwrap(),
        json!({
            "apiVersion": "spillway.dev/v1alpha1",
            "kind": "SpreadLedger",
            "metadata": {"name": "web", "namespace": "shop", "labels": {"spillway.dev/shard": "4"}},
            "spec": rule(TWO).written,
            "status": {
                "summary": "fixed 1/2, elastic 1",
                "replicas": 3,
                "active": 2,
                "gated": 0,
                "taken": [1, 1],
                "vacating": true,
                "revisions": [
                    {"revision": "new", "desired": 2, "active": 1, "gated": 0, "taken": [0, 1]},
                    {"revision": "old", "desired": 2, "active": 1, "gated": 0, "taken": [1, 0]},
                ],
                "order": 0,
                "binder": {"epoch": 3, "rule": rules::rule_hash(&rule(TWO).written)},
            },
        })
    );
    let seen = observation(ledger, &rule(TWO), Some("new"));
    assert_eq!(
        (seen.desired, seen.active, seen.missing, seen.replicas),
        (Some(2), 1, 1, 3)
    );
    assert_eq!([0, 1].map(|ix| seen.taken.of(SubsetIx::new(ix))), [0, 1]);
    assert_eq!([0, 1].map(|ix| seen.filled.of(SubsetIx::new(ix))), [1, 1]);
    assert!(seen.is_vacated, "a rollout is under way");
}

#[test]
fn by_revision_an_admission_sees_the_counts_of_its_own() {
    let rule = rule(&format!("{{maximumScope: Revision, {TWO}}}"));
    let mut scene = Scene::new(rule.clone());
    scene
        .workload(&workload("Deployment", "web", 3, None))
        .workload(&revision("new", 2, 2));
    scene
        .pod(&running("a", Some("fixed"), Some(200), "old"))
        .pod(&running("b", Some("elastic"), Some(100), "new"));
    let steps = scene.begin();
    let ledger = published(&steps).unwrap();
    let seen = observation(ledger, &rule, Some("new"));
    assert_eq!(
        (seen.desired, seen.active, seen.taken.of(SubsetIx::new(0))),
        (Some(2), 1, 0)
    );
    assert!(!seen.behind);
    let unseen = observation(ledger, &rule, Some("newer"));
    assert_eq!((unseen.desired, unseen.active, unseen.missing), (Some(3), 0, 3));
}

#[test]
fn it_is_written_on_change_and_at_most_every_hundred_milliseconds() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3);
    let first = scene.begin();
    assert_eq!(all(&first), ["publish fixed 0/2, elastic 0"]);
    assert!(scene.begin().is_empty(), "one write at a time");
    scene.settle(&first[0], Outcome::Done(None));
    assert!(scene.plan() == reconcile_core::Plan::default(), "nothing changed");

    scene
        .later(30)
        .pod(&running("a", Some("fixed"), Some(200), "abc"));
    let plan = scene.plan();
    assert_eq!((plan.steps.len(), plan.wake), (0, Some(common::START.plus(100))));
    scene.later(70);
    assert_eq!(all(&scene.begin()), ["publish fixed 1/2, elastic 0"]);
}

#[test]
fn binds_come_first_and_count_in_the_next_ledger() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3);
    for name in ["a", "b", "c"] {
        scene.pod(&gated(name, 0));
    }
    let plan = scene.plan();
    assert_eq!(plan.wake, Some(scene.now), "at once");
    assert!(published(&plan.steps).is_none());
    scene.begin();
    assert_eq!(all(&scene.begin()), ["publish fixed 2/2, elastic 1"]);
}

#[test]
fn a_write_that_failed_is_tried_again_later_and_later() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let steps = scene.begin();
        for step in &steps {
            scene.settle(step, Outcome::Refused("forbidden".into()));
        }
        let wake = scene.plan().wake.unwrap();
        waits.push(wake.since(scene.now));
        scene.now = wake;
    }
    assert_eq!(waits, [200, 400, 800, 1600]);
}

#[test]
fn what_somebody_else_wrote_is_written_over() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3);
    scene.settled();
    let mut ledger = published(&Scene::begin(Scene::new(rule(TWO)).scaled_to(3)))
        .unwrap()
        .clone();
    ledger.status.as_mut().unwrap().taken = vec![7, 7];
    scene.world.take(Event::Ledger(Box::new(ledger)), scene.now);
    assert_eq!(scene.settled(), ["publish fixed 0/2, elastic 0"]);
    scene.world.take(Event::LedgerGone(id()), scene.now);
    assert_eq!(scene.settled(), ["publish fixed 0/2, elastic 0"]);
}

#[test]
fn a_ledger_that_is_refused_is_told_of_and_written_without_what_can_be_too_much() {
    let mut scene = Scene::new(rule(TWO));
    scene.workload(&workload("Deployment", "web", 3, None));
    scene.workload(&revision("abc", 3, 1));
    scene.pod(&running("a", Some("fixed"), Some(200), "abc"));
    let steps = scene.begin();
    assert_eq!(status_of(&steps).revisions.len(), 1);
    for step in &steps {
        scene.settle(step, Outcome::Refused("422 Invalid: too long".into()));
    }
    scene.later(1_000);
    let steps = scene.begin();
    assert!(
        all(&steps).contains(&"note LedgerRefused".to_owned()),
        "{:?}",
        all(&steps)
    );
    let short = status_of(&steps);
    assert_eq!(
        (short.revisions.len(), short.vacating, short.active),
        (0, true, 1)
    );
    for step in &steps {
        scene.settle(step, Outcome::Done(None));
    }
    // What was too much may be so no more.
    scene.later(60_000);
    let steps = scene.begin();
    assert_eq!(status_of(&steps).revisions.len(), 1);
}

#[test]
fn a_ledger_stands_in_the_shard_of_its_target() {
    let text = "{targetRef: {apiVersion: apps/v1, kind: ReplicaSet, name: web-abc}, subsets: [{name: a}]}";
    let mut scene = Scene::new(rule(text));
    scene.scaled_to(3);
    let steps = scene.begin();
    assert_eq!(
        published(&steps).unwrap().metadata.labels["spillway.dev/shard"],
        placement_core::shard::Shard::of_workload("shop", "ReplicaSet", "web-abc").to_string()
    );
}

#[test]
fn a_binder_serves_while_its_lease_is_young_whatever_other_rules_it_has() {
    let counts = json!({"spec": {}, "status": {"binder": {"epoch": 3, "rule": "abc"}}}).to_string();
    let facts = LedgerFacts::of(serde_json::from_str(&counts).unwrap()).unwrap();
    let counts = facts.counts().unwrap();
    let serves = |lease: Value, now: i64| {
        let text = lease.to_string();
        let lease = LeaseFacts::of(serde_json::from_str(&text).unwrap()).unwrap();
        lease.serves(counts.binder().unwrap(), UnixMillis(common::START.0 + now))
    };
    let lease = |transitions: u64, settings: &str| {
        json!({
            "metadata": {"annotations": {"spillway.dev/settings": settings}},
            "spec": {"leaseTransitions": transitions, "renewTime": common::START.to_string()},
        })
    };
    assert!(serves(lease(3, "abc"), 0) && serves(lease(3, "abc"), 119_999));
    assert!(!serves(lease(3, "abc"), 120_000), "away for too long");
    assert!(
        serves(lease(4, "abc"), 0),
        "a new leader takes over what the old one held back"
    );
    assert!(
        !serves(lease(2, "abc"), 0),
        "the ledger is newer than the Lease that is seen"
    );
    assert!(
        serves(lease(3, "def"), 0),
        "its settings have other spreads than when the ledger was written"
    );
    assert!(
        serves(lease(3, "abc"), -60_000) && !serves(lease(3, "abc"), -180_000),
        "a clock ahead of ours"
    );
    assert!(!serves(json!({"metadata": {}, "spec": {}}), 0));
}

#[test]
fn a_ledger_that_is_late_is_hashed_over_as_far_as_a_burst_can_reach() {
    let mut scene = Scene::new(rule(TWO));
    scene
        .scaled_to(1)
        .pod(&running("a", Some("fixed"), Some(200), "abc"));
    let steps = scene.begin();
    let seen = observation(published(&steps).unwrap(), &rule(TWO), Some("abc"));
    assert_eq!((seen.missing, seen.behind), (500, true));
}

/// A ledger of a spread that the settings do not have, as somebody left it.
fn left_by(scene: &mut Scene, rule: &str, active: u32) {
    let ledger = json!({
        "apiVersion": "spillway.dev/v1alpha1",
        "kind": "SpreadLedger",
        "metadata": {"name": "old", "namespace": "shop"},
        "spec": {},
        "status": {
            "summary": "", "active": active, "gated": 0, "taken": [], "revisions": [], "order": 0,
            "binder": {"epoch": 2, "rule": rule},
        },
    });
    let ledger: spread_api::SpreadLedger = serde_json::from_value(ledger).unwrap();
    scene.world.take(Event::Ledger(Box::new(ledger)), scene.now);
}

fn old() -> reconcile_core::SpreadId {
    reconcile_core::SpreadId {
        namespace: "shop".into(),
        name: "old".into(),
    }
}

fn plan_of_old(scene: &Scene) -> (Vec<Step>, Option<i64>) {
    let plan = reconcile_core::plan(&scene.world, &old(), scene.now);
    (plan.steps, plan.wake.map(|wake| wake.since(scene.now)))
}

/// Does what is planned for the ledger; what that was.
fn follow_old(scene: &mut Scene) -> Vec<String> {
    let (steps, _) = plan_of_old(scene);
    for step in &steps {
        scene.world.assume(step, scene.now);
        scene.settle(step, Outcome::Done(None));
    }
    all(&steps)
}

#[test]
fn a_ledger_of_its_own_earlier_settings_goes_at_once() {
    let mut before = common::yaml(TWO);
    before["name"] = "old".into();
    let before = rule(&before.to_string());
    let mut scene = Scene::new(rule(TWO));
    scene.world.set_rules(vec![rule(TWO), before.clone()]);
    scene.world.set_rules(vec![rule(TWO)]);
    left_by(&mut scene, &before.hash, 1);
    let (steps, wake) = plan_of_old(&scene);
    assert_eq!((all(&steps), wake), (vec!["remove ledger".to_owned()], None));
}

#[test]
fn a_ledger_that_another_may_have_is_told_of_and_goes_when_nobody_writes_it() {
    let mut scene = Scene::new(rule(TWO));
    left_by(&mut scene, "other", 1);
    let (steps, wake) = plan_of_old(&scene);
    assert_eq!(
        (all(&steps), wake),
        (
            vec!["publish ".to_owned(), "note LedgerOfOtherSettings".to_owned()],
            Some(300_000)
        )
    );
    // Admissions learn at once that nobody binds: no pod waits for it.
    let disowned = published(&steps).unwrap();
    assert_eq!(disowned.status.as_ref().unwrap().binder, None);
    assert_eq!(disowned.status.as_ref().unwrap().active, 1);
    follow_old(&mut scene);
    assert_eq!(follow_old(&mut scene), Vec::<String>::new(), "once");
    // Whoever has the rule leads for a while.
    scene.later(200_000);
    let leader = scene.world.leader().cloned();
    scene.world.lead(None);
    left_by(&mut scene, "other", 2);
    scene.world.lead(leader);
    assert_eq!(follow_old(&mut scene), ["publish ", "note LedgerOfOtherSettings"]);
    scene.later(299_999);
    assert_eq!(follow_old(&mut scene), ["note LedgerOfOtherSettings"]);
    scene.later(1);
    assert_eq!(follow_old(&mut scene), ["remove ledger"]);
}

#[test]
fn a_stranger_who_writes_a_ledger_again_and_again_keeps_it_no_longer() {
    let mut scene = Scene::new(rule(TWO));
    left_by(&mut scene, "other", 1);
    for active in 2..5 {
        assert_eq!(follow_old(&mut scene)[0], "publish ", "disowned each time");
        scene.later(99_000);
        left_by(&mut scene, "other", active);
    }
    scene.later(3_000);
    assert!(follow_old(&mut scene).contains(&"remove ledger".to_owned()));
}

#[test]
fn settings_that_change_for_another_spread_change_nothing_of_a_ledger() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(3);
    scene.settled();
    let mut another = common::yaml(TWO);
    another["name"] = "another".into();
    another["targetRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "another"});
    scene.world.set_rules(vec![rule(TWO), rule(&another.to_string())]);
    scene.world.lead(Some(reconcile_core::Leader {
        epoch: 3,
        settings: "new".into(),
    }));
    assert_eq!(scene.settled(), Vec::<String>::new());
}
