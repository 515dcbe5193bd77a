//! The pod that a controller asks for.

use serde_json::{Value, json};

use super::setup::Template;
use crate::json;
use crate::objects::owner;

/// Who asks for a pod.
pub(crate) struct Controller<'a> {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
}

/// A pod as a controller asks for it: without name, uid and time.
pub(crate) fn new_pod(template: &Template, by: &Controller<'_>) -> Value {
    let mut metadata = template.value.get("metadata").cloned().unwrap_or_default();
    json::put(&mut metadata, &["generateName"], json!(format!("{}-", by.name)));
    json::put(&mut metadata, &["namespace"], json!(by.namespace));
    let mut reference = owner(by.kind, by.name, by.uid);
    json::put(&mut reference, &["apiVersion"], json!(by.api_version));
    json::put(&mut metadata, &["ownerReferences"], json!([reference]));
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": template.value.get("spec"), "status": {"phase": "Pending"},
    })
}
