//! Nodes that fail, are drained, and are taken back by the cloud; and who may be evicted from them.

use crate::folder::{budget, play, read};

#[test]
fn a_node_that_is_silent_for_50_s_loses_its_pods_300_s_later_and_they_stay_until_it_is_back() {
    play(
        "",
        "\
events: [{at: 10s, failNode: {node: node-1, backAfter: 7m}}]
checks:
- 'from 0s to 59s: total.running == 4'
- 'from 61s to 359s: total.running == 2 and total.pending == 2 and total.terminating == 0'
- 'from 365s to 429s: total.running == 4 and total.terminating == 2'
- 'from 431s to 10m: total.running == 4 and total.total == 4 and total.terminating == 0'
",
    );
}

#[test]
fn a_node_that_is_back_before_keeps_its_pods() {
    play(
        "",
        "\
events: [{at: 10s, failNode: {node: node-1, backAfter: 2m}}]
checks:
- 'at 129s: total.running == 2 and total.pending == 2'
- 'from 131s to 10m: total.running == 4'
- 'always: total.terminating == 0 and total.total == 4'
",
    );
    play(
        "",
        "\
events: [{at: 10s, failNode: {node: node-1, backAfter: 49s}}]
checks: ['always: total.running == 4']
",
    );
}

#[test]
fn a_pod_says_how_long_it_stays_on_a_node_that_is_silent() {
    let tolerations = "tolerations: [{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 30}]";
    play(
        tolerations,
        "\
events: [{at: 10s, failNode: {node: node-1}}]
checks:
- 'at 89s: total.terminating == 0'
- 'from 91s to 10m: total.terminating == 2'
- 'finally: total.running == 4'
",
    );
    play(
        "tolerations: [{operator: Exists}]",
        "\
events: [{at: 10s, failNode: {node: node-1}}]
checks: ['always: total.terminating == 0 and total.total == 4']
",
    );
}

#[test]
fn a_taint_drives_pods_away_in_their_time() {
    let tolerations =
        "tolerations: [{key: shift, operator: Exists, effect: NoExecute, tolerationSeconds: 100}]";
    play(
        tolerations,
        "\
nodes: [{name: node, count: 2, pods: 110, cpu: 4, taints: [{key: shift, effect: NoExecute}]}]
events: [{at: 1s, scale: {workload: web, replicas: 8}}]
checks:
- 'from 5s to 50s: total.running == 8 and total.terminating == 0'
# Four have been there since before the beginning, the others came with the second event.
- 'within 2s of first total.terminating > 0: total.terminating == 4'
- 'at 102s: total.terminating == 4'
",
    );
}

#[test]
fn a_machine_that_is_gone_is_noticed_step_by_step() {
    play(
        "",
        "\
events: [{at: 10s, loseNode: {node: node-1}}]
checks:
- 'from 0s to 59s: total.running == 4'
- 'from 61s to 104s: total.running == 2 and total.pending == 2'
- 'within 20s of first total.total < 4: total.running == 4'
- 'from 130s to 10m: total.running == 4 and total.terminating == 0'
",
    );
}

#[test]
fn a_machine_that_is_replaced_at_once_starts_its_pods_anew() {
    play(
        "",
        "\
events: [{at: 10s, loseNode: {node: node-1, backAfter: 20s}}]
checks:
- 'always: total.total == 4 and total.terminating == 0'
- 'at 31s: total.running == 2'
- 'from 33s to 10m: total.running == 4'
",
    );
}

#[test]
fn nothing_is_served_by_a_node_that_is_silent() {
    play(
        "",
        "\
traffic: [{workload: web, points: [{at: 0s, rps: 400}], requestsPerSecond: 100}]
events: [{at: 10s, failNode: {node: node-1, backAfter: 20s}}]
checks:
- 'from 2s to 9s: served == 400'
- 'from 12s to 29s: served == 200 and lost == 200'
- 'from 32s to 10m: served == 400'
",
    );
}

