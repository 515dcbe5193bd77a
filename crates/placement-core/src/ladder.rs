//! The ladder: the ordered rungs that a fill, the workload's replicas and the closed subsets give.
//!
//! A rung is one place in one subset. Scale-out takes the lowest free rung, scale-in gives up the
//! highest first. Nothing is laid out in memory: an ordered fill is walked run by run, so that
//! 100,000 rungs and 1,000 subsets cost nothing until they are looked at.
//!
//! **Invariant**: with integers, minimums and shares a ladder is the same whatever the replicas,
//! so that growing never moves a pod. Percent maxima move with the replicas.

use rules::{Bounds, Fill, Spread, SubsetIx};

use crate::closed::Closed;
use crate::free_shares::FreeShares;
use crate::rung::{Run, Rung, Tier};
use crate::shares::Chairman;
use crate::taken::Taken;

/// The rungs of one spread, lowest first.
#[derive(Clone, Copy, Debug)]
pub struct Ladder<'a> {
    spread: &'a Spread,
    replicas: u32,
    closed: &'a Closed,
}

impl<'a> Ladder<'a> {
    /// The ladder of a workload with so many `replicas`, which is what percentages are taken of.
    #[must_use]
    pub fn new(spread: &'a Spread, replicas: u32, closed: &'a Closed) -> Self {
        Self {
            spread,
            replicas,
            closed,
        }
    }

    /// The runs of the whole ladder. An endless run is the last.
    pub fn runs(&self) -> impl Iterator<Item = Run> + use<'a> {
        self.free(&Taken::default())
    }

    /// The rungs one by one, without end where a subset has no maximum.
    pub fn rungs(&self) -> impl Iterator<Item = Rung> + use<'a> {
        self.runs().flat_map(|run| {
            let length = run
                .length
                .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
            core::iter::repeat_n(run.rung, length)
        })
    }

    /// The runs of what is not taken.
    pub fn free(&self, taken: &Taken) -> impl Iterator<Item = Run> + use<'a> {
        match self.spread.fill() {
            Fill::InOrder(bounds) => Runs::InOrder(self.free_in_order(bounds, taken)),
            Fill::Shares(weights) => {
                let closed = self.closed;
                let chairman = Chairman::new(weights, move |subset| !closed.contains(SubsetIx::new(subset)));
                Runs::Shares(FreeShares::new(chairman, taken))
            }
        }
    }

    /// The rung of this number, counted from 0.
    #[must_use]
    pub fn rung(&self, number: u32) -> Option<Rung> {
        if let Fill::Shares(weights) = self.spread.fill() {
            // Every round is like the first: no number, however high, is walked to.
            let mut chairman = Chairman::new(weights, |subset| !self.closed.contains(SubsetIx::new(subset)));
            let place = u64::from(number).checked_rem(chairman.round())?;
            let subset = SubsetIx::new(chairman.nth(usize::try_from(place).ok()?)?);
            return Some(Rung {
                subset,
                tier: Tier::Share(number),
            });
        }
        let mut below = 0u32;
        for run in self.runs() {
            match run.length {
                Some(length) if number - below >= length => below += length,
                _ => return Some(run.rung),
            }
        }
        None
    }

    /// The replicas of the workload.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.replicas
    }

    /// How it is laid.
    pub(crate) fn fill(&self) -> &'a Fill {
        self.spread.fill()
    }

    /// How many of the first so many rungs of shares are each subset's. Every round is like the first.
    pub(crate) fn split_of_shares(&self, rungs: u32) -> Vec<u32> {
        let Fill::Shares(weights) = self.spread.fill() else {
            return Vec::new();
        };
        let mut chairman = Chairman::new(weights, |subset| !self.closed.contains(SubsetIx::new(subset)));
        let rungs = u64::from(rungs);
        let rounds = rungs.checked_div(chairman.round()).unwrap_or(0);
        let places = |subset| u32::try_from(rounds * chairman.per_round(subset)).unwrap_or(u32::MAX);
        let mut split: Vec<u32> = (0..weights.len()).map(places).collect();
        let rest = rungs.checked_rem(chairman.round()).unwrap_or(0);
        for subset in chairman.by_ref().take(usize::try_from(rest).unwrap_or(0)) {
            if let Some(places) = split.get_mut(subset) {
                *places += 1;
            }
        }
        split
    }

    /// Whether a subset is skipped.
    #[must_use]
    pub fn is_closed(&self, subset: SubsetIx) -> bool {
        self.closed.contains(subset)
    }

    /// The first subset that is not closed, however many places it has.
    #[must_use]
    pub fn first_open(&self) -> Option<SubsetIx> {
        (0..self.spread.subsets().len())
            .map(SubsetIx::new)
            .find(|subset| !self.closed.contains(*subset))
    }

    /// The maximum of a subset for this workload; `None`: no end.
    #[must_use]
    pub fn maximum(&self, subset: SubsetIx) -> Option<u32> {
        match self.spread.fill() {
            Fill::InOrder(bounds) => bounds.get(subset.index())?.max.map(|max| max.of(self.replicas)),
            Fill::Shares(_) => None,
        }
    }

    /// The minimum of a subset for this workload, never above its maximum.
    #[must_use]
    pub fn minimum(&self, subset: SubsetIx) -> u32 {
        let Fill::InOrder(bounds) = self.spread.fill() else {
            return 0;
        };
        let minimum = bounds.get(subset.index()).and_then(|bounds| bounds.min);
        let minimum = minimum.map_or(0, |minimum| minimum.of(self.replicas));
        minimum.min(self.maximum(subset).unwrap_or(u32::MAX))
    }

    fn free_in_order(&self, bounds: &'a [Bounds], taken: &Taken) -> impl Iterator<Item = Run> + use<'a> {
        let (replicas, closed, taken) = (self.replicas, self.closed, taken.clone());
        let minimums = bounds.iter().enumerate().map(|subset| (Tier::Minimum, subset));
        let maximums = bounds.iter().enumerate().map(|subset| (Tier::Maximum, subset));
        let mut ended = false;
        minimums
            .chain(maximums)
            .map_while(move |(tier, (subset, bounds))| {
                if ended {
                    return None;
                }
                let subset = SubsetIx::new(subset);
                let max = bounds.max.map(|max| max.of(replicas));
                let min = bounds
                    .min
                    .map_or(0, |min| min.of(replicas))
                    .min(max.unwrap_or(u32::MAX));
                let within = taken.within_minimum(subset, min);
                let length = match tier {
                    // Pods that stand beyond the minimum may have taken all that the maximum leaves.
                    Tier::Minimum => {
                        let left = max.map_or(u32::MAX, |max| max.saturating_sub(taken.of(subset)));
                        Some((min - within).min(left))
                    }
                    // Who is not within the minimum stands on this run; what is left of the minimum comes before it.
                    _ => max.map(|max| {
                        let left = max.saturating_sub(taken.of(subset));
                        left.saturating_sub(min - within)
                    }),
                };
                let open = !closed.contains(subset);
                ended = open && length.is_none();
                Some((open && length != Some(0)).then_some(Run {
                    rung: Rung { subset, tier },
                    length,
                }))
            })
            .flatten()
    }
}

/// The two kinds of walk behind one type.
enum Runs<A, B> {
    InOrder(A),
    Shares(B),
}

impl<A: Iterator<Item = Run>, B: Iterator<Item = Run>> Iterator for Runs<A, B> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        match self {
            Self::InOrder(runs) => runs.next(),
            Self::Shares(runs) => runs.next(),
        }
    }
}
