//! The nodes, the pods assumed on them, and what is remembered of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::domains::Topology;
use super::needs::Needs;
use super::node::{Node, NodeRoom, Placed};
use super::tallies::Tallies;
use super::verdicts::Verdicts;

/// Where a node is kept. It stays the same until the node is removed; then another may get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(super) usize);

/// All nodes. [`choose`](Self::choose) finds one for a pod; nothing is taken there until the pod is assumed.
#[derive(Debug, Clone, Default)]
pub struct Nodes {
    pub(super) slots: Vec<Option<NodeRoom>>,
    pub(super) verdicts: Verdicts,
    pub(super) tallies: Tallies,
    pub(super) topology: Topology,
    by_name: BTreeMap<String, NodeId>,
    on: BTreeMap<u64, NodeId>,
}

impl Nodes {
    /// Adds a node, or changes the one of that name. Pods stay, even where they would not fit any more.
    pub fn put(&mut self, node: Node) -> NodeId {
        let known = self.by_name.get(&node.name).copied();
        let id = known.unwrap_or_else(|| {
            let free = self.slots.iter().position(Option::is_none);
            NodeId(free.unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            }))
        });
        self.by_name.insert(node.name.clone(), id);
        self.changed(id);
        if let Some(slot) = self.slots.get_mut(id.0) {
            match slot {
                Some(room) => room.replace(node),
                None => *slot = Some(NodeRoom::empty(node)),
            }
        }
        id
    }

    /// Removes a node and returns the keys of the pods that were on it.
    pub fn remove(&mut self, name: &str) -> Vec<u64> {
        let Some(id) = self.by_name.remove(name) else {
            return Vec::new();
        };
        self.changed(id);
        let Some(room) = self.slots.get_mut(id.0).and_then(Option::take) else {
            return Vec::new();
        };
        for (key, placed) in &room.pods {
            self.on.remove(key);
            self.tallies.remove(id.0, placed);
        }
        room.pods.into_keys().collect()
    }

    /// Cordons or uncordons a node: whether new pods may come. False where there is no such node.
    pub fn cordon(&mut self, name: &str, unschedulable: bool) -> bool {
        let Some(mut node) = self.named(name).map(|room| room.node.clone()) else {
            return false;
        };
        node.unschedulable = unschedulable;
        self.put(node);
        true
    }

    /// Takes room for a pod on a node, fitting or not: the node was chosen, or somebody else bound the pod. A pod that is
    /// somewhere already moves.
    pub fn assume(&mut self, key: u64, needs: Arc<Needs>, node: NodeId) {
        self.forget(key);
        let Some(room) = self.slots.get_mut(node.0).and_then(Option::as_mut) else {
            return;
        };
        let placed = Placed {
            needs,
            is_terminating: false,
        };
        self.tallies.add(node.0, &placed);
        room.add(key, placed);
        self.on.insert(key, node);
    }

    /// Gives the room of a pod back, once it is finished or gone. False where it is on no node.
    pub fn forget(&mut self, key: u64) -> bool {
        let Some(node) = self.on.remove(&key) else {
            return false;
        };
        let room = self.slots.get_mut(node.0).and_then(Option::as_mut);
        let placed = room.and_then(|room| room.remove(key));
        if let Some(placed) = &placed {
            self.tallies.remove(node.0, placed);
        }
        placed.is_some()
    }

    /// A pod is being deleted: it still takes its room, but topology spread counts it no more.
    pub fn terminating(&mut self, key: u64) {
        let Some((node, room)) = self.on.get(&key).and_then(|node| {
            let room = self.slots.get_mut(node.0)?.as_mut()?;
            Some((node.0, room))
        }) else {
            return;
        };
        if let Some(placed) = room.pods.get_mut(&key) {
            self.tallies.remove(node, placed);
            placed.is_terminating = true;
            self.tallies.add(node, placed);
        }
    }

    /// The node that a pod is on.
    pub fn node_of(&self, key: u64) -> Option<NodeId> {
        self.on.get(&key).copied()
    }

    /// The id of a node.
    pub fn id(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// A node and its pods.
    pub fn get(&self, node: NodeId) -> Option<&NodeRoom> {
        self.slots.get(node.0)?.as_ref()
    }

    /// The same by name.
    pub fn named(&self, name: &str) -> Option<&NodeRoom> {
        self.get(self.id(name)?)
    }

    /// All nodes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &NodeRoom)> {
        self.by_name.values().filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    fn changed(&mut self, id: NodeId) {
        self.verdicts.forget(id.0);
        self.topology.forget();
    }
}
