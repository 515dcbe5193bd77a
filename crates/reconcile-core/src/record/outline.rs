//! The part of a pod that binding and adoption change or look at, as text: thousands of pods may wait at once, and a
//! tree of JSON takes ten times the space of its text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Metadata;

/// `metadata` with uid, labels and annotations, and of `spec` the gates, tolerations, node selector and affinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline(Box<str>);

#[derive(Serialize)]
struct Written<'p> {
    metadata: WrittenMetadata<'p>,
    spec: BTreeMap<&'static str, &'p Value>,
}

#[derive(Serialize)]
struct WrittenMetadata<'p> {
    uid: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'p BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'p BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Labelled<'p> {
    #[serde(borrow)]
    metadata: Labels<'p>,
}

#[derive(Default, Deserialize)]
struct Labels<'p> {
    #[serde(borrow, default)]
    labels: BTreeMap<&'p str, &'p str>,
}

impl Outline {
    pub(super) fn of(metadata: &Metadata, spec: &Value) -> Self {
        let kept = ["schedulingGates", "tolerations", "nodeSelector", "affinity"];
        let written = Written {
            metadata: WrittenMetadata {
                uid: &metadata.uid,
                labels: metadata.labels.as_ref(),
                annotations: metadata.annotations.as_ref(),
            },
            spec: kept
                .into_iter()
                .filter_map(|field| Some((field, spec.get(field)?)))
                .collect(),
        };
        // Maps with text for keys are always written.
        Self(serde_json::to_string(&written).unwrap_or_default().into())
    }

    /// The outline as JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Whether it says something of node labels. Other words with these in them are looked at in vain.
    pub(crate) fn may_wish(&self) -> bool {
        self.0.contains("\"nodeSelector\"") || self.0.contains("\"nodeAffinity\"")
    }

    /// The labels. No label of Kubernetes has a character that JSON escapes.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<&str, &str> {
        let read: Labelled<'_> = serde_json::from_str(&self.0).unwrap_or_default();
        read.metadata.labels
    }
}
