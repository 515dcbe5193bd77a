//! What the API server's own code made of 2,000 pods and patches, replayed without it.
//! `oracle/run.sh write` makes the file anew.

use kube_rules::smp::merge_pod;
use serde_json::Value;

const CASES: &str = include_str!("../testdata/smp/judged.jsonl");

#[test]
fn every_judged_case_still_comes_out_the_same() {
    let mut wrong = Vec::new();
    let mut merged = 0;
    for (line, text) in CASES.lines().enumerate() {
        let mut case: Value = serde_json::from_str(text).unwrap();
        let ours = merge_pod(case["pod"].take(), &case["patch"]);
        let theirs = case.get("result");
        merged += usize::from(theirs.is_some());
        if ours.as_ref().ok() != theirs {
            wrong.push(format!("line {}: {ours:?}\n{text}", line + 1));
        }
    }
    assert!(wrong.is_empty(), "{} cases, the first: {}", wrong.len(), wrong[0]);
    assert!(merged > 1000, "only {merged} cases merge");
}
