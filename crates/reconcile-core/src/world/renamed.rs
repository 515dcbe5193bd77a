//! Pods of a subset that their rule has no more: it was given another name, most often.
//!
//! Such a pod is of the subset that its node fits best, and counts there from the moment that its rule changed: were its
//! place free until its label is written anew, another pod would be sent there.

use std::collections::BTreeMap;

use placement_core::ladder::Ladder;
use placement_core::observe::Desired;
use placement_core::{Closed, Taken, observe};
use rules::{Spread, SubsetIx};
use serde_json::json;

use super::{KnownPod, SpreadId, World};
use crate::adopt::best;
use crate::ledger::replicas;
use crate::record::NodeRecord;

impl World {
    /// Looks at pods whose subset their rule may not have; the spreads of those that were put elsewhere.
    pub(super) fn look_at_renamed(&mut self, places: impl IntoIterator<Item = usize>) -> Vec<SpreadId> {
        let mut lost: BTreeMap<SpreadId, Vec<usize>> = BTreeMap::new();
        for place in places {
            match self.pods.at(place).map(|pod| self.is_lost(pod)) {
                Some(Some(spread)) => lost.entry(spread).or_default().push(place),
                Some(None) => {
                    self.lost.remove(&place);
                    self.put(place, None);
                }
                None => {}
            }
        }
        let mut dirty = Vec::new();
        for (spread, places) in lost {
            let found = self.by_nodes(&spread, &places);
            if found.iter().any(|(_, subset)| subset.is_some()) {
                dirty.push(spread);
            }
            for (place, subset) in found {
                // A node that comes later may still say where it is.
                if subset.is_some() {
                    self.lost.remove(&place);
                } else {
                    self.lost.insert(place);
                }
                self.put(place, subset);
            }
        }
        dirty
    }

    /// The same for the pods on a node that was not known before.
    pub(super) fn look_at_renamed_on(&mut self, node: &str) -> Vec<SpreadId> {
        let is_there = |place: &usize| {
            let pod = self.pods.at(*place);
            pod.is_some_and(|pod| pod.record.node.as_deref() == Some(node))
        };
        let there: Vec<usize> = self.lost.iter().copied().filter(is_there).collect();
        self.look_at_renamed(there)
    }

    /// The spread of a pod that carries a subset which its rule does not have, and for which none was found yet.
    fn is_lost(&self, pod: &KnownPod) -> Option<SpreadId> {
        let id = pod.spread.as_ref()?;
        let rule = self.rule(id)?;
        let has = |name: &String| rule.spread.subset_named(name).is_some();
        let is_known = pod.record.subset.as_ref().is_none_or(has) || pod.record.gated;
        let is_found = pod.by_node.as_ref().is_some_and(has);
        (!is_known && !is_found && pod.record.is_active()).then(|| id.clone())
    }

    fn by_nodes(&self, id: &SpreadId, places: &[usize]) -> Vec<(usize, Option<String>)> {
        let Some(rule) = self.rule(id) else {
            return Vec::new();
        };
        let (spread, closed) = (&rule.spread, Closed::none());
        let replicas = replicas(self, spread);
        let ladder = Ladder::new(spread, replicas.unwrap_or(0), &closed);
        let desired = Desired {
            workload: replicas,
            revision: None,
        };
        let mut taken = observe(spread, None, desired, self.pods_of(id).map(KnownPod::facts)).taken;
        let mut found = Vec::new();
        for place in places {
            let node = self.pods.at(*place).and_then(|pod| pod.record.node.as_ref());
            let node = node.and_then(|node| self.nodes.get(node));
            let subset = node.and_then(|node| of_node(spread, &ladder, &taken, node));
            if let Some(subset) = subset {
                taken.add(subset);
            }
            let name = subset.and_then(|subset| spread.subset(subset));
            found.push((*place, name.map(|subset| subset.name().to_owned())));
        }
        found
    }

    fn put(&mut self, place: usize, subset: Option<String>) {
        let known = self.pods.at(place).and_then(|pod| pod.by_node.as_ref());
        if known != subset.as_ref()
            && let Some(pod) = self.pods.at_mut(place)
        {
            pod.by_node = subset;
        }
    }
}

/// The subset that a node fits best, going by the subset's own tolerations first. A pod may tolerate more by itself, and
/// nothing else of it is kept: it runs there already.
fn of_node(spread: &Spread, ladder: &Ladder<'_>, taken: &Taken, node: &NodeRecord) -> Option<SubsetIx> {
    let tolerant = json!({ "spec": { "tolerations": [{ "operator": "Exists" }] } });
    best(spread, ladder, taken, node, &json!({})).or_else(|| best(spread, ladder, taken, node, &tolerant))
}
