//! The pods of the world, and which spread has each.

use std::collections::BTreeMap;

use kube_rules::time::UnixMillis;
use placement_core::facts::PodFacts;
use slab::Slab;

use super::assumed::{LONGEST_WAIT_MILLIS, wait};
use super::moves::{Arrival, is_stir};
use super::pulse::News;
use super::{Assumed, SpreadId, World};
use crate::moments::{ahead, is_recent};
use crate::record::PodRecord;

/// A pod, and what is on its way to it.
#[derive(Debug)]
pub(crate) struct KnownPod {
    pub(crate) record: PodRecord,
    /// In which order pods were seen first, where their times of creation are the same.
    pub(crate) sequence: u64,
    /// The spread that has it.
    pub(crate) spread: Option<SpreadId>,
    /// The subset that its node says, where it carries one that its rule does not have.
    pub(crate) by_node: Option<String>,
    pub(crate) assumed: Option<Assumed>,
    /// How often the API server refused a write to it.
    pub(crate) refusals: u32,
    /// How often nobody knew what became of a write to it.
    pub(crate) unknowns: u32,
    pub(crate) retry_at: Option<UnixMillis>,
    pub(crate) overwritten: Overwritten,
    /// Since when the scheduler finds no node for it, as far as this process saw it happen.
    pub(crate) waits_since: Option<UnixMillis>,
}

/// How often somebody else wrote another deletion cost over ours: two writers that correct each other must not do so
/// as fast as they can.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overwritten {
    /// So often.
    pub(crate) times: u32,
    /// The cost that we wrote last, and when it was seen.
    ours: Option<(i32, UnixMillis)>,
    /// How often in a row ours did not last.
    in_a_row: u32,
    /// When it may be corrected again.
    due: UnixMillis,
}

/// Whoever lets a cost of ours stand for so long does not answer each of our writes: he writes now and then, and is
/// corrected at once.
const LASTED_MILLIS: i64 = 10_000;

impl Overwritten {
    /// Until when its cost is left alone.
    pub(crate) fn waits_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        ahead(self.due, now, LONGEST_WAIT_MILLIS)
    }

    fn look(&mut self, cost: Option<i32>, now: UnixMillis) {
        let Some((_, since)) = self.ours.filter(|(ours, _)| Some(*ours) != cost) else {
            return;
        };
        self.ours = None;
        self.times = self.times.saturating_add(1);
        if is_recent(since, now, LASTED_MILLIS) {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.due = now.plus(wait(self.in_a_row));
        } else {
            self.in_a_row = 0;
            self.due = now;
        }
    }
}

impl KnownPod {
    /// What counting needs, with what is assumed.
    pub(crate) fn facts(&self) -> PodFacts<'_> {
        let mut facts = self.record.facts();
        facts.spread = self.spread.as_ref().map(|spread| spread.name.as_str());
        facts.subset = self.by_node.as_deref().or(facts.subset);
        match &self.assumed {
            Some(Assumed::Bound { subset, cost, .. } | Assumed::Moved { subset, cost }) => {
                facts.subset = Some(subset);
                facts.cost = cost.or(facts.cost);
                facts.has_our_cost |= cost.is_some();
            }
            Some(Assumed::Adopted { subset }) => facts.subset = Some(subset),
            Some(Assumed::Costs(cost)) => {
                facts.cost = Some(*cost);
                facts.has_our_cost = true;
            }
            Some(Assumed::Deleted | Assumed::Recreated) => facts.terminating = true,
            // A budget may refuse an eviction.
            Some(Assumed::Released | Assumed::Evicted) | None => {}
        }
        facts
    }

    /// Whether it waits and nobody is opening its gate yet.
    pub(crate) fn is_gated(&self) -> bool {
        self.record.gated && self.assumed.is_none()
    }

    /// Whether nobody knows what became of the last write, and it is time to try it again.
    pub(crate) fn is_to_be_retried(&self, now: UnixMillis) -> bool {
        self.assumed.is_some() && self.retry_at.is_some() && self.waits_until(now).is_none()
    }

    /// Until when nothing is tried again with it.
    pub(crate) fn waits_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        ahead(self.retry_at?, now, LONGEST_WAIT_MILLIS)
    }

    /// Forgets what was tried with it.
    pub(super) fn forget_attempts(&mut self) {
        self.assumed = None;
        self.refusals = 0;
        self.unknowns = 0;
        self.retry_at = None;
    }

    /// Whether something may be written to it now.
    pub(crate) fn is_free(&self, now: UnixMillis) -> bool {
        self.assumed.is_none() && self.waits_until(now).is_none()
    }
}

