//! Our answer to a question of the oracle `nodes`.

#![expect(
    clippy::indexing_slicing,
    reason = "fields of a JSON object that was made here"
)]

use std::collections::BTreeMap;

use kube_rules::nodes::{NodeAffinity, NodeFacts, PreferredTerms, Taint, Toleration, untolerated};
use serde_json::{Value, json};

pub(crate) fn answer(question: &Value) -> Value {
    let at = |pointer: &str| question.pointer(pointer).unwrap_or(&Value::Null);
    let items = |pointer: &str| at(pointer).as_array().cloned().unwrap_or_default();
    let labels: BTreeMap<String, String> = at("/node/metadata/labels")
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let facts = NodeFacts {
        name: at("/node/metadata/name").as_str().unwrap_or_default(),
        labels: &labels,
    };
    let taints: Vec<Taint> = items("/node/spec/taints")
        .iter()
        .filter_map(Taint::read)
        .collect();
    let tolerations: Vec<Toleration> = items("/pod/spec/tolerations")
        .iter()
        .map(Toleration::read)
        .collect();
    let spec = at("/pod/spec");
    let mut answer = json!({"selected": NodeAffinity::of_pod(spec).selects(facts)});
    if let Ok(preferred) = PreferredTerms::of_pod(spec) {
        answer["preferred"] = json!(preferred.score(facts));
    }
    if let Some(found) = untolerated(&taints, &tolerations) {
        answer["untolerated"] = json!(taints.iter().position(|taint| std::ptr::eq(taint, found)));
    }
    answer
}
