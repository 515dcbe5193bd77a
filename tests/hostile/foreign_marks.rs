//! Labels and annotations of ours in a template are no proof of a place: they are taken off, whatever becomes of the pod.

use serde_json::{Value, json};

use crate::guest::{answer, listing, patching, payload, pod, run};

/// A pod that says it was placed, and in what the API server tells of it whether a client said so.
fn marked(sent: &Value) -> Value {
    let mut pod = pod();
    pod["metadata"]["labels"]["spillway.dev/spread"] = "web".into();
    pod["metadata"]["labels"]["spillway.dev/subset"] = "only".into();
    pod["metadata"]["annotations"] =
        json!({"spillway.dev/decision": "only: the only subset", "spillway.dev/anything": "x", "team": "a"});
    pod["metadata"]["managedFields"] = sent.clone();
    pod
}

fn sent_by_client() -> Value {
    json!([{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {
        "f:metadata": {
            "f:annotations": {"f:spillway.dev/anything": {}, "f:spillway.dev/decision": {}, "f:team": {}},
            "f:labels": {".": {}, "f:app": {}, "f:spillway.dev/spread": {}, "f:spillway.dev/subset": {}},
        },
        "f:spec": {"f:containers": {}},
    }}])
}

fn added_on_the_way() -> Value {
    json!([{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {
        "f:metadata": {"f:annotations": {"f:team": {}}, "f:labels": {".": {}, "f:app": {}}},
    }}])
}

fn admit(settings: &Value, pod: &Value) -> Value {
    answer(&run(&payload(settings, pod), listing(&[])))
}

fn keys(answer: &Value, field: &str) -> Vec<String> {
    let texts = answer["mutated_object"]["metadata"][field].as_object().unwrap();
    texts
        .keys()
        .filter(|key| key.starts_with("spillway.dev/"))
        .cloned()
        .collect()
}

/// What a client can make the API server say of the fields that it sent.
fn unproven() -> Vec<Value> {
    let without_fields = json!([{"manager": "a", "operation": "Update"}]);
    let mut split = added_on_the_way();
    split
        .as_array_mut()
        .unwrap()
        .extend(sent_by_client().as_array().unwrap().clone());
    vec![
        sent_by_client(),
        split,
        Value::Null,
        json!([]),
        json!([{}]),
        json!({}),
        json!("x"),
        without_fields,
    ]
}

#[test]
fn a_template_with_our_labels_is_placed_as_if_it_had_none() {
    let mut settings = patching(&json!({"metadata": {"labels": {"pool": "a"}}}));
    for sent in unproven() {
        let answer = admit(&settings, &marked(&sent));
        // It was placed: what the subset gives is there, and what came with it is not.
        assert_eq!(
            answer["mutated_object"]["metadata"]["labels"]["pool"], "a",
            "{sent}"
        );
        assert_eq!(keys(&answer, "annotations"), ["spillway.dev/decision"], "{sent}");
        let warning = answer["warnings"][0].as_str().unwrap();
        assert!(warning.contains("`spillway.dev/spread`"), "{warning}");
    }
    settings["observe"] = "Ledger".into();
    let answer = admit(&settings, &marked(&sent_by_client()));
    assert_eq!(keys(&answer, "labels"), [""; 0], "no ledger is there: {answer}");
}

#[test]
fn our_labels_go_from_pods_that_no_spread_concerns_and_from_those_that_are_not_placed() {
    let mut elsewhere = patching(&json!({}));
    elsewhere["spreads"][0]["namespace"] = "other".into();
    let mut unfit =
        patching(&json!({"spec": {"containers": [{"name": "other", "env": [{"name": "A", "value": "b"}]}]}}));
    unfit["spreads"][0]["subsets"][0]["requiredNodeSelectorTerm"] = Value::Null;
    for settings in [
        elsewhere,
        unfit,
        json!({}),
        json!({"spreads": 5}),
        json!({"observe": "Ledger"}),
    ] {
        let answer = admit(&settings, &marked(&sent_by_client()));
        assert_eq!(answer["accepted"], true);
        assert_eq!(keys(&answer, "labels"), [""; 0], "{settings}");
        assert_eq!(keys(&answer, "annotations"), [""; 0], "{settings}");
        let metadata = &answer["mutated_object"]["metadata"];
        assert_eq!(
            (&metadata["labels"]["app"], &metadata["annotations"]["team"]),
            (&json!("web"), &json!("a"))
        );
    }
    let mut daemon = marked(&sent_by_client());
    daemon["metadata"]["ownerReferences"][0]["kind"] = "DaemonSet".into();
    assert_eq!(keys(&admit(&patching(&json!({})), &daemon), "labels"), [""; 0]);
}

#[test]
fn a_pod_that_was_placed_a_moment_ago_stays_as_it_is() {
    for settings in [patching(&json!({})), json!({}), json!({"observe": "Ledger"})] {
        let answer = admit(&settings, &marked(&added_on_the_way()));
        assert_eq!(
            (&answer["mutated_object"], &answer["warnings"]),
            (&Value::Null, &Value::Null),
            "{settings}"
        );
    }
}

#[test]
fn a_pod_without_anything_of_ours_is_not_read() {
    let mut broken = pod();
    broken["metadata"]["labels"] = json!({"a": 5});
    let answer = admit(&json!({}), &broken);
    assert_eq!(
        (&answer["mutated_object"], &answer["warnings"]),
        (&Value::Null, &Value::Null)
    );
}
