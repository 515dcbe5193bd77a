//! What settings become, and that the lazy reading at an admission agrees with the full one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{files, yaml};
use policy_settings::{Observe, OnError, Settings, SettingsText};
use proptest::prelude::{Just, any, prop, prop_oneof, proptest};
use proptest::strategy::Strategy as _;
use rules::{Amount, Capacity, Fill, Rollout, Strategy, Target, Terminating, When};
use serde_json::{Value, json};

fn every_field() -> Settings {
    Settings::from_value(&yaml(&common::here("examples/every-field.yaml"))).unwrap()
}

#[test]
fn what_nobody_can_move_home_is_warned_of() {
    let warned = |observe: &str, kind: &str, when: &str| {
        let settings = json!({"observe": observe, "spreads": [{
            "name": "web", "namespace": "shop", "rebalance": {"when": when},
            "targetRef": {"apiVersion": if kind == "Job" { "batch/v1" } else { "apps/v1" }, "kind": kind, "name": "web"},
            "subsets": [{"name": "a", "maxReplicas": 1}, {"name": "b"}],
        }]});
        Settings::from_value(&settings).unwrap().warnings().len()
    };
    assert_eq!(warned("Ledger", "Deployment", "Continuous"), 0);
    assert_eq!(warned("Ledger", "StatefulSet", "Continuous"), 1);
    assert_eq!(warned("Pods", "Deployment", "Continuous"), 1);
    assert_eq!(warned("Pods", "Job", "Continuous"), 2);
    assert_eq!(warned("Pods", "Job", "OnScaleIn"), 0);
}

#[test]
fn a_field_without_a_name_is_a_fault_with_a_path() {
    let faults = Settings::from_value(&json!({ "": 2 })).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, [r#"settings[""]"#]);
}

#[test]
fn every_field_arrives_in_the_checked_type() {
    let settings = every_field();
    assert_eq!(
        (settings.observe(), settings.on_error()),
        (Observe::Ledger, OnError::Reject)
    );
    assert_eq!(settings.lease_namespace(), "platform");
    let [game, shares] = settings.spreads() else {
        panic!("two spreads")
    };

    assert_eq!((game.name(), game.namespace()), ("game", "games"));
    let Target::Workload {
        kind,
        version,
        name,
        filter,
        replicas,
    } = game.target()
    else {
        panic!("a workload")
    };
    assert_eq!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("game.example.io", "GameServerSet")
    );
    assert_eq!((version.as_str(), name.as_str()), ("v1", "arena"));
    assert_eq!(filter.as_ref().unwrap().requirements().len(), 3);
    let paths: Vec<&str> = replicas.iter().map(|path| path.as_str()).collect();
    assert_eq!(paths, ["spec.pools.0.size", "spec.pools.1.size"]);
    let Fill::InOrder(bounds) = game.fill() else {
        panic!("in order")
    };
    let bounds: Vec<_> = bounds.iter().map(|bounds| (bounds.min, bounds.max)).collect();
    assert_eq!(
        bounds,
        [
            (Some(Amount::Count(1)), Some(Amount::Percent(20))),
            (None, Some(Amount::Count(10))),
            (None, None),
        ]
    );
    assert_eq!(game.capacity(), Capacity::BestEffort);
    assert_eq!(game.rollout(), Rollout::Surge);
    assert_eq!(game.terminating(), Terminating::Counted);
    assert_eq!(
        (game.rebalance().when, game.rebalance().moves.get()),
        (When::Continuous, 60)
    );
    assert_eq!(
        game.strategy(),
        Strategy::Adaptive {
            reschedule_critical_seconds: Some(600),
            unschedulable_last_seconds: 3600
        }
    );
    let spot = game.subsets()[2].overlay();
    assert_eq!(spot.tolerations().len(), 2);
    assert_eq!(
        spot.patch().unwrap()["spec"],
        json!({"terminationGracePeriodSeconds": 20})
    );

    let Fill::Shares(weights) = shares.fill() else {
        panic!("shares")
    };
    assert_eq!(
        weights.iter().map(|weight| weight.get()).collect::<Vec<_>>(),
        [4, 3, 3]
    );
    assert_eq!(shares.strategy(), Strategy::Fixed);
}

