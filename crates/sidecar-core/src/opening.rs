//! Opening a gate without a sidecar: nothing is decided, the pod gets no subset.

use core::fmt;

use kube_rules::time::UnixMillis;
use rules::names::{BOUND_AT_ANNOTATION, DECISION_ANNOTATION, PLACEMENT_GATE};
use serde_json::{Value, json};

/// Why a gate is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// Somebody said so.
    #[default]
    ByHand,
    /// No sidecar leads that would.
    NobodyLeads,
}

/// The JSON patch that opens the gate of a pod behind tests of the pod and of the gate, so that it does no harm beside a living
/// sidecar. `None`: there is no gate of ours.
#[must_use]
pub fn opening(pod: &Value, why: Why, now: UnixMillis) -> Option<Value> {
    let gates = pod.pointer("/spec/schedulingGates")?.as_array()?;
    let at = gates
        .iter()
        .position(|gate| gate.get("name").and_then(Value::as_str) == Some(PLACEMENT_GATE))?;
    let gate = format!("/spec/schedulingGates/{at}");
    let mut patch = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": pod.pointer("/metadata/uid")?}),
        json!({"op": "test", "path": gate, "value": gates.get(at)?}),
        json!({"op": "remove", "path": gate}),
    ];
    if pod.pointer("/metadata/annotations").is_none_or(Value::is_null) {
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    let notes = [
        (DECISION_ANNOTATION, format!("released: {why}")),
        (BOUND_AT_ANNOTATION, now.to_string()),
    ];
    for (key, value) in notes {
        let path = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        patch.push(json!({"op": "add", "path": path, "value": value}));
    }
    Some(Value::Array(patch))
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByHand => "by hand",
            Self::NobodyLeads => "no sidecar leads",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patch_tests_what_it_opens_and_keeps_other_gates() {
        let pod = json!({
            "metadata": {"uid": "u1"},
            "spec": {"schedulingGates": [{"name": "other"}, {"name": "spillway.dev/placement"}]},
        });
        let patch: json_patch::Patch =
            serde_json::from_value(opening(&pod, Why::ByHand, UnixMillis(0)).unwrap()).unwrap();
        let mut opened = pod.clone();
        json_patch::patch(&mut opened, &patch).unwrap();
        assert_eq!(opened["spec"]["schedulingGates"], json!([{"name": "other"}]));
        assert_eq!(
            opened["metadata"]["annotations"]["spillway.dev/decision"],
            "released: by hand"
        );
        assert!(json_patch::patch(&mut opened, &patch).is_err(), "not twice");
        let mut other = pod;
        other["metadata"]["uid"] = "u2".into();
        assert!(json_patch::patch(&mut other, &patch).is_err(), "not another pod");
    }

    #[test]
    fn annotations_that_are_there_stay() {
        let mut pod = json!({
            "metadata": {"uid": "u1", "annotations": {"a": "b"}},
            "spec": {"schedulingGates": [{"name": "spillway.dev/placement"}]},
        });
        let patch: json_patch::Patch =
            serde_json::from_value(opening(&pod, Why::ByHand, UnixMillis(0)).unwrap()).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
        assert_eq!(pod["metadata"]["annotations"]["a"], "b");
    }

    #[test]
    fn a_pod_without_our_gate_is_left_alone() {
        assert_eq!(
            opening(
                &json!({"metadata": {"uid": "u"}, "spec": {"schedulingGates": [{"name": "other"}]}}),
                Why::ByHand,
                UnixMillis(0)
            ),
            None
        );
    }
}
