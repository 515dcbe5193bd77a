//! What to do now for one spread, and when to ask again.
//!
//! The order of the steps is the order in which they matter: gates first, then the ledger that admissions read, then
//! what may wait.

use core::cell::OnceCell;
use std::collections::BTreeSet;

use kube_rules::time::UnixMillis;
use placement_core::observe::Desired;
use placement_core::{Closed, Observation, observe};
use rules::Spread;
use spread_api::SpreadLedger;

use crate::ledger;
use crate::moments::{ahead, is_recent};
use crate::reschedule::Closings;
use crate::step::{Action, Note, Severity, Step, WhyReleased};
use crate::world::{KnownPod, Rule, SpreadId, World};
use crate::{bind, cost};

/// A ledger is written at most so often.
pub const LEDGER_INTERVAL_MILLIS: i64 = 100;

/// Pods that carry the name of a spread that is no more wait this long, for settings may be on their way.
const ORPHAN_MILLIS: i64 = 300_000;

/// The same Event is not told again before.
const NOTE_INTERVAL_MILLIS: i64 = 60_000;

/// The steps to take now, and when to plan again though nothing happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps, most urgent first.
    pub steps: Vec<Step>,
    /// When to plan again; `None`: when something happens.
    pub wake: Option<UnixMillis>,
}

/// Plans one spread. Whoever does not lead plans nothing.
#[must_use]
pub fn plan(world: &World, id: &SpreadId, now: UnixMillis) -> Plan {
    let mut planning = Planning {
        world,
        id,
        now,
        plan: Plan::default(),
        old_sets: OnceCell::new(),
        probes: Vec::new(),
    };
    if world.leader().is_none() {
        return planning.plan;
    }
    match world.rule(id) {
        None => planning.without_rule(),
        Some(rule) => planning.with_rule(rule),
    }
    planning.plan
}

pub(crate) struct Planning<'w> {
    pub(crate) world: &'w World,
    pub(crate) id: &'w SpreadId,
    pub(crate) now: UnixMillis,
    pub(crate) plan: Plan,
    /// The uids of ReplicaSets whose Deployment has a newer one, once somebody asked.
    pub(crate) old_sets: OnceCell<BTreeSet<&'w str>>,
    /// The closings, by their place, whose subset a pod is sent to in this plan to see whether there is room by now.
    pub(crate) probes: Vec<usize>,
}

/// For so long after the API server refused a ledger only what no refusal can be about is written.
const SHORT_MILLIS: i64 = 60_000;

impl<'w> Planning<'w> {
    pub(crate) fn step(&mut self, action: Action) {
        self.plan.steps.push(Step {
            spread: self.id.clone(),
            action,
        });
    }

