//! What is written into a pod: exact results, in WorkloadSpread's order.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Words, any_json};
use placement_core::decide::Order;
use placement_core::{
    Arrival, Binder, Closed, Decision, Observation, Placement, Reason, Refused, Taken, decide, inject,
};
use proptest::prelude::*;
use rules::{Amount, Field, Spread, SubsetDraft, SubsetIx};
use serde_json::{Value, json};

const REASON: Reason = Reason::LowestFree {
    active: 2,
    desired: Some(5),
};

/// A spread whose only subset `a` has this overlay.
fn spread(overlay: SubsetDraft) -> Spread {
    Words::of(vec![SubsetDraft {
        name: Field::Set("a".to_owned()),
        ..overlay
    }])
    .spread()
}

fn placed() -> Decision {
    Decision::Place(Placement {
        subset: SubsetIx::new(0),
        cost: None,
        reason: REASON,
    })
}

fn place(pod: Value, overlay: SubsetDraft) -> Value {
    inject(pod, &spread(overlay), &placed()).unwrap()
}

fn refused(pod: Value, overlay: SubsetDraft) -> String {
    inject(pod, &spread(overlay), &placed()).unwrap_err().to_string()
}

fn required() -> SubsetDraft {
    SubsetDraft {
        required: Field::Set(zone("a")),
        ..SubsetDraft::default()
    }
}

fn patch(patch: Value) -> SubsetDraft {
    SubsetDraft {
        patch: Field::Set(patch),
        ..SubsetDraft::default()
    }
}

fn zone(zone: &str) -> Value {
    json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]})
}

/// A pod with this spec and nothing else.
fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec})
}

/// The pod with the marks that every placed pod has.
fn marked(mut pod: Value) -> Value {
    let root = pod.as_object_mut().unwrap();
    let metadata = root
        .entry("metadata")
        .or_insert_with(|| json!({}))
        .as_object_mut()
        .unwrap();
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    labels["spillway.dev/spread"] = json!("web");
    labels["spillway.dev/subset"] = json!("a");
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    annotations["spillway.dev/decision"] = json!("a: lowest free rung, 2 of 5 pods active");
    annotations["apps.kruise.io/matched-workloadspread"] = json!(r#"{"name":"web","subset":"a"}"#);
    pod
}

fn node_affinity(affinity: Value) -> Value {
    pod(json!({"affinity": {"nodeAffinity": affinity}}))
}

fn terms(terms: Value) -> Value {
    node_affinity(json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}))
}

#[test]
fn a_subset_of_a_name_alone_only_marks_the_pod() {
    let bare = pod(json!({"containers": [{"name": "main"}]}));
    assert_eq!(place(bare.clone(), SubsetDraft::default()), marked(bare));
}

#[test]
fn labels_and_annotations_of_the_pod_are_kept_and_stale_marks_replaced() {
    let before = json!({
        "metadata": {
            "labels": {"app": "web", "spillway.dev/subset": "old"},
            "annotations": {"x": "1", "apps.kruise.io/matched-workloadspread": "{\"name\":\"older\",\"subset\":\"b\"}"},
        },
    });
    let after = json!({
        "metadata": {
            "labels": {"app": "web", "spillway.dev/spread": "web", "spillway.dev/subset": "a"},
            "annotations": {
                "x": "1",
                "spillway.dev/decision": "a: lowest free rung, 2 of 5 pods active",
                "apps.kruise.io/matched-workloadspread": "{\"name\":\"web\",\"subset\":\"a\"}",
            },
        },
    });
    assert_eq!(place(before, SubsetDraft::default()), after);
}

#[test]
fn the_deletion_cost_is_written_where_there_is_one() {
    let bounded = SubsetDraft {
        max: Field::Set(Amount::Count(5)),
        ..SubsetDraft::default()
    };
    let spread = spread(bounded);
    let observation = Observation {
        replicas: 5,
        desired: Some(5),
        active: 2,
        missing: 1,
        behind: false,
        is_vacated: false,
        taken: Taken::none(1),
        filled: Taken::none(1),
        undecided: 0,
        closed: Closed::none(),
        probing: Closed::none(),
        binder: Binder::Absent,
    };
    let cost = |ranked| {
        let decision = decide(
            &spread,
            &observation,
            Arrival {
                uid: "u",
                order: Order::None,
                ranked,
                replaceable: true,
                may_wait: true,
            },
        );
        let pod = inject(pod(json!({})), &spread, &decision).unwrap();
        pod["metadata"]["annotations"]
            .get("controller.kubernetes.io/pod-deletion-cost")
            .cloned()
    };
    assert_eq!((cost(true), cost(false)), (Some(json!("100")), None));
}

