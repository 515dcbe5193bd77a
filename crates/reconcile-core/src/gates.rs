//! Gated pods: bound, held until they were counted, or let go.

use std::collections::BTreeMap;

use placement_core::decide::Placement;
use placement_core::ladder::{Closed, Ladder, Rung};
use placement_core::spread::{Amount, Capacity, Fill, MaximumScope, Spread, Target, WorkloadKind};
use placement_core::{DeletionCost, Observation, Reason, SubsetIx};

use crate::bind::{self, Unrenderable};
use crate::ledger::replicas;
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
            let revision = match spread.maximum_scope() {
                MaximumScope::Workload => None,
                MaximumScope::Revision => pod.record.revision.as_deref(),
            };
            scopes.entry(revision).or_default().push(pod);
        }
        let mut full = Vec::new();
        for (revision, pods) in scopes {
            self.gated_of_scope(spread, revision, &pods, closings, &mut full);
        }
        full.into_iter().collect()
    }

    fn gated_of_scope(
        &mut self,
        spread: &'w Spread,
        revision: Option<&str>,
        pods: &[&'w KnownPod],
        closings: &Closings,
        full: &mut Vec<SubsetIx>,
    ) {
        let replicas = replicas(self.world, spread);
        let closed = closings.skipped();
        let mut observation = self.observe(spread, revision, replicas);
        // A minimum is kept by as many pods, whichever rungs they were placed on; costs that are then in the wrong order are
        // corrected. In shares each rung is one pod's.
        if matches!(spread.fill(), Fill::InOrder(_)) {
            observation.taken = observation.taken.counted();
        }
        let ladder = Ladder::new(spread, observation.replicas, &closed);
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
                let ladder = if self.is_probe(subset, closings) {
                    probed = Ladder::new(spread, observation.replicas, &closings.closed);
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
        let mut free = ladder.free(&observation.taken).flat_map(|run| {
            let length = run
                .length
                .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
            core::iter::repeat_n(run.rung, length)
        });
        for pod in late {
            if is_known && let Some(rung) = self.probe(spread, &observation, closings) {
                self.bind(spread, pod, rung, Reason::Probe);
                continue;
            }
            match free.next().filter(|_| is_known) {
                Some(rung) => self.bind(spread, pod, rung, Reason::Bound),
                None if is_known && spread.capacity() != Capacity::Exact => {
                    self.release(pod, WhyReleased::LadderFull);
                }
                None => self.wait_or_give_up(spread, pod),
            }
        }
    }

    pub(crate) fn bind(&mut self, spread: &Spread, pod: &KnownPod, rung: Rung, reason: Reason) {
        let placement = Placement {
            reason,
            ..placement(spread, pod, rung)
        };
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
        let free = || ladder.free(&observation.taken).map(|run| run.rung);
        let found = match spread.fill() {
            // Shares are walked without end, and a subset that is closed has no rung there.
            _ if ladder.is_closed(subset) => None,
            Fill::InOrder(_) => free().find(|rung| rung.subset == subset),
            Fill::Shares(_) => free().take(LONGEST_WALK).find(|rung| rung.subset == subset),
        };
        if let Some(rung) = found {
            observation.taken.add_on(rung);
            let placement = placement(spread, pod, rung);
            let patch = bind::confirm(&pod.record, &placement, self.now);
            self.open(pod, &placement, patch);
            return;
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
                let placement = placement(spread, pod, rung);
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
            Assumed::Adopted { .. }
            | Assumed::Costs(_)
            | Assumed::Moved { .. }
            | Assumed::Recreated
            | Assumed::Evicted => {}
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

fn placement(spread: &Spread, pod: &KnownPod, rung: Rung) -> Placement {
    let is_ranked = pod.record.kind().is_some_and(WorkloadKind::honours_deletion_cost);
    Placement {
        subset: rung.subset,
        cost: is_ranked.then(|| DeletionCost::of(rung, spread.subsets().len())),
        reason: Reason::Bound,
    }
}

/// Whether the ladder depends on the workload's replicas.
pub(crate) fn needs_replicas(spread: &Spread) -> bool {
    let is_percent = |amount: Option<Amount>| amount.is_some_and(Amount::is_percent);
    match (spread.target(), spread.fill()) {
        (Target::Workload { .. }, Fill::InOrder(bounds)) => bounds
            .iter()
            .any(|bounds| is_percent(bounds.min) || is_percent(bounds.max)),
        _ => false,
    }
}

impl PodRecord {
    /// Whether binding it was refused so often that it is let go.
    fn refuses_to_be_bound(&self, refusals: u32) -> bool {
        self.gated && refusals >= MOST_REFUSALS
    }
}
