//! Gated pods: bound, held until they were counted, or let go.

use std::collections::BTreeMap;

use kube_rules::time::UnixMillis;
use placement_core::decide::Placement;
use placement_core::ladder::Ladder;
use placement_core::{Closed, Rung};
use placement_core::{DeletionCost, Observation, Reason, Taken};
use rules::SubsetIx;
use rules::{Capacity, Fill, Spread, Target};

use crate::bind::{self, Unrenderable};
use crate::ledger::replicas;
use crate::plan::Planning;
use crate::record::PodRecord;
use crate::reschedule::{Choice, Closings};
use crate::step::{Action, PodPatch, Severity, WhyReleased};
use crate::world::{Assumed, KnownPod};

/// A bind that the API server refuses so often is given up.
pub(crate) const MOST_REFUSALS: u32 = 5;

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
            scopes.entry(self.scope(spread, pod)).or_default().push(pod);
        }
        // The newest revision first: a place that an older one takes is to be given up again.
        let newest = self
            .newest(spread)
            .and_then(|set| set.revision.as_deref())
            .or(Some(""));
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
        let mut observation = self.observe(spread, revision, replicas);
        // A minimum is kept by as many pods, whichever rungs they were placed on; costs that are then in the wrong order are
        // corrected. In shares each rung is one pod's.
        if matches!(spread.fill(), Fill::InOrder(_)) {
            observation.taken = observation.taken.counted();
            observation.filled = filled.take().unwrap_or_else(|| observation.filled.counted());
        }
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
                match is_known {
                    true => self.held(spread, pod, subset, closings, &mut observation, full),
                    false => self.wait_or_give_up(spread, pod),
                }
            } else {
                late.push(*pod);
            }
        }
        if is_known {
            self.bind_late(spread, late, closings, &mut observation);
        } else {
            late.iter().for_each(|pod| self.wait_or_give_up(spread, pod));
        }
        *filled = Some(observation.filled);
    }

    /// Pods that are given their subset now.
    fn bind_late(
        &mut self,
        spread: &'w Spread,
        late: Vec<&'w KnownPod>,
        closings: &Closings,
        observation: &mut Observation,
    ) {
        // Pods of one workload wish the same of a node.
        let barred = late
            .first()
            .map_or_else(Closed::none, |pod| self.barred(spread, pod));
        let ladder = self.ladder(spread, observation, &barred);
        let late = self.by_ordinal(spread, late, &ladder, observation);
        let is_plain = closings.is_empty() && !late.iter().any(|pod| !self.barred(spread, pod).is_empty());
        let mut free = self.free(spread, &ladder, observation);
        let mut blocked = Vec::new();
        for pod in late {
            let choice = match is_plain {
                true => free
                    .next()
                    .map_or(Choice::Full, |rung| Choice::Rung(rung, Reason::Bound)),
                false => self.choose(spread, pod, observation, closings),
            };
            match choice {
                Choice::Rung(rung, Reason::Bound)
                    if self.is_displaced(spread, pod, rung.subset, closings) =>
                {
                    self.bind(spread, pod, rung, Reason::StoneBeyond, observation);
                }
                Choice::Rung(rung, reason) => self.bind(spread, pod, rung, reason, observation),
                Choice::NotOffered => self.release(pod, WhyReleased::NotOffered),
                Choice::Full | Choice::Shut => blocked.push(pod),
                Choice::Wait => self.wait_or_give_up(spread, pod),
            }
        }
        self.blocked(spread, &ladder, observation, blocked);
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
        let places = || -> u32 { ladder.split(ladder.replicas()).iter().sum() };
        // All that the ladder has is its own already, and it is too short for the workload.
        let is_exhausted = || places() < ladder.replicas() && ladder.lacked(&observation.taken).is_empty();
        if (is_kept && !is_exhausted()) || self.counts_pods_that_go(spread) {
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
                reason: placement.reason,
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

    /// Lets a pod go to the subset that it has since admission.
    pub(crate) fn confirm(
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
        let patch = bind::confirm(&pod.record, spread, &placement, self.now);
        self.open(pod, &placement, patch);
    }

    fn placement(&self, spread: &Spread, pod: &KnownPod, rung: Rung, observation: &Observation) -> Placement {
        let is_ranked = self.world.ranks(&pod.record);
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
            Assumed::Bound { subset, cost, reason } => {
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
                let is_ranked = self.world.ranks(&pod.record);
                let placement = Placement {
                    subset: rung.subset,
                    cost: is_ranked.then(|| DeletionCost::of(rung, spread.subsets().len())),
                    reason: *reason,
                };
                let is_held = pod.record.subset.is_some();
                let patch = if is_held {
                    bind::confirm(&pod.record, spread, &placement, self.now)
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

    /// When a pod has waited as long as its spread lets it.
    pub(crate) fn gate_timeout(&self, spread: &Spread, pod: &KnownPod) -> UnixMillis {
        let timeout = i64::from(spread.gate_timeout_seconds()) * 1000;
        pod.record.created.plus(timeout)
    }

    pub(crate) fn wait_or_give_up(&mut self, spread: &Spread, pod: &KnownPod) {
        let due = self.gate_timeout(spread, pod);
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
