//! Which rungs a pod of one revision may take while another revision still has pods, so that the split is the same after
//! the rollout as it was before (`rollout: Keep`).
//!
//! A revision fills its own ladder: of each subset no more than the ladder of the desired size has there. A maximum is
//! filled by all revisions together. So a new pod waits for a place of its own ladder until an old pod has left it, and
//! never takes more of a later subset than it would have alone.

use std::collections::VecDeque;

use rules::{Fill, SubsetIx};

use crate::ladder::Ladder;
use crate::rung::{Run, Rung};
use crate::taken::Taken;

/// So many rungs of shares are looked at for those that a few subsets lack: every round of them has one of each.
const LONGEST_WALK: usize = 1_000_000;

impl Ladder<'_> {
    /// The runs that a revision may take now: `own` places are its pods', `filled` those of all revisions.
    #[must_use]
    pub fn kept(&self, own: &Taken, filled: &Taken) -> Vec<Run> {
        let maximums = |subset| {
            self.maximum(subset)
                .map(|max| max.saturating_sub(filled.of(subset)))
        };
        self.lacking(own, maximums)
    }

    /// The runs that a revision lacks of its own ladder, whoever stands on them.
    #[must_use]
    pub fn lacked(&self, own: &Taken) -> Vec<Run> {
        self.lacking(own, |_| None)
    }

    fn lacking(&self, own: &Taken, left: impl Fn(SubsetIx) -> Option<u32>) -> Vec<Run> {
        let split = self.split(self.replicas());
        let mut room: Vec<u32> = split
            .iter()
            .enumerate()
            .map(|(ix, places)| {
                let subset = SubsetIx::new(ix);
                let lacked = places.saturating_sub(own.of(subset));
                left(subset).map_or(lacked, |left| left.min(lacked))
            })
            .collect();
        let mut runs = Vec::new();
        for run in self.free(own) {
            // A ladder of shares has no end.
            if room.iter().all(|left| *left == 0) {
                break;
            }
            let Some(left) = room.get_mut(run.rung.subset.index()) else {
                continue;
            };
            let length = run.length.map_or(*left, |length| length.min(*left));
            *left -= length;
            if length > 0 {
                runs.push(Run {
                    length: Some(length),
                    ..run
                });
            }
        }
        runs
    }

    /// The rungs that a revision lacks of its own ladder of shares, lowest first. What counts is how many pods each subset
    /// has: a pod that a scale-in left on a high rung leaves a low one of its own subset empty, and of no other.
    #[must_use]
    pub fn lacked_shares(&self, own: &Taken) -> Vec<Rung> {
        let lacked: Vec<SubsetIx> = self
            .lacked(&own.counted())
            .iter()
            .map(|run| run.rung.subset)
            .collect();
        let mut wanted = vec![0_usize; self.split(0).len()];
        for subset in &lacked {
            if let Some(wanted) = wanted.get_mut(subset.index()) {
                *wanted += 1;
            }
        }
        let mut free: Vec<VecDeque<Rung>> = wanted.iter().map(|_| VecDeque::new()).collect();
        let mut left = lacked.len();
        let walk = self.free(own).map(|run| run.rung).take(LONGEST_WALK);
        for rung in walk {
            if left == 0 {
                break;
            }
            let subset = rung.subset.index();
            if let (Some(free), Some(wanted)) = (free.get_mut(subset), wanted.get(subset))
                && free.len() < *wanted
            {
                free.push_back(rung);
                left -= 1;
            }
        }
        lacked
            .iter()
            .filter_map(|subset| free.get_mut(subset.index())?.pop_front())
            .collect()
    }

    /// How many of the first so many rungs are each subset's.
    #[must_use]
    pub fn split(&self, rungs: u32) -> Vec<u32> {
        match self.fill() {
            Fill::InOrder(bounds) => {
                let (mut left, mut split) = (rungs, vec![0; bounds.len()]);
                for is_minimum in [true, false] {
                    for (ix, places) in split.iter_mut().enumerate() {
                        let subset = SubsetIx::new(ix);
                        if self.is_closed(subset) {
                            continue;
                        }
                        let upto = match is_minimum {
                            true => Some(self.minimum(subset)),
                            false => self.maximum(subset),
                        };
                        let more = upto.map_or(left, |upto| upto.saturating_sub(*places).min(left));
                        *places += more;
                        left -= more;
                    }
                }
                split
            }
            Fill::Shares(_) => self.split_of_shares(rungs),
        }
    }
}
