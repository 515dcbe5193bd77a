//! What Kubernetes' own HPA controller did in nearly 2,000 cases, replayed without it.
//! `oracle/run.sh write` makes the file anew.

#![expect(clippy::indexing_slicing, reason = "the cases are our own")]

#[path = "../examples/hpa_oracle/ours.rs"]
mod ours;

use serde_json::Value;

const CASES: &str = include_str!("../testdata/hpa/judged.jsonl");

#[test]
fn every_judged_case_still_comes_out_the_same() {
    let (mut scaled, mut refused) = (0, 0);
    for (line, text) in CASES.lines().enumerate() {
        let case: Value = serde_json::from_str(text).unwrap();
        let ours = ours::answer(&case);
        assert_eq!(ours, case["answer"], "line {}", line + 1);
        refused += usize::from(ours["refused"] == true);
        let steps = ours["steps"].as_array().map_or(&[][..], Vec::as_slice);
        scaled += usize::from(steps.iter().any(|step| step["desired"].is_number()));
    }
    assert!(scaled > 1000, "only {scaled} cases scale");
    assert!(refused > 10, "only {refused} manifests are refused");
}
