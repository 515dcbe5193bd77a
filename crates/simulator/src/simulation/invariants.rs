//! What must hold of every scenario, whatever it expects itself: judged after every event, as in the torture.

use std::collections::BTreeMap;
use std::rc::Rc;

use reconcile_core::Rule;
use rules::{Binding, Capacity, Target, WorkloadKind};

use super::recorder::Recorder;
use crate::judge::{Calm, Judge, Judged};
use crate::load::Step;
use crate::plane::objects::Pod;
use crate::plane::observer::{By, Chosen, Observer};
use crate::plane::store::Store;
use crate::plane::tally::Tally;
use crate::report::Outcome;
use crate::scenario::{EventKind, Scenario};
use crate::time::Millis;

/// A recorder, and a judge for each spread of one workload.
pub(super) struct Judging<'a> {
    recorder: Recorder<'a>,
    /// When the scenario begins, in the time of the plane.
    begin: Millis,
    judges: Vec<(String, Judge)>,
}

impl<'a> Judging<'a> {
    pub(super) fn new(recorder: Recorder<'a>, scenario: &Scenario, begin: Millis) -> Self {
        let judged = |(workload, spec): (usize, &crate::scenario::Workload)| {
            let is_its = |rule: &&Rule| {
                let spread = &rule.spread;
                spread.namespace() == spec.namespace
                    && matches!(spread.target(), Target::Workload { kind, name, filter: None, .. }
                        if kind.known() == Some(spec.kind) && *name == spec.name)
            };
            let rule = scenario.rules.iter().find(is_its)?;
            let judge = Judge::new(Judged {
                spread: rule.spread.clone(),
                workload,
                is_job: spec.kind == WorkloadKind::Job,
                is_ordered: spec.kind == WorkloadKind::StatefulSet,
                calm: calm(scenario, rule),
                room: BTreeMap::new(),
            });
            Some((rule.spread.name().to_owned(), judge))
        };
        Self {
            recorder,
            begin,
            judges: scenario.workloads.iter().enumerate().filter_map(judged).collect(),
        }
    }

    pub(super) fn close(self, seed: u64, tally: &Tally) -> Outcome {
        let mut outcome = self.recorder.close(seed, tally);
        for (spread, judge) in self.judges {
            if let Some(broken) = judge.into_violation() {
                let at = Millis(broken.at.saturating_sub(self.begin.0));
                outcome.violations.push(format!(
                    "at {at}, invariant `{}` of spread `{spread}` is broken: {} ({}); seed {seed}",
                    broken.rule, broken.text, broken.state
                ));
            }
        }
        outcome
    }

    fn judges(&mut self) -> impl Iterator<Item = &mut Judge> {
        self.judges.iter_mut().map(|(_, judge)| judge)
    }
}

/// What the scenario does without: what it promises by its capacity mode is asked of it then.
fn calm(scenario: &Scenario, rule: &Rule) -> Calm {
    let happens = |is_meant: fn(&EventKind) -> bool| {
        let mut events = scenario.script.events.iter();
        events.any(|event| is_meant(&event.kind))
    };
    let is_lossless = !happens(|kind| matches!(kind, EventKind::RestartApi { .. }));
    let spread = &rule.spread;
    Calm {
        is_lossless,
        is_prompt: is_lossless
            && scenario.script.sidecars > 0
            && !happens(|kind| matches!(kind, EventKind::PolicyDown { .. }))
            && !rule.written.to_string().contains('%')
            && spread.binding() == Binding::Late
            && spread.capacity() != Capacity::BestEffort
            && spread.has_shared_maximums(),
        ..Calm::default()
    }
}

impl Observer for Judging<'_> {
    fn passes(&mut self, now: Millis, next: Millis) {
        self.recorder.passes(now, next);
    }

    fn admitted(&mut self) {
        self.recorder.admitted();
    }

    fn replicas(&mut self, workload: usize, version: u64, now: Millis, replicas: u32) {
        self.recorder.replicas(workload, version, now, replicas);
        self.judges()
            .for_each(|judge| judge.replicas(workload, version, now, replicas));
    }

    fn pod(&mut self, now: Millis, store: &Store, old: Option<&Pod>, new: Option<&Pod>, by: &By) {
        self.recorder.pod(now, store, old, new, by);
        self.judges()
            .for_each(|judge| judge.pod(now, store, old, new, by));
    }

    fn deleted(&mut self, now: Millis, pod: &Pod, by: &By) {
        self.judges().for_each(|judge| judge.deleted(now, pod, by));
    }

    fn scaled_in(&mut self, now: Millis, removed: &[Rc<Pod>], kept: &[Rc<Pod>]) {
        self.recorder.scaled_in(now, removed, kept);
        self.judges()
            .for_each(|judge| judge.scaled_in(now, removed, kept));
    }

    fn autoscaled(&mut self, now: Millis, workload: usize, from: u32, to: u32, reason: &str) {
        self.recorder.autoscaled(now, workload, from, to, reason);
    }

    fn node_changed(&mut self, now: Millis, node: &str, what: &str) {
        self.recorder.node_changed(now, node, what);
    }

    fn evicted(&mut self, now: Millis, pod: &Pod, is_allowed: bool) {
        self.recorder.evicted(now, pod, is_allowed);
        self.judges()
            .for_each(|judge| judge.evicted(now, pod, is_allowed));
    }

    fn served(&mut self, workload: usize, step: &Step) {
        self.recorder.served(workload, step);
    }

    fn refused(&mut self, now: Millis, reason: &str) {
        self.recorder.refused(now, reason);
    }

    fn warned(&mut self, warning: &str) {
        self.recorder.warned(warning);
    }

    fn host_called(&mut self, operation: &str, calls: u64) {
        self.recorder.host_called(operation, calls);
    }

    fn forbidden(&mut self, now: Millis, pod: &Pod, broken: &str) {
        self.judges().for_each(|judge| judge.forbidden(now, pod, broken));
    }

    fn epoch(&mut self, now: Millis, epoch: u64, what: &str) {
        self.judges()
            .for_each(|judge| Observer::epoch(judge, now, epoch, what));
    }

    fn planned(&mut self, now: Millis, is_idle: bool) {
        self.judges().for_each(|judge| judge.planned(now, is_idle));
    }

    fn chosen(&mut self, now: Millis, store: &Store, chosen: &Chosen<'_>) {
        self.judges().for_each(|judge| judge.chosen(now, store, chosen));
    }
}
