//! What to do now for one spread, and when to ask again.
//!
//! The order of the steps is the order in which they matter: gates first, then the ledger that admissions read, then
//! what may wait.

use std::collections::BTreeMap;

use placement_core::decide::Placement;
use placement_core::ladder::{Closed, Ladder, Rung};
use placement_core::observe::Desired;
use placement_core::spread::{Amount, Capacity, Fill, MaximumScope, Spread, Target, WorkloadKind};
use placement_core::time::UnixMillis;
use placement_core::{DeletionCost, Observation, Reason, SubsetIx, observe};

use crate::bind;
use crate::ledger::{self, replicas};
use crate::step::{Action, Note, Severity, Step, WhyReleased};
use crate::world::{Assumed, KnownPod, Rule, SpreadId, World};

/// A ledger is written at most so often.
pub const LEDGER_INTERVAL_MILLIS: i64 = 100;

/// A bind that the API server refuses so often is given up.
const MOST_REFUSALS: u32 = 5;

/// Pods that carry the name of a spread that is no more wait this long, for settings may be on their way.
const ORPHAN_MILLIS: i64 = 300_000;

/// The same Event is not told again before.
const NOTE_INTERVAL_MILLIS: i64 = 60_000;

/// So many pods are deleted for want of a place before their spread rather exceeds than tries again.
const MOST_DELETIONS: u32 = 20;

