//! What only Spillway may write, on a pod that it has not placed.
//!
//! Labels and annotations of ours in a template would make every pod of it count as placed. Whether a pod was placed a
//! moment ago, by an earlier call for the same request, tells `metadata.managedFields`: the API server writes there what
//! the client sent, before any webhook is called, and no client can have it say less. Where it says nothing, for the API
//! server could not work it out or the request does not come from one, nothing of ours is believed.

use placement_core::facts::{FieldError, Fields};
use rules::names::OWN_PREFIX;
use serde_json::Value;
use serde_json::value::RawValue;

/// The labels and annotations of ours that came from a client, sorted.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    labels: Vec<String>,
    annotations: Vec<String>,
}

impl Strays {
    /// What strays on a pod; nothing on one that cannot be read, which no API server would store.
    pub(crate) fn of(object: &RawValue) -> Self {
        // Nearly every pod has nothing of ours anywhere. No writer of JSON escapes a letter, a dot or a slash.
        if !object.get().contains(OWN_PREFIX) {
            return Self::default();
        }
        Self::read(object.get()).unwrap_or_default()
    }

    fn read(object: &str) -> Result<Self, FieldError> {
        let metadata = Fields::of(object, "object")?.object("metadata")?;
        let came = Self {
            labels: ours(&metadata.object("labels")?, ""),
            annotations: ours(&metadata.object("annotations")?, ""),
        };
        if came.is_none() {
            return Ok(came);
        }
        Ok(match sent(&metadata) {
            Some(sent) => came.among(&sent),
            None => came,
        })
    }

    pub(crate) fn is_none(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    fn among(mut self, sent: &Self) -> Self {
        self.labels.retain(|key| sent.labels.binary_search(key).is_ok());
        self.annotations
            .retain(|key| sent.annotations.binary_search(key).is_ok());
        self
    }

    /// Removes them from the pod.
    pub(crate) fn remove_from(&self, pod: &mut Value) {
        if self.is_none() {
            return;
        }
        for (field, keys) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            let texts = pod
                .get_mut("metadata")
                .and_then(|metadata| metadata.get_mut(field));
            if let Some(texts) = texts.and_then(Value::as_object_mut) {
                texts.retain(|key, _| keys.binary_search(key).is_err());
            }
        }
    }

    /// What somebody should know of it, in a line.
    pub(crate) fn explanation(&self) -> Option<String> {
        let first = self.labels.iter().chain(&self.annotations).next()?;
        let count = self.labels.len() + self.annotations.len();
        Some(format!(
            "spillway: labels and annotations below `{OWN_PREFIX}` say where Spillway placed a pod, no template may carry \
             them: removed {count}, first `{first}`"
        ))
    }
}

/// What the client sent of ours; `None` where that is not said.
fn sent(metadata: &Fields<'_>) -> Option<Strays> {
    let entries = metadata.list("managedFields").ok()?;
    let mut sent = Strays::default();
    for entry in &entries {
        let entry = Fields::of(entry.get(), "managedFields").ok()?;
        entry.raw("fieldsV1")?;
        let metadata = entry.object("fieldsV1").ok()?.object("f:metadata").ok()?;
        sent.labels.extend(ours(&metadata.object("f:labels").ok()?, "f:"));
        sent.annotations
            .extend(ours(&metadata.object("f:annotations").ok()?, "f:"));
    }
    sent.labels.sort_unstable();
    sent.annotations.sort_unstable();
    (!entries.is_empty()).then_some(sent)
}

/// The keys of ours in their order, without a prefix that all keys have.
fn ours(fields: &Fields<'_>, prefix: &str) -> Vec<String> {
    let keys = fields
        .iter()
        .filter_map(|(key, _)| key.as_str().strip_prefix(prefix));
    let ours = keys.filter(|key| key.starts_with(OWN_PREFIX));
    let mut ours: Vec<String> = ours.map(ToOwned::to_owned).collect();
    ours.sort_unstable();
    ours.dedup();
    ours
}
