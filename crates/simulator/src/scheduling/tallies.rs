//! How many pods of a kind each node has, kept up to date, so that a choice never walks the pods.
//!
//! What is counted is learned from the pods that ask: the first one walks all pods once.

use super::constraints::AffinityTerm;
use super::needs::Needs;
use super::node::{NodeRoom, Placed};
use super::selector::PodSelector;

/// The pods that are counted: those that every selector selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) by: Vec<PodSelector>,
    /// Topology spread does not see pods that are being deleted; pod affinity does.
    pub(super) skips_terminating: bool,
}

#[derive(Debug, Clone)]
struct Tally {
    counted: Counted,
    by_slot: Vec<u32>,
    asked: u64,
}

/// What the pods on the nodes wish of those that come.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub(super) wish: Wish,
    pub(super) term: AffinityTerm,
    pub(super) by_slot: Vec<u32>,
    total: u64,
}

/// How strong it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Required anti-affinity.
    Apart,
    /// Required affinity, or a preference with its weight.
    Together(i64),
}

/// The weight that others' required affinity has (`hardPodAffinityWeight`).
const REQUIRED_WEIGHT: i64 = 1;
/// Kinds of pods that are counted at a time; the one not asked for longest is forgotten.
const MOST: usize = 64;

#[derive(Debug, Clone, Default)]
pub(super) struct Tallies {
    tallies: Vec<Tally>,
    carried: Vec<Carried>,
    asked: u64,
}

impl Tallies {
    /// The number of such pods on each node, by slot.
    pub(super) fn by_slot(&mut self, counted: &Counted, slots: &[Option<NodeRoom>]) -> Vec<u32> {
        self.asked += 1;
        if let Some(tally) = self.tallies.iter_mut().find(|tally| tally.counted == *counted) {
            tally.asked = self.asked;
            return tally.by_slot.clone();
        }
        let count = |room: &Option<NodeRoom>| {
            let pods = room.iter().flat_map(|room| room.pods.values());
            u32::try_from(pods.filter(|pod| counted.has(pod)).count()).unwrap_or(u32::MAX)
        };
        let by_slot: Vec<u32> = slots.iter().map(count).collect();
        if self.tallies.len() >= MOST
            && let Some((oldest, _)) = self
                .tallies
                .iter()
                .enumerate()
                .min_by_key(|(_, tally)| tally.asked)
        {
            self.tallies.swap_remove(oldest);
        }
        self.tallies.push(Tally {
            counted: counted.clone(),
            by_slot: by_slot.clone(),
            asked: self.asked,
        });
        by_slot
    }

    /// What pods on the nodes wish.
    pub(super) fn carried(&self) -> &[Carried] {
        &self.carried
    }

    pub(super) fn add(&mut self, slot: usize, pod: &Placed) {
        for tally in self.tallies.iter_mut().filter(|tally| tally.counted.has(pod)) {
            *at(&mut tally.by_slot, slot) += 1;
        }
        for (wish, term) in wishes(&pod.needs) {
            let known = self
                .carried
                .iter()
                .position(|carried| carried.wish == wish && carried.term == *term);
            let index = known.unwrap_or_else(|| {
                self.carried.push(Carried {
                    wish,
                    term: term.clone(),
                    by_slot: Vec::new(),
                    total: 0,
                });
                self.carried.len() - 1
            });
            if let Some(carried) = self.carried.get_mut(index) {
                *at(&mut carried.by_slot, slot) += 1;
                carried.total += 1;
            }
        }
    }

    pub(super) fn remove(&mut self, slot: usize, pod: &Placed) {
        for tally in self.tallies.iter_mut().filter(|tally| tally.counted.has(pod)) {
            let count = at(&mut tally.by_slot, slot);
            *count = count.saturating_sub(1);
        }
        for (wish, term) in wishes(&pod.needs) {
            let mut all = self.carried.iter_mut();
            if let Some(carried) = all.find(|carried| carried.wish == wish && carried.term == *term) {
                let count = at(&mut carried.by_slot, slot);
                *count = count.saturating_sub(1);
                carried.total = carried.total.saturating_sub(1);
            }
        }
        self.carried.retain(|carried| carried.total > 0);
    }
}

impl Counted {
    fn has(&self, pod: &Placed) -> bool {
        !(self.skips_terminating && pod.is_terminating)
            && self
                .by
                .iter()
                .all(|one| one.selects(&pod.needs.namespace, &pod.needs.labels))
    }
}

fn wishes(needs: &Needs) -> impl Iterator<Item = (Wish, &AffinityTerm)> {
    let affinity = &needs.affinity;
    let apart = affinity.required_anti.iter().map(|term| (Wish::Apart, term));
    let required = affinity
        .required
        .iter()
        .map(|term| (Wish::Together(REQUIRED_WEIGHT), term));
    let preferred = affinity
        .preferred
        .iter()
        .map(|(weight, term)| (Wish::Together(*weight), term));
    apart.chain(required).chain(preferred)
}

fn at(counts: &mut Vec<u32>, slot: usize) -> &mut u32 {
    if counts.len() <= slot {
        counts.resize(slot + 1, 0);
    }
    #[expect(clippy::indexing_slicing, reason = "the list was just made long enough")]
    &mut counts[slot]
}
