//! Pods that wait for a place which the pods of another revision hold (`rollout: Keep`), and how a rollout ends that
//! cannot go on by itself.
//!
//! A new pod stands on its own ladder or waits. Where no pod is becoming available and the controller may take no old one, no
//! place will ever come free: then one waiting pod at a time becomes a stepping stone. Beside an old pod, above the
//! maximum, until that one leaves; or, where capacity is exact or there is no node beside, in the subset without a
//! maximum, beyond its ladder.

use kube_rules::time::UnixMillis;
use placement_core::Rung;
use placement_core::ladder::Ladder;
use placement_core::{Closed, Observation, Reason};
use rules::SubsetIx;
use rules::{Binding, Capacity, Fill, Rollout, Spread, Target, Terminating};

use crate::bind;
use crate::ledger::replicas;
use crate::moments::{ahead, is_recent};
use crate::plan::Planning;
use crate::reschedule::Closings;
use crate::step::{Action, WhyRecreated, WhyReleased};
use crate::strategy::{Set, Strategy};
use crate::world::KnownPod;

/// So long after a pod has left, admissions may see a place as taken that is free.
const VACATED_MILLIS: i64 = 10_000;

/// A rollout stands still when nothing has happened for so long, where its controller is known to do nothing.
const QUIET_MILLIS: i64 = 1_000;

/// The same where nobody knows what its controller may do.
const QUIET_OF_OTHERS_MILLIS: i64 = 5_000;

/// The same where the controller should take an old pod, and does not.
const OVERDUE_MILLIS: i64 = 15_000;

/// A pod beside the old ones that finds no node for so long goes to the open end.
const BESIDE_MILLIS: i64 = 5_000;

/// A wait that a rollout makes longer by going on is at most so many times as long as `gateTimeoutSeconds`.
const LONGEST_WAITS: i64 = 3;

/// Whether a rollout goes on by itself.
enum Standstill {
    /// It does, or it may: to be looked at again then, if nothing happens before.
    Until(Option<UnixMillis>),
    /// Nothing will free a place.
    Now,
}

impl<'w> Planning<'w> {
    /// Whether counts that an admission sees late may show a place as taken that is free: pods have left a moment ago, or a
    /// rollout is under way.
    pub(crate) fn is_vacating(&mut self, spread: &Spread) -> bool {
        let left = self.world.pulse(self.id).left;
        if let Some(left) = left.filter(|left| is_recent(*left, self.now, VACATED_MILLIS)) {
            self.wake(left.plus(VACATED_MILLIS));
            return true;
        }
        spread.rollout() == Rollout::Keep && spread.has_shared_maximums() && self.has_revisions(spread)
    }

    /// Pods whose places are held by others: they wait, and where nothing can free a place one goes ahead.
    pub(crate) fn wait_for_a_place(
        &mut self,
        spread: &'w Spread,
        ladder: &Ladder<'_>,
        observation: &mut Observation,
        pods: Vec<&'w KnownPod>,
    ) {
        let Some(first) = pods.first() else { return };
        let stands_still = match self.standstill(spread) {
            // Somebody is bound in this very plan, and may be about to go on.
            Standstill::Now if self.binds_already() => {
                self.wake(self.now.plus(QUIET_MILLIS));
                false
            }
            Standstill::Now => true,
            Standstill::Until(at) => {
                if let Some(at) = at {
                    self.wake(at);
                }
                false
            }
        };
        if stands_still {
            match self.stone(spread, ladder, observation) {
                Some((rung, reason)) => self.bind(spread, first, rung, reason, observation),
                None => self.release(first, WhyReleased::LadderFull),
            }
        }
        for pod in pods.into_iter().skip(usize::from(stands_still)) {
            let due = self.longest_wait(spread, pod);
            if due > self.now {
                self.wake(due);
                continue;
            }
            match self.stone(spread, ladder, observation) {
                Some((rung, reason)) => self.bind(spread, pod, rung, reason, observation),
                None => self.release(pod, WhyReleased::TimedOut),
            }
        }
    }