#[test]
fn a_drain_keeps_to_the_budget() {
    let outcome = play(
        &budget("web", "maxUnavailable: 1"),
        "\
events: [{at: 10s, drainNode: {node: node-1, backAfter: 5m}}]
checks:
- 'always: total.running >= 3'
- 'eventually by 30s: total.terminating == 1'
- 'from 40s to 10m: total.running == 4'
",
    );
    assert_eq!(
        (outcome.report.evictions.allowed, outcome.report.evictions.refused),
        (2, 1)
    );
    // Without one both go at once.
    let outcome = play(
        "",
        "\
events: [{at: 10s, drainNode: {node: node-1, backAfter: 5m}}]
checks: ['eventually by 12s: total.running == 2', 'from 20s to 10m: total.running == 4']
",
    );
    assert_eq!(
        (outcome.report.evictions.allowed, outcome.report.evictions.refused),
        (2, 0)
    );
}

#[test]
fn a_cordoned_node_takes_no_pod_until_it_is_uncordoned() {
    play(
        "",
        "\
events:
- {at: 10s, drainNode: {node: node-1, backAfter: 1m}}
- {at: 20s, scale: {workload: web, replicas: 6}}
checks:
- 'from 25s to 69s: total.running == 4 and total.unschedulable == 2'
- 'from 85s to 10m: total.running == 6'
",
    );
}

#[test]
fn the_cloud_takes_a_machine_whatever_the_budget_says() {
    let none = budget("web", "minAvailable: 4");
    let outcome = play(
        &none,
        "\
events: [{at: 10s, reclaimNode: {node: node-1, notice: 30s}}]
checks:
- 'always: total.terminating == 0 until first total.running < 4'
- 'from 0s to 89s: total.running == 4'
- 'from 91s to 130s: total.running <= 4'
- 'finally: total.running == 4'
",
    );
    assert_eq!(
        (outcome.report.evictions.allowed, outcome.report.evictions.refused),
        (0, 12)
    );
    play(
        &budget("web", "maxUnavailable: 50%"),
        "\
events: [{at: 10s, reclaimNode: {node: node-1}}]
checks: ['eventually by 11s: total.terminating == 2', 'from 15s to 10m: total.running == 4']
",
    );
}

#[test]
fn a_taint_and_a_lost_node_ask_no_budget() {
    play(
        &budget("web", "minAvailable: 4"),
        "\
events: [{at: 10s, failNode: {node: node-1}}]
checks: ['at 361s: total.terminating == 2']
",
    );
}

#[test]
fn two_budgets_for_one_pod_allow_nothing() {
    let both = format!(
        "{}{}",
        budget("a", "minAvailable: 0"),
        budget("b", "minAvailable: 0")
    );
    play(
        &both,
        "\
events: [{at: 10s, drainNode: {node: node-1}}]
checks: ['always: total.running == 4']
",
    );
}

#[test]
fn a_budget_that_is_not_understood_is_a_fault_at_its_line() {
    let faults = read(&budget("web", "minAvailable: many"), "events: []").unwrap_err();
    assert_eq!(
        faults,
        [
            "budgets.yaml:4: spec.minAvailable: found `\"many\"`; write a number of pods or a percentage, such as `1` or `\"25%\"`"
        ]
    );
    let other = budget("web", "minAvailable: 1").replace("app: web", "app: other");
    let scenario = read(&other, "events: []").unwrap();
    assert_eq!(
        scenario.notes,
        ["the PodDisruptionBudget `web` selects the pods of no workload"]
    );
    let version = budget("web", "minAvailable: 1").replace("policy/v1", "policy/v1beta1");
    let faults = read(&version, "events: []").unwrap_err();
    assert_eq!(
        faults,
        ["budgets.yaml:1: apiVersion: found `\"policy/v1beta1\"`; write one of `policy/v1`"]
    );
}