/// After so long without a deletion they are counted anew.
const SURPLUS_MEMORY_MILLIS: i64 = 600_000;

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
}

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

    /// Tells people, unless the same was told a while ago.
    pub(crate) fn note(&mut self, severity: Severity, reason: &'static str, text: String) {
        let told = self.world.noted.get(&(self.id.clone(), reason));
        let is_told = told.is_some_and(|told| self.now.since(*told) < NOTE_INTERVAL_MILLIS);
        let is_planned = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(&step.action, Action::Note(note) if note.reason == reason));
        if is_told || is_planned {
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
            }
        }
        if let Some(known) = self.world.ledgers.get(self.id)
            && known.stored.is_some()
            && !known.writing
        {
            match known.retry.map(|retry| retry.at) {
                Some(at) if at > self.now => self.wake(at),
                _ => self.step(Action::RemoveLedger),
            }
        }
    }

    fn with_rule(&mut self, rule: &'w Rule) {
        let closed = self.gated(&rule.spread);
        self.adopt(&rule.spread);
        self.costs(&rule.spread);
        self.publish(rule, &closed);
    }

    /// Decides every gated pod for which there is something to decide.
    fn gated(&mut self, spread: &'w Spread) -> Closed {
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
            self.gated_of_scope(spread, revision, &pods, &mut full);
        }
        full.into_iter().collect()
    }

    fn gated_of_scope(
        &mut self,
        spread: &'w Spread,
        revision: Option<&str>,
        pods: &[&'w KnownPod],
        full: &mut Vec<SubsetIx>,
    ) {
        let replicas = replicas(self.world, spread);
        let closed = Closed::none();
        let mut observation = self.observe(spread, revision, replicas);
        let ladder = Ladder::new(spread, observation.replicas, &closed);
        let is_known = replicas.is_some() || !needs_replicas(spread);
        let mut late = Vec::new();
        for pod in pods {
            if let Some(assumed) = &pod.assumed {
                self.try_again(spread, pod, assumed);
            } else if let Some(at) = pod.retry_at.filter(|at| *at > self.now) {
                self.wake(at);
            } else if pod.record.refuses_to_be_bound(pod.refusals) {
                self.release(pod, WhyReleased::Refused);
            } else if let Some(subset) = pod
                .record
                .subset
                .as_deref()
                .and_then(|name| spread.subset_named(name))
            {
                self.held(spread, pod, subset, &ladder, &mut observation, full);
            } else {
                late.push(*pod);
            }
        }
        let mut free = ladder.free(&observation.taken).flat_map(|run| {
            let length = run
                .length
                .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
            core::iter::repeat_n(run.rung, length)
        });
        for pod in late {
            match free.next().filter(|_| is_known) {
                Some(rung) => self.bind(spread, pod, rung),
                None if is_known && spread.capacity() != Capacity::Exact => {
                    self.release(pod, WhyReleased::LadderFull);
                }
                None => self.wait_or_give_up(spread, pod),
            }
        }
    }

    pub(crate) fn observe(
        &self,
        spread: &Spread,
        revision: Option<&str>,
        replicas: Option<u32>,
    ) -> Observation {
        let desired = Desired {
            workload: replicas,
            revision: None,
        };
        observe(
            spread,
            revision,
            desired,
            self.world.pods_of(self.id).map(KnownPod::facts),
        )
    }

    fn bind(&mut self, spread: &Spread, pod: &KnownPod, rung: Rung) {
        let placement = placement(spread, pod, rung);
        match bind::bind(&pod.record, spread, &placement, self.now) {
            Ok(patch) => self.step(Action::Bind {
                pod: bind::pod_ref(&pod.record),
                subset: rung.subset,
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
        let free = ladder.free(&observation.taken).map(|run| run.rung);
        let is_share = matches!(spread.fill(), Fill::Shares(_));
        // Walking shares to the next rung of one subset ends: every round has one of each.
        let found = if is_share {
            let mut next = free.take(1_000_000);
            next.find(|rung| rung.subset == subset)
        } else {
            let mut next = free;
            next.find(|rung| rung.subset == subset)
        };
        if let Some(rung) = found {
            observation.taken.add_on(rung);
            let placement = placement(spread, pod, rung);
            if let Ok(patch) = bind::confirm(&pod.record, &placement, self.now) {
                self.step(Action::Bind {
                    pod: bind::pod_ref(&pod.record),
                    subset,
                    cost: placement.cost,
                    patch,
                });
            }
            return;
        }
        if !full.contains(&subset) {
            full.push(subset);
        }
        let surplus = self.world.surplus.get(self.id);
        let surplus = surplus.filter(|surplus| self.now.since(surplus.last) < SURPLUS_MEMORY_MILLIS);
        let planned = self
            .plan
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::DeletePod { .. }));
        let deleted =
            surplus.map_or(0, |surplus| surplus.deleted) + u32::try_from(planned.count()).unwrap_or(u32::MAX);
        let is_replaceable = pod.record.kind() != Some(WorkloadKind::Job);
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
                });
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
                if let Ok(patch) = patch {
                    self.step(Action::Bind {
                        pod: bind::pod_ref(&pod.record),
                        subset,
                        cost: placement.cost,
                        patch,
                    });
                }
            }
            Assumed::Released => self.release(pod, WhyReleased::TimedOut),
            Assumed::Deleted => self.step(Action::DeletePod {
                pod: bind::pod_ref(&pod.record),
            }),
            Assumed::Adopted { .. } | Assumed::Costs(_) => {}
        }
    }

    fn wait_or_give_up(&mut self, spread: &Spread, pod: &KnownPod) {
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

    pub(crate) fn release(&mut self, pod: &KnownPod, why: WhyReleased) {
        let Ok(patch) = bind::release(&pod.record, &why.to_string(), self.now) else {
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

    /// Publishes what changed, at most every 100 ms. What is planned for pods comes first: it counts once it is assumed,
    /// so the ledger is rendered by the plan after that.
    fn publish(&mut self, rule: &Rule, closed: &Closed) {
        if self.plan.steps.iter().any(|step| step.action.pod().is_some()) {
            self.wake(self.now);
            return;
        }
        let known = self.world.ledgers.get(self.id);
        if known.is_some_and(|known| known.writing) {
            return;
        }
        let ledger = ledger::ledger(self.world, self.id, rule, closed);
        if known.and_then(|known| known.stored.as_ref()) == Some(&ledger) {
            return;
        }
        let due = known
            .and_then(|known| known.written_at)
            .map(|at| at.plus(LEDGER_INTERVAL_MILLIS));
        let retry = known.and_then(|known| known.retry).map(|retry| retry.at);
        match due.max(retry).filter(|at| *at > self.now) {
            Some(at) => self.wake(at),
            None => self.step(Action::PublishLedger(Box::new(ledger))),
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
fn needs_replicas(spread: &Spread) -> bool {
    let is_percent = |amount: Option<Amount>| amount.is_some_and(Amount::is_percent);
    match (spread.target(), spread.fill()) {
        (Target::Workload { .. }, Fill::InOrder(bounds)) => bounds
            .iter()
            .any(|bounds| is_percent(bounds.min) || is_percent(bounds.max)),
        _ => false,
    }
}

impl crate::record::PodRecord {
    /// Whether binding it was refused so often that it is let go.
    fn refuses_to_be_bound(&self, refusals: u32) -> bool {
        self.gated && refusals >= MOST_REFUSALS
    }
}
