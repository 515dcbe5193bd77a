//! The sidecars: each has a world of its own, filled by watches of its own, and runs the same plan as the real one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use placement_core::time::UnixMillis;
use reconcile_core::{
    Action, Event as Seen, Leader, NodeRecord, Outcome, Rule, SpreadId, Step, WorkloadRecord, World, plan,
};
use spread_api::SpreadLedger;

use super::lease::Candidate;
use super::objects::{Kind, Object};
use super::requests::{Answer, Answered, Asked};
use super::store::{Change, Viewer};
use super::{Event, Plane, SETTINGS_HASH};
use crate::json;
use crate::random::Random;
use crate::time::Millis;
use crate::torture::case::{Lag, NAMESPACE, SidecarCase};
use crate::torture::sabotage::Sabotage;

/// What a sidecar does by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SidecarEvent {
    /// Something is due about the Lease.
    Tick,
    /// Its standing changed by time alone.
    Turn,
    Plan,
    /// A write that was turned away is sent once more.
    Again(u64),
}

/// How a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// Finishing what is in flight.
    Stopping,
    Frozen,
    Down,
}

/// How far a process is with leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Standby,
    /// Its own earlier writes are on their way.
    Draining(u64),
    /// It lists everything anew.
    Listing(u64),
    Leading(u64),
}

/// A sidecar.
#[derive(Debug)]
pub(crate) struct Sidecar {
    pub(crate) case: SidecarCase,
    pub(crate) life: u32,
    pub(crate) identity: String,
    pub(crate) chance: Random,
    pub(crate) candidate: Candidate,
    number: usize,
    state: State,
    term: Term,
    world: World,
    dirty: BTreeSet<SpreadId>,
    /// When the plan asked to be made again.
    wakes: BTreeMap<SpreadId, Millis>,
    planning: Option<Millis>,
    lanes: [Lane; 3],
    flying: BTreeMap<u64, Flight>,
    requests: u64,
    /// Watches still to be listed before it may lead.
    unlisted: BTreeSet<usize>,
    /// What happens to a process while it is frozen.
    postponed: Vec<Event>,
    /// The version at which it saw the workload.
    known: u64,
}

/// Steps of one kind, which go one after the other, so many at a time.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Rc<Step>>,
    flying: usize,
}

#[derive(Debug)]
struct Flight {
    step: Rc<Step>,
    lane: usize,
    begun: Millis,
    attempts: u32,
    known: u64,
}

/// A request is sent so often at most.
const ATTEMPTS: u32 = 5;
/// The pause before it is sent a second time.
const PAUSE: u64 = 50;
/// How many ledgers are on their way at a time.
const LEDGERS_AT_ONCE: usize = 8;

fn lane_of(step: &Step) -> usize {
    match step.action {
        Action::Bind { .. } | Action::Release { .. } | Action::DeletePod { .. } => 0,
        Action::PublishLedger(_) | Action::RemoveLedger | Action::Note(_) => 1,
        Action::PatchCost { .. } | Action::Adopt { .. } => 2,
    }
}

impl Sidecar {
    pub(crate) fn new(number: usize, case: SidecarCase, chance: Random) -> Self {
        Self {
            case,
            life: 0,
            identity: String::new(),
            chance,
            candidate: Candidate::default(),
            number,
            state: State::Down,
            term: Term::Standby,
            world: World::new(),
            dirty: BTreeSet::new(),
            wakes: BTreeMap::new(),
            planning: None,
            lanes: [Lane::default(), Lane::default(), Lane::default()],
            flying: BTreeMap::new(),
            requests: 0,
            unlisted: BTreeSet::new(),
            postponed: Vec::new(),
            known: 0,
        }
    }

    pub(crate) fn drawn(&mut self, lag: Lag) -> Millis {
        Millis(lag.millis + self.chance.below(lag.jitter + 1))
    }

