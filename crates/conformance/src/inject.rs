//! `inject.json`: what is written into an admitted pod.
//!
//! Pods are compared by what they mean: an empty affinity is an absent one, the marker is parsed,
//! and what Spillway adds for itself is left out. So is the marker's `uid`: Kruise keeps an id
//! there by which its counters find a pod again, and there are no counters here.

use placement_core::{Decision, Placement, Reason, inject};
use policy_host::Store;
use rules::SubsetIx;
use rules::names::{DELETION_COST_ANNOTATION, KRUISE_MARKER};
use serde_json::{Map, Value, json};

use crate::settings;
use crate::vector::Vector;
use crate::verdict::{Answer, Verdict};
use crate::wasm::{Admitted, Wasm, WasmError};

/// How the vectors name two fields, and how a spread does.
const RENAMED: [(&str, &str); 2] = [
    ("requiredNodeSelector", "requiredNodeSelectorTerm"),
    ("preferredNodeSelector", "preferredNodeSelectorTerms"),
];
/// Labels and annotations of our own begin so.
const OWN_PREFIX: &str = "spillway.dev/";

/// Runs one vector.
pub(crate) fn run(vector: &Vector, wasm: Option<&Wasm>) -> Verdict {
    let mut inline = inline(vector);
    let names = NodeNames::taken_out_of(&mut inline);
    let mut answers = vec![("native", native(&inline, vector.input("pod")))];
    if let Some(wasm) = wasm {
        let answer = in_wasm(&inline, vector.input("pod"), wasm);
        answers.push((
            "wasm",
            answer.unwrap_or_else(|error| json!({ "could not be run": error.to_string() })),
        ));
    }
    let answer = |(engine, mut got): (&'static str, Value)| {
        names.put_back(&mut got);
        let right = is_error(&got) == is_error(&vector.expect)
            && meaning(got.get("pod")) == meaning(vector.expect.get("pod"));
        Answer { engine, got, right }
    };
    Verdict::Answered(answers.into_iter().map(answer).collect())
}

/// Lists of several node names, for which one name each stands in.
///
/// An API server takes exactly one name in a condition of `matchFields`, so the settings refuse
/// more: such a pod could not be created. A vector on what is written may have more all the same.
/// Terms are copied, whatever they say, so that the names can be put back into the result.
struct NodeNames(Vec<Value>);

impl NodeNames {
    fn taken_out_of(spread: &mut Value) -> Self {
        let mut names = Self(Vec::new());
        names.take_out(spread);
        names
    }

    fn take_out(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.take_out(item)),
            Value::Object(fields) => {
                let conditions = fields.get_mut("matchFields").and_then(Value::as_array_mut);
                for values in conditions
                    .into_iter()
                    .flatten()
                    .filter_map(|field| field.get_mut("values"))
                {
                    if values.as_array().is_some_and(|values| values.len() > 1) {
                        let stand_in = Self::stand_in(self.0.len());
                        self.0.push(std::mem::replace(values, stand_in));
                    }
                }
                fields.values_mut().for_each(|field| self.take_out(field));
            }
            _ => {}
        }
    }

    fn put_back(&self, value: &mut Value) {
        if let Some(number) = (0..self.0.len()).find(|number| *value == Self::stand_in(*number)) {
            *value = self.0.get(number).cloned().unwrap_or_default();
            return;
        }
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.put_back(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.put_back(field)),
            _ => {}
        }
    }

    fn stand_in(number: usize) -> Value {
        json!([format!("stand-in-{number}")])
    }
}

/// A spread of this one subset that takes every pod: what the subset gives matters here, not how
/// many pods it takes.
/// Gives the fields of a subset the names that a spread has for them.
pub(crate) fn rename(subset: &mut Value) {
    let Some(fields) = subset.as_object_mut() else {
        return;
    };
    for (theirs, ours) in RENAMED {
        if let Some(value) = fields.remove(theirs) {
            fields.insert(ours.to_owned(), value);
        }
    }
}

fn inline(vector: &Vector) -> Value {
    let subset = vector.input("subset").as_object();
    let fields = subset
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "maxReplicas")
        .map(|(name, value)| (name.clone(), value.clone()));
    let mut subset = Value::Object(fields.collect::<Map<String, Value>>());
    rename(&mut subset);
    json!({
        "name": vector.text("spreadName"),
        "namespace": settings::namespace(vector.input("pod")),
        "selector": {"matchExpressions": [{"key": "conformance", "operator": "DoesNotExist"}]},
        "subsets": [subset],
    })
}

fn native(inline: &Value, pod: &Value) -> Value {
    let spread = match settings::spread(inline, &Value::Null) {
        Ok(spread) => spread,
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return json!({ "error": true, "refused by the settings": faults });
        }
    };
    let placement = Placement {
        subset: SubsetIx::new(0),
        cost: None,
        reason: Reason::OnlySubset,
    };
    match inject(pod.clone(), &spread, &Decision::Place(placement)) {
        Ok(pod) => json!({ "pod": pod }),
        Err(refused) => json!({ "error": true, "message": refused.to_string() }),
    }
}

