//! The JSON schema: up to date, true of the examples, and of one mind with the reader about shapes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use std::collections::BTreeSet;

use common::{files, golden, here, yaml};
use jsonschema::Validator;
use policy_settings::{Settings, schema};
use serde_json::{Value, json};

fn validator() -> Validator {
    jsonschema::validator_for(&schema::schema()).unwrap()
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&schema::schema()).unwrap() + "\n";
    golden(&here("settings.schema.json"), &text);
}

#[test]
fn every_example_is_valid_and_read_without_fault() {
    let validator = validator();
    for example in files("examples", ".yaml") {
        let value = yaml(&example);
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{example:?}: {errors:?}");
        let settings =
            Settings::from_value(&value).unwrap_or_else(|faults| panic!("{example:?}: {faults:#?}"));
        assert!(!settings.spreads().is_empty(), "{example:?}");
    }
}

#[test]
fn every_example_is_named_in_their_readme() {
    let readme = std::fs::read_to_string(here("examples/README.md")).unwrap();
    for example in files("examples", ".yaml") {
        let name = example.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(readme.contains(&format!("| [{name}]({name}) |")), "{name}");
    }
}

#[test]
fn empty_settings_are_valid() {
    for value in [
        json!({}),
        json!({"spreads": []}),
        json!({"spreads": null, "onError": null}),
    ] {
        assert!(validator().is_valid(&value), "{value}");
        assert_eq!(Settings::from_value(&value), Ok(Settings::default()), "{value}");
    }
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (ix, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{ix}"), found);
            }
        }
        _ => {}
    }
}

/// The places whose shape is the settings' own; what is in a patch is the pod's.
fn own_places(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    places(value, "", &mut found);
    found.retain(|place| !place.contains("/patch/"));
    found
}

#[test]
fn a_wrong_shape_in_any_place_is_refused_by_schema_and_reader() {
    let validator = validator();
    let mut tried = 0;
    for example in files("examples", ".yaml") {
        let good = yaml(&example);
        for place in own_places(&good) {
            let wrong: &[Value] = match good.pointer(&place).unwrap() {
                Value::Object(_) => &[json!("text"), json!([]), json!(1)],
                Value::Array(_) => &[json!("text"), json!({}), json!(1)],
                Value::String(_) => &[json!({}), json!([]), json!(true), json!(1.5)],
                Value::Bool(_) => &[json!({}), json!([]), json!("true"), json!(1)],
                _ => &[json!({}), json!([]), json!(true), json!(-1.5)],
            };
            for wrong in wrong {
                let mut value = good.clone();
                *value.pointer_mut(&place).unwrap() = wrong.clone();
                assert!(
                    !validator.is_valid(&value),
                    "the schema takes {wrong} at {place} of {example:?}"
                );
                assert!(
                    Settings::from_value(&value).is_err(),
                    "the reader takes {wrong} at {place} of {example:?}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn an_unknown_field_in_any_object_is_refused_by_schema_and_reader() {
    let validator = validator();
    for example in files("examples", ".yaml") {
        let good = yaml(&example);
        for place in own_places(&good) {
            // Labels have any key, and a patch is the pod's.
            if place.ends_with("/matchLabels") || place.ends_with("/patch") {
                continue;
            }
            let mut value = good.clone();
            let Some(fields) = value.pointer_mut(&place).unwrap().as_object_mut() else {
                continue;
            };
            fields.insert("unheardOf".to_owned(), json!(1));
            assert!(
                !validator.is_valid(&value),
                "the schema at {place} of {example:?}"
            );
            assert!(
                Settings::from_value(&value).is_err(),
                "the reader at {place} of {example:?}"
            );
        }
    }
}

#[test]
fn every_field_and_every_word_of_the_schema_is_known_to_the_reader() {
    let example = yaml(&here("examples/every-field.yaml"));
    let mut used = BTreeSet::new();
    for place in own_places(&example) {
        used.extend(place.rsplit('/').next().map(str::to_owned));
    }
    let schema = schema::schema();
    let mut all = Vec::new();
    places(&schema, "", &mut all);
    let fields = all.iter().filter_map(|place| {
        let (parent, name) = place.rsplit_once('/')?;
        parent.ends_with("/properties").then_some(name)
    });
    let unused: Vec<&str> = fields.filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "not in every-field.yaml: {unused:?}");

    // The words of `onError` and the like: each is put where the example has another one.
    for (place, words) in [
        ("/onError", ["Accept", "Reject"].as_slice()),
        ("/observe", &["Ledger", "Pods"]),
        ("/spreads/0/capacity", &["Auto", "Exact", "BestEffort"]),
        ("/spreads/1/binding", &["Late", "Admission"]),
        ("/spreads/1/maximumScope", &["Workload", "Revision"]),
        ("/spreads/0/rollout", &["Keep", "Surge", "Spill"]),
        ("/spreads/0/terminating", &["Ignored", "Counted"]),
        ("/spreads/0/rebalance/when", &["Never", "OnScaleIn", "Continuous"]),
    ] {
        for word in words {
            let mut value = example.clone();
            *value.pointer_mut(place).unwrap() = json!(word);
            assert!(validator().is_valid(&value), "{place} {word}");
            assert!(Settings::from_value(&value).is_ok(), "{place} {word}");
        }
    }
}
