//! Which nodes share a value of a topology key.

use std::collections::BTreeMap;

use super::node::NodeRoom;

/// The domains of one topology key.
#[derive(Debug, Clone, Default)]
pub(super) struct Domains {
    /// The domain of each node by slot; `None` where the node lacks the key.
    of_slot: Vec<Option<usize>>,
    len: usize,
}

impl Domains {
    pub(super) fn of(key: &str, slots: &[Option<NodeRoom>]) -> Self {
        let mut values: BTreeMap<&str, usize> = BTreeMap::new();
        let mut of_slot = Vec::with_capacity(slots.len());
        for room in slots {
            let value = room.as_ref().and_then(|room| room.node.labels.get(key));
            of_slot.push(value.map(|value| {
                let next = values.len();
                *values.entry(value).or_insert(next)
            }));
        }
        Self {
            of_slot,
            len: values.len(),
        }
    }

    /// The domain of a node.
    pub(super) fn at(&self, slot: usize) -> Option<usize> {
        self.of_slot.get(slot).copied().flatten()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The sums of what the nodes have, by domain.
    pub(super) fn sums(&self, by_slot: &[u32]) -> Vec<i64> {
        let mut sums = vec![0; self.len];
        for (domain, count) in self.of_slot.iter().zip(by_slot) {
            if let Some(sum) = domain.and_then(|domain| sums.get_mut(domain)) {
                *sum += i64::from(*count);
            }
        }
        sums
    }
}

/// The domains of every key that was asked for, until a node changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Topology(BTreeMap<String, Domains>);

impl Topology {
    pub(super) fn learn<'k>(&mut self, keys: impl Iterator<Item = &'k str>, slots: &[Option<NodeRoom>]) {
        for key in keys {
            if !self.0.contains_key(key) {
                self.0.insert(key.to_owned(), Domains::of(key, slots));
            }
        }
    }

    pub(super) fn of(&self, key: &str) -> Option<&Domains> {
        self.0.get(key)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
