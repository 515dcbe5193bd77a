//! When a pending pod may be moved on as it stands, and what it is then.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{rule, yaml};
use placement_core::decide::{Decision, Placement};
use placement_core::inject::{inject, is_movable, move_in_place, next_in_place};
use placement_core::{DeletionCost, Reason, Rung, Tier};
use rules::{Spread, SubsetIx};
use serde_json::{Value, json};

const SOUND: &str = r#"
scheduleStrategy: {type: Adaptive, adaptive: {rescheduleCriticalSeconds: 2}}
subsets:
- name: fixed
  requiredNodeSelectorTerm: {matchExpressions: [{key: type, operator: NotIn, values: [virtual-kubelet]}]}
  patch: {metadata: {labels: {resource-pool: fixed}}}
- name: elastic
  requiredNodeSelectorTerm: {matchExpressions: [{key: type, operator: In, values: [virtual-kubelet]}]}
  tolerations: [{key: virtual-kubelet.io/provider, operator: Exists, effect: NoSchedule}]
  patch: {metadata: {labels: {resource-pool: elastic}, annotations: {a: b}}}
"#;

const FIRST: SubsetIx = SubsetIx::new(0);
const TERMS: &str =
    "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";

fn spread(text: &str) -> Spread {
    rule(text).spread
}

fn sound() -> Value {
    yaml(SOUND)
}

fn placement(subset: usize, reason: Reason) -> Placement {
    let rung = Rung {
        subset: SubsetIx::new(subset),
        tier: Tier::Maximum,
    };
    Placement {
        subset: rung.subset,
        cost: Some(DeletionCost::of(rung, 2)),
        reason,
    }
}

fn placed(spread: &Spread, subset: usize, pod: Value) -> Value {
    inject(pod, spread, &Decision::Place(placement(subset, Reason::Bound))).unwrap()
}

fn bare() -> Value {
    json!({"metadata": {"name": "p", "labels": {"app": "web", "resource-pool": "mine"}}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}})
}

fn terms(pod: &Value) -> usize {
    pod.pointer(TERMS).and_then(Value::as_array).map_or(0, Vec::len)
}

#[test]
fn a_pod_gets_the_terms_of_its_own_subset_and_the_next_the_first_preferred() {
    let spread = spread(SOUND);
    let pod = placed(&spread, 0, bare());
    let (first, second) = (
        spread.subsets()[0].overlay().required().unwrap(),
        spread.subsets()[1].overlay().required().unwrap(),
    );
    assert_eq!(pod.pointer(TERMS), Some(&json!([first, second])));
    assert_eq!(
        pod["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"],
        json!([{"weight": 100, "preference": first}])
    );
    assert!(
        pod["spec"].get("tolerations").is_none(),
        "the taint keeps it where it is"
    );
    assert!(is_movable(&spread, FIRST, &pod));
    assert_eq!(terms(&placed(&spread, 1, bare())), 1, "the last has no next");
}

#[test]
fn a_moved_pod_is_what_it_would_be_had_it_been_placed_there() {
    let spread = spread(SOUND);
    let pod = placed(&spread, 0, bare());
    let moved = move_in_place(pod, &spread, FIRST, &placement(1, Reason::Moved)).unwrap();
    let there = placed(&spread, 1, bare());
    assert_eq!(moved["metadata"]["labels"], there["metadata"]["labels"]);
    assert_eq!(moved["spec"]["tolerations"], there["spec"]["tolerations"]);
    let without = |mut pod: Value| {
        let annotations = pod["metadata"]["annotations"].as_object_mut().unwrap();
        annotations.remove("spillway.dev/decision");
        annotations.remove("spillway.dev/moved-from");
        Value::from(annotations.clone())
    };
    assert_eq!(without(moved), without(there));
}

#[test]
fn without_any_one_condition_nothing_is_moved_in_place() {
    assert_eq!(next_in_place(&spread(SOUND), FIRST), Some(SubsetIx::new(1)));
    let env = json!({"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "b"}]}]}});
    let changes: [(&str, &str, Value); 12] = [
        ("not adaptive", "/scheduleStrategy", json!({"type": "Fixed"})),
        ("no patience", "/scheduleStrategy", json!({"type": "Adaptive"})),
        (
            "by ordinal",
            "/targetRef",
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}),
        ),
        ("no term here", "/subsets/0/requiredNodeSelectorTerm", Value::Null),
        (
            "no term there",
            "/subsets/1/requiredNodeSelectorTerm",
            Value::Null,
        ),
        ("no taint", "/subsets/1/tolerations", json!([])),
        (
            "a taint that keeps nobody away",
            "/subsets/1/tolerations",
            json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "PreferNoSchedule"}]),
        ),
        (
            "the first tolerates it as well",
            "/subsets/0/tolerations",
            json!([{"key": "virtual-kubelet.io/provider", "value": "x"}]),
        ),
        (
            "the first tolerates all",
            "/subsets/0/tolerations",
            json!([{"operator": "Exists"}]),
        ),
        (
            "more preferences there",
            "/subsets/1/preferredNodeSelectorTerms",
            json!([{"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]),
        ),
        ("fields there", "/subsets/1/patch", env),
        (
            "a label that only the first sets",
            "/subsets/1/patch",
            json!({"metadata": {"annotations": {"a": "b"}}}),
        ),
    ];
    for (what, at, value) in changes {
        let mut written = sound();
        let (parent, key) = at.rsplit_once('/').unwrap();
        written.pointer_mut(parent).unwrap()[key] = value;
        let spread = spread(&written.to_string());
        assert_eq!(next_in_place(&spread, FIRST), None, "{what}");
        assert!(terms(&placed(&spread, 0, bare())) <= 1, "{what}");
    }
    let mut early = sound();
    early["binding"] = "Admission".into();
    assert_eq!(
        next_in_place(&spread(&early.to_string()), FIRST),
        None,
        "labels that others read"
    );
    for subset in ["0", "1"] {
        *early.pointer_mut(&format!("/subsets/{subset}/patch")).unwrap() =
            json!({"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "b"}]}]}});
    }
    assert!(
        next_in_place(&spread(&early.to_string()), FIRST).is_some(),
        "the same for both is there already"
    );
}

#[test]
fn a_pod_with_terms_or_tolerations_of_its_own_stays_in_one_pool() {
    let spread = spread(SOUND);
    let with = |field: &str, value: Value| {
        let mut pod = bare();
        pod["spec"][field] = value;
        placed(&spread, 0, pod)
    };
    let own = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}}});
    for pod in [
        with("affinity", own),
        with("tolerations", json!([{"operator": "Exists"}])),
        with(
            "tolerations",
            json!([{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]),
        ),
    ] {
        assert!(terms(&pod) == 1 && !is_movable(&spread, FIRST, &pod), "{pod}");
    }
    let other = with(
        "tolerations",
        json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]),
    );
    assert!(is_movable(&spread, FIRST, &other));
}
