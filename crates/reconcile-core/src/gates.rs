//! Gated pods: bound, held until they were counted, or let go.

use std::collections::BTreeMap;

use placement_core::decide::Placement;
use placement_core::ladder::{Closed, Ladder, Run, Rung};
use placement_core::spread::{Capacity, Fill, Rollout, Spread, Target, WorkloadKind};
use placement_core::{DeletionCost, Observation, Reason, SubsetIx, Taken};

use crate::bind::{self, Unrenderable};
use crate::ledger::{replicas, scope};
use crate::plan::Planning;
use crate::record::PodRecord;
use crate::reschedule::Closings;
use crate::step::{Action, PodPatch, Severity, WhyReleased};
use crate::world::{Assumed, KnownLedger, KnownPod};

/// A bind that the API server refuses so often is given up.
pub(crate) const MOST_REFUSALS: u32 = 5;

/// So many pods are deleted for want of a place before their spread rather exceeds than tries again.
const MOST_DELETIONS: u32 = 20;

/// So many rungs of shares are looked at for one of a subset: every round of them has one of each.
const LONGEST_WALK: usize = 1_000_000;

impl<'w> Planning<'w> {
    /// Decides every gated pod for which there is something to decide.
    pub(crate) fn gated(&mut self, spread: &'w Spread, closings: &Closings) -> Closed {
        let mut waiting: Vec<&KnownPod> = self
            .world
            .pods_of(self.id)
            .filter(|pod| pod.record.gated && pod.record.is_active())
            .collect();
        // Whoever was created first is bound first.
        waiting.sort_by_key(|pod| (pod.record.created, pod.sequence));
        let mut scopes: BTreeMap<Option<&str>, Vec<&KnownPod>> = BTreeMap::new();
        for pod in waiting {
            scopes.entry(scope(spread, pod)).or_default().push(pod);
        }
        // The newest revision first: a place that an older one takes is to be given up again.
        let newest = self.newest(spread).and_then(|set| set.revision.as_deref());
        let mut scopes: Vec<_> = scopes.into_iter().collect();
        scopes.sort_by_key(|(revision, _)| (*revision != newest, *revision));
        let (mut full, mut filled) = (Vec::new(), None);
        for (revision, pods) in scopes {
            self.gated_of_scope(spread, revision, &pods, closings, (&mut full, &mut filled));
        }
        full.into_iter().collect()
    }

