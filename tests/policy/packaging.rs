//! The metadata grants exactly what the policy calls, and every file tells the same version.

use std::collections::BTreeSet;

use admission_core::cluster::{EverywhereQuery, ListQuery};
use rules::WorkloadKind;
use serde_json::Value;

use crate::support::{files, root, yaml};

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {path}"))
}

#[test]
fn the_metadata_and_artifact_hub_name_exactly_the_kinds_that_are_asked_for() {
    let kinds = |list: &Value| -> BTreeSet<(String, String)> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|r| (text(r, "/apiVersion").to_owned(), text(r, "/kind").to_owned()))
            .collect()
    };
    let granted = kinds(&yaml(&root().join("metadata.yml"))["contextAwareResources"]);
    let mut asked: BTreeSet<(String, String)> = WorkloadKind::ALL
        .into_iter()
        .map(|kind| rules::GroupKind {
            group: kind.group().into(),
            kind: kind.kind().into(),
        })
        .filter_map(|kind| ListQuery::of(&kind, &[], "any").map(|q| (q.api_version.into(), q.kind.into())))
        .collect();
    let pods = ListQuery::placed_pods("any");
    asked.insert((pods.api_version.into(), pods.kind.into()));
    let lease = ListQuery::lease("any");
    asked.insert((lease.api_version.into(), lease.kind.into()));
    let ledgers = EverywhereQuery::ledgers("any");
    asked.insert((ledgers.api_version.into(), ledgers.kind.into()));
    assert_eq!(granted, asked);
    let package = yaml(&root().join("artifacthub-pkg.yml"));
    let shown = text(&package, "/annotations/kubewarden~1contextAwareResources");
    assert_eq!(kinds(&serde_saphyr::from_str(shown).unwrap()), asked);
}

#[test]
fn the_metadata_grants_exactly_the_calls_that_the_golden_cases_make() {
    let mut made = BTreeSet::new();
    for output in files(&root().join("tests/golden"), ".output.json") {
        let output: Value = serde_json::from_str(&std::fs::read_to_string(output).unwrap()).unwrap();
        for call in output["hostCalls"].as_array().unwrap() {
            // The host's log needs no grant.
            let operation = text(call, "/operation");
            if operation != "tracing/log" {
                made.insert(operation.to_owned());
            }
        }
    }
    let metadata = yaml(&root().join("metadata.yml"));
    let granted = metadata["hostCapabilities"].as_array().unwrap();
    let granted: BTreeSet<String> = granted
        .iter()
        .map(|path| path.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(granted, made);
}

#[test]
fn every_package_file_tells_the_version_of_the_crate() {
    let version = env!("CARGO_PKG_VERSION");
    let metadata = yaml(&root().join("metadata.yml"));
    assert_eq!(
        text(&metadata, "/annotations/io.kubewarden.policy.version"),
        version
    );
    assert_eq!(
        text(&yaml(&root().join("artifacthub-pkg.yml")), "/version"),
        version
    );
    assert!(metadata["mutating"].as_bool().unwrap());
    assert_eq!(metadata["rules"][0]["resources"], serde_json::json!(["pods"]));
    assert_eq!(metadata["rules"][0]["operations"], serde_json::json!(["CREATE"]));
}

#[test]
fn json_is_read_alike_natively_and_in_the_wasm() {
    // Feature unification could switch these on for the native crates alone.
    let sorted: Value = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
    assert_eq!(
        sorted.to_string(),
        r#"{"a":2,"b":1}"#,
        "serde_json's preserve_order is on"
    );
    let rounded: Value = serde_json::from_str("1.00000000000000000001").unwrap();
    assert_eq!(
        rounded.to_string(),
        "1.0",
        "serde_json's arbitrary_precision is on"
    );
}

#[test]
fn the_readme_names_every_shipped_manifest_and_no_other() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let named: BTreeSet<&str> = readme
        .split_whitespace()
        .map(|word| word.trim_matches(|char: char| "`,;.()".contains(char)))
        .filter_map(|word| word.strip_prefix("deploy/"))
        .filter(|name| name.ends_with(".yaml") && !name.contains('*'))
        .collect();
    let shipped = files(&root().join("deploy"), ".yaml");
    let shipped: BTreeSet<&str> = shipped
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(named, shipped);
}
