//! The rules between the fields of a spread, on drafts as any source makes them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

use kube_rules::labels::LabelSelector;
use proptest::prelude::{any, prop, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};
use rules::{
    Amount, Capacity, Fault, FaultCode, Field, Fill, GroupKind, ReplicasPath, Spread, SpreadDraft,
    SubsetDraft, Target, TargetDraft,
};
use serde_json::json;

fn draft(kind: &str, subsets: Vec<SubsetDraft>) -> SpreadDraft {
    SpreadDraft {
        path: "spec".to_owned(),
        name: Field::Set("web".to_owned()),
        namespace: Field::Set("shop".to_owned()),
        target_ref: Field::Set(TargetDraft {
            kind: GroupKind {
                group: "apps".to_owned(),
                kind: kind.to_owned(),
            },
            version: "v1".to_owned(),
            name: "web".to_owned(),
        }),
        subsets: Field::Set(subsets),
        ..SpreadDraft::default()
    }
}

fn named(ix: usize) -> SubsetDraft {
    SubsetDraft {
        name: Field::Set(format!("s{ix}")),
        ..SubsetDraft::default()
    }
}

fn with_shares(shares: &[Field<Amount>]) -> SpreadDraft {
    let subset = |(ix, share): (usize, &Field<Amount>)| SubsetDraft {
        share: share.clone(),
        ..named(ix)
    };
    draft("Deployment", shares.iter().enumerate().map(subset).collect())
}

fn with_maximums(kind: &str, maximums: &[Amount]) -> SpreadDraft {
    let subset = |(ix, max): (usize, &Amount)| SubsetDraft {
        max: Field::Set(*max),
        ..named(ix)
    };
    draft(kind, maximums.iter().enumerate().map(subset).collect())
}

fn codes(checked: Result<Spread, Vec<Fault>>) -> Vec<FaultCode> {
    checked.unwrap_err().into_iter().map(|fault| fault.code).collect()
}

fn weights(checked: Result<Spread, Vec<Fault>>) -> Vec<u32> {
    match checked.unwrap().fill() {
        Fill::Shares(weights) => weights.iter().map(|weight| weight.get()).collect(),
        Fill::InOrder(_) => panic!("shares were written"),
    }
}

const fn percent(percent: u8) -> Field<Amount> {
    Field::Set(Amount::Percent(percent))
}

#[test]
fn subsets_without_a_share_divide_the_remainder_exactly() {
    for (shares, expected) in [
        (
            [percent(50), percent(25), percent(25)].as_slice(),
            [2, 1, 1].as_slice(),
        ),
        (&[percent(50), Field::Absent], &[1, 1]),
        (
            &[percent(50), Field::Absent, Field::Absent, Field::Absent],
            &[3, 1, 1, 1],
        ),
        (&[percent(99), Field::Absent, Field::Absent], &[198, 1, 1]),
        (&[percent(100)], &[1]),
    ] {
        assert_eq!(weights(with_shares(shares).check()), expected, "{shares:?}");
    }
}

#[test]
fn a_faulty_share_is_not_reported_again_and_nothing_is_summed_without_it() {
    assert_eq!(
        with_shares(&[Field::Faulty, percent(100), percent(100)]).check(),
        Err(vec![])
    );
}

#[test]
fn every_faulty_field_refuses_the_spread_without_a_word() {
    let faulty: [fn(&mut SpreadDraft); 11] = [
        |draft| draft.name = Field::Faulty,
        |draft| draft.namespace = Field::Faulty,
        |draft| draft.target_ref = Field::Faulty,
        |draft| draft.filter = Field::Faulty,
        |draft| draft.replicas = Field::Faulty,
        |draft| draft.subsets = Field::Faulty,
        |draft| draft.capacity = Field::Faulty,
        |draft| draft.binding = Field::Faulty,
        |draft| draft.rollout = Field::Faulty,
        |draft| draft.strategy = Field::Faulty,
        |draft| draft.rebalance = Field::Faulty,
    ];
    for (ix, make_faulty) in faulty.into_iter().enumerate() {
        let mut draft = draft("Deployment", vec![named(0)]);
        make_faulty(&mut draft);
        assert_eq!(draft.check(), Err(vec![]), "field {ix}");
    }
    let faulty: [fn(&mut SubsetDraft); 7] = [
        |subset| subset.name = Field::Faulty,
        |subset| subset.min = Field::Faulty,
        |subset| subset.max = Field::Faulty,
        |subset| subset.required = Field::Faulty,
        |subset| subset.preferred = Field::Faulty,
        |subset| subset.tolerations = Field::Faulty,
        |subset| subset.patch = Field::Faulty,
    ];
    for (ix, make_faulty) in faulty.into_iter().enumerate() {
        let mut subset = named(0);
        make_faulty(&mut subset);
        assert_eq!(
            draft("Deployment", vec![subset]).check(),
            Err(vec![]),
            "field {ix} of a subset"
        );
    }
}