#[test]
fn kinds_between_a_workload_and_its_pods_are_listed_after_the_workloads() {
    let settings = every_field();
    let kinds: Vec<_> = settings
        .custom_kinds()
        .iter()
        .map(|kind| {
            (
                kind.api_version.as_str(),
                kind.kind.kind.as_str(),
                kind.replicas.as_ref().map(|path| path.as_str()),
                kind.honours_deletion_cost,
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (
                "game.example.io/v1",
                "GameServerSet",
                Some("spec.replicas"),
                false
            ),
            ("game.example.io/v1", "GameServer", None, true),
        ]
    );
}

#[test]
fn a_sub_resource_may_be_known_or_shared() {
    let settings = Settings::from_value(&json!({"customWorkloads": [
        {"apiVersion": "a.io/v1", "kind": "A", "subResources": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet"}, {"apiVersion": "c.io/v1", "kind": "C"}]},
        {"apiVersion": "b.io/v1", "kind": "B", "subResources": [{"apiVersion": "c.io/v1", "kind": "C"}]},
    ]}))
    .unwrap();
    let kinds: Vec<&str> = settings
        .custom_kinds()
        .iter()
        .map(|kind| kind.kind.kind.as_str())
        .collect();
    assert_eq!(kinds, ["A", "B", "C"]);
}

#[test]
fn a_later_spread_may_take_what_an_earlier_filter_leaves() {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let settings = Settings::from_value(&json!({"spreads": [
        {"name": "workers", "namespace": "shop", "targetRef": target, "subsets": [{"name": "a"}],
         "targetFilter": {"selector": {"matchLabels": {"role": "worker"}}}},
        {"name": "rest", "namespace": "shop", "targetRef": target, "subsets": [{"name": "a"}]},
    ]}));
    assert_eq!(settings.unwrap().spreads().len(), 2);
}

#[test]
fn heads_say_whom_a_spread_concerns() {
    let text = r#"{"spreads": [
        {"name": "web", "namespace": "shop", "subsets": [{"name": "a"}],
         "targetRef": {"kind": "Deployment", "name": "w\u0065b", "apiVersion": "apps/v1"}},
        {"namespace": "sh\u006fp", "selector": {"matchLabels": {"app": "x"}}, "targetRef": null}
    ]}"#;
    let settings = SettingsText::scan(text).unwrap();
    let heads: Vec<_> = settings.heads().map(|(_, head)| head).collect();
    let target = heads[0].target_ref().unwrap();
    assert_eq!(
        (&*target.api_version, &*target.kind, &*target.name),
        ("apps/v1", "Deployment", "web")
    );
    assert_eq!(
        (heads[0].namespace().as_deref(), heads[0].has_selector()),
        (Some("shop"), false)
    );
    assert_eq!(
        (heads[1].namespace().as_deref(), heads[1].has_selector()),
        (Some("shop"), true)
    );
    assert_eq!((heads[1].target_ref(), heads[1].name()), (None, None));
    assert!(settings.spread(0).is_ok());
    assert!(!settings.spread(1).unwrap_err().is_empty());
    assert!(!settings.spread(2).unwrap_err().is_empty());
}

