//! What Kubernetes' own `ActivePodsWithRanks` made of 2,000 ReplicaSets, replayed without it. `oracle/run.sh write` makes
//! the file anew.

#[path = "../examples/ranking_oracle/ours.rs"]
mod ours;

const CASES: &str = include_str!("../testdata/ranking/judged.jsonl");

#[test]
fn every_judged_ranking_still_comes_out_the_same() {
    let wrong = oracle_driver::replay(CASES, ours::answer);
    assert!(wrong.is_empty(), "{} cases, the first: {}", wrong.len(), wrong[0]);
    assert_eq!(CASES.lines().count(), 2000);
}
