//! A node and what is taken on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rules::nodes::{NodeFacts, Taint, pods};
use serde_json::Value;

use super::Requests;
use super::Resources;
use super::Unreadable;
use super::constraints::HOSTNAME;
use super::needs::Needs;
use super::score::balance;
use super::selector::Labels;
use crate::json;

/// A node as the scheduler sees it, without the pods on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// What pods may take of it.
    pub allocatable: Resources,
    /// How many pods it takes.
    pub pods: u64,
}

/// The largest amount that is told apart from more: scores multiply by a hundred.
const MOST: i64 = i64::MAX / 128;
/// `maxPods` of the kubelet's defaults.
const USUAL_PODS: u64 = 110;

impl Node {
    /// A node that takes 110 pods of whatever requests, with the one label that every kubelet sets: its name.
    pub fn roomy(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: [(HOSTNAME.to_owned(), name.to_owned())].into(),
            taints: Vec::new(),
            unschedulable: false,
            allocatable: Resources {
                cpu: MOST,
                memory: MOST,
                storage: MOST,
                others: BTreeMap::new(),
            },
            pods: USUAL_PODS,
        }
    }

    /// Reads a Node. `status.allocatable` counts, or where that is absent `status.capacity`; a resource that is not
    /// named is not there, except for pods: 110.
    ///
    /// # Errors
    /// At the first amount that cannot be read, or without a name.
    pub fn read(node: &Value) -> Result<Self, Unreadable> {
        let Some(name) = json::text(node, &["metadata", "name"]) else {
            let seen = json::at(node, &["metadata", "name"]).unwrap_or(&Value::Null);
            return Err(Unreadable::new("metadata.name", seen, "write the node's name"));
        };
        let labels = json::at(node, &["metadata", "labels"]).and_then(Value::as_object);
        let list = |field| json::at(node, &["status", field]).filter(|list| list.is_object());
        let (list, path) = match list("allocatable") {
            Some(list) => (Some(list), "status.allocatable"),
            None => (list("capacity"), "status.capacity"),
        };
        let mut allocatable = Resources::read(list, path)?;
        allocatable.cpu = allocatable.cpu.min(MOST);
        allocatable.memory = allocatable.memory.min(MOST);
        Ok(Self {
            name: name.to_owned(),
            labels: labels
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
            taints: json::list(node, &["spec", "taints"])
                .iter()
                .filter_map(Taint::read)
                .collect(),
            unschedulable: json::at(node, &["spec", "unschedulable"]) == Some(&Value::Bool(true)),
            allocatable,
            pods: pods(list, path)?.unwrap_or(USUAL_PODS),
        })
    }

    /// What node selector terms look at.
    pub fn facts(&self) -> NodeFacts<'_> {
        NodeFacts {
            name: &self.name,
            labels: &self.labels,
        }
    }
}

/// A pod on a node.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) needs: Arc<Needs>,
    pub(super) is_terminating: bool,
}

/// A node, the pods on it and what they take.
#[derive(Debug, Clone)]
pub struct NodeRoom {
    pub(super) node: Node,
    pub(super) pods: BTreeMap<u64, Placed>,
    pub(super) taken: Requests,
    /// How evenly cpu and memory are taken, from 50 to 100; kept because every pod compares itself with it.
    pub(super) balance: i64,
}

impl NodeRoom {
    pub(super) fn empty(node: Node) -> Self {
        let mut room = Self {
            node,
            pods: BTreeMap::new(),
            taken: Requests::default(),
            balance: 0,
        };
        room.weigh();
        room
    }

    /// The node itself.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What the pods on it ask for together.
    pub fn taken(&self) -> &Requests {
        &self.taken
    }

    /// What a pod on it needs.
    pub fn needs(&self, key: u64) -> Option<&Arc<Needs>> {
        self.pods.get(&key).map(|placed| &placed.needs)
    }

    /// The pods on it, by their keys.
    pub fn pods(&self) -> impl Iterator<Item = (u64, &Arc<Needs>)> {
        self.pods.iter().map(|(key, placed)| (*key, &placed.needs))
    }

    pub(super) fn add(&mut self, key: u64, placed: Placed) {
        self.taken.exact.add(&placed.needs.requests.exact);
        self.taken.usual.add(&placed.needs.requests.usual);
        self.pods.insert(key, placed);
        self.weigh();
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<Placed> {
        let placed = self.pods.remove(&key)?;
        self.taken.exact.subtract(&placed.needs.requests.exact);
        self.taken.usual.subtract(&placed.needs.requests.usual);
        self.weigh();
        Some(placed)
    }

    pub(super) fn replace(&mut self, node: Node) {
        self.node = node;
        self.weigh();
    }

    fn weigh(&mut self) {
        self.balance = balance(&self.taken.exact, 0, 0, &self.node.allocatable);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_read_as_the_cluster_shows_it() {
        let node = json!({
            "metadata": {"name": "a", "labels": {"pool": "paid"}},
            "spec": {"unschedulable": true, "taints": [{"key": "k", "effect": "NoSchedule"}, {"key": "k", "effect": "?"}]},
            "status": {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "3500m", "memory": "1Gi", "pods": "29"}},
        });
        let read = Node::read(&node).unwrap();
        assert_eq!(
            (read.allocatable.cpu, read.allocatable.memory, read.pods),
            (3500, 1 << 30, 29)
        );
        assert!(read.unschedulable);
        assert_eq!(read.taints.len(), 1);
        let bare =
            Node::read(&json!({"metadata": {"name": "a"}, "status": {"capacity": {"cpu": "4"}}})).unwrap();
        assert_eq!(
            (bare.allocatable.cpu, bare.allocatable.memory, bare.pods),
            (4000, 0, 110)
        );
        assert_eq!(Node::read(&json!({})).unwrap_err().path, "metadata.name");
    }
}