    /// Its wall clock, which may go wrong.
    pub(crate) fn clock(&self, now: Millis) -> i64 {
        now.unix() + self.case.skew
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.state == State::Frozen
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.state, State::Stopping | State::Down)
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.state == State::Stopping
    }

    pub(crate) fn leads(&self) -> bool {
        self.state == State::Running && matches!(self.term, Term::Leading(_))
    }

    fn begin(&mut self) {
        let fresh = Self::new(self.number, self.case, self.chance.clone());
        let (life, requests) = (self.life + 1, self.requests);
        *self = fresh;
        self.life = life;
        self.requests = requests;
        self.identity = format!("sidecar-{}-{life}", self.number);
        self.state = State::Running;
    }

    fn most_of(&self, lane: usize) -> usize {
        let pods = usize::try_from(self.case.writes_at_once).unwrap_or(1);
        match lane {
            0 => pods.max(1),
            1 => LEDGERS_AT_ONCE,
            _ => (pods / 4).max(1),
        }
    }

    /// How many binds to each subset are on their way.
    fn pending(&self, subsets: usize) -> Vec<u32> {
        let mut pending = vec![0; subsets];
        let waiting = self.lanes.iter().flat_map(|lane| &lane.waiting);
        let flying = self.flying.values().map(|flight| &flight.step);
        for subset in waiting.chain(flying).filter_map(|step| bound_to(step)) {
            if let Some(count) = pending.get_mut(subset) {
                *count += 1;
            }
        }
        pending
    }

    /// How late it can know of something, at the most.
    fn latest(&self) -> Millis {
        let of = |lag: Lag| lag.millis + lag.jitter;
        let case = &self.case;
        let seen = of(case.pods).max(of(case.workloads)).max(of(case.others));
        Millis(seen + 2 * of(case.requests) + 2 * case.think_millis + 20)
    }

    /// The next step that may be written now.
    fn next(&mut self) -> Option<(usize, Rc<Step>)> {
        (0..self.lanes.len()).find_map(|number| {
            let most = self.most_of(number);
            let lane = self.lanes.get_mut(number).filter(|lane| lane.flying < most)?;
            let step = lane.waiting.pop_front()?;
            lane.flying += 1;
            Some((number, step))
        })
    }
}

