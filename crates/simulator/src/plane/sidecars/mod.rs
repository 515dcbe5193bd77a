//! The sidecars: each runs the real one's loop and its part in the election, on watches and requests that are late, get lost
//! and break.

mod effects;
mod life;
mod shown;
mod watching;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use core::time::Duration;

use kube_rules::time::UnixMillis;
use reconcile_core::{PodPatch, Step};
use sidecar_core::lease::Timing;
use sidecar_core::reconciler::{self, Config, Limits, Reconciler, WriteId, Writing};
use sidecar_core::{Now, Settings, settings_hash};

use shown::bound_to;

use super::lease::Candidate;
use super::requests::Answer;
use super::{Event, Plane};
use crate::plane::setup::{Lag, Setup, SidecarSpec};
use crate::random::Random;
use crate::time::Millis;

/// How many ledgers are on their way at a time.
const LEDGERS_AT_ONCE: usize = 8;

/// What a sidecar does by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SidecarEvent {
    /// It has started, and reads its settings.
    Begin,
    /// Something is due about the Lease.
    Tick,
    /// Something is due in its loop.
    Wake,
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

/// A sidecar.
#[derive(Debug)]
pub(crate) struct Sidecar {
    pub(crate) spec: SidecarSpec,
    pub(crate) life: u32,
    pub(crate) chance: Random,
    pub(crate) candidate: Candidate,
    number: usize,
    state: State,
    core: Reconciler,
    /// The writes that have not ended.
    writes: BTreeMap<WriteId, Rc<Write>>,
    /// When its loop wakes next.
    wakes: Option<Millis>,
    /// What happens to a process while it is frozen.
    postponed: Vec<Event>,
    /// The version at which it saw each workload.
    known: BTreeMap<usize, u64>,
}

/// A write that waits or is on its way.
#[derive(Debug)]
pub(crate) struct Write {
    /// Without its patch.
    pub(crate) step: Arc<Step>,
    pub(crate) patch: Option<PodPatch>,
    /// The version at which whoever planned it knew the pod's workload.
    pub(crate) known: u64,
}

impl Sidecar {
    pub(crate) fn new(number: usize, life: u32, spec: SidecarSpec, setup: &Setup, chance: Random) -> Self {
        let identity = format!("sidecar-{number}-{life}");
        Self {
            spec,
            life,
            chance,
            candidate: Candidate::new(identity, timing(setup)),
            number,
            state: State::Down,
            core: Reconciler::new(Config {
                writing: Writing::Sent(Limits {
                    pods: usize::try_from(spec.writes_at_once).unwrap_or(1),
                    ledgers: LEDGERS_AT_ONCE,
                }),
                coalesce: Duration::from_millis(spec.think_millis.max(1)),
                request_timeout: timing(setup).in_flight,
            }),
            writes: BTreeMap::new(),
            wakes: None,
            postponed: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    pub(crate) fn drawn(&mut self, lag: Lag) -> Millis {
        Millis(lag.millis + self.chance.below(lag.jitter + 1))
    }

    /// Between 0 and 1.
    pub(crate) fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.chance.below(1001)).unwrap_or(0)) / 1000.0
    }

    /// Its wall clock, which may go wrong.
    pub(crate) fn clock(&self, now: Millis) -> i64 {
        now.unix() + self.spec.skew
    }

    fn now(&self, now: Millis) -> Now {
        Now {
            moment: now.moment(),
            clock: UnixMillis(self.clock(now)),
        }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.state == State::Frozen
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.state == State::Stopping
    }

    pub(crate) fn leads(&self) -> bool {
        self.state == State::Running && self.core.leads()
    }

    /// Whether it leads and has nothing more to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.state == State::Running && self.core.is_at_rest()
    }

    /// The binds that are on their way.
    fn pending(&self) -> impl Iterator<Item = &Step> {
        let steps = self.writes.values().map(|write| write.step.as_ref());
        steps.filter(|step| bound_to(step).is_some())
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
}

/// How long things take about the Lease.
pub(in crate::plane) fn timing(setup: &Setup) -> Timing {
    Timing::of(
        Duration::from_millis(setup.cluster.lease_millis),
        Duration::from_millis(setup.cluster.request_timeout_millis),
    )
}

/// The settings of all sidecars.
fn settings(setup: &Setup) -> Settings {
    let written = setup.rules.iter().map(|rule| rule.written.clone());
    Settings {
        rules: setup.rules.clone(),
        hash: settings_hash(&written.collect()),
        custom_kinds: Vec::new(),
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
            (_, SidecarEvent::Begin) => {
                let settings = settings(self.setup);
                self.handle(ix, reconciler::Event::Settings(settings));
            }
            (_, SidecarEvent::Tick) => self.tick(ix),
            (_, SidecarEvent::Wake) => {
                let now = self.now;
                if sidecar.wakes.take_if(|at| *at <= now).is_some() {
                    self.drive(ix);
                }
            }
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
            Answer::Step { write, answer } => {
                let share = sidecar.share();
                self.handle(ix, reconciler::Event::Answered { write, answer, share });
            }
        }
    }

    /// Tells the loop what happened, and does what it says.
    pub(super) fn handle(&mut self, ix: usize, event: reconciler::Event) {
        let now = self.now;
        if let Some(sidecar) = self.sidecars.get_mut(ix) {
            let now = sidecar.now(now);
            sidecar.core.handle(event, now);
            self.drive(ix);
        }
    }

    /// Does what the loop says, until that is nothing.
    fn drive(&mut self, ix: usize) {
        let at = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let now = sidecar.now(at);
        sidecar.core.advance(now);
        let life = sidecar.life;
        while let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| sidecar.life == life) {
            let Some(effect) = sidecar.core.poll(now) else {
                break;
            };
            self.perform(ix, effect);
        }
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| sidecar.life == life) else {
            return;
        };
        let Some(wake) = sidecar.core.next_wake(now) else {
            return;
        };
        let wake = Millis::at_or_after(wake).max(at + Millis(1));
        if sidecar.wakes.is_none_or(|planned| wake < planned || planned < at) {
            sidecar.wakes = Some(wake);
            let event = Event::Sidecar {
                sidecar: ix,
                life,
                event: SidecarEvent::Wake,
            };
            self.queue.push(wake, event);
        }
    }
}