#[test]
fn percent_maximums_may_overlap_but_not_leave_a_part_to_nobody() {
    for (maximums, expected) in [
        ([20, 30, 50].as_slice(), None),
        (&[50, 50], None),
        (&[0, 100], None),
        (&[60, 60], None),
        (&[100], None),
        (&[33, 33, 33], Some(FaultCode::MaximumsBelowWhole)),
        (&[99], Some(FaultCode::MaximumsBelowWhole)),
    ] {
        let maximums: Vec<Amount> = maximums.iter().copied().map(Amount::Percent).collect();
        let checked = with_maximums("Deployment", &maximums).check();
        let found = checked.map_or_else(|faults| faults.first().map(|fault| fault.code), |_| None);
        assert_eq!(found, expected, "{maximums:?}");
    }
    assert!(
        with_maximums("Deployment", &[Amount::Percent(10), Amount::Count(1)])
            .check()
            .is_ok()
    );
}

#[test]
fn ordinals_take_numbers_and_shares_but_no_percent_bounds() {
    assert!(with_maximums("StatefulSet", &[Amount::Count(1)]).check().is_ok());
    let checked = with_maximums("StatefulSet", &[Amount::Percent(50), Amount::Percent(10)]).check();
    assert_eq!(codes(checked), [FaultCode::PercentOfOrdinals; 2]);
}

#[test]
fn exact_capacity_is_for_the_reader_to_refuse() {
    let mut draft = draft("Deployment", vec![named(0)]);
    draft.capacity = Field::Set(Capacity::Exact);
    assert_eq!(draft.check().unwrap().capacity(), Capacity::Exact);
}

#[test]
fn a_filter_without_conditions_is_no_filter() {
    let mut draft = draft("Deployment", vec![named(0)]);
    draft.filter = Field::Set(LabelSelector::default());
    draft.replicas = Field::Set(vec![ReplicasPath::new("")]);
    let spread = draft.check().unwrap();
    let Target::Workload { filter, replicas, .. } = spread.target() else {
        panic!("a workload")
    };
    assert_eq!((filter, replicas.len()), (&None, 1));
}

#[test]
fn faults_come_in_the_order_of_the_fields_with_the_path_of_the_draft() {
    let subset = SubsetDraft {
        name: Field::Set("not a name".to_owned()),
        min: Field::Set(Amount::Count(2)),
        max: Field::Set(Amount::Count(1)),
        required: Field::Set(json!({})),
        tolerations: Field::Set(vec![json!({"effect": "NoSchedule"})]),
        patch: Field::Set(json!({"status": {}})),
        ..SubsetDraft::default()
    };
    let mut draft = draft("Deployment", vec![subset]);
    draft.namespace = Field::Absent;
    draft.selector = Field::Set(LabelSelector::default());
    let paths: Vec<String> = draft
        .check()
        .unwrap_err()
        .into_iter()
        .map(|fault| fault.path)
        .collect();
    assert_eq!(
        paths,
        [
            "spec.namespace",
            "spec",
            "spec.subsets[0].minReplicas",
            "spec.subsets[0].requiredNodeSelectorTerm",
            "spec.subsets[0].tolerations[0]",
            "spec.subsets[0].patch.status",
            "spec.subsets[0].name",
        ]
    );
}

