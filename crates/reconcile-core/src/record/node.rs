//! What is kept of a node.

use std::collections::BTreeMap;

use placement_core::nodes::{NodeFacts, Resources, Taint, pods};
use serde_json::Value;

use super::{Object, Unreadable};

/// A node, as far as adoption looks, and whoever seeks room on one.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRecord {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it takes pods: it is not cordoned, and nothing says that it is not ready.
    pub takes_pods: bool,
    /// What pods may have of it; `None`: it does not say.
    pub allocatable: Option<Allocatable>,
}

/// What pods may have of a node together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocatable {
    /// The amounts.
    pub resources: Resources,
    /// How many pods; `None`: it does not say.
    pub pods: Option<u64>,
}

impl NodeRecord {
    /// What is kept of a node.
    ///
    /// # Errors
    /// When it has not the shape of a stored node.
    pub fn read(node: &Value) -> Result<Self, Unreadable> {
        let Object {
            metadata,
            spec,
            status,
        } = Object::read(node)?;
        let list = |object: &Value, field: &str| -> Vec<Value> {
            let items = object.get(field).and_then(Value::as_array);
            items.cloned().unwrap_or_default()
        };
        let text =
            |object: &Value, field: &str, word: &str| object.get(field).and_then(Value::as_str) == Some(word);
        let is_cordoned = spec.get("unschedulable").and_then(Value::as_bool) == Some(true);
        let is_unready = list(&status, "conditions")
            .iter()
            .any(|condition| text(condition, "type", "Ready") && !text(condition, "status", "True"));
        Ok(Self {
            name: metadata.name,
            labels: metadata.labels.unwrap_or_default(),
            taints: list(&spec, "taints").iter().filter_map(Taint::read).collect(),
            takes_pods: !is_cordoned && !is_unready,
            allocatable: allocatable(&status),
        })
    }

    /// What node selector terms look at.
    #[must_use]
    pub fn facts(&self) -> NodeFacts<'_> {
        NodeFacts {
            name: &self.name,
            labels: &self.labels,
        }
    }
}

/// What cannot be read is as good as not said: adoption must go on.
fn allocatable(status: &Value) -> Option<Allocatable> {
    let list = status.get("allocatable").filter(|list| list.is_object())?;
    Some(Allocatable {
        resources: Resources::read(Some(list), "status.allocatable").ok()?,
        pods: pods(Some(list), "status.allocatable").ok()?,
    })
}
