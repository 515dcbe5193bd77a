//! A cluster autoscaler: nodes come for pods that fit nowhere, and go once they are hardly used.
//!
//! ```text
//!   pending pods --scale_out--> Add: a node of the first group, in the order given, that would take the pod
//!   idle nodes  --scale_in---> Remove: below the threshold for long enough, pods fit elsewhere and may be evicted
//! ```
//!
//! It decides and remembers; the caller adds the nodes when their time has come and removes those that are given up.
//! The rules are cluster-autoscaler's defaults; the choice of the group is by order, as a priority expander's.

mod scale_in;
mod scale_out;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::scheduling::{Needs, Node, Nodes};
use crate::time::Millis;

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroup {
    /// Its name; its nodes are `name-1`, `name-2` and so on, and no number comes twice.
    pub name: String,
    /// What its nodes are like. Each gets a name and the label `kubernetes.io/hostname` of its own.
    pub template: Node,
    /// It never has fewer.
    pub min: usize,
    /// It never has more, those that are coming included.
    pub max: usize,
    /// From the decision until the node is there.
    pub delay: Millis,
}

/// When nodes are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleInSettings {
    /// A node is idle where requests take less than so many percent of its cpu and of its memory
    /// (`--scale-down-utilization-threshold`).
    pub utilisation_percent: u8,
    /// For how long it must have been (`--scale-down-unneeded-time`).
    pub unneeded: Millis,
    /// For how long after the last addition nothing is given up (`--scale-down-delay-after-add`).
    pub after_add: Millis,
}

impl Default for ScaleInSettings {
    fn default() -> Self {
        Self {
            utilisation_percent: 50,
            unneeded: Millis(600_000),
            after_add: Millis(600_000),
        }
    }
}

/// What the autoscaler sees.
#[derive(Clone, Copy)]
pub struct View<'v> {
    /// The time.
    pub now: Millis,
    /// The pods that the scheduler found no node for, in the order in which it tries them.
    pub pending: &'v [Arc<Needs>],
    /// The nodes that are there, with their pods.
    pub nodes: &'v Nodes,
    /// Whether each of these pods may be evicted now, if perhaps not all at once: their budgets allow it, and they have a
    /// controller.
    pub may_evict: &'v dyn Fn(&[u64]) -> bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A node is to be there at a time.
    Add {
        /// The group it is of.
        group: String,
        /// The node.
        node: Node,
        /// When.
        at: Millis,
    },
    /// A node is to be cordoned, drained and removed.
    Remove {
        /// Its name.
        node: String,
        /// The pods to evict first.
        evict: Vec<u64>,
    },
}

/// The autoscaler and its memory.
#[derive(Debug, Clone)]
pub struct Autoscaler {
    groups: Vec<NodeGroup>,
    settings: ScaleInSettings,
    /// The group of each node that it looks after, by index.
    members: BTreeMap<String, usize>,
    coming: BTreeMap<String, Node>,
    leaving: BTreeSet<String>,
    unneeded_since: BTreeMap<String, Millis>,
    last_added: Option<Millis>,
    last_failed: Option<Millis>,
    numbers: BTreeMap<usize, u64>,
}

impl Autoscaler {
    /// An autoscaler of these groups. The order is the meaning: the first group that would take a pod gets the node.
    pub fn new(groups: Vec<NodeGroup>, settings: ScaleInSettings) -> Self {
        Self {
            groups,
            settings,
            members: BTreeMap::new(),
            coming: BTreeMap::new(),
            leaving: BTreeSet::new(),
            unneeded_since: BTreeMap::new(),
            last_added: None,
            last_failed: None,
            numbers: BTreeMap::new(),
        }
    }

    /// Tells it of a node that was there before it. False where there is no such group.
    pub fn adopt(&mut self, node: &str, group: &str) -> bool {
        let found = self.groups.iter().position(|known| known.name == group);
        if let Some(group) = found {
            self.members.insert(node.to_owned(), group);
            let number = node.rsplit('-').next().and_then(|number| number.parse().ok());
            let highest = self.numbers.entry(group).or_default();
            *highest = number.unwrap_or(0).max(*highest);
        }
        found.is_some()
    }

    /// What to do now. Groups below their minimum are filled up first. Nodes that were asked for count until they are
    /// seen; a member that vanished is forgotten. Call it every ten seconds, as the real one looks.
    pub fn decide(&mut self, view: View<'_>) -> Vec<Action> {
        self.look(view.nodes);
        let mut actions = self.scale_out(view);
        actions.extend(self.scale_in(view));
        actions
    }

    /// A node that was to go stays: its pods could not be evicted.
    pub fn keep(&mut self, node: &str, now: Millis) {
        self.leaving.remove(node);
        self.last_failed = Some(now);
    }

    fn look(&mut self, nodes: &Nodes) {
        self.coming.retain(|name, _| nodes.id(name).is_none());
        self.leaving.retain(|name| nodes.id(name).is_some());
        let coming = &self.coming;
        self.members
            .retain(|name, _| coming.contains_key(name) || nodes.id(name).is_some());
        self.unneeded_since.retain(|name, _| nodes.id(name).is_some());
    }

    /// How many nodes a group has, those that come included and those that leave not.
    fn size(&self, group: usize) -> usize {
        let stays = |(name, of): &(&String, &usize)| **of == group && !self.leaving.contains(*name);
        self.members.iter().filter(stays).count()
    }
}

#[cfg(test)]
mod tests;
