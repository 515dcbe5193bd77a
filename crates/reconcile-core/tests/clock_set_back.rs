//! The wall clock is set back, or a ledger was written by another clock.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{START, Scene, all, gated, rule};
use reconcile_core::{Action, Outcome};

const TWO: &str = "
subsets:
- {name: fixed, maxReplicas: 1}
- {name: elastic}
";

#[test]
fn ledgers_are_written_after_the_clock_was_set_back() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1);
    scene.settled();
    scene.later(-300_000).scaled_to(5);
    assert_eq!(scene.settled(), ["publish fixed 0/1, elastic 0"]);
}

#[test]
fn refused_writes_are_tried_again_after_the_clock_was_set_back() {
    let mut scene = Scene::new(rule(TWO));
    scene.scaled_to(1).pod(&gated("a", 0));
    let refused = Outcome::Refused("edited".into());
    assert_eq!(scene.pods_end(&refused), ["bind a to 0 costs 200"]);
    let publish = scene.begin();
    assert!(
        publish
            .iter()
            .any(|step| matches!(step.action, Action::PublishLedger(_)))
    );
    for step in &publish {
        scene.settle(step, refused.clone());
    }
    scene.later(-300_000);
    let again = scene.settled();
    assert_eq!(again, ["bind a to 0 costs 200", "publish fixed 1/1, elastic 0"]);
}

#[test]
fn no_ledger_closes_a_subset_for_longer_than_the_rule_does() {
    let adaptive = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2, unschedulableLastSeconds: 300}}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: pool, operator: In, values: [fixed]}]}
- name: elastic
"#;
    let day = 86_400;
    for since in [START, START.plus(10 * day * 1000)] {
        let mut scene = Scene::new(rule(adaptive));
        scene.scaled_to(3);
        scene.settled();
        scene.closed_by_the_ledger("fixed", since, START.plus(1000 * day * 1000));
        scene.settled();
        scene.later(day * 1000).pod(&gated("a", day));
        let steps = all(&scene.begin());
        assert!(
            steps.contains(&"bind a to 0 costs 200".to_owned()),
            "{since} {steps:?}"
        );
    }
}