    /// A pod that has its subset since admission, where others hold its place: whether it waits for it, or got it beside
    /// them. It can be given no other subset any more, so that where it must not exceed it is one too many.
    pub(crate) fn wait_in(
        &mut self,
        spread: &'w Spread,
        pod: &KnownPod,
        rung: Rung,
        observation: &mut Observation,
    ) -> bool {
        let stands_still = match self.standstill(spread) {
            Standstill::Now => true,
            Standstill::Until(at) => {
                self.wake(at.unwrap_or_else(|| self.longest_wait(spread, pod)));
                false
            }
        };
        let due = self.longest_wait(spread, pod);
        let is_late = due <= self.now;
        if (stands_still || is_late) && spread.capacity() == Capacity::Exact {
            return false;
        }
        if is_late || (stands_still && !self.binds_already()) {
            self.confirm(spread, pod, rung, Reason::StoneBeside, observation);
        } else {
            self.wake(due);
        }
        true
    }

    /// Whether a pod is bound in this plan, be it as a stepping stone: one at a time.
    fn binds_already(&self) -> bool {
        self.plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Bind { .. }))
    }

    /// Where a stepping stone stands.
    fn stone(
        &self,
        spread: &Spread,
        ladder: &Ladder<'_>,
        observation: &Observation,
    ) -> Option<(Rung, Reason)> {
        let failed = self.world.beside_failed.get(self.id);
        let has_failed = failed
            .is_some_and(|at| is_recent(*at, self.now, i64::from(spread.gate_timeout_seconds()) * 1000));
        if spread.capacity() != Capacity::Exact
            && !has_failed
            && let Some(run) = ladder.lacked(&observation.taken).first()
        {
            return Some((run.rung, Reason::StoneBeside));
        }
        let open = ladder.free(&observation.taken).find(|run| run.length.is_none())?;
        Some((open.rung, Reason::StoneBeyond))
    }

    /// Whether a pod passes a full pool by in which old pods stand whose places are meant for its own revision: it goes on
    /// until they come free.
    pub(crate) fn is_displaced(
        &self,
        spread: &Spread,
        pod: &KnownPod,
        to: SubsetIx,
        closings: &Closings,
    ) -> bool {
        if spread.rollout() != Rollout::Keep || !matches!(spread.fill(), Fill::InOrder(_)) {
            return false;
        }
        let passed = closings.passed_by(spread, pod, to);
        let stands_there = |other: &KnownPod| {
            let subset = other.facts().subset.and_then(|name| spread.subset_named(name));
            other.record.node.is_some() && subset.is_some_and(|subset| passed.contains(&subset))
        };
        let is_old = |other: &KnownPod| match spread.target() {
            Target::Workload { .. } => other.record.revision != pod.record.revision,
            Target::Selector(_) => self.scope(spread, other) != self.scope(spread, pod),
        };
        !passed.is_empty()
            && self
                .world
                .pods_of(self.id)
                .any(|other| other.record.is_active() && stands_there(other) && is_old(other))
    }

    /// Until when a pod waits for its place at most: as long as the spread lets it, from the last time that its rollout went
    /// on, but not for ever.
    fn longest_wait(&self, spread: &Spread, pod: &KnownPod) -> UnixMillis {
        let timeout = i64::from(spread.gate_timeout_seconds()) * 1000;
        let created = pod.record.created;
        let last = created.plus(timeout.saturating_mul(LONGEST_WAITS - 1));
        let went_on = self.world.pulse(self.id).went_on.unwrap_or(created);
        went_on.clamp(created, last).plus(timeout)
    }

    fn standstill(&self, spread: &'w Spread) -> Standstill {
        let workload = self.world.workload_of(spread);
        let strategy = workload.and_then(Strategy::read);
        let ready_millis = strategy.map_or(0, |strategy| strategy.ready_millis);
        let is_going = self.world.pods_of(self.id).any(|pod| pod.record.terminating);
        if is_going && spread.terminating() == Terminating::Counted {
            return Standstill::Until(None);
        }
        for pod in self.world.pods_of(self.id).filter(|pod| pod.record.is_active()) {
            let is_bound = !pod.record.gated || pod.assumed.is_some();
            match pod.record.ready_since.map(|since| since.plus(ready_millis)) {
                Some(at) if at <= self.now => {}
                Some(at) => return Standstill::Until(Some(at)),
                // It starts, or waits for a node that one of those that are going leaves.
                None if is_bound && (is_going || pod.waits_since.is_none()) => {
                    return Standstill::Until(None);
                }
                None => {}
            }
        }
        let quiet = match strategy {
            Some(strategy) if strategy.is_paused => return Standstill::Until(None),
            Some(strategy) => {
                let replicas = replicas(self.world, spread).unwrap_or(0);
                match strategy.may_take_an_old_pod(replicas, &self.sets(spread, ready_millis)) {
                    true => OVERDUE_MILLIS,
                    false => QUIET_MILLIS,
                }
            }
            None => QUIET_OF_OTHERS_MILLIS,
        };
        let changed = self.world.pulse(self.id).changed.unwrap_or(self.now);
        match ahead(changed.plus(quiet), self.now, quiet) {
            Some(at) => Standstill::Until(Some(at)),
            None if changed > self.now => Standstill::Until(Some(self.now.plus(quiet))),
            None => Standstill::Now,
        }
    }

    /// The ReplicaSets of the Deployment that a spread names, and how many pods of each are available.
    fn sets(&self, spread: &'w Spread, ready_millis: i64) -> Vec<Set> {
        let newest = self.newest(spread).map(|set| set.uid.as_str());
        let of_target = self.world.sets_of(spread);
        of_target
            .map(|set| {
                let available = self.world.pods_of(self.id).filter(|pod| {
                    let is_owned = pod
                        .record
                        .owner
                        .as_ref()
                        .is_some_and(|owner| owner.uid == set.uid);
                    let since = pod.record.ready_since.map(|since| since.plus(ready_millis));
                    is_owned && pod.record.is_active() && since.is_some_and(|at| at <= self.now)
                });
                Set {
                    is_new: Some(set.uid.as_str()) == newest,
                    replicas: set.replicas,
                    available: u32::try_from(available.count()).unwrap_or(u32::MAX),
                }
            })
            .collect()
    }

    /// Sends stepping stones that find no node beside the old pods on to the open end.
    pub(crate) fn send_stones_on(&mut self, spread: &'w Spread) {
        if spread.rollout() != Rollout::Keep || !spread.has_shared_maximums() {
            return;
        }
        // What is given at admission is given again to whoever is made in its place.
        if spread.binding() != Binding::Late || !self.has_revisions(spread) {
            return;
        }
        let newest = self.newest(spread).map(|set| set.uid.as_str());
        let is_new = |pod: &KnownPod| {
            let owner = pod.record.owner.as_ref();
            newest.is_none_or(|newest| owner.is_some_and(|owner| owner.uid == newest))
        };
        let size = self.wanted(spread);
        let filled = self.observe(spread, None, size).filled;
        let closed = Closed::none();
        let ladder = Ladder::new(spread, size.unwrap_or(0), &closed);
        let subsets = (0..spread.subsets().len()).map(SubsetIx::new);
        if !subsets.into_iter().any(|subset| ladder.maximum(subset).is_none()) {
            return;
        }
        let world = self.world;
        for pod in world.pods_of(self.id).filter(|pod| is_new(pod)) {
            let Some(since) = pod.stuck_since() else { continue };
            let subset = pod.facts().subset.and_then(|name| spread.subset_named(name));
            let is_beside = |subset| ladder.maximum(subset).is_some_and(|max| filled.of(subset) > max);
            let Some(subset) = subset.filter(|subset| is_beside(*subset)) else {
                continue;
            };
            if since.plus(BESIDE_MILLIS) > self.now {
                self.wake(since.plus(BESIDE_MILLIS));
            } else if self.is_free_or_wakes(pod) && self.is_replaced(pod) {
                self.step(Action::Recreate {
                    pod: bind::pod_ref(&pod.record),
                    version: pod.record.version,
                    from: subset,
                    why: WhyRecreated::NoNodeBeside,
                });
                return;
            }
        }
    }
}