#[test]
fn text_that_was_never_checked_is_an_error_and_not_a_panic() {
    for text in ["", "[]", "{", "1", r#"{"spreads": 1}"#, r#"{"spreads": [1]}"#] {
        assert!(SettingsText::scan(text).is_err(), "{text}");
    }
    for text in [
        "{}",
        "null",
        r#"{"spreads": null, "customWorkloads": null, "onError": null}"#,
    ] {
        let settings = SettingsText::scan(text).unwrap();
        assert_eq!(settings.heads().count(), 0, "{text}");
        assert_eq!(
            (settings.on_error(), settings.custom_kinds()),
            (OnError::Accept, Vec::new()),
            "{text}"
        );
    }
    let broken = SettingsText::scan(r#"{"onError": "Maybe", "customWorkloads": [1, {}]}"#).unwrap();
    assert_eq!(
        (broken.on_error(), broken.custom_kinds()),
        (OnError::Accept, Vec::new())
    );
}

/// What both ways of reading must have in common, for any text.
fn both_agree(text: &str) {
    match Settings::parse(text) {
        Ok(settings) => {
            let scanned = SettingsText::scan(text).unwrap();
            assert_eq!(scanned.on_error(), settings.on_error());
            assert_eq!(scanned.custom_kinds(), settings.custom_kinds());
            assert_eq!(scanned.heads().count(), settings.spreads().len());
            for (ix, head) in scanned.heads() {
                let spread = scanned.spread(ix).unwrap();
                assert_eq!(spread, settings.spreads()[ix]);
                assert_eq!(head.name().as_deref(), Some(spread.name()));
                assert_eq!(head.namespace().as_deref(), Some(spread.namespace()));
                match spread.target() {
                    Target::Workload { name, .. } => assert_eq!(&*head.target_ref().unwrap().name, name),
                    Target::Selector(_) => assert!(head.has_selector() && head.target_ref().is_none()),
                }
            }
        }
        Err(faults) => assert!(!faults.is_empty(), "{text}"),
    }
}

#[test]
fn both_ways_of_reading_agree_on_the_examples() {
    for example in files("examples", ".yaml") {
        both_agree(&yaml(&example).to_string());
    }
}

#[test]
fn of_a_field_that_is_written_twice_the_last_one_counts() {
    both_agree(
        r#"{"onError": "Reject", "onError": "Accept", "spreads": [], "spreads": [
            {"name": "a", "name": "b", "namespace": "n", "subsets": [{"name": "s"}], "selector": null,
             "targetRef": {"kind": "Job", "apiVersion": "batch/v1", "name": "x", "name": "y"}}]}"#,
    );
}

/// Values that look like settings, often enough to get deep into the readers.
fn settings_like() -> impl proptest::strategy::Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "name",
        "namespace",
        "targetRef",
        "selector",
        "targetFilter",
        "subsets",
        "spreads",
        "patch",
        "metadata",
        "spec",
        "labels",
        "matchLabels",
        "matchExpressions",
        "matchFields",
        "key",
        "operator",
        "values",
        "tolerations",
        "requiredNodeSelectorTerm",
        "preferredNodeSelectorTerms",
        "weight",
        "preference",
        "replicas",
        "minReplicas",
        "maxReplicas",
        "scheduleStrategy",
        "type",
        "adaptive",
        "customWorkloads",
        "apiVersion",
        "kind",
        "subResources",
        "$patch",
        "$setElementOrder/containers",
        "$retainKeys",
        "containers",
        "env",
        "value",
    ]);
    let texts = prop::sample::select(vec![
        "",
        "a",
        "In",
        "Exists",
        "Gt",
        "50%",
        "0%",
        "200%",
        "apps/v1",
        "Deployment",
        "replace",
        "delete",
        "ä",
        "web",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..120i64).prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(words.clone(), inner, 0..6).prop_map(|fields| {
                Value::Object(
                    fields
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_is_read_with_a_panic(text in ".{0,200}") {
        both_agree(&text);
        let _ = SettingsText::scan(&text);
    }

    #[test]
    fn no_value_is_read_with_a_panic(value in settings_like(), place in 0..200usize) {
        both_agree(&value.to_string());
        // The same in the middle of settings that are good otherwise.
        let mut settings = yaml(&common::here("examples/every-field.yaml"));
        let mut at = Vec::new();
        pointers(&settings, String::new(), &mut at);
        *settings.pointer_mut(&at[place % at.len()]).unwrap() = value;
        both_agree(&settings.to_string());
    }
}

fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    if let Some(fields) = value.as_object() {
        for (name, value) in fields {
            pointers(
                value,
                format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                found,
            );
        }
    }
    for (ix, item) in value.as_array().into_iter().flatten().enumerate() {
        pointers(item, format!("{at}/{ix}"), found);
    }
    found.push(at);
}

#[test]
fn a_rule_that_no_ledger_could_hold_is_a_fault() {
    let settings = |length: usize| {
        json!({"spreads": [{
            "name": "web", "namespace": "shop",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "subsets": [{"name": "a", "patch": {"metadata": {"annotations": {"text": "x".repeat(length)}}}}],
        }]})
    };
    assert!(Settings::from_value(&settings(700 << 10)).is_ok());
    let faults = Settings::from_value(&settings(800 << 10)).unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("S39 `spreads[0]`: too large for a ledger"),
        "{told:?}"
    );
}
