//! Pods go home, as far as rule and budgets let them, and the judge finds out who sends them otherwise.

use serde_json::json;

use super::tests::{burst, core, played, rules_broken};
use super::*;
use crate::json;

/// Twelve pods that were made while the policy was away, and stand wherever the scheduler put them; ten places in `fixed`.
fn scattered(rebalance: &serde_json::Value) -> Case {
    let mut case = burst(12);
    for subset in 0..2 {
        let name = ["fixed", "elastic"][subset];
        let term = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [name]}]});
        let at = case.spread.pointer_mut(&format!("/subsets/{subset}")).unwrap();
        json::put(at, &["requiredNodeSelectorTerm"], term);
    }
    json::put(&mut case.spread, &["capacity"], json!("Auto"));
    json::put(&mut case.spread, &["rebalance"], rebalance.clone());
    case.pools = [("fixed", 1), ("elastic", 3)]
        .map(|(name, nodes)| PoolCase {
            name: name.to_owned(),
            nodes,
            pods: 100,
            cpu_millis: None,
            taint: None,
        })
        .to_vec();
    case.events.insert(
        0,
        EventCase {
            at: 2000,
            happening: Happening::PolicyDown { back_after: 4000 },
        },
    );
    case
}

/// A pool of ten places loses half of its nodes, and gets them back; the subset was closed meanwhile.
fn pool_that_comes_back(rebalance: &serde_json::Value) -> Case {
    let mut case = scattered(rebalance);
    let adaptive = json!({"rescheduleCriticalSeconds": 2, "unschedulableLastSeconds": 20});
    json::put(
        &mut case.spread,
        &["scheduleStrategy"],
        json!({"type": "Adaptive", "adaptive": adaptive}),
    );
    (case.pools[0].nodes, case.pools[0].pods) = (2, 5);
    case.events = vec![
        EventCase {
            at: 3000,
            happening: Happening::Scale { replicas: 12 },
        },
        EventCase {
            at: 20_000,
            happening: Happening::LoseNode {
                node: 0,
                back_after: 60_000,
            },
        },
    ];
    case
}

#[test]
fn pods_that_were_scattered_go_home() {
    let still = played(&scattered(&json!({"when": "OnScaleIn"})));
    assert_eq!((still.violation, still.tally.evicted), (None, 0));
    let late = u64::from(still.tolerated.empty);
    assert!(late > 1, "{late}");
    let home = played(&scattered(
        &json!({"when": "Continuous", "maxMovesPerMinute": 60}),
    ));
    assert_eq!(
        (home.violation, home.tolerated.empty, home.tally.evicted),
        (None, 0, late)
    );
    assert_eq!(played(&scattered(&json!({"when": "Never"}))).tally.evicted, 0);
}

#[test]
fn a_pool_that_comes_back_is_filled_again() {
    let still = played(&pool_that_comes_back(&json!({"when": "OnScaleIn"})));
    assert_eq!(
        (still.violation, still.tally.evicted, still.tolerated.empty),
        (None, 0, 5)
    );
    let home = played(&pool_that_comes_back(&json!({"when": "Continuous"})));
    assert_eq!(
        (home.violation, home.tally.evicted, home.tolerated.empty),
        (None, 5, 0)
    );
}

#[test]
fn a_budget_keeps_pods_where_they_are_and_nobody_asks_for_ever() {
    let mut case = scattered(&json!({"when": "Continuous"}));
    case.min_available = Some("100%".to_owned());
    let played = played(&case);
    assert_eq!((played.violation, played.tally.evicted), (None, 0));
}

#[test]
fn an_eviction_against_a_budget_is_found_out() {
    let mut case = scattered(&json!({"when": "Continuous"}));
    case.min_available = Some("100%".to_owned());
    assert_eq!(
        rules_broken(&case, Sabotage::NoBudget, &mut |case| core(case)),
        Some("home")
    );
}