impl Plane<'_> {
    /// A new process begins.
    pub(super) fn start_sidecar(&mut self, ix: usize) {
        let rule = Rule {
            spread: self.spread.as_ref().clone(),
            written: self.case.spread.clone(),
        };
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Down)
        else {
            return;
        };
        sidecar.begin();
        sidecar.world.set_rules(vec![rule]);
        let life = sidecar.life;
        let watches = self.watches_of(ix);
        if let Some(sidecar) = self.sidecars.get_mut(ix) {
            // Nobody campaigns before the caches are filled.
            sidecar.unlisted = watches.iter().copied().collect();
        }
        for watch in watches {
            let wait = self.lag_of(
                ix,
                Lag {
                    millis: 5,
                    jitter: 200,
                },
            );
            self.list_after(watch, wait);
        }
        let wait = self.lag_of(
            ix,
            Lag {
                millis: 210,
                jitter: 50,
            },
        );
        self.after(
            wait,
            Event::Sidecar {
                sidecar: ix,
                life,
                event: SidecarEvent::Tick,
            },
        );
    }

    /// A process ends without a word.
    pub(super) fn kill_sidecar(&mut self, ix: usize) -> bool {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state != State::Down)
        else {
            return false;
        };
        sidecar.state = State::Down;
        sidecar.life += 1;
        for watch in self.watches_of(ix) {
            if let Some(watch) = self.watches.get_mut(watch) {
                watch.break_off();
                watch.forget();
            }
        }
        true
    }

    pub(super) fn stop_sidecar(&mut self, ix: usize) -> bool {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Running)
        else {
            return false;
        };
        sidecar.state = State::Stopping;
        for lane in &mut sidecar.lanes {
            lane.waiting.clear();
        }
        self.stop_when_idle(ix);
        true
    }

    fn stop_when_idle(&mut self, ix: usize) {
        let is_idle = |sidecar: &&mut Sidecar| sidecar.state == State::Stopping && sidecar.flying.is_empty();
        if self.sidecars.get_mut(ix).filter(is_idle).is_some() {
            self.give_back(ix);
            self.kill_sidecar(ix);
        }
    }

    pub(super) fn freeze_sidecar(&mut self, ix: usize) -> bool {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Running)
        else {
            return false;
        };
        sidecar.state = State::Frozen;
        true
    }

    pub(super) fn thaw_sidecar(&mut self, ix: usize) {
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Frozen)
        else {
            return;
        };
        sidecar.state = State::Running;
        // What came meanwhile is taken in any order.
        let mut postponed = std::mem::take(&mut sidecar.postponed);
        for watch in self.watches_of(ix) {
            let Some(watch_now) = self.watches.get(watch) else {
                continue;
            };
            let life = watch_now.life;
            let is_open = watch_now.open;
            postponed.push(if is_open {
                Event::Deliver { watch, life }
            } else {
                Event::List { watch, life }
            });
        }
        if let Some(sidecar) = self.sidecars.get_mut(ix) {
            sidecar.chance.shuffle(&mut postponed);
        }
        for event in postponed {
            self.after(Millis::ZERO, event);
        }
    }

    pub(super) fn watches_of(&self, sidecar: usize) -> Vec<usize> {
        let all = self.watches.iter().enumerate();
        all.filter(|(_, watch)| watch.viewer == Viewer::Sidecar(sidecar))
            .map(|(ix, _)| ix)
            .collect()
    }

    pub(super) fn sidecar_event(&mut self, ix: usize, life: u32, event: SidecarEvent) {
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| sidecar.life == life) else {
            return;
        };
        match (sidecar.state, event) {
            (State::Down, _) => {}
            (State::Frozen, _) => sidecar.postponed.push(Event::Sidecar {
                sidecar: ix,
                life,
                event,
            }),
            (_, SidecarEvent::Again(number)) => self.fly(ix, number),
            (State::Stopping, _) => {}
            (State::Running, SidecarEvent::Tick) => self.tick(ix),
            (State::Running, SidecarEvent::Turn) => self.turn(ix),
            (State::Running, SidecarEvent::Plan) => self.plan(ix),
        }
    }

    pub(super) fn answered(&mut self, ix: usize, life: u32, answer: Answer) {
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| sidecar.life == life) else {
            return;
        };
        if sidecar.state == State::Frozen {
            sidecar.postponed.push(Event::Answer {
                sidecar: ix,
                life,
                answer: Box::new(answer),
            });
            return;
        }
        match answer {
            Answer::Lease(answer) => self.lease_answered(ix, answer),
            Answer::Step { number, answered } => self.step_answered(ix, number, answered),
        }
    }

    fn step_answered(&mut self, ix: usize, number: u64, answered: Answered) {
        match answered {
            Answered::Refused(refused) => {
                self.tally.refused();
                let flight = self
                    .sidecars
                    .get(ix)
                    .and_then(|sidecar| sidecar.flying.get(&number));
                if let Some(step) = flight.map(|flight| Rc::clone(&flight.step)) {
                    self.send(ix, number, Asked::Look { step, refused });
                }
            }
            Answered::Again => {
                let timeout = Millis(self.case.cluster.request_timeout_millis);
                let now = self.now;
                let Some(sidecar) = self.sidecars.get_mut(ix) else {
                    return;
                };
                let Some(flight) = sidecar.flying.get_mut(&number) else {
                    return;
                };
                flight.attempts += 1;
                let pause = PAUSE << flight.attempts.min(6);
                let pause = Millis(pause / 2 + sidecar.chance.below(pause / 2 + 1));
                if flight.attempts >= ATTEMPTS || now + pause >= flight.begun + timeout {
                    self.ended(ix, number, Outcome::Unknown("turned away".to_owned()));
                } else {
                    let life = sidecar.life;
                    self.after(
                        pause,
                        Event::Sidecar {
                            sidecar: ix,
                            life,
                            event: SidecarEvent::Again(number),
                        },
                    );
                }
            }
            Answered::Outcome(outcome) => self.ended(ix, number, outcome),
        }
    }

    /// A write ended, in whatever term it was begun.
    fn ended(&mut self, ix: usize, number: u64, outcome: Outcome) {
        let now = self.now;
        let pods = self
            .watches
            .iter()
            .find(|watch| watch.viewer == Viewer::Sidecar(ix) && watch.kind == Kind::Pod);
        let outcome = match outcome {
            // It was removed in between, and the watch was faster: it must not come back.
            Outcome::Done(Some(pod)) if !pods.is_some_and(|pods| pods.shows(&pod.uid)) => Outcome::Done(None),
            other => other,
        };
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let Some(flight) = sidecar.flying.remove(&number) else {
            return;
        };
        if let Some(lane) = sidecar.lanes.get_mut(flight.lane) {
            lane.flying = lane.flying.saturating_sub(1);
        }
        let clock = UnixMillis(sidecar.clock(now));
        let dirty = sidecar.world.settle(&flight.step, outcome, clock);
        sidecar.dirty.extend(dirty);
        self.advance(ix);
        self.stop_when_idle(ix);
    }

    pub(super) fn shown_to_sidecar(&mut self, ix: usize, change: &Change) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let clock = UnixMillis(sidecar.clock(now));
        match change {
            Change::Stored(Object::Deployment(deployment)) => sidecar.known = deployment.version,
            Change::Stored(Object::Job(job)) => sidecar.known = job.version,
            _ => {}
        }
        if let Some(seen) = seen(change) {
            let dirty = sidecar.world.take(seen, clock);
            sidecar.dirty.extend(dirty);
            self.plan_soon(ix);
        }
    }

    /// Begins or ends to lead as the Lease has it.
    pub(super) fn follow(&mut self, ix: usize, epoch: Option<u64>) {
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let current = match sidecar.term {
            Term::Standby => None,
            Term::Draining(epoch) | Term::Listing(epoch) | Term::Leading(epoch) => Some(epoch),
        };
        if epoch == current {
            return;
        }
        if current.is_some() {
            for lane in &mut sidecar.lanes {
                lane.waiting.clear();
            }
            sidecar.world.lead(None);
            sidecar.dirty.clear();
            sidecar.wakes.clear();
        }
        sidecar.term = epoch.map_or(Term::Standby, Term::Draining);
        self.advance(ix);
    }

    /// Does what can be done now.
    fn advance(&mut self, ix: usize) {
        let watches = self.watches_of(ix);
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.state == State::Running)
        else {
            return;
        };
        let requests = sidecar.case.requests;
        if let Term::Draining(epoch) = sidecar.term
            && sidecar.flying.is_empty()
        {
            sidecar.term = Term::Listing(epoch);
            sidecar.unlisted = watches.iter().copied().collect();
            for watch in watches {
                if let Some(watch) = self.watches.get_mut(watch) {
                    watch.break_off();
                }
                let wait = self.lag_of(ix, requests) + self.lag_of(ix, requests);
                self.list_after(watch, wait);
            }
        }
        self.plan_soon(ix);
        self.pump(ix);
    }

    pub(super) fn listed(&mut self, ix: usize, watch: usize) {
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        sidecar.unlisted.remove(&watch);
        if let Term::Listing(epoch) = sidecar.term
            && sidecar.unlisted.is_empty()
        {
            sidecar.term = Term::Leading(epoch);
            let leader = Leader {
                epoch,
                settings: SETTINGS_HASH.to_owned(),
            };
            sidecar.dirty.extend(sidecar.world.lead(Some(leader)));
        }
        self.plan_soon(ix);
    }

    fn plan_soon(&mut self, ix: usize) {
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| sidecar.leads()) else {
            return;
        };
        let think = Millis(sidecar.case.think_millis.max(1));
        let dirty = (!sidecar.dirty.is_empty()).then_some(self.now + think);
        let wake = sidecar
            .wakes
            .values()
            .min()
            .map(|at| (*at).max(self.now + Millis(1)));
        let Some(at) = dirty.into_iter().chain(wake).min() else {
            return;
        };
        if sidecar
            .planning
            .is_none_or(|planned| at < planned || planned < self.now)
        {
            sidecar.planning = Some(at);
            let event = Event::Sidecar {
                sidecar: ix,
                life: sidecar.life,
                event: SidecarEvent::Plan,
            };
            self.queue.push(at, event);
        }
    }

    fn plan(&mut self, ix: usize) {
        let now = self.now;
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.planning.is_some_and(|at| at <= now))
        else {
            return;
        };
        sidecar.planning = None;
        if !sidecar.leads() {
            return;
        }
        let clock = UnixMillis(sidecar.clock(now));
        let mut told = Vec::new();
        let mut due = std::mem::take(&mut sidecar.dirty);
        due.extend(
            sidecar
                .wakes
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(id, _)| id.clone()),
        );
        for id in due {
            let plan = plan(&sidecar.world, &id, clock);
            self.tally.planned(plan.steps.len());
            self.judge.planned(
                now,
                plan.steps.is_empty() && plan.wake.is_some_and(|at| at <= clock),
            );
            match plan.wake {
                Some(at) => sidecar
                    .wakes
                    .insert(id, now + Millis(u64::try_from(at.since(clock)).unwrap_or(0))),
                None => sidecar.wakes.remove(&id),
            };
            let binds: Vec<usize> = plan.steps.iter().filter_map(bound_to).collect();
            if !binds.is_empty() {
                let pending = sidecar.pending(self.spread.subsets().len());
                self.judge
                    .chosen(now, &self.store, &binds, &pending, sidecar.latest());
            }
            if self.trace.is_some() {
                told.push(describe(&plan.steps, plan.wake.map(|at| at.since(clock))));
            }
            for step in plan.steps {
                sidecar.world.assume(&step, clock);
                if matches!(step.action, Action::Note(_)) {
                    sidecar.world.settle(&step, Outcome::Done(None), clock);
                } else if let Some(lane) = sidecar.lanes.get_mut(lane_of(&step)) {
                    lane.waiting.push_back(Rc::new(step));
                }
            }
        }
        for told in told {
            self.tell(|| format!("sidecar {ix} plans {told}"));
        }
        self.advance(ix);
    }

    /// Sends what waits.
    fn pump(&mut self, ix: usize) {
        loop {
            let now = self.now;
            let Some(sidecar) = self
                .sidecars
                .get_mut(ix)
                .filter(|sidecar| sidecar.state == State::Running)
            else {
                return;
            };
            let Some((lane, step)) = sidecar.next() else {
                return;
            };
            sidecar.requests += 1;
            let number = sidecar.requests;
            let known = sidecar.known;
            sidecar.flying.insert(
                number,
                Flight {
                    step,
                    lane,
                    begun: now,
                    attempts: 0,
                    known,
                },
            );
            self.fly(ix, number);
        }
    }

    /// Sends a write while the Lease is young; otherwise nobody knows, for it may have been sent before.
    fn fly(&mut self, ix: usize, number: u64) {
        let (now, timing) = (self.now, self.timing());
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let Some(flight) = sidecar.flying.get(&number) else {
            return;
        };
        let leads = match self.sabotage {
            Sabotage::NoFence => sidecar.candidate.held_epoch(),
            _ => sidecar.candidate.leads(now, timing).map(|(epoch, _)| epoch),
        };
        let Some(epoch) = leads else {
            let unknown = Outcome::Unknown("the lease is not held any more".to_owned());
            let answer = Answer::Step {
                number,
                answered: Answered::Outcome(unknown),
            };
            let life = sidecar.life;
            self.after(
                Millis::ZERO,
                Event::Answer {
                    sidecar: ix,
                    life,
                    answer: Box::new(answer),
                },
            );
            return;
        };
        let (step, known) = (Rc::clone(&flight.step), flight.known);
        self.send(ix, number, Asked::Step { step, epoch, known });
    }
}