    pub(crate) fn wake(&mut self, at: UnixMillis) {
        self.plan.wake = Some(self.plan.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Whether something may be written to a pod now; where it must wait for a time, it is planned again then.
    pub(crate) fn is_free_or_wakes(&mut self, pod: &KnownPod) -> bool {
        if let Some(at) = pod.waits_until(self.now) {
            self.wake(at);
        }
        pod.is_free(self.now)
    }

    /// Tells people, unless the same was told a while ago.
    pub(crate) fn note(&mut self, severity: Severity, reason: &'static str, text: String) {
        let told = self.world.noted.get(&(self.id.clone(), reason));
        let is_told = told.is_some_and(|told| is_recent(*told, self.now, NOTE_INTERVAL_MILLIS));
        let is_planned = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(&step.action, Action::Note(note) if note.reason == reason));
        // Of what no spread has there is nothing that an Event could be of.
        if is_told || is_planned || self.id.is_nobodys() {
            return;
        }
        let workload = self
            .world
            .rule(self.id)
            .and_then(|rule| self.world.workload_of(&rule.spread));
        self.step(Action::Note(Note {
            regarding: workload.map(|workload| workload.id.clone()),
            uid: workload.map(|workload| workload.uid.clone()),
            severity,
            reason,
            text,
        }));
    }

    /// Gates are opened though nobody knows the spread any more; its ledger goes.
    fn without_rule(&mut self) {
        let waiting: Vec<&KnownPod> = self
            .world
            .pods_of(self.id)
            .filter(|pod| pod.record.gated)
            .collect();
        for pod in waiting {
            let due = pod.record.created.plus(ORPHAN_MILLIS);
            if pod.is_free(self.now) && due <= self.now {
                self.release(pod, WhyReleased::NoSpread);
            } else if pod.assumed.is_none() {
                self.wake(due.max(pod.retry_at.unwrap_or(due)));
            } else if pod.is_to_be_retried(self.now) {
                self.release(pod, WhyReleased::NoSpread);
            } else if let Some(at) = pod.retry_at {
                self.wake(at);
            }
        }
        self.remove_ledger();
    }

    /// Removes the ledger of a spread that is no more. One of a rule that this process never led with may be that of a
    /// sidecar with other settings: it is told of, and removed when nobody has written it for a while. Until then it names
    /// no binder, for nobody binds its pods: an admission must not make them wait.
    fn remove_ledger(&mut self) {
        let world = self.world;
        let Some(known) = world.ledgers.get(self.id).filter(|known| !known.writing) else {
            return;
        };
        let Some(stored) = &known.stored else { return };
        let retry = known.retry.and_then(|retry| retry.waits_until(self.now));
        let mut due = retry.unwrap_or(self.now);
        if let Some(leader) = world.leader().filter(|_| world.is_of_another(stored)) {
            due = due.max(known.seen_at.plus(ORPHAN_MILLIS));
            if retry.is_none() && due > self.now {
                self.disown(stored);
            }
            let (ours, spread) = (&leader.settings, self.id);
            let text = format!(
                "the spread {spread} is not in the settings `{ours}` of the sidecar that leads: its pods are bound by nobody, \
                 and its ledger is removed unless a sidecar that has the spread writes it again within {} s",
                ORPHAN_MILLIS / 1000
            );
            self.note(Severity::Warning, "LedgerOfOtherSettings", text);
        }
        if due > self.now {
            self.wake(due);
        } else {
            self.step(Action::RemoveLedger);
        }
    }

    /// Takes the binder out of a ledger, where it names one.
    fn disown(&mut self, stored: &SpreadLedger) {
        let mut ledger = stored.clone();
        let binder = ledger.status.as_mut().and_then(|status| status.binder.take());
        if binder.is_some() {
            self.step(Action::PublishLedger(Box::new(ledger)));
        }
    }

    fn with_rule(&mut self, rule: &'w Rule) {
        let closings = self.closings(&rule.spread);
        let full = self.gated(&rule.spread, &closings);
        self.send_stones_on(&rule.spread);
        self.move_stuck(&rule.spread, &closings);
        self.landed(&rule.spread);
        let is_renaming = self.rename(&rule.spread);
        self.adopt(&rule.spread);
        // The version of a pod that is being moved must not change before; nor is a pod written to twice at once.
        let is_moving = |step: &Step| matches!(step.action, Action::Move { .. } | Action::Recreate { .. });
        if !is_renaming && !self.plan.steps.iter().any(is_moving) {
            self.costs(&rule.spread);
        }
        self.go_home(&rule.spread, &closings);
        self.publish(rule, &full, &closings);
    }

    pub(crate) fn observe(
        &self,
        spread: &Spread,
        revision: Option<&str>,
        replicas: Option<u32>,
    ) -> Observation {
        self.observe_but(spread, revision, replicas, None)
    }

    /// The counts without the place that one pod keeps in the subset that it was moved from.
    pub(crate) fn observe_but(
        &self,
        spread: &Spread,
        revision: Option<&str>,
        replicas: Option<u32>,
        but: Option<&KnownPod>,
    ) -> Observation {
        let desired = Desired {
            workload: replicas,
            revision: None,
        };
        let pods = self.world.pods_of(self.id).map(KnownPod::facts);
        let mut observation = observe(spread, revision, desired, pods);
        let is_own = |pod: &KnownPod| revision.is_none() || self.scope(spread, pod) == revision;
        if !spread.is_per_revision() && revision.is_some() {
            let own = self
                .world
                .pods_of(self.id)
                .filter(|pod| is_own(pod))
                .map(KnownPod::facts);
            observation.taken = observe(spread, None, desired, own).taken;
        }
        let is_it = |pod: &KnownPod| but.is_some_and(|but| core::ptr::eq(but, pod));
        for (pod, subset) in self.world.kept_places(self.id, spread) {
            if is_it(pod) {
                continue;
            }
            observation.filled.add(subset);
            if is_own(pod) {
                observation.taken.add(subset);
            }
        }
        observation
    }

    pub(crate) fn release(&mut self, pod: &KnownPod, why: WhyReleased) {
        let cost = self.cost_of_released(pod, why);
        let Ok(patch) = bind::release(&pod.record, &why.to_string(), cost, self.now) else {
            return;
        };
        self.step(Action::Release {
            pod: bind::pod_ref(&pod.record),
            why,
            patch,
        });
        let text = format!("pod {} was released without a subset: {why}", pod.record.name);
        self.note(Severity::Warning, "PodReleased", text);
    }

    /// What a released pod is to cost, so that no second write is needed. One that keeps the subset it was admitted to is
    /// one too many there, unless it was refused: that one has its place.
    fn cost_of_released(&self, pod: &KnownPod, why: WhyReleased) -> Option<i32> {
        let is_ranked = self.world.ranks(&pod.record);
        let rule = self.world.rule(self.id).filter(|_| is_ranked)?;
        match (&pod.record.subset, why) {
            (None, _) => Some(cost::unplaced(rule.spread.subsets().len())),
            (Some(subset), WhyReleased::LadderFull | WhyReleased::TimedOut) => {
                rule.spread.subset_named(subset).map(cost::excess)
            }
            (Some(_), WhyReleased::NoSpread | WhyReleased::Refused | WhyReleased::NotOffered) => None,
        }
    }

    /// Publishes what changed, at most every 100 ms. What is planned for pods comes first: it counts once it is assumed,
    /// so the ledger is rendered by the plan after that.
    fn publish(&mut self, rule: &Rule, full: &Closed, closings: &Closings) {
        if self.plan.steps.iter().any(|step| step.action.pod().is_some()) {
            self.wake(self.now);
            return;
        }
        let known = self.world.ledgers.get(self.id);
        if known.is_some_and(|known| known.writing) {
            return;
        }
        let vacating = self.is_vacating(&rule.spread);
        let mut ledger = ledger::ledger(self.world, self.id, rule, full, closings, vacating);
        if let Some((why, at)) = known.and_then(|known| known.refused.as_ref()) {
            let text = format!(
                "the API server refuses the ledger: {why}; pods wait for the sidecar, which counts all the same"
            );
            if is_recent(*at, self.now, SHORT_MILLIS) {
                self.note(Severity::Warning, "LedgerRefused", text);
                self.wake(at.plus(SHORT_MILLIS));
                ledger::shorten(&mut ledger);
            }
        }
        if known.and_then(|known| known.stored.as_ref()) == Some(&ledger) {
            return;
        }
        let due = known
            .and_then(|known| known.written_at)
            .and_then(|at| ahead(at.plus(LEDGER_INTERVAL_MILLIS), self.now, LEDGER_INTERVAL_MILLIS));
        let retry = known
            .and_then(|known| known.retry)
            .and_then(|retry| retry.waits_until(self.now));
        match due.max(retry) {
            Some(at) => self.wake(at),
            None => {
                if known.is_none_or(|known| known.stored.is_none()) {
                    self.tell_of_percentages(&rule.spread);
                }
                self.step(Action::PublishLedger(Box::new(ledger)));
                self.tell_of(closings);
            }
        }
    }
}
