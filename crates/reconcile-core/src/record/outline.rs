//! The part of a pod that binding and adoption change or look at, as text: thousands of pods may wait at once, and a
//! tree of JSON takes ten times the space of its text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Metadata;

/// The longest outline that is kept whole: who makes a pod says how large it is.
const LONGEST: usize = 64 << 10;

/// No annotation that a plan reads is longer: of others it is enough that they are there.
const LONGEST_ANNOTATION: usize = 512;

/// `metadata` with uid, labels and annotations, and of `spec` the gates, tolerations, node selector and affinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    text: Box<str>,
    is_whole: bool,
}

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
    annotations: Option<BTreeMap<&'p str, &'p str>>,
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
        let annotations = metadata.annotations.as_ref().map(|annotations| {
            annotations
                .iter()
                .map(|(key, value)| {
                    let value = if value.len() <= LONGEST_ANNOTATION {
                        value.as_str()
                    } else {
                        ""
                    };
                    (key.as_str(), value)
                })
                .collect()
        });
        let written = Written {
            metadata: WrittenMetadata {
                uid: &metadata.uid,
                labels: metadata.labels.as_ref(),
                annotations,
            },
            spec: kept
                .into_iter()
                .filter_map(|field| Some((field, spec.get(field)?)))
                .collect(),
        };
        // Maps with text for keys are always written.
        let text = serde_json::to_string(&written).unwrap_or_default();
        if text.len() > LONGEST {
            return Self::of_gates(metadata, spec);
        }
        Self {
            text: text.into(),
            is_whole: true,
        }
    }

    /// What it takes to open a gate: the uid, the gates, and whether there are labels and annotations.
    fn of_gates(metadata: &Metadata, spec: &Value) -> Self {
        let empty = BTreeMap::new();
        let written = Written {
            metadata: WrittenMetadata {
                uid: &metadata.uid,
                labels: metadata.labels.as_ref().map(|_| &empty),
                annotations: metadata.annotations.as_ref().map(|_| BTreeMap::new()),
            },
            spec: spec
                .get("schedulingGates")
                .map(|gates| ("schedulingGates", gates))
                .into_iter()
                .collect(),
        };
        Self {
            text: serde_json::to_string(&written).unwrap_or_default().into(),
            is_whole: false,
        }
    }

    /// The outline as JSON; of one that was too long only what it takes to open its gate.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The outline as JSON; `None` where it was too long.
    #[must_use]
    pub fn whole(&self) -> Option<Value> {
        self.is_whole.then(|| self.value())
    }

    /// The same without what no opening of a gate needs.
    pub(super) fn gates_alone(&self) -> Self {
        let mut value = self.value();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            for (_, map) in metadata.iter_mut().filter(|(name, _)| *name != "uid") {
                *map = Value::Object(serde_json::Map::new());
            }
        }
        if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
            spec.retain(|name, _| name == "schedulingGates");
        }
        Self {
            text: value.to_string().into(),
            is_whole: false,
        }
    }

    /// Whether it says something of node labels. Other words with these in them are looked at in vain.
    pub(crate) fn may_wish(&self) -> bool {
        self.text.contains("\"nodeSelector\"") || self.text.contains("\"nodeAffinity\"")
    }

    /// The labels. No label of Kubernetes has a character that JSON escapes.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<&str, &str> {
        let read: Labelled<'_> = serde_json::from_str(&self.text).unwrap_or_default();
        read.metadata.labels
    }
}