/// The subset that a step binds a pod to.
fn bound_to(step: &Step) -> Option<usize> {
    if let Action::Bind { subset, .. } = &step.action {
        Some(subset.index())
    } else {
        None
    }
}

fn describe(steps: &[Step], wake: Option<i64>) -> String {
    let steps = steps.iter().map(|step| {
        let pod = step
            .action
            .pod()
            .map_or_else(String::new, |pod| format!(" {}", pod.name));
        let detail = match &step.action {
            Action::Bind { subset, .. } | Action::Adopt { subset, .. } => format!(" to {}", subset.index()),
            Action::Release { why, .. } => format!(" ({why})"),
            Action::PatchCost { cost, .. } => format!(" {cost}"),
            Action::PublishLedger(ledger) => ledger.status.as_ref().map_or_else(String::new, |status| {
                format!(
                    " {} of {:?}, {} gated, closed {:?}",
                    status.summary, status.replicas, status.gated, status.closed
                )
            }),
            _ => String::new(),
        };
        format!("{}{pod}{detail}", step.action.word())
    });
    let wake = wake.map_or_else(|| "nothing".to_owned(), |wake| format!("{wake} ms"));
    format!(
        "[{}], then waits for {wake}",
        steps.collect::<Vec<String>>().join(", ")
    )
}