/// The pods by their place and by their uid. Walking the pods of a spread compares no texts.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    places: Slab<KnownPod>,
    by_uid: BTreeMap<String, usize>,
}

impl Pods {
    pub(crate) fn named_mut(&mut self, uid: &str) -> Option<&mut KnownPod> {
        self.places.get_mut(*self.by_uid.get(uid)?)
    }

    pub(crate) fn place(&self, uid: &str) -> Option<usize> {
        self.by_uid.get(uid).copied()
    }

    pub(crate) fn at(&self, place: usize) -> Option<&KnownPod> {
        self.places.get(place)
    }

    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut KnownPod> {
        self.places.get_mut(place)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut KnownPod> {
        self.places.iter_mut().map(|(_, pod)| pod)
    }

    pub(super) fn all_places(&self) -> Vec<usize> {
        self.places.iter().map(|(place, _)| place).collect()
    }

    fn insert(&mut self, pod: KnownPod) -> usize {
        let uid = pod.record.uid.clone();
        let place = self.places.insert(pod);
        self.by_uid.insert(uid, place);
        place
    }

    fn remove(&mut self, uid: &str) -> Option<(usize, KnownPod)> {
        let place = self.by_uid.remove(uid)?;
        Some((place, self.places.try_remove(place)?))
    }
}

impl World {
    pub(crate) fn pods_of(&self, id: &SpreadId) -> impl Iterator<Item = &KnownPod> {
        let places = self.by_spread.get(id);
        places
            .into_iter()
            .flatten()
            .filter_map(|place| self.pods.at(*place))
    }

    pub(super) fn take_pod(&mut self, record: PodRecord, now: UnixMillis) -> Vec<SpreadId> {
        if let Some(place) = self.pods.place(&record.uid) {
            let Some(known) = self.pods.places.get_mut(place) else {
                return Vec::new();
            };
            let is_older =
                matches!((record.version, known.record.version), (Some(new), Some(old)) if new < old);
            if is_older || known.record == record {
                return Vec::new();
            }
            match &known.assumed {
                Some(assumed) if assumed.is_seen_in(&record) => {
                    known.overwritten.ours = match assumed {
                        Assumed::Costs(cost) => Some((*cost, now)),
                        _ => None,
                    };
                    known.forget_attempts();
                }
                _ => known.overwritten.look(record.cost, now),
            }
            known.waits_since = record
                .unschedulable_since
                .map(|_| known.waits_since.unwrap_or(now));
            let is_stir = is_stir(&known.record, &record);
            let news = News::between(Some(&known.record), Some(&record));
            let has_left = self.rooms.note(Some(&known.record), Some(&record), now);
            known.record = record;
            let spread = known.spread.clone();
            if let Some(spread) = &spread {
                self.feel(spread, news, now);
            }
            let mut dirty = self.assign_seen(place);
            self.wait_for_node(place);
            if is_stir {
                self.stirs(place, Arrival::Known, now);
            }
            if has_left {
                dirty.extend(self.waits_for_room());
            }
            return dirty;
        }
        self.rooms.note(None, Some(&record), now);
        self.sequence += 1;
        // Seen for the first time, it may wait for long: only its own times tell.
        let waits_since = record
            .unschedulable_since
            .map(|at| at.max(record.created).min(now));
        let place = self.pods.insert(KnownPod {
            record,
            sequence: self.sequence,
            spread: None,
            by_node: None,
            assumed: None,
            refusals: 0,
            unknowns: 0,
            retry_at: None,
            overwritten: Overwritten::default(),
            waits_since,
        });
        let dirty = self.assign_seen(place);
        self.wait_for_node(place);
        self.stirs(place, Arrival::New, now);
        if let Some(spread) = self.pods.at(place).and_then(|pod| pod.spread.clone()) {
            self.feel(&spread, News::default(), now);
        }
        dirty
    }

