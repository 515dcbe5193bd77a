//! The free rungs of a ladder of shares.

use std::collections::VecDeque;

use rules::SubsetIx;

use crate::rung::{Run, Rung, Tier};
use crate::shares::Chairman;
use crate::taken::Taken;

/// Walks the rungs and passes over those that are taken. Where pods are only counted, whole rounds
/// that are taken are jumped over: the walk is as long as the imbalance, not as the workload.
pub(crate) struct FreeShares {
    chairman: Chairman,
    number: u64,
    taken: Vec<Standing>,
}

/// The pods of one subset.
struct Standing {
    /// Rungs that are known to be taken, lowest first.
    on: VecDeque<u32>,
    /// Pods whose rung is not known: they stand on the lowest rungs that nobody else has.
    anywhere: u64,
}

impl FreeShares {
    pub(crate) fn new(chairman: Chairman, taken: &Taken) -> Self {
        let mut standing: Vec<Standing> = (0..chairman.subsets())
            .map(|subset| {
                let on: VecDeque<u32> = taken.shares(SubsetIx::new(subset)).into();
                let total = usize::try_from(taken.of(SubsetIx::new(subset))).unwrap_or(usize::MAX);
                let anywhere = u64::try_from(total.saturating_sub(on.len())).unwrap_or(u64::MAX);
                Standing { on, anywhere }
            })
            .collect();
        let mut rounds = 0;
        if taken.is_only_counted() {
            let full =
                |(subset, pods): (usize, &Standing)| pods.anywhere.checked_div(chairman.per_round(subset));
            rounds = standing.iter().enumerate().filter_map(full).min().unwrap_or(0);
            for (subset, pods) in standing.iter_mut().enumerate() {
                pods.anywhere -= (rounds * chairman.per_round(subset)).min(pods.anywhere);
            }
        }
        Self {
            number: rounds * chairman.round(),
            chairman,
            taken: standing,
        }
    }
}

impl Standing {
    /// Whether somebody stands on this rung, the next of the subset's.
    fn takes(&mut self, number: u32) -> bool {
        // A rung that was another subset's when its pod was placed, or that two pods have.
        while self.on.front().is_some_and(|on| *on < number) {
            self.on.pop_front();
            self.anywhere += 1;
        }
        if self.on.front() == Some(&number) {
            self.on.pop_front();
            return true;
        }
        let takes = self.anywhere > 0;
        self.anywhere -= u64::from(takes);
        takes
    }
}

impl Iterator for FreeShares {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        loop {
            let subset = self.chairman.next()?;
            let number = u32::try_from(self.number).ok()?;
            self.number += 1;
            if !self.taken.get_mut(subset).is_some_and(|pods| pods.takes(number)) {
                let rung = Rung {
                    subset: SubsetIx::new(subset),
                    tier: Tier::Share(number),
                };
                return Some(Run {
                    rung,
                    length: Some(1),
                });
            }
        }
    }
}