#[test]
fn tolerations_are_appended_duplicates_and_all() {
    let key = |key: &str| json!({"key": key, "operator": "Exists"});
    let overlay = SubsetDraft {
        tolerations: Field::Set(vec![key("k1"), key("k2")]),
        ..SubsetDraft::default()
    };
    let after = marked(pod(json!({"tolerations": [key("k1"), key("k1"), key("k2")]})));
    assert_eq!(
        place(pod(json!({"tolerations": [key("k1")]})), overlay.clone()),
        after
    );
    let after = marked(pod(json!({"tolerations": [key("k1"), key("k2")]})));
    for absent in [
        json!({}),
        json!({"tolerations": null}),
        json!({"tolerations": []}),
    ] {
        assert_eq!(place(pod(absent), overlay.clone()), after);
    }
    let after = marked(json!({"spec": {"tolerations": [key("k1"), key("k2")]}}));
    assert_eq!(place(json!({}), overlay), after);
}

#[test]
fn preferred_terms_are_appended() {
    let preferred = |weight: u32, name: &str| json!({"weight": weight, "preference": zone(name)});
    let overlay = SubsetDraft {
        preferred: Field::Set(vec![preferred(5, "a"), preferred(1, "b")]),
        ..SubsetDraft::default()
    };
    let list =
        |items: Value| node_affinity(json!({"preferredDuringSchedulingIgnoredDuringExecution": items}));
    let after = list(json!([preferred(7, "c"), preferred(5, "a"), preferred(1, "b")]));
    assert_eq!(
        place(list(json!([preferred(7, "c")])), overlay.clone()),
        marked(after)
    );
    let after = list(json!([preferred(5, "a"), preferred(1, "b")]));
    assert_eq!(place(pod(json!({"affinity": null})), overlay), marked(after));
}

#[test]
fn the_required_term_stands_alone_where_there_is_none() {
    let after = marked(terms(json!([zone("a")])));
    for before in [
        pod(json!({})),
        pod(json!({"affinity": null})),
        pod(json!({"affinity": {}})),
        node_affinity(json!({})),
        node_affinity(json!({"requiredDuringSchedulingIgnoredDuringExecution": null})),
        node_affinity(json!({"requiredDuringSchedulingIgnoredDuringExecution": {}})),
        terms(json!(null)),
        terms(json!([])),
    ] {
        assert_eq!(place(before, required()), after);
    }
}

/// With a condition it would select nodes that its author did not mean, and a gated pod may not get one there.
#[test]
fn a_term_without_conditions_goes_on_selecting_no_node() {
    let gpu = json!({"key": "gpu", "operator": "Exists"});
    let in_zone = json!({"key": "zone", "operator": "In", "values": ["a"]});
    for empty in [
        json!({}),
        json!(null),
        json!({"matchExpressions": []}),
        json!({"matchExpressions": null, "matchFields": []}),
    ] {
        let before = terms(json!([empty, {"matchExpressions": [gpu]}, empty]));
        let after = terms(json!([empty, {"matchExpressions": [gpu, in_zone]}, empty]));
        assert_eq!(place(before, required()), marked(after));
        // It can run nowhere, and that is not for us to change.
        let nowhere = terms(json!([empty]));
        assert_eq!(place(nowhere.clone(), required()), marked(nowhere));
    }
}

/// Terms are ORed: a term that is not narrowed would let the pod out of its subset.
#[test]
fn the_required_term_is_anded_into_every_term() {
    let arch = json!({"key": "arch", "operator": "In", "values": ["arm64"]});
    let disk = json!({"key": "disk", "operator": "Exists"});
    let node = json!({"key": "metadata.name", "operator": "In", "values": ["n-1"]});
    let in_zone = json!({"key": "zone", "operator": "In", "values": ["a"]});
    let before = terms(json!([
        {"matchExpressions": [arch.clone()]},
        {"matchFields": [node.clone()]},
        {"matchExpressions": [disk.clone()], "matchFields": [node.clone()], "unknown": 1},
    ]));
    let after = terms(json!([
        {"matchExpressions": [arch, in_zone]},
        {"matchExpressions": [in_zone], "matchFields": [node]},
        {"matchExpressions": [disk, in_zone], "matchFields": [node], "unknown": 1},
    ]));
    assert_eq!(place(before, required()), marked(after));
    let fields = SubsetDraft {
        required: Field::Set(json!({"matchFields": [node], "matchExpressions": [disk]})),
        ..SubsetDraft::default()
    };
    let before = terms(json!([{"matchExpressions": [arch]}]));
    let after = terms(json!([{"matchExpressions": [arch, disk], "matchFields": [node]}]));
    assert_eq!(place(before, fields), marked(after));
}

