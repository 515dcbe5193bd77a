//! Counts against the naive ones, in both scopes, and how listed pods are read for them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{in_order, name};
use placement_core::facts::{ListedPod, PodFacts};
use placement_core::observe::Desired;
use placement_core::{Binder, Closed, Observation, observe};
use proptest::prelude::*;
use reference_model as model;
use rules::{Rollout, Spread, Terminating};
use serde_json::{Value, json};

const SUBSETS: usize = 3;

type Scope = (Rollout, Terminating);
const WORKLOAD: Scope = (Rollout::Spill, Terminating::Ignored);
const REVISION: Scope = (Rollout::Surge, Terminating::Ignored);

fn spread((rollout, terminating): Scope) -> Spread {
    let rule = in_order(&[(None, None); SUBSETS]);
    rule.rollout(rollout).terminating(terminating).spread()
}

fn taken(observation: &Observation) -> Vec<u32> {
    (0..SUBSETS)
        .map(|subset| observation.taken.of(rules::SubsetIx::new(subset)))
        .collect()
}

/// A pod of the ReplicaSet `web-<revision>`, placed by the spread `web`.
fn pod(subset: &str, revision: &str) -> Value {
    json!({
        "metadata": {
            "labels": {
                "spillway.dev/spread": "web",
                "spillway.dev/subset": subset,
                "pod-template-hash": revision,
            },
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("web-{revision}"), "controller": true},
            ],
        },
        "status": {"phase": "Running"},
    })
}

fn with(mut pod: Value, path: &str, value: Value) -> Value {
    *pod.pointer_mut(path).unwrap() = value;
    pod
}

fn finished(pod: Value, phase: &str) -> Value {
    with(pod, "/status/phase", json!(phase))
}

fn terminating(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    pod
}

fn observed(scope: Scope, revision: &str, desired: Desired, pods: &[Value]) -> Observation {
    let texts: Vec<String> = pods.iter().map(Value::to_string).collect();
    let listed: Vec<ListedPod<'_>> = texts
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    observe(
        &spread(scope),
        Some(revision),
        desired,
        listed.iter().map(ListedPod::facts),
    )
}

fn desired(workload: u32, revision: u32) -> Desired {
    Desired {
        workload: Some(workload),
        revision: Some(revision),
    }
}

#[test]
fn terminating_pods_hold_a_place_only_where_they_are_counted() {
    let pods = [
        pod("a", "v1"),
        terminating(pod("a", "v1")),
        terminating(pod("b", "v2")),
        pod("b", "v2"),
    ];
    let cases = [
        ((Rollout::Spill, Terminating::Counted), vec![2, 2, 0], 2, 4),
        (WORKLOAD, vec![1, 1, 0], 2, 4),
        ((Rollout::Surge, Terminating::Counted), vec![2, 0, 0], 1, 3),
        (REVISION, vec![1, 0, 0], 1, 3),
        ((Rollout::Keep, Terminating::Ignored), vec![1, 0, 0], 1, 3),
    ];
    for (scope, places, active, missing) in cases {
        let seen = observed(scope, "v1", desired(6, 4), &pods);
        assert_eq!(
            (taken(&seen), seen.active, seen.missing),
            (places, active, missing),
            "{scope:?}"
        );
    }
}

#[test]
fn the_places_of_all_revisions_are_counted_beside_a_revisions_own() {
    let pods = [
        pod("a", "v1"),
        pod("a", "v2"),
        terminating(pod("b", "v2")),
        pod("b", "v1"),
    ];
    let filled = |scope| {
        let filled = observed(scope, "v1", desired(6, 4), &pods).filled;
        [0, 1, 2].map(|subset| filled.of(rules::SubsetIx::new(subset)))
    };
    assert_eq!(filled((Rollout::Keep, Terminating::Ignored)), [2, 1, 0]);
    assert_eq!(filled((Rollout::Keep, Terminating::Counted)), [2, 2, 0]);
}

#[test]
fn finished_pods_hold_no_place_and_are_not_active() {
    for scope in [WORKLOAD, REVISION] {
        let pods = [
            finished(pod("a", "v1"), "Succeeded"),
            finished(pod("a", "v1"), "Failed"),
            terminating(finished(pod("a", "v1"), "Failed")),
            finished(pod("a", "v1"), "Pending"),
            finished(pod("a", "v1"), "Unknown"),
        ];
        let seen = observed(scope, "v1", desired(5, 5), &pods);
        assert_eq!((taken(&seen), seen.active, seen.missing), (vec![2, 0, 0], 2, 3));
    }
}

