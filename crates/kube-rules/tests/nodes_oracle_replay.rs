//! What the scheduler's own code made of 2,000 nodes and pods, replayed without it. `oracle/run.sh write` makes the file
//! anew.

#[path = "../examples/nodes_oracle/ours.rs"]
mod ours;

const CASES: &str = include_str!("../testdata/nodes/judged.jsonl");

#[test]
fn every_judged_node_still_comes_out_the_same() {
    let wrong = oracle_driver::replay(CASES, ours::answer);
    assert!(wrong.is_empty(), "{} cases, the first: {}", wrong.len(), wrong[0]);
    let selected = CASES
        .lines()
        .filter(|line| line.contains("\"selected\":true"))
        .count();
    assert_eq!(CASES.lines().count(), 2000);
    assert!(
        (400..1600).contains(&selected),
        "{selected} of 2,000 are selected"
    );
}
