//! Room on nodes: what the pods that are known take of them, and when a node got roomier.
//!
//! Not every pod of a cluster is known here, so a node has less room than these sums say, never more: they tell that a pod
//! may fit, and prove only that it does not.

use std::collections::BTreeMap;

use placement_core::nodes::{Resources, Taint, Term, Toleration, untolerated};
use placement_core::spread::Subset;
use placement_core::time::UnixMillis;

use super::{SpreadId, World};
use crate::record::{NodeRecord, Phase, PodRecord};

/// What is known of each node's room, by its name.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// Whether room may have come free that nobody saw.
    is_stale: bool,
}

/// What is known of a node's room.
#[derive(Debug, Default)]
struct Room {
    used: Resources,
    pods: u64,
    /// When it last could take more than before: it joined, a pod left it, a taint went.
    roomier_at: Option<UnixMillis>,
}

/// What a pod needs of a node, beside the term of a subset.
pub(crate) struct Need<'a> {
    pub(crate) requests: &'a Resources,
    /// Beside those that the subset gives.
    pub(crate) tolerations: &'a [Toleration],
}

impl Rooms {
    /// Takes that a pod came, changed or went; whether a place came free.
    pub(super) fn note(
        &mut self,
        before: Option<&PodRecord>,
        after: Option<&PodRecord>,
        now: UnixMillis,
    ) -> bool {
        fn stands(pod: &PodRecord) -> Option<(&str, &Resources)> {
            let node = pod.node.as_deref().filter(|_| pod.phase != Phase::Finished);
            node.map(|node| (node, &pod.requests))
        }
        let (left, came) = (before.and_then(stands), after.and_then(stands));
        if left == came {
            return false;
        }
        if let Some((node, requests)) = came {
            let room = self.rooms.entry(node.to_owned()).or_default();
            room.used.add(requests);
            room.pods += 1;
        }
        let Some((node, requests)) = left else {
            return false;
        };
        if let Some(room) = self.rooms.get_mut(node) {
            room.leave(requests, now);
        }
        true
    }

    /// Nobody who led saw what came free before.
    pub(super) fn grow_stale(&mut self) {
        self.is_stale = true;
    }

    /// Takes it that every node got roomier, where room may have come free unseen; whether that is so.
    pub(super) fn freshen(&mut self, now: UnixMillis) -> bool {
        let is_stale = core::mem::take(&mut self.is_stale);
        if is_stale {
            for room in self.rooms.values_mut() {
                room.roomier_at = Some(now);
            }
        }
        is_stale
    }

    /// Forgets what is known of nodes that are no more once their pods are gone as well.
    fn forget(&mut self, name: &str) {
        if self.rooms.get(name).is_some_and(|room| room.pods == 0) {
            self.rooms.remove(name);
        }
    }
}

impl Room {
    fn leave(&mut self, requests: &Resources, now: UnixMillis) {
        self.used.subtract(requests);
        self.pods = self.pods.saturating_sub(1);
        self.roomier_at = Some(now);
    }

    fn may_take(&self, node: &NodeRecord, requests: &Resources) -> bool {
        let mut wanted = self.used.clone();
        wanted.add(requests);
        node.allocatable.as_ref().is_none_or(|all| all.covers(&wanted))
            && node.pods.is_none_or(|most| self.pods < most)
    }
}

impl World {
    /// When a node that may take such a pod of a subset last got roomier, if that was after a moment.
    pub(crate) fn roomier(&self, subset: &Subset, need: &Need<'_>, after: UnixMillis) -> Option<UnixMillis> {
        let overlay = subset.overlay();
        let mut looked_for = None;
        let fresh = self.rooms.rooms.iter().filter_map(|(name, room)| {
            let at = room.roomier_at.filter(|at| *at > after)?;
            let node = self.nodes.get(name)?;
            let (term, tolerations) = looked_for.get_or_insert_with(|| {
                let given = overlay.tolerations().iter().map(Toleration::read);
                let all: Vec<Toleration> = given.chain(need.tolerations.iter().cloned()).collect();
                (overlay.required().map(Term::read), all)
            });
            let takes = !node.is_cordoned
                && term.as_ref().is_none_or(|term| term.selects(node.facts()))
                && untolerated(&node.taints, tolerations).is_none()
                && room.may_take(node, need.requests);
            takes.then_some(at)
        });
        fresh.max()
    }

    /// Takes a node as it is now; the spreads that may have room for pods again.
    pub(super) fn take_node(&mut self, node: NodeRecord, now: UnixMillis) -> Vec<SpreadId> {
        let name = node.name.clone();
        let roomier_at = match self.nodes.get(&name) {
            // What is listed for the first time joined when it was created.
            None => Some(node.created.min(now)),
            Some(before) => node.is_roomier_than(before).then_some(now),
        };
        self.nodes.insert(name.clone(), node);
        let Some(at) = roomier_at else {
            return Vec::new();
        };
        let room = self.rooms.rooms.entry(name).or_default();
        room.roomier_at = room.roomier_at.max(Some(at));
        self.waits_for_room()
    }

    pub(super) fn forget_node(&mut self, name: &str) {
        self.nodes.remove(name);
        self.rooms.forget(name);
    }

    /// The spreads that may have room for pods again once a node has.
    pub(super) fn waits_for_room(&self) -> Vec<SpreadId> {
        self.closings.keys().cloned().collect()
    }
}

impl NodeRecord {
    /// Whether it may take pods that it did not take before.
    fn is_roomier_than(&self, before: &Self) -> bool {
        let is_gone = |taint: &Taint| !self.taints.contains(taint);
        let has_more = match (&before.allocatable, &self.allocatable) {
            (Some(before), Some(now)) => !before.covers(now),
            (before, now) => before != now,
        };
        has_more
            || self.pods > before.pods
            || (before.is_cordoned && !self.is_cordoned)
            || before.taints.iter().any(is_gone)
            || before.labels != self.labels
    }
}