#[test]
fn other_spreads_are_left_out_and_unknown_subsets_are_undecided() {
    let mut unlabelled = pod("a", "v1");
    unlabelled["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("spillway.dev/subset");
    let pods = [
        with(
            pod("a", "v1"),
            "/metadata/labels/spillway.dev~1spread",
            json!("other"),
        ),
        pod("removed", "v1"),
        unlabelled,
        terminating(pod("removed", "v1")),
        json!({"metadata": {"labels": null}}),
        json!({"metadata": {}}),
        json!({}),
    ];
    for scope in [WORKLOAD, REVISION] {
        let seen = observed(scope, "v1", desired(9, 9), &pods);
        assert_eq!((taken(&seen), seen.active, seen.undecided), (vec![0, 0, 0], 2, 2));
    }
}

#[test]
fn at_least_the_pod_that_asks_is_missing() {
    let pods = [pod("a", "v1"), pod("a", "v1"), pod("a", "v1")];
    for scope in [WORKLOAD, REVISION] {
        assert_eq!(observed(scope, "v1", desired(1, 1), &pods).missing, 1);
        assert_eq!(observed(scope, "v1", desired(0, 0), &[]).missing, 1);
        assert_eq!(observed(scope, "v1", Desired::default(), &pods).missing, 1);
    }
}

/// With a surge of one, the workload has as many pods as it wants while the new revision lacks two.
#[test]
fn a_surge_makes_pods_of_a_revision_that_the_workload_does_not_lack() {
    let pods: Vec<Value> = (0..4).map(|_| pod("a", "v1")).collect();
    let seen = observed(WORKLOAD, "v2", desired(4, 2), &pods);
    assert_eq!((seen.missing, seen.active, seen.desired), (2, 4, Some(4)));
    let seen = observed(REVISION, "v2", desired(4, 2), &pods);
    assert_eq!((seen.missing, seen.active, seen.desired), (2, 0, Some(2)));
}

#[test]
fn percentages_are_taken_of_the_workload_in_both_scopes() {
    for scope in [WORKLOAD, REVISION] {
        assert_eq!(observed(scope, "v1", desired(40, 3), &[]).replicas, 40);
        assert_eq!(
            observed(
                scope,
                "v1",
                Desired {
                    workload: None,
                    revision: Some(3)
                },
                &[]
            )
            .replicas,
            0
        );
    }
}

#[test]
fn nothing_is_closed_and_nobody_binds_by_counting_alone() {
    let seen = observed(WORKLOAD, "v1", desired(1, 1), &[]);
    assert_eq!((seen.closed, seen.binder), (Closed::none(), Binder::Absent));
}

fn any_pod() -> impl Strategy<Value = model::Pod> {
    let spread = proptest::option::of(proptest::sample::select(vec!["web", "web", "web", "other"]));
    let subset = proptest::option::of(proptest::sample::select(vec!["a", "b", "c", "gone"]));
    let revision = proptest::option::of(proptest::sample::select(vec!["v1", "v2"]));
    (
        spread,
        subset,
        revision,
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
    )
        .prop_map(|(spread, subset, revision, finished, terminating)| model::Pod {
            spread: spread.map(str::to_owned),
            subset: subset.map(str::to_owned),
            revision: revision.map(str::to_owned),
            finished,
            terminating,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_the_naive_ones(
        pods in proptest::collection::vec(any_pod(), 0..40),
        revision in proptest::option::of(proptest::sample::select(vec!["v1", "v2"])),
        workload in proptest::option::of(0u32..50),
        of_revision in proptest::option::of(0u32..50),
        per_revision in any::<bool>(),
        counted in any::<bool>(),
    ) {
        let (terminating, naive_terminating) = if counted {
            (Terminating::Counted, model::Terminating::Counted)
        } else {
            (Terminating::Ignored, model::Terminating::Ignored)
        };
        let (rollout, naive_scope) = if per_revision {
            (Rollout::Surge, model::Scope::Revision)
        } else {
            (Rollout::Spill, model::Scope::Workload)
        };
        let facts = pods.iter().map(|pod| PodFacts {
            cost: None,
            has_our_cost: false,
            spread: pod.spread.as_deref(),
            subset: pod.subset.as_deref(),
            revision: pod.revision.as_deref(),
            finished: pod.finished,
            terminating: pod.terminating,
        });
        let wanted = Desired { workload, revision: of_revision };
        let seen = observe(&spread((rollout, terminating)), revision, wanted, facts);
        let names: Vec<String> = (0..SUBSETS).map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let wanted = model::Wanted { workload, revision: of_revision };
        let naive = model::count("web", &names, (naive_scope, naive_terminating), revision, wanted, &pods);
        prop_assert_eq!(
            (taken(&seen), seen.active, seen.undecided, seen.missing),
            (naive.taken, naive.active, naive.undecided, naive.missing)
        );
        prop_assert!(seen.missing >= 1);
        prop_assert_eq!(seen.replicas, workload.unwrap_or(0));
        prop_assert_eq!(seen.desired, if per_revision { of_revision.or(workload) } else { workload });
    }
}