#[test]
fn pod_affinity_node_selector_and_unknown_fields_are_left_alone() {
    let before = json!({
        "apiVersion": "v1", "kind": "Pod", "future": {"deep": [1, null, {"x": 1.5}]},
        "metadata": {"name": "p", "managedFields": [{"manager": "m"}], "later": true},
        "spec": {
            "nodeSelector": {"arch": "arm64"},
            "affinity": {"podAffinity": {"x": 1}, "unknown": []},
            "containers": [{"name": "main", "unheardOf": {"a": null}}],
            "notYet": 18_446_744_073_709_551_615u64,
        },
    });
    let mut after = marked(before.clone());
    after["spec"]["affinity"]["nodeAffinity"] = json!({
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [zone("a")]},
    });
    assert_eq!(place(before, required()), after);
}

/// The patch comes last: lists without a merge key replace what was injected.
#[test]
fn the_patch_comes_after_everything_else() {
    let key = |key: &str| json!({"key": key, "operator": "Exists"});
    let overlay = SubsetDraft {
        tolerations: Field::Set(vec![key("k2")]),
        patch: Field::Set(json!({"spec": {
            "tolerations": [key("k3")],
            "affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [zone("c")]},
            }},
        }})),
        ..required()
    };
    let mut after = terms(json!([zone("c")]));
    after["spec"]["tolerations"] = json!([key("k3")]);
    assert_eq!(
        place(pod(json!({"tolerations": [key("k1")]})), overlay),
        marked(after)
    );
}

#[test]
fn the_patch_merges_containers_by_name() {
    let overlay = patch(json!({
        "metadata": {"labels": {"app": null, "eci": "true"}},
        "spec": {"containers": [{"name": "side", "env": [{"name": "NEW", "value": "1"}]}, {"name": "extra", "image": "e:1"}]},
    }));
    let before = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main"}, {"name": "side", "env": [{"name": "OLD", "value": "0"}]}]},
    });
    let after = place(before, overlay);
    let env = json!([{"name": "NEW", "value": "1"}, {"name": "OLD", "value": "0"}]);
    let containers = after["spec"]["containers"].as_array().unwrap();
    assert_eq!(
        containers
            .iter()
            .find(|container| container["name"] == "side")
            .unwrap()["env"],
        env
    );
    assert_eq!(containers.len(), 3);
    assert_eq!(
        after["metadata"]["labels"],
        json!({"eci": "true", "spillway.dev/spread": "web", "spillway.dev/subset": "a"})
    );
}

#[test]
fn a_new_priority_class_forgets_what_the_old_one_was_resolved_to() {
    let class = |class: &str| patch(json!({"spec": {"priorityClassName": class}}));
    let high = json!({"priorityClassName": "high", "priority": 10_000, "preemptionPolicy": "Never"});
    let low = marked(pod(json!({"priorityClassName": "low"})));
    assert_eq!(place(pod(high.clone()), class("low")), low);
    assert_eq!(
        place(
            pod(json!({"priority": 0, "preemptionPolicy": "PreemptLowerPriority"})),
            class("low")
        ),
        low
    );
    assert_eq!(place(pod(high.clone()), class("high")), marked(pod(high.clone())));
    // Another patch leaves it alone.
    let elsewhere = patch(json!({"spec": {"schedulerName": "s2"}}));
    let mut after = pod(high.clone());
    after["spec"]["schedulerName"] = json!("s2");
    assert_eq!(place(pod(high.clone()), elsewhere), marked(after));
    // A class that is taken away is a change as well.
    let none = patch(json!({"spec": {"priorityClassName": null}}));
    assert_eq!(place(pod(high), none), marked(pod(json!({}))));
}

#[test]
fn a_pod_that_is_left_is_returned_as_it_came() {
    let before = json!({"spec": "not a pod", "x": [1, 2.5, null]});
    let left = Decision::Leave {
        reason: Reason::LadderFull,
    };
    assert_eq!(
        inject(before.clone(), &spread(required()), &left).unwrap(),
        before
    );
}

#[test]
fn a_pod_that_waits_has_the_gate_once_and_none_of_the_overlay() {
    let gate = Decision::Gate {
        hint: Some(SubsetIx::new(0)),
        reason: Reason::MustBeExact,
    };
    let gated = |before: Value| inject(before, &spread(required()), &gate).unwrap();
    let after = json!({
        "metadata": {
            "labels": {"spillway.dev/spread": "web"},
            "annotations": {"spillway.dev/decision": "gated: waits for the binder, which keeps the maximum exact"},
        },
        "spec": {"schedulingGates": [{"name": "other/gate"}, {"name": "spillway.dev/placement"}]},
    });
    assert_eq!(
        gated(json!({"spec": {"schedulingGates": [{"name": "other/gate"}]}})),
        after
    );
    assert_eq!(gated(after.clone()), after);
}

