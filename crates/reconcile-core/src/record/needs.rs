//! What a pod needs of a node. Pods of one template and subset need the same: the world keeps it once.

use std::collections::BTreeMap;

use placement_core::nodes::{Requests, Resources};
use serde_json::Value;

/// What a pod needs of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNeeds {
    /// What it asks for; nothing where that cannot be read.
    pub requests: Resources,
    /// Its tolerations, node selector and affinity as text, which takes a tenth of the space of a tree.
    wishes: Box<str>,
}

impl NodeNeeds {
    pub(super) fn of(spec: &Value) -> Self {
        let wishes: BTreeMap<&str, &Value> = ["tolerations", "nodeSelector", "affinity"]
            .into_iter()
            .filter_map(|field| Some((field, spec.get(field)?)))
            .collect();
        Self {
            requests: Requests::of_pod(spec).unwrap_or_default().exact,
            // Maps with text for keys are always written.
            wishes: serde_json::to_string(&wishes).unwrap_or_default().into(),
        }
    }

    /// Its tolerations, node selector and affinity, as they stand in `spec`.
    #[must_use]
    pub fn wishes(&self) -> Value {
        serde_json::from_str(&self.wishes).unwrap_or_default()
    }
}
