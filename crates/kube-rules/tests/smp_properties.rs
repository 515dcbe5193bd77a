//! What holds for every pod and every patch.

use kube_rules::smp::merge_pod;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON, with the words that a merge reacts to far more often than chance has it.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "metadata",
        "spec",
        "containers",
        "name",
        "env",
        "ports",
        "containerPort",
        "volumes",
        "finalizers",
        "labels",
        "tolerations",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
        "replace",
        "delete",
        "",
    ]);
    let text = prop_oneof![4 => word.prop_map(str::to_owned), 1 => ".{0,4}"];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(8, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{1,3}|metadata|spec|status", any_json(), 0..4)
        .prop_map(|object| Value::Object(object.into_iter().collect()))
}

proptest! {
    #[test]
    fn nothing_panics_and_the_same_question_has_the_same_answer(pod in any_json(), patch in any_json()) {
        prop_assert_eq!(merge_pod(pod.clone(), &patch), merge_pod(pod, &patch));
    }

    #[test]
    fn an_empty_patch_changes_nothing(pod in any_object()) {
        prop_assert_eq!(merge_pod(pod.clone(), &json!({})), Ok(pod));
    }

    #[test]
    fn a_pod_patched_with_itself_is_itself(labels in prop::collection::btree_map("[a-z]{1,5}", "[a-z]{0,5}", 0..4),
                                            names in prop::collection::btree_set("[a-z]{1,3}", 0..6)) {
        let containers: Vec<Value> = names.iter().map(|name| json!({"name": name, "image": "i"})).collect();
        let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
        prop_assert_eq!(merge_pod(pod.clone(), &pod), Ok(pod));
    }

    #[test]
    fn what_the_patch_does_not_name_survives(pod in any_object(), label in "[a-z]{1,5}") {
        let mut pod = pod;
        pod["metadata"] = json!({"unknown": {"deep": [pod.clone()]}});
        let before = pod.clone();
        let after = merge_pod(pod, &json!({"metadata": {"labels": {"x": label}}})).unwrap();
        let rest = |pod: &Value| {
            let mut pod: Map<String, Value> = pod.as_object().unwrap().clone();
            pod["metadata"].as_object_mut().unwrap().remove("labels");
            pod
        };
        prop_assert_eq!(rest(&before), rest(&after));
        prop_assert_eq!(&after["metadata"]["labels"]["x"], &json!(label));
    }
}
