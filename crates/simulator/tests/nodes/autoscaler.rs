//! Nodes that come for pods which fit nowhere, and go once they are hardly used.

use simulator::{MarkKind, Outcome};

use crate::folder::{budget, play, play_gated, read};

/// Four pods of one CPU fill the node that is always there; machines of the same size come after a minute.
const GROUPS: &str = "\
nodes:
- {name: base, pods: 110, cpu: 4}
- {name: extra, autoscale: {max: 3, delay: 60s}, pods: 110, cpu: 4}
";
const SOON: &str = "clusterAutoscaler: {scaleDownUnneededTime: 1m, scaleDownDelayAfterAdd: 1m}\n";

/// What joined and left.
fn machines(outcome: &Outcome) -> Vec<&str> {
    let marks = outcome.report.marks.iter();
    let events = marks.filter(|mark| mark.kind == MarkKind::Event);
    events
        .map(|mark| mark.text.as_str())
        .filter(|text| text.ends_with("joins") || text.ends_with("leaves"))
        .collect()
}

#[test]
fn machines_come_for_pods_that_fit_nowhere_and_go_when_they_are_not_needed() {
    let outcome = play(
        "",
        &format!(
            "{GROUPS}{SOON}\
events:
- {{at: 9s, scale: {{workload: web, replicas: 10}}}}
- {{at: 4m, scale: {{workload: web, replicas: 3}}}}
checks:
- 'from 12s to 69s: total.running == 4 and total.unschedulable == 6'
- 'from 85s to 239s: total.running == 10'
- 'from 260s to 10m: total.total + total.terminating >= 3'
- 'finally: total.running == 3'
"
        ),
    );
    let seen = machines(&outcome);
    assert_eq!(seen[..2], ["extra-1 joins", "extra-2 joins"]);
    // The one that is left is half used.
    assert_eq!(seen[2..], ["extra-2 leaves"]);
}

#[test]
fn pods_behind_a_gate_bring_no_machine() {
    let outcome = play_gated(&format!(
        "{GROUPS}\
events: [{{at: 1s, scale: {{workload: web, replicas: 20}}}}]
checks: ['finally: total.pending == 20']
"
    ));
    assert_eq!(machines(&outcome), Vec::<&str>::new());
}

#[test]
fn a_group_never_has_more_than_its_maximum() {
    let outcome = play(
        "",
        &format!(
            "{GROUPS}\
events: [{{at: 1s, scale: {{workload: web, replicas: 40}}}}]
checks: ['finally: total.running == 16 and total.unschedulable == 24']
"
        ),
    );
    assert_eq!(
        machines(&outcome),
        ["extra-1 joins", "extra-2 joins", "extra-3 joins"]
    );
}

/// A machine that is idle but for one pod goes, its pod to another; unless that must not be evicted.
#[test]
fn a_budget_keeps_a_machine() {
    let script = format!(
        "nodes: [{{name: pool, count: 2, autoscale: {{max: 3}}, pods: 110, cpu: 8}}]\nevents: []\n{SOON}"
    );
    let free = play(
        &budget("web", "maxUnavailable: 1"),
        &format!("{script}checks: ['always: total.running >= 3']\n"),
    );
    assert_eq!(machines(&free).len(), 1, "{:?}", machines(&free));
    assert!(free.report.evictions.allowed > 0);
    let kept = play(
        &budget("web", "minAvailable: 4"),
        &format!("{script}checks: ['always: total.running == 4']\n"),
    );
    assert_eq!(machines(&kept), Vec::<&str>::new());
    assert_eq!(kept.report.evictions.allowed, 0);
}

#[test]
fn a_machine_that_the_cloud_takes_back_is_replaced_where_pods_need_it() {
    let outcome = play(
        "",
        "\
nodes: [{name: spot, count: 2, autoscale: {max: 2, delay: 30s}, pods: 110, cpu: 2}]
events: [{at: 10s, reclaimNode: {node: spot-1, notice: 30s}}]
checks:
- 'at 30s: total.running == 2 and total.unschedulable == 2'
- 'finally: total.running == 4'
",
    );
    assert_eq!(machines(&outcome), ["spot-3 joins"]);
}

#[test]
fn what_is_said_of_groups_is_checked() {
    let faults = |script: &str| read("", script).unwrap_err();
    assert_eq!(
        faults("nodes: [{name: a, pods: 1, autoscale: {min: 3, max: 2}}]\nevents: []\n"),
        ["scenario.yaml:3: nodes[0].autoscale.max: found `2`; write a whole number from 3 to 10000"]
    );
    assert_eq!(
        faults("nodes: [{name: a, pods: 1, count: 4, autoscale: {max: 2}}]\nevents: []\n"),
        ["scenario.yaml:3: nodes[0].count: found `4`; write a whole number from 0 to 2"]
    );
    assert_eq!(
        faults("clusterAutoscaler: {scaleDownUnneededTime: 1m}\nevents: []\n"),
        [
            "scenario.yaml:4: clusterAutoscaler: no nodes come and go; write `autoscale: {max: 5}` at an entry of `nodes`"
        ]
    );
    let scenario = read(
        "",
        "nodes: [{name: a, pods: 1, autoscale: {min: 2, max: 5}}]\nevents: []\n",
    )
    .unwrap();
    let names: Vec<&str> = scenario
        .script
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["a-1", "a-2"]);
}
