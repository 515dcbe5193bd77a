//! Nodes that are no longer needed.

use std::sync::Arc;

use super::scale_out::best;
use super::{Action, Autoscaler, View};
use crate::scheduling::{Needs, NodeRoom, Nodes};
use crate::time::Millis;

/// For how long after a node could not be emptied nothing is given up (`--scale-down-delay-after-failure`).
const AFTER_FAILURE: Millis = Millis(180_000);

impl Autoscaler {
    /// Empty nodes go together, of those with pods one at a time.
    pub(super) fn scale_in(&mut self, view: View<'_>) -> Vec<Action> {
        self.update_unneeded(view);
        let rests = |since: Option<Millis>, span| since.is_some_and(|since| view.now < since + span);
        if rests(self.last_added, self.settings.after_add) || rests(self.last_failed, AFTER_FAILURE) {
            return Vec::new();
        }
        let since = self.unneeded_since.iter();
        let ripe: Vec<String> = since
            .filter(|(_, since)| view.now >= **since + self.settings.unneeded)
            .map(|(name, _)| name.clone())
            .collect();
        let mut actions = Vec::new();
        let mut is_draining = !self.leaving.is_empty();
        for name in ripe {
            let evict: Vec<u64> = view
                .nodes
                .named(&name)
                .map(|room| room.pods().map(|(key, _)| key).collect())
                .unwrap_or_default();
            let group = self.members.get(&name).copied();
            let may_shrink = group.is_some_and(|group| self.may_shrink(group));
            if !may_shrink || (is_draining && !evict.is_empty()) {
                continue;
            }
            is_draining |= !evict.is_empty();
            self.unneeded_since.remove(&name);
            self.leaving.insert(name.clone());
            actions.push(Action::Remove { node: name, evict });
        }
        actions
    }

    /// Which nodes could go, one after the other: the pods of one must not count on the room of another that goes too.
    fn update_unneeded(&mut self, view: View<'_>) {
        let mut left = view.nodes.clone();
        for name in &self.leaving {
            left.remove(name);
        }
        let names: Vec<String> = self.members.keys().cloned().collect();
        for name in names {
            let room = view.nodes.named(&name).filter(|_| !self.leaving.contains(&name));
            let group = self.members.get(&name).copied();
            let may_shrink = group.is_some_and(|group| self.may_shrink(group));
            let is_idle = room.is_some_and(|room| is_idle(room, self.settings.utilisation_percent));
            if may_shrink && is_idle && could_go(&name, &mut left, view.may_evict) {
                self.unneeded_since.entry(name).or_insert(view.now);
            } else {
                self.unneeded_since.remove(&name);
            }
        }
    }

    fn may_shrink(&self, group: usize) -> bool {
        self.groups
            .get(group)
            .is_some_and(|known| self.size(group) > known.min)
    }

    /// Since when a node has been unneeded.
    pub fn unneeded_since(&self, node: &str) -> Option<Millis> {
        self.unneeded_since.get(node).copied()
    }
}

fn is_idle(room: &NodeRoom, percent: u8) -> bool {
    let (taken, allocatable) = (&room.taken().exact, &room.node().allocatable);
    [(taken.cpu, allocatable.cpu), (taken.memory, allocatable.memory)]
        .into_iter()
        .all(|(taken, all)| taken == 0 || i128::from(taken) * 100 < i128::from(percent) * i128::from(all))
}

/// Moves the pods of a node elsewhere. Where one has no place, everything stays as it was.
fn could_go(name: &str, left: &mut Nodes, may_evict: &dyn Fn(&[u64]) -> bool) -> bool {
    let Some(room) = left.named(name) else {
        return false;
    };
    let node = room.node().clone();
    let pods: Vec<(u64, Arc<Needs>)> = room.pods().map(|(key, needs)| (key, Arc::clone(needs))).collect();
    let keys: Vec<u64> = pods.iter().map(|(key, _)| *key).collect();
    if !keys.is_empty() && !may_evict(&keys) {
        return false;
    }
    left.remove(name);
    let fits = pods.iter().all(|(key, needs)| {
        let place = best(left, needs);
        if let Some(place) = place {
            left.assume(*key, Arc::clone(needs), place);
        }
        place.is_some()
    });
    if !fits {
        let id = left.put(node);
        for (key, needs) in pods {
            left.assume(key, needs, id);
        }
    }
    fits
}