/// A change as the brain takes it.
fn seen(change: &Change) -> Option<Seen> {
    let workload = |kind: &str, api_version: &str, value: &serde_json::Value| {
        let kind = placement_core::spread::GroupKind::of(api_version, kind)?;
        WorkloadRecord::of_kind(kind, value).ok().map(Box::new)
    };
    let name = |value: &serde_json::Value| {
        json::text(value, &["metadata", "name"])
            .unwrap_or_default()
            .to_owned()
    };
    let gone = |object: &Object| -> Option<Seen> {
        let (kind, value) = match object {
            Object::Pod(pod) => return Some(Seen::PodGone { uid: pod.uid.clone() }),
            Object::Node(_, value) => return Some(Seen::NodeGone(name(value))),
            Object::Ledger(value) => {
                let namespace = NAMESPACE.to_owned();
                return Some(Seen::LedgerGone(SpreadId {
                    namespace,
                    name: name(value),
                }));
            }
            Object::Deployment(deployment) => (Kind::Deployment, deployment.value()),
            Object::ReplicaSet(set) => (Kind::ReplicaSet, set.value()),
            Object::Job(job) => (Kind::Job, job.value()),
            Object::Lease(_) => return None,
        };
        let record = match kind {
            Kind::Deployment => workload("Deployment", "apps/v1", &value),
            Kind::Job => workload("Job", "batch/v1", &value),
            _ => workload("ReplicaSet", "apps/v1", &value),
        };
        record.map(|record| Seen::WorkloadGone(record.id))
    };
    match change {
        Change::Gone(object) => gone(object),
        Change::Stored(object) => match object {
            Object::Pod(pod) => Some(Seen::Pod(Box::new(pod.record.as_ref().clone()))),
            Object::Deployment(deployment) => {
                workload("Deployment", "apps/v1", &deployment.value()).map(Seen::Workload)
            }
            Object::ReplicaSet(set) => workload("ReplicaSet", "apps/v1", &set.value()).map(Seen::Workload),
            Object::Job(job) => workload("Job", "batch/v1", &job.value()).map(Seen::Workload),
            Object::Node(_, value) => NodeRecord::read(value)
                .ok()
                .map(|node| Seen::Node(Box::new(node))),
            Object::Ledger(value) => {
                let ledger: SpreadLedger = serde_json::from_value(value.as_ref().clone()).ok()?;
                Some(Seen::Ledger(Box::new(ledger)))
            }
            Object::Lease(_) => None,
        },
    }
}