    fn assign_seen(&mut self, place: usize) -> Vec<SpreadId> {
        let mut dirty = self.assign(place);
        dirty.extend(self.look_at_renamed([place]));
        dirty.dedup();
        dirty
    }

    /// Forgets a pod that is no more; the spreads that it made dirty.
    pub(super) fn forget_pod(&mut self, uid: &str, now: UnixMillis) -> Vec<SpreadId> {
        let Some((place, pod)) = self.pods.remove(uid) else {
            return Vec::new();
        };
        self.strangers.remove(place);
        self.lost.remove(&place);
        if let Some(node) = &pod.record.node
            && let Some(waiting) = self.waiting_for_node.get_mut(node)
        {
            waiting.remove(&place);
            if waiting.is_empty() {
                self.waiting_for_node.remove(node);
            }
        }
        let mut dirty = Vec::new();
        if self.rooms.note(Some(&pod.record), None, now) {
            dirty = self.waits_for_room();
        }
        if let Some(spread) = pod.spread {
            self.feel(&spread, News::between(Some(&pod.record), None), now);
            if let Some(moves) = self.moves.get_mut(&spread) {
                moves.lost(uid, now);
            }
            self.leave(&spread, place);
            dirty.push(spread);
        }
        dirty
    }

    /// Puts a pod below the spread that has it; the spreads whose pods changed.
    pub(super) fn assign(&mut self, place: usize) -> Vec<SpreadId> {
        let Some(known) = self.pods.at(place) else {
            return Vec::new();
        };
        let found = self.spread_of(&known.record);
        let before = known.spread.clone();
        // Its gate must be opened one day also if no rule ever means it.
        let nobodys = || {
            known
                .record
                .gated
                .then(|| SpreadId::nobodys(&known.record.namespace))
        };
        let after = found.clone().or_else(nobodys);
        match &found {
            None if self.rules.are_in(&known.record.namespace) => self.strangers.insert(place, &known.record),
            _ => self.strangers.remove(place),
        }
        if before == after {
            return after.into_iter().collect();
        }
        if let Some(spread) = &after {
            self.by_spread.entry(spread.clone()).or_default().insert(place);
        }
        if let Some(before) = &before {
            self.leave(before, place);
        }
        if let Some(known) = self.pods.places.get_mut(place) {
            known.spread.clone_from(&after);
        }
        after.into_iter().chain(before).collect()
    }

    /// Remembers a pod that runs without a subset on a node which was not seen yet.
    fn wait_for_node(&mut self, place: usize) {
        let Some(pod) = self.pods.at(place).map(|pod| &pod.record) else {
            return;
        };
        if let Some(node) = pod.node.as_ref().filter(|_| pod.subset.is_none())
            && !self.nodes.contains_key(node)
        {
            self.waiting_for_node
                .entry(node.clone())
                .or_default()
                .insert(place);
        }
    }

    /// The spreads of pods that run on a node without a subset: what it is of may be told now that the node is known.
    pub(super) fn waited_for_node(&mut self, node: &str) -> Vec<SpreadId> {
        let waiting = self.waiting_for_node.remove(node).unwrap_or_default();
        let pods = waiting.into_iter().filter_map(|place| self.pods.at(place));
        let there =
            pods.filter(|pod| pod.record.subset.is_none() && pod.record.node.as_deref() == Some(node));
        there.filter_map(|pod| pod.spread.clone()).collect()
    }

    fn leave(&mut self, spread: &SpreadId, place: usize) {
        if let Some(places) = self.by_spread.get_mut(spread) {
            places.remove(&place);
            if places.is_empty() {
                self.by_spread.remove(spread);
                self.forget_if_gone(spread);
            }
        }
    }
}
