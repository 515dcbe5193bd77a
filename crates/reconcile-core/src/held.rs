//! Pods that have their subset since admission, and wait behind their gate until they were counted.

use placement_core::{Closed, Observation, Reason};
use rules::SubsetIx;
use rules::{Capacity, Spread, WorkloadKind};

use crate::bind;
use crate::ledger::replicas;
use crate::plan::Planning;
use crate::reschedule::{Choice, Closings};
use crate::step::{Action, WhyReleased};
use crate::world::{KnownLedger, KnownPod};

/// So many pods are deleted in a row for want of a place, or twice as many as the workload has, before their spread rather
/// exceeds than tries again: a burst may be admitted whole before anybody knows that its subset is full.
const MOST_DELETIONS: u32 = 20;

impl<'w> Planning<'w> {
    /// A pod that has its subset since admission: let go while the subset has a place, deleted where it has none.
    pub(crate) fn held(
        &mut self,
        spread: &'w Spread,
        pod: &KnownPod,
        subset: SubsetIx,
        closings: &Closings,
        observation: &mut Observation,
        full: &mut Vec<SubsetIx>,
    ) {
        let choice = self.choose_in(spread, pod, subset, observation, closings);
        if matches!(choice, Choice::Wait) {
            self.wait_or_give_up(spread, pod);
            return;
        }
        if let Choice::Rung(rung, _) = choice {
            return self.confirm(spread, pod, rung, Reason::Bound, observation);
        }
        if !matches!(choice, Choice::Shut) && self.size(spread, observation).is_some() {
            let lacked = self
                .ladder(spread, observation, &Closed::none())
                .lacked(&observation.taken);
            if let Some(run) = lacked.iter().find(|run| run.rung.subset == subset)
                && self.wait_in(spread, pod, run.rung, observation)
            {
                return;
            }
        }
        // Another pod in its place would find no more than it does.
        if matches!(choice, Choice::Shut) && self.lowest(spread, observation, &closings.skipped()).is_none() {
            return self.wait_or_give_up(spread, pod);
        }
        if !full.contains(&subset) {
            full.push(subset);
        }
        // Two pools that are really full would send it to and fro.
        let size = match choice {
            Choice::Shut => 0,
            _ => replicas(self.world, spread).unwrap_or(0),
        };
        let most = MOST_DELETIONS.max(size.saturating_mul(2));
        // In a rollout its own ladder would send the next one here again, and the rollout must end.
        let may_try_again = !matches!(choice, Choice::Shut)
            && !self.has_revisions(spread)
            && self
                .lowest(spread, observation, &closings.skipped().with(subset))
                .is_some();
        self.give_up(spread, pod, subset, most, may_try_again);
    }

    /// A pod whose subset has no place for it: deleted, so that another is admitted elsewhere, while that is tried; then it is
    /// let go above the maximum, or waits.
    fn give_up(
        &mut self,
        spread: &'w Spread,
        pod: &KnownPod,
        subset: SubsetIx,
        most: u32,
        may_try_again: bool,
    ) {
        let surplus = self.world.surplus.get(self.id);
        let planned = self
            .plan
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::DeletePod { .. }));
        let deleted = surplus.map_or(0, |surplus| surplus.remembered(self.now))
            + u32::try_from(planned.count()).unwrap_or(u32::MAX);
        let is_replaceable = pod.record.kind().is_some_and(WorkloadKind::replaces_deleted_pods);
        let is_closed = spread.subset(subset).is_some_and(|subset| {
            let status = self.world.stored_status(self.id);
            status.is_some_and(|status| status.closed.iter().any(|closed| closed == subset.name()))
        });
        let has_waited = self.gate_timeout(spread, pod) <= self.now && spread.capacity() == Capacity::Exact;
        if !is_replaceable {
            self.wait_or_give_up(spread, pod);
        } else if deleted < most || (has_waited && may_try_again && is_closed) {
            // Admissions must know first that the subset is full, or the next pod comes back here.
            if is_closed {
                self.step(Action::DeletePod {
                    pod: bind::pod_ref(&pod.record),
                    version: pod.record.version,
                });
            } else if self.world.ledgers.get(self.id).is_some_and(KnownLedger::fails) {
                self.wait_or_give_up(spread, pod);
            }
        } else if spread.capacity() == Capacity::Exact {
            self.wait_or_give_up(spread, pod);
        } else {
            self.release(pod, WhyReleased::LadderFull);
        }
    }
}