    fn gated_of_scope(
        &mut self,
        spread: &'w Spread,
        revision: Option<&str>,
        pods: &[&'w KnownPod],
        closings: &Closings,
        (full, filled): (&mut Vec<SubsetIx>, &mut Option<Taken>),
    ) {
        let replicas = replicas(self.world, spread);
        let closed = closings.skipped();
        let mut observation = self.observe(spread, revision, replicas);
        // A minimum is kept by as many pods, whichever rungs they were placed on; costs that are then in the wrong order are
        // corrected. In shares each rung is one pod's.
        if matches!(spread.fill(), Fill::InOrder(_)) {
            observation.taken = observation.taken.counted();
            observation.filled = filled.take().unwrap_or_else(|| observation.filled.counted());
        }
        let size = self.size(spread, &observation);
        let ladder = Ladder::new(spread, size.unwrap_or(observation.replicas), &closed);
        let is_known = replicas.is_some() || !needs_replicas(spread);
        let mut late = Vec::new();
        for pod in pods {
            if let Some(assumed) = &pod.assumed {
                self.try_again(spread, pod, assumed);
            } else if let Some(at) = pod.waits_until(self.now) {
                self.wake(at);
            } else if pod.record.refuses_to_be_bound(pod.refusals) {
                self.release(pod, WhyReleased::Refused);
            } else if let Some(subset) = pod
                .record
                .subset
                .as_deref()
                .and_then(|name| spread.subset_named(name))
            {
                if !is_known {
                    self.wait_or_give_up(spread, pod);
                    continue;
                }
                let probed;
                let ladder = if !pod.record.gated_by_others && self.is_probe(subset, closings) {
                    probed = Ladder::new(spread, ladder.replicas(), &closings.closed);
                    &probed
                } else {
                    &ladder
                };
                self.held(spread, pod, subset, ladder, &mut observation, full);
            } else {
                late.push(*pod);
            }
        }
        let late = self.by_ordinal(spread, late, &ladder, &mut observation);
        let mut free = self.free(spread, &ladder, &observation);
        let mut blocked = Vec::new();
        for pod in late {
            if is_known
                && !pod.record.gated_by_others
                && let Some(rung) = self.probe(spread, &observation, closings) {
                self.bind(spread, pod, rung, Reason::Probe, &mut observation);
                continue;
            }
            match free.next().filter(|_| is_known) {
                Some(rung) => self.bind(spread, pod, rung, Reason::Bound, &mut observation),
                None if is_known => blocked.push(pod),
                None => self.wait_or_give_up(spread, pod),
            }
        }
        self.blocked(spread, &ladder, &mut observation, blocked);
        *filled = Some(observation.filled);
    }

    /// The size of the workload that its ladder is of, where a rollout keeps the split; `None`: a ladder has no end. What
    /// paths or other kinds say may be no number of pods, so that those that are there count as well.
    fn size(&self, spread: &Spread, observation: &Observation) -> Option<u32> {
        let Target::Workload {
            kind,
            replicas: paths,
            ..
        } = spread.target()
        else {
            return None;
        };
        // An ordinal names its rung, whoever else is there.
        let has_ordinals = kind.known().is_some_and(WorkloadKind::has_ordinals);
        if spread.rollout() != Rollout::Keep || !spread.has_shared_maximums() || has_ordinals {
            return None;
        }
        let size = replicas(self.world, spread)?;
        let is_exact = kind.known().is_some() && paths.is_empty();
        Some(if is_exact {
            size
        } else {
            size.max(observation.active)
        })
    }

    /// The rungs that pods of a revision may take, lowest first.
    pub(crate) fn free<'l>(
        &self,
        spread: &Spread,
        ladder: &Ladder<'l>,
        observation: &Observation,
    ) -> Box<dyn Iterator<Item = Rung> + 'l> {
        let each = |run: Run| {
            let length = run
                .length
                .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
            core::iter::repeat_n(run.rung, length)
        };
        if matches!(spread.fill(), Fill::Shares(_)) && replicas(self.world, spread).is_some() {
            let lacked = ladder.lacked_shares(&observation.taken);
            let mut taken = observation.taken.clone();
            lacked.iter().for_each(|rung| taken.add_on(*rung));
            // Whoever comes beyond the size of the workload was seen before its replicas were.
            return Box::new(lacked.into_iter().chain(ladder.free(&taken).flat_map(each)));
        }
        if self.size(spread, observation).is_some() {
            return Box::new(
                ladder
                    .kept(&observation.taken, &observation.filled)
                    .into_iter()
                    .flat_map(each),
            );
        }
        // Nobody knows how many pods there are to be, so that nobody can wait for a place of the ladder.
        let taken = match spread.has_shared_maximums() {
            true => &observation.filled,
            false => &observation.taken,
        };
        Box::new(ladder.free(taken).flat_map(each))
    }

    /// Pods for which there is no rung now: those of a rollout wait for a place, others are let go where nobody wants them
    /// to wait.
    fn blocked(
        &mut self,
        spread: &'w Spread,
        ladder: &Ladder<'_>,
        observation: &mut Observation,
        pods: Vec<&'w KnownPod>,
    ) {
        let is_kept = self.size(spread, observation).is_some();
        let places: u32 = ladder
            .split(if is_kept { ladder.replicas() } else { 0 })
            .iter()
            .sum();
        // All that the ladder has is its own already, and it is too short for the workload.
        let is_exhausted = places < ladder.replicas() && ladder.lacked(&observation.taken).is_empty();
        if is_kept && !is_exhausted {
            return self.wait_for_a_place(spread, ladder, observation, pods);
        }
        for pod in pods {
            match spread.capacity() {
                Capacity::Exact => self.wait_or_give_up(spread, pod),
                _ => self.release(pod, WhyReleased::LadderFull),
            }
        }
    }

    /// Binds a pod to a rung, which is taken from then on.
    pub(crate) fn bind(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        rung: Rung,
        reason: Reason,
        observation: &mut Observation,
    ) {
        let placement = Placement {
            reason,
            ..self.placement(spread, pod, rung, observation)
        };
        observation.taken.add_on(rung);
        observation.filled.add_on(rung);
        let patch = bind::bind(&pod.record, spread, &placement, self.now);
        self.open(pod, &placement, patch);
    }

    /// Opens the gate of a pod with its place; where that cannot be written, without.
    fn open(&mut self, pod: &KnownPod, placement: &Placement, patch: Result<PodPatch, Unrenderable>) {
        match patch {
            Ok(patch) => self.step(Action::Bind {
                pod: bind::pod_ref(&pod.record),
                subset: placement.subset,
                cost: placement.cost,
                patch,
            }),
            Err(error) => {
                let text = format!(
                    "pod {} cannot be bound, its gate is opened: {error}",
                    pod.record.name
                );
                self.release(pod, WhyReleased::Refused);
                self.note(Severity::Warning, "PodNotBound", text);
            }
        }
    }

    /// A pod that has its subset since admission: let go while the subset has a place, deleted where it has none.
    fn held(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        subset: SubsetIx,
        ladder: &Ladder<'_>,
        observation: &mut Observation,
        full: &mut Vec<SubsetIx>,
    ) {
        let found = match spread.fill() {
            // Shares are walked without end, and a subset that is closed has no rung there.
            _ if ladder.is_closed(subset) => None,
            Fill::InOrder(_) => self.free_in(spread, ladder, observation, subset),
            Fill::Shares(_) => {
                let free = ladder.free(&observation.taken).map(|run| run.rung);
                free.take(LONGEST_WALK).find(|rung| rung.subset == subset)
            }
        };
        if let Some(rung) = found {
            return self.confirm(spread, pod, rung, observation);
        }
        if self.size(spread, observation).is_some() {
            let lacked = ladder.lacked(&observation.taken);
            if let Some(run) = lacked.iter().find(|run| run.rung.subset == subset) {
                return self.wait_in(spread, pod, run.rung, observation);
            }
        }
        if !full.contains(&subset) {
            full.push(subset);
        }
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
        if !is_replaceable {
            self.wait_or_give_up(spread, pod);
        } else if deleted < MOST_DELETIONS {
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

    /// The lowest free rung of a subset, in an ordered fill.
    fn free_in(
        &self,
        spread: &Spread,
        ladder: &Ladder<'_>,
        observation: &Observation,
        subset: SubsetIx,
    ) -> Option<Rung> {
        let is_there = |run: &Run| run.rung.subset == subset;
        let run = if self.size(spread, observation).is_some() {
            let kept = ladder.kept(&observation.taken, &observation.filled);
            kept.into_iter().find(is_there)
        } else if spread.has_shared_maximums() {
            ladder.free(&observation.filled).find(is_there)
        } else {
            ladder.free(&observation.taken).find(is_there)
        };
        run.map(|run| run.rung)
    }

    /// Lets a pod go to the subset that it has since admission.
    pub(crate) fn confirm(
        &mut self,
        spread: &Spread,
        pod: &KnownPod,
        rung: Rung,
        observation: &mut Observation,
    ) {
        let placement = self.placement(spread, pod, rung, observation);
        observation.taken.add_on(rung);
        observation.filled.add_on(rung);
        let patch = bind::confirm(&pod.record, &placement, self.now);
        self.open(pod, &placement, patch);
    }

    fn placement(&self, spread: &Spread, pod: &KnownPod, rung: Rung, observation: &Observation) -> Placement {
        let is_ranked = pod.record.kind().is_some_and(WorkloadKind::honours_deletion_cost);
        let others = observation.taken.of(rung.subset);
        Placement {
            subset: rung.subset,
            cost: is_ranked.then(|| DeletionCost::of_place(spread, rung, others)),
            reason: Reason::Bound,
        }
    }

    /// Nobody knows what became of the last write: the same again, which the API server refuses if it was done.
    fn try_again(&mut self, spread: &Spread, pod: &KnownPod, assumed: &Assumed) {
        if !pod.is_to_be_retried(self.now) {
            if let Some(at) = pod.retry_at {
                self.wake(at);
            }
            return;
        }
        match assumed {
            Assumed::Bound { subset, cost } => {
                let Some(subset) = spread.subset_named(subset) else {
                    // The subset is no more. If the write was done after all, this one is refused.
                    self.release(pod, WhyReleased::Refused);
                    return;
                };
                let rung = cost
                    .and_then(|cost| DeletionCost::rung(cost, subset, spread.fill()))
                    .unwrap_or(Rung {
                        subset,
                        tier: placement_core::Tier::Maximum,
                    });
                let is_ranked = pod.record.kind().is_some_and(WorkloadKind::honours_deletion_cost);
                let placement = Placement {
                    subset: rung.subset,
                    cost: is_ranked.then(|| DeletionCost::of(rung, spread.subsets().len())),
                    reason: Reason::Bound,
                };
                let is_held = pod.record.subset.is_some();
                let patch = if is_held {
                    bind::confirm(&pod.record, &placement, self.now)
                } else {
                    bind::bind(&pod.record, spread, &placement, self.now)
                };
                self.open(pod, &placement, patch);
            }
            Assumed::Released => self.release(pod, WhyReleased::TimedOut),
            Assumed::Deleted => self.step(Action::DeletePod {
                pod: bind::pod_ref(&pod.record),
                version: pod.record.version,
            }),
            Assumed::Adopted { .. } | Assumed::Costs(_) | Assumed::Moved { .. } | Assumed::Recreated => {}
        }
    }

    pub(crate) fn wait_or_give_up(&mut self, spread: &Spread, pod: &KnownPod) {
        let due = pod
            .record
            .created
            .plus(i64::from(spread.gate_timeout_seconds()) * 1000);
        if due <= self.now {
            self.release(pod, WhyReleased::TimedOut);
        } else {
            self.wake(due);
        }
    }
}

/// Whether the ladder depends on the workload's replicas.
pub(crate) fn needs_replicas(spread: &Spread) -> bool {
    matches!(spread.target(), Target::Workload { .. }) && spread.has_percentages()
}

impl PodRecord {
    /// Whether binding it was refused so often that it is let go.
    fn refuses_to_be_bound(&self, refusals: u32) -> bool {
        self.gated && refusals >= MOST_REFUSALS
    }
}
