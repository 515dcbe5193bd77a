//! Which rungs a pod may take: the one place that reads a ladder for pods that wait or move.

use placement_core::ladder::Ladder;
use placement_core::{Closed, Observation, Run, Rung};
use rules::{Fill, Rollout, Spread, SubsetIx, Target, Terminating, WorkloadKind};

use crate::ledger::replicas;
use crate::plan::Planning;

/// So many rungs of shares are looked at for one of a subset: every round of them has one of each.
const LONGEST_WALK: usize = 1_000_000;

impl Planning<'_> {
    /// The size of the workload that its ladder is of, where a rollout keeps the split; `None`: a ladder has no end. What
    /// paths or other kinds say may be no number of pods, so that those that are there count as well.
    pub(crate) fn size(&self, spread: &Spread, observation: &Observation) -> Option<u32> {
        let (is_exact, has_ordinals) = match spread.target() {
            Target::Workload {
                kind,
                replicas: paths,
                ..
            } => (
                kind.known().is_some() && paths.is_empty(),
                kind.known().is_some_and(WorkloadKind::has_ordinals),
            ),
            Target::Selector(_) => (true, false),
        };
        // An ordinal names its rung, whoever else is there.
        if spread.rollout() != Rollout::Keep || !spread.has_shared_maximums() || has_ordinals {
            return None;
        }
        // Who may come back to the subset that it was moved from holds two places.
        let twice = match spread.patience() {
            Some(_) => self.world.kept_places(self.id, spread).count(),
            None => 0,
        };
        let size = self
            .wanted(spread)?
            .saturating_add(u32::try_from(twice).unwrap_or(0));
        Some(if is_exact {
            size
        } else {
            size.max(observation.active)
        })
    }

    /// The ladder for pods that pass some subsets by.
    pub(crate) fn ladder<'l>(
        &self,
        spread: &'l Spread,
        observation: &Observation,
        skipped: &'l Closed,
    ) -> Ladder<'l> {
        let size = self.size(spread, observation);
        Ladder::new(spread, size.unwrap_or(observation.replicas), skipped)
    }

    /// The rungs that pods of a revision may take, lowest first.
    pub(crate) fn free<'l>(
        &self,
        spread: &Spread,
        ladder: &Ladder<'l>,
        observation: &Observation,
    ) -> Box<dyn Iterator<Item = Rung> + 'l> {
        if matches!(spread.fill(), Fill::Shares(_)) && replicas(self.world, spread).is_some() {
            let lacked = ladder.lacked_shares(&observation.taken);
            let mut taken = observation.taken.clone();
            lacked.iter().for_each(|rung| taken.add_on(*rung));
            // Who takes the place of a pod that is going, and still counts, waits for that place.
            if self.counts_pods_that_go(spread) {
                return Box::new(lacked.into_iter());
            }
            // Whoever comes beyond the size of the workload was seen before its replicas were.
            return Box::new(lacked.into_iter().chain(ladder.free(&taken).flat_map(each)));
        }
        if self.size(spread, observation).is_some() {
            let kept = ladder.kept(&observation.taken, &observation.filled);
            return Box::new(kept.into_iter().flat_map(each));
        }
        // Nobody knows how many pods there are to be, so that nobody can wait for a place of the ladder.
        let taken = match spread.has_shared_maximums() {
            true => &observation.filled,
            false => &observation.taken,
        };
        Box::new(ladder.free(taken).flat_map(each))
    }

    /// Whether pods hold their places until they are gone, and some are going.
    pub(crate) fn counts_pods_that_go(&self, spread: &Spread) -> bool {
        spread.terminating() == Terminating::Counted
            && self.world.pods_of(self.id).any(|pod| pod.record.terminating)
    }

    /// The lowest of them.
    pub(crate) fn lowest(
        &self,
        spread: &Spread,
        observation: &Observation,
        skipped: &Closed,
    ) -> Option<Rung> {
        let ladder = self.ladder(spread, observation, skipped);
        self.free(spread, &ladder, observation).next()
    }

    /// The lowest of one subset, which is none of those that are passed by.
    pub(crate) fn free_in(
        &self,
        spread: &Spread,
        observation: &Observation,
        subset: SubsetIx,
        skipped: &Closed,
    ) -> Option<Rung> {
        if skipped.contains(subset) {
            return None;
        }
        let ladder = self.ladder(spread, observation, skipped);
        let is_there = |rung: &Rung| rung.subset == subset;
        match spread.fill() {
            Fill::Shares(_) => {
                let free = ladder.free(&observation.taken).map(|run| run.rung);
                free.take(LONGEST_WALK).find(is_there)
            }
            Fill::InOrder(_) => {
                let taken = match spread.has_shared_maximums() {
                    true => &observation.filled,
                    false => &observation.taken,
                };
                if self.size(spread, observation).is_some() {
                    let kept = ladder.kept(&observation.taken, &observation.filled);
                    return kept.into_iter().map(|run| run.rung).find(is_there);
                }
                ladder.free(taken).map(|run| run.rung).find(is_there)
            }
        }
    }
}

fn each(run: Run) -> impl Iterator<Item = Rung> {
    let length = run
        .length
        .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
    core::iter::repeat_n(run.rung, length)
}