fn in_wasm(inline: &Value, pod: &Value, wasm: &Wasm) -> Result<Value, WasmError> {
    let settings = settings::of(std::slice::from_ref(inline), &json!([]));
    if !wasm.accepts(&settings)? {
        return Ok(json!({ "error": true, "message": "refused by the settings" }));
    }
    Ok(match wasm.admit(pod, &settings, &json!([]), &Store::new())? {
        Admitted::Placed { pod, .. } => json!({ "pod": pod }),
        // A pod that cannot be given what its subset says is created as it came, with a warning.
        Admitted::Unchanged(warnings) if !warnings.is_empty() => {
            json!({ "error": true, "message": warnings })
        }
        Admitted::Unchanged(_) | Admitted::Left(_) => json!({ "pod": pod }),
        Admitted::Rejected(message) => json!({ "error": true, "message": message }),
    })
}

fn is_error(answer: &Value) -> bool {
    answer.get("error") == Some(&Value::Bool(true))
}

/// A pod without what means nothing.
fn meaning(pod: Option<&Value>) -> Option<Value> {
    let mut pod = pod?.clone();
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        if metadata.get("creationTimestamp").is_some_and(Value::is_null) {
            metadata.remove("creationTimestamp");
        }
        for name in ["labels", "annotations"] {
            if let Some(map) = metadata.get_mut(name).and_then(Value::as_object_mut) {
                map.retain(|key, _| !key.starts_with(OWN_PREFIX) && key != DELETION_COST_ANNOTATION);
                parse_marker(map);
            }
            drop_empty(metadata, name);
        }
    }
    if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
        if let Some(affinity) = spec.get_mut("affinity").and_then(Value::as_object_mut) {
            drop_empty(affinity, "nodeAffinity");
        }
        drop_empty(spec, "affinity");
        drop_empty(spec, "resources");
        for name in ["containers", "initContainers", "ephemeralContainers"] {
            for container in spec
                .get_mut(name)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(container) = container.as_object_mut() {
                    drop_empty(container, "resources");
                }
            }
        }
    }
    if let Some(fields) = pod.as_object_mut() {
        drop_empty(fields, "status");
        drop_empty(fields, "metadata");
    }
    Some(pod)
}

fn parse_marker(annotations: &mut Map<String, Value>) {
    let parsed = annotations
        .get(KRUISE_MARKER)
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str(text).ok());
    if let Some(mut marker) = parsed {
        if let Value::Object(fields) = &mut marker {
            fields.remove("uid");
        }
        annotations.insert(KRUISE_MARKER.to_owned(), marker);
    }
}

/// Removes a field that is null, or an object without fields.
fn drop_empty(fields: &mut Map<String, Value>, name: &str) {
    let is_empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    if fields.get(name).is_some_and(is_empty) {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &Value, other: &Value) -> bool {
        meaning(Some(one)) == meaning(Some(other))
    }

    #[test]
    fn what_means_nothing_is_left_out() {
        let bare = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
        let full = json!({
            "metadata": {
                "name": "p", "creationTimestamp": null,
                "labels": {"spillway.dev/spread": "s"},
                "annotations": {"controller.kubernetes.io/pod-deletion-cost": "100"},
            },
            "spec": {"affinity": {"nodeAffinity": {}}, "containers": [{"name": "c", "resources": {}}]},
            "status": {},
        });
        assert!(same(&bare, &full));
    }

    #[test]
    fn node_names_come_back_to_where_they_were() {
        let term = json!({"matchFields": [{"values": ["n-1", "n-2"]}, {"values": ["n-3"]}]});
        let before = json!({"a": [term, {"matchFields": [{"values": ["n-4", "n-5"]}]}]});
        let mut after = before.clone();
        let names = NodeNames::taken_out_of(&mut after);
        assert_eq!(
            after.pointer("/a/1/matchFields/0/values"),
            Some(&json!(["stand-in-1"]))
        );
        assert_eq!(after.pointer("/a/0/matchFields/1/values"), Some(&json!(["n-3"])));
        names.put_back(&mut after);
        assert_eq!(after, before);
    }

    #[test]
    fn the_marker_is_compared_without_its_id_and_everything_else_in_full() {
        let with = |marker: &str| json!({"metadata": {"annotations": {KRUISE_MARKER: marker}}});
        let plain = with(r#"{"name":"s","subset":"a"}"#);
        assert!(same(&plain, &with(r#"{"subset":"a","uid":"u","name":"s"}"#)));
        assert!(!same(&plain, &with(r#"{"name":"s","subset":"b"}"#)));
        assert!(!same(&plain, &json!({"metadata": {}})));
        let order = |list: Value| json!({"spec": {"tolerations": list}});
        assert!(!same(&order(json!([1, 2])), &order(json!([2, 1]))));
        let pod_affinity = json!({"spec": {"affinity": {"podAffinity": {}}}});
        assert!(!same(&pod_affinity, &json!({"spec": {}})));
    }
}