#[test]
fn a_pod_of_another_shape_is_refused_with_the_place() {
    let tolerations = || SubsetDraft {
        tolerations: Field::Set(vec![json!({"operator": "Exists"})]),
        ..SubsetDraft::default()
    };
    assert_eq!(refused(json!([]), required()), "the pod is not an object");
    assert_eq!(
        refused(json!(7), SubsetDraft::default()),
        "the pod is not an object"
    );
    assert_eq!(
        refused(json!({"spec": []}), required()),
        "`spec` of the pod is not an object"
    );
    assert_eq!(
        refused(pod(json!({"tolerations": {}})), tolerations()),
        "`spec.tolerations` of the pod is not a list"
    );
    assert_eq!(
        refused(pod(json!({"affinity": "x"})), required()),
        "`spec.affinity` of the pod is not an object"
    );
    assert_eq!(
        refused(json!({"metadata": {"labels": 1}}), SubsetDraft::default()),
        "`metadata.labels` of the pod is not an object"
    );
    assert_eq!(
        refused(json!({"metadata": {"annotations": []}}), SubsetDraft::default()),
        "`metadata.annotations` of the pod is not an object"
    );
    let path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
    assert_eq!(
        refused(terms(json!([1])), required()),
        format!("`{path}.nodeSelectorTerms` of the pod is not a list of objects")
    );
    assert_eq!(
        refused(terms(json!({})), required()),
        format!("`{path}.nodeSelectorTerms` of the pod is not a list")
    );
}

#[test]
fn a_patch_that_does_not_fit_the_pod_is_refused() {
    let overlay = patch(json!({"spec": {"containers": [{"name": "main", "image": "app:2"}]}}));
    let before = pod(json!({"containers": [{"image": "app:1"}]}));
    let refused = inject(before, &spread(overlay), &placed()).unwrap_err();
    assert!(matches!(refused, Refused::Patch(_)), "{refused}");
    assert!(
        refused
            .to_string()
            .starts_with("the subset's patch does not fit the pod: "),
        "{refused}"
    );
}

fn any_overlay() -> impl Strategy<Value = SubsetDraft> {
    proptest::sample::select(vec![
        SubsetDraft::default(),
        SubsetDraft {
            tolerations: Field::Set(vec![json!({"operator": "Exists"})]),
            preferred: Field::Set(vec![json!({"weight": 1, "preference": zone("b")})]),
            ..required()
        },
        SubsetDraft {
            patch: Field::Set(json!({
                "metadata": {"labels": {"a": "b", "gone": null}},
                "spec": {
                    "priorityClassName": "low",
                    "containers": [{"name": "main", "env": [{"name": "X", "value": "1"}]}],
                    "tolerations": [{"operator": "Exists"}],
                    "affinity": {"nodeAffinity": {"$patch": "replace"}},
                },
            })),
            ..required()
        },
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_injected_into_or_refused(pod in any_json(), overlay in any_overlay(), which in 0u8..4) {
        let spread = spread(overlay);
        let decision = match which {
            0 => placed(),
            1 => Decision::Gate { hint: None, reason: Reason::MustBeExact },
            3 => match placed() {
                Decision::Place(placement) => Decision::Hold(placement),
                other => other,
            },
            _ => Decision::Leave { reason: Reason::LadderFull },
        };
        match (inject(pod.clone(), &spread, &decision), decision) {
            (Ok(after), Decision::Leave { .. }) => prop_assert_eq!(after, pod),
            (Ok(after), Decision::Place(_)) => {
                prop_assert_eq!(&after["metadata"]["labels"]["spillway.dev/subset"], "a");
            }
            (Ok(after), Decision::Hold(_)) => {
                prop_assert_eq!(&after["metadata"]["labels"]["spillway.dev/subset"], "a");
                prop_assert!(after["spec"]["schedulingGates"].is_array());
            }
            (Ok(after), Decision::Gate { .. }) => prop_assert!(after["spec"]["schedulingGates"].is_array()),
            (Err(refused), _) => {
                prop_assert_ne!(which, 2, "a pod that is left is never refused: {}", refused);
                prop_assert!(!refused.to_string().is_empty());
            }
        }
    }

    /// Whatever is not touched stays as it was, in a pod with room for every change.
    #[test]
    fn unknown_fields_survive(extra in any_json(), overlay in any_overlay()) {
        let before = json!({
            "metadata": {"x": extra}, "spec": {"x": extra, "containers": [{"name": "main", "x": extra}]}, "x": extra,
        });
        let after = inject(before.clone(), &spread(overlay), &placed()).unwrap();
        for path in ["/x", "/metadata/x", "/spec/x", "/spec/containers/0/x"] {
            prop_assert_eq!(after.pointer(path), before.pointer(path), "{}", path);
        }
    }
}
