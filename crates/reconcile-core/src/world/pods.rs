//! The pods of the world, and which spread has each.

use placement_core::facts::PodFacts;
use placement_core::time::UnixMillis;

use super::{Assumed, SpreadId, World};
use crate::record::PodRecord;

/// A pod, and what is on its way to it.
#[derive(Debug)]
pub(crate) struct KnownPod {
    pub(crate) record: PodRecord,
    /// In which order pods were seen first, where their times of creation are the same.
    pub(crate) sequence: u64,
    /// The spread that has it.
    pub(crate) spread: Option<SpreadId>,
    pub(crate) assumed: Option<Assumed>,
    /// How often the API server refused a write to it.
    pub(crate) refusals: u32,
    pub(crate) retry_at: Option<UnixMillis>,
}

impl KnownPod {
    /// What counting needs, with what is assumed.
    pub(crate) fn facts(&self) -> PodFacts<'_> {
        let mut facts = self.record.facts();
        facts.spread = self.spread.as_ref().map(|spread| spread.name.as_str());
        match &self.assumed {
            Some(Assumed::Bound { subset, cost }) => {
                facts.subset = Some(subset);
                facts.cost = cost.or(facts.cost);
            }
            Some(Assumed::Adopted { subset }) => facts.subset = Some(subset),
            Some(Assumed::Costs(cost)) => facts.cost = Some(*cost),
            Some(Assumed::Deleted) => facts.terminating = true,
            Some(Assumed::Released) | None => {}
        }
        facts
    }

    /// Whether it waits and nobody is opening its gate yet.
    pub(crate) fn is_gated(&self) -> bool {
        self.record.gated && self.assumed.is_none()
    }

    /// Whether nobody knows what became of the last write, and it is time to try it again.
    pub(crate) fn is_to_be_retried(&self, now: UnixMillis) -> bool {
        self.assumed.is_some() && self.retry_at.is_some_and(|at| at <= now)
    }

    /// Whether something may be written to it now.
    pub(crate) fn is_free(&self, now: UnixMillis) -> bool {
        self.assumed.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }
}

impl World {
    pub(crate) fn pods_of(&self, id: &SpreadId) -> impl Iterator<Item = &KnownPod> {
        let uids = self.by_spread.get(id);
        uids.into_iter().flatten().filter_map(|uid| self.pods.get(uid))
    }

    pub(super) fn take_pod(&mut self, record: PodRecord, now: UnixMillis) -> Vec<SpreadId> {
        let _ = now;
        let uid = record.uid.clone();
        if let Some(known) = self.pods.get_mut(&uid) {
            let is_older =
                matches!((record.version, known.record.version), (Some(new), Some(old)) if new < old);
            if is_older || known.record == record {
                return Vec::new();
            }
            if known
                .assumed
                .as_ref()
                .is_some_and(|assumed| assumed.is_seen_in(&record))
            {
                known.assumed = None;
                known.refusals = 0;
                known.retry_at = None;
            }
            known.record = record;
        } else {
            self.sequence += 1;
            let known = KnownPod {
                record,
                sequence: self.sequence,
                spread: None,
                assumed: None,
                refusals: 0,
                retry_at: None,
            };
            self.pods.insert(uid.clone(), known);
        }
        self.assign(&uid)
    }

    pub(super) fn forget_pod(&mut self, uid: &str) -> Option<SpreadId> {
        self.strangers.remove(uid);
        let spread = self.pods.remove(uid)?.spread?;
        self.leave(&spread, uid);
        Some(spread)
    }

    /// Puts a pod below the spread that has it; the spreads whose pods changed.
    pub(super) fn assign(&mut self, uid: &str) -> Vec<SpreadId> {
        let Some(known) = self.pods.get(uid) else {
            return Vec::new();
        };
        let (before, after) = (known.spread.clone(), self.spread_of(&known.record));
        match &after {
            Some(spread) => {
                self.strangers.remove(uid);
                self.by_spread
                    .entry(spread.clone())
                    .or_default()
                    .insert(uid.to_owned());
            }
            None => {
                self.strangers.insert(uid.to_owned());
            }
        }
        let mut dirty: Vec<SpreadId> = after.iter().cloned().collect();
        if let Some(before) = before.filter(|before| Some(before) != after.as_ref()) {
            self.leave(&before, uid);
            dirty.push(before);
        }
        if let Some(known) = self.pods.get_mut(uid) {
            known.spread = after;
        }
        dirty
    }

    fn leave(&mut self, spread: &SpreadId, uid: &str) {
        if let Some(uids) = self.by_spread.get_mut(spread) {
            uids.remove(uid);
            if uids.is_empty() {
                self.by_spread.remove(spread);
            }
        }
    }
}
