//! The sidecars: each has a world of its own, filled by watches of its own, and runs the same plan as the real one.

mod life;
mod planning;
mod shown;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use kube_rules::time::UnixMillis;
use reconcile_core::{Action, Leader, SpreadId, Step, World};
use shown::{bound_to, seen};

use super::lease::Candidate;
use super::objects::Object;
use super::requests::Answer;
use super::store::Change;
use super::{Event, Plane, SETTINGS_HASH};
use crate::plane::setup::{Lag, SidecarSpec};
use crate::random::Random;
use crate::time::Millis;

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
    pub(crate) spec: SidecarSpec,
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
    /// The version at which it saw each workload.
    known: BTreeMap<usize, u64>,
}

/// Steps of one kind, which go one after the other, so many at a time.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Planned>,
    flying: usize,
}

/// A step that waits for its turn, and the version at which whoever planned it knew the pod's workload.
#[derive(Debug)]
struct Planned {
    step: Rc<Step>,
    /// The number of the pod that it is about, if there is still one.
    pod: Option<u64>,
    known: u64,
}

#[derive(Debug)]
struct Flight {
    step: Rc<Step>,
    pod: Option<u64>,
    lane: usize,
    begun: Millis,
    attempts: u32,
    known: u64,
}

/// How many ledgers are on their way at a time.
const LEDGERS_AT_ONCE: usize = 8;

fn lane_of(step: &Step) -> usize {
    match step.action {
        Action::Bind { .. } | Action::Release { .. } | Action::DeletePod { .. } => 0,
        Action::PublishLedger(_) | Action::RemoveLedger | Action::Note(_) => 1,
        Action::Move { .. } | Action::Recreate { .. } | Action::Evict { .. } => 0,
        Action::PatchCost { .. } | Action::Adopt { .. } => 2,
    }
}

impl Sidecar {
    pub(crate) fn new(number: usize, spec: SidecarSpec, chance: Random) -> Self {
        Self {
            spec,
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
            known: BTreeMap::new(),
        }
    }

    pub(crate) fn drawn(&mut self, lag: Lag) -> Millis {
        Millis(lag.millis + self.chance.below(lag.jitter + 1))
    }

    /// Its wall clock, which may go wrong.
    pub(crate) fn clock(&self, now: Millis) -> i64 {
        now.unix() + self.spec.skew
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

    /// Whether it leads and has nothing more to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.leads()
            && self.wakes.is_empty()
            && self.flying.is_empty()
            && self.lanes.iter().all(|lane| lane.waiting.is_empty())
    }

    fn begin(&mut self) {
        let fresh = Self::new(self.number, self.spec, self.chance.clone());
        let (life, requests) = (self.life + 1, self.requests);
        *self = fresh;
        self.life = life;
        self.requests = requests;
        self.identity = format!("sidecar-{}-{life}", self.number);
        self.state = State::Running;
    }

    fn most_of(&self, lane: usize) -> usize {
        let pods = usize::try_from(self.spec.writes_at_once).unwrap_or(1);
        match lane {
            0 => pods.max(1),
            1 => LEDGERS_AT_ONCE,
            _ => (pods / 4).max(1),
        }
    }

    /// The binds that are on their way.
    fn pending(&self) -> impl Iterator<Item = &Step> {
        let waiting = self.lanes.iter().flat_map(|lane| &lane.waiting);
        let waiting = waiting.map(|planned| &planned.step);
        let flying = self.flying.values().map(|flight| &flight.step);
        waiting
            .chain(flying)
            .map(Rc::as_ref)
            .filter(|step| bound_to(step).is_some())
    }

    /// How late it can know of something, at the most.
    fn latest(&self) -> Millis {
        let of = |lag: Lag| lag.millis + lag.jitter;
        let spec = &self.spec;
        let seen = of(spec.pods).max(of(spec.workloads)).max(of(spec.others));
        Millis(seen + 2 * of(spec.requests) + 2 * spec.think_millis + 20)
    }

    fn know(&mut self, workload: usize, version: u64) {
        self.known.insert(workload, version);
    }

    /// The next step that may be written now.
    fn next(&mut self) -> Option<(usize, Planned)> {
        (0..self.lanes.len()).find_map(|number| {
            let most = self.most_of(number);
            let lane = self.lanes.get_mut(number).filter(|lane| lane.flying < most)?;
            let planned = lane.waiting.pop_front()?;
            lane.flying += 1;
            Some((number, planned))
        })
    }
}

impl Plane<'_> {
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

    pub(super) fn shown_to_sidecar(&mut self, ix: usize, change: &Change) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let clock = UnixMillis(sidecar.clock(now));
        match change {
            Change::Stored(Object::Deployment(workload)) => sidecar.know(workload.workload, workload.version),
            Change::Stored(Object::StatefulSet(workload)) => {
                sidecar.know(workload.workload, workload.version)
            }
            Change::Stored(Object::Job(workload)) => sidecar.know(workload.workload, workload.version),
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
        let requests = sidecar.spec.requests;
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
}