#[test]
fn a_patch_with_a_list_item_without_its_key_is_found_at_any_depth() {
    for (patch, good) in [
        (json!({}), true),
        (
            json!({"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}]}}),
            true,
        ),
        (
            json!({"spec": {"containers": [{"$patch": "delete", "name": "sidecar"}]}}),
            true,
        ),
        (json!({"spec": {"tolerations": [{"operator": "Exists"}]}}), true),
        (json!({"spec": {"containers": [{"image": "a"}]}}), false),
        (json!({"spec": {"initContainers": [{"image": "a"}]}}), false),
        (
            json!({"spec": {"initContainers": [{"name": "a", "env": [{"value": "1"}]}]}}),
            false,
        ),
        (json!({"spec": {"volumes": [{"emptyDir": {}}]}}), false),
        (
            json!({"spec": {"containers": [{"name": "main", "$patch": "remove"}]}}),
            false,
        ),
    ] {
        let subset = SubsetDraft {
            patch: Field::Set(patch.clone()),
            ..named(0)
        };
        let checked = draft("Deployment", vec![subset]).check();
        assert_eq!(checked.is_ok(), good, "{patch}: {checked:?}");
    }
}

#[test]
fn a_patch_that_a_running_pod_could_not_be_given_is_a_fault() {
    let faults = |patch: &serde_json::Value| -> Vec<String> {
        let subset = SubsetDraft {
            patch: Field::Set(patch.clone()),
            ..named(0)
        };
        match draft("Deployment", vec![subset]).check() {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(|fault| fault.path.clone()).collect(),
        }
    };
    for field in ["labels", "annotations"] {
        for texts in [
            json!({"k": "v", "gone": null}),
            json!({"$patch": "replace", "k": "v"}),
            json!({"$retainKeys": ["k"], "k": "v"}),
        ] {
            assert_eq!(faults(&json!({"metadata": {field: texts}})), [""; 0]);
        }
    }
    for label in rules::names::CONTROLLER_LABELS {
        let found = faults(&json!({"metadata": {"labels": {label: null, "k": "v"}}}));
        assert!(found.len() == 1 && found[0].contains(label), "{found:?}");
    }
    for field in ["finalizers", "$deleteFromPrimitiveList/finalizers"] {
        for (value, is_good) in [
            (json!(["example.org/a", "example.org/b"]), true),
            (json!(null), true),
            (json!([]), true),
            (json!(["orphan"]), false),
            (json!(["example.org/a", 5]), false),
            (json!([{"name": "example.org/a"}]), false),
            (json!(["example.org/"]), false),
            (json!("example.org/a"), false),
            (json!({}), false),
        ] {
            let found = faults(&json!({"metadata": {field: value}}));
            assert_eq!(found.is_empty(), is_good, "{field}: {value}: {found:?}");
        }
    }
}

#[test]
fn the_values_of_variables_are_in_no_fault() {
    let variable =
        |variable: serde_json::Value| json!({"spec": {"containers": [{"name": "main", "env": [variable]}]}});
    for patch in [
        variable(json!({"value": "s3cr3t"})),
        variable(json!({"name": "PIN", "value": 53237})),
        variable(json!({"name": "TOKENS", "value": ["s3cr3t"]})),
    ] {
        let subset = SubsetDraft {
            patch: Field::Set(patch.clone()),
            ..named(0)
        };
        let faults = draft("Deployment", vec![subset]).check().unwrap_err();
        for fault in &faults {
            let text = fault.to_string();
            assert!(!text.contains("s3cr3t") && !text.contains("53237"), "{text}");
            assert!(text.contains("spec.containers[0].env"), "{text}");
        }
    }
}

fn share() -> impl Strategy<Value = Field<Amount>> {
    prop_oneof![Just(Field::Absent), (0..=100u8).prop_map(percent)]
}

proptest! {
    #[test]
    fn weights_are_the_shares_and_have_no_common_divisor(shares in prop::collection::vec(share(), 1..9)) {
        // INVARIANT: weight / sum of weights is the share, exactly.
        if let Ok(spread) = with_shares(&shares).check()
            && let Fill::Shares(weights) = spread.fill()
        {
            let whole: u64 = weights.iter().map(|weight| u64::from(weight.get())).sum();
            let open = shares.iter().filter(|share| !share.is_written()).count() as u64;
            let taken: u64 = shares.iter().filter_map(|share| match share {
                Field::Set(Amount::Percent(percent)) => Some(u64::from(*percent)),
                _ => None,
            }).sum();
            for (share, weight) in shares.iter().zip(weights) {
                match share {
                    Field::Set(Amount::Percent(percent)) => {
                        assert_eq!(u64::from(weight.get()) * 100, u64::from(*percent) * whole);
                    }
                    _ => assert_eq!(u64::from(weight.get()) * 100 * open, (100 - taken) * whole),
                }
            }
            for divisor in 2..=whole {
                assert!(weights.iter().any(|weight| u64::from(weight.get()) % divisor != 0), "{weights:?}");
            }
        }
    }

    #[test]
    fn bounds_arrive_as_they_were_written(
        bounds in prop::collection::vec((any::<Option<u32>>(), any::<Option<u32>>()), 1..6)
    ) {
        let subsets = bounds.iter().enumerate().map(|(ix, (min, max))| SubsetDraft {
            min: min.map_or(Field::Absent, |min| Field::Set(Amount::Count(min))),
            max: max.map_or(Field::Absent, |max| Field::Set(Amount::Count(max))),
            ..named(ix)
        });
        let checked = draft("Deployment", subsets.collect()).check();
        let kept = bounds.iter().all(|bound| !matches!(bound, (Some(min), Some(max)) if min > max));
        assert_eq!(checked.is_ok(), kept);
        if let Ok(spread) = checked {
            let Fill::InOrder(found) = spread.fill() else { panic!("bounds were written") };
            let found: Vec<_> = found.iter().map(|bound| (bound.min, bound.max)).collect();
            let count = |bound: &Option<u32>| bound.map(Amount::Count);
            let written: Vec<_> = bounds.iter().map(|(min, max)| (count(min), count(max))).collect();
            assert_eq!(found, written);
        }
    }
}
