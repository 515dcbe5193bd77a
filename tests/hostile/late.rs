//! An admission that takes too long is given up before the host would end it, which refuses the pod.

use std::time::Duration;

use serde_json::{Value, json};

use crate::guest::{answer, patching, payload, pod, run_with_a_late_host};

fn late(settings: &Value, millis: u64) -> Value {
    let payload = payload(settings, &pod());
    answer(&run_with_a_late_host(
        &payload,
        &[],
        Duration::from_millis(millis),
    ))
}

/// A spread that asks for the owner and for the pods.
fn asking() -> Value {
    let mut settings = patching(&json!({}));
    settings["spreads"][0]["subsets"] = json!([{"name": "fixed", "maxReplicas": 3}, {"name": "elastic"}]);
    settings
}

#[test]
fn a_pod_whose_host_is_late_is_accepted_as_it_came_with_the_reason() {
    let in_time = late(&asking(), 200);
    assert!(in_time["mutated_object"].is_object(), "{in_time}");
    for millis in [600, 1_000, 30_000] {
        let answer = late(&asking(), millis);
        assert_eq!(answer["accepted"], true, "{answer}");
        assert!(answer["mutated_object"].is_null(), "{answer}");
        let warning = answer["warnings"][0].as_str().unwrap();
        assert!(
            warning.contains("ms, and the host refuses what takes twice as long"),
            "{warning}"
        );
    }
}

#[test]
fn what_is_late_is_refused_where_the_settings_ask_for_it_but_never_in_a_system_namespace() {
    let mut settings = asking();
    settings["onError"] = "Reject".into();
    assert_eq!(late(&settings, 2_000)["accepted"], false);
    for namespace in ["kube-system", "kube-public", "kube-node-lease", "spillway-system"] {
        settings["spreads"][0]["namespace"] = namespace.into();
        let mut payload: Value = serde_json::from_slice(&payload(&settings, &pod())).unwrap();
        payload["request"]["namespace"] = namespace.into();
        let payload = payload.to_string().into_bytes();
        let answer = answer(&run_with_a_late_host(&payload, &[], Duration::from_secs(2)));
        assert_eq!(answer["accepted"], true, "{namespace}: {answer}");
        assert!(!answer["warnings"][0].as_str().unwrap().is_empty());
    }
}
