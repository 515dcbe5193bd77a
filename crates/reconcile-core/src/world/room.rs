//! Room on nodes: what the pods that are known take of them, and when a node got roomier.
//!
//! Not every pod of a cluster is known here, so a node has less room than these sums say, never more: they tell that a pod
//! may fit, and prove only that it does not.

use std::collections::BTreeMap;

use kube_rules::nodes::{Resources, Taint, Term, Toleration, untolerated};
use kube_rules::time::UnixMillis;
use rules::{Spread, Subset};
use serde_json::Value;

use super::{KnownPod, SpreadId, Stage, World};
use crate::record::{NodeRecord, Phase, PodRecord, WorkloadRecord};

/// What is known of each node's room, by its name.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<String, Room>,
    /// Whether room may have come free that nobody saw.
    is_stale: bool,
}

/// What is known of a node's room.
#[derive(Clone, Debug, Default)]
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

    /// A node of a subset that may take the successor of a pod: one that its controller makes anew, and that goes there.
    pub(crate) fn node_for_successor(
        &self,
        spread: &Spread,
        subset: &Subset,
        pod: &KnownPod,
        template: &WorkloadRecord,
    ) -> Option<&str> {
        let overlay = subset.overlay();
        let patched = |field: &str| overlay.patch()?.get("spec")?.get(field);
        let given = patched("tolerations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let given = given.chain(overlay.tolerations()).map(Toleration::read);
        let tolerations: Vec<Toleration> = given.chain(template.tolerations.iter().cloned()).collect();
        let required = overlay.required().map(Term::read);
        // A patch of the same fields may replace what the pod wishes.
        let has_own_wishes = patched("nodeSelector").is_none() && patched("affinity").is_none();
        let id = SpreadId::of(spread);
        let is_apart = |node: &str| {
            let is_there = |other: &KnownPod| other.record.node.as_deref() == Some(node);
            !pod.record.keeps_apart || !self.pods_of(&id).any(is_there)
        };
        let takes = |node: &&NodeRecord| {
            !node.is_cordoned
                && !node.is_unready
                && required.as_ref().is_none_or(|term| term.selects(node.facts()))
                && (!has_own_wishes || template.wishes.selects(node.facts()))
                && untolerated(&node.taints, &tolerations).is_none()
                && is_apart(&node.name)
                && self
                    .room_with_journeys(&node.name)
                    .may_take(node, &pod.record.requests)
        };
        self.nodes.values().find(takes).map(|node| node.name.as_str())
    }

    /// What is taken of a node, also by pods that are on their way home to it.
    fn room_with_journeys(&self, node: &str) -> Room {
        let mut room = self.rooms.rooms.get(node).cloned().unwrap_or_default();
        let journeys = self.moves.values().filter_map(|moves| moves.last.as_ref());
        for journey in journeys.filter(|journey| journey.stage != Stage::Over && journey.node == node) {
            room.used.add(&journey.requests);
            room.pods += 1;
        }
        room
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
            || (before.is_unready && !self.is_unready)
            || before.taints.iter().any(is_gone)
            || before.labels != self.labels
    }
}
