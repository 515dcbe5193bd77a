//! The loop: it owns the world; everything comes to it, and all writes leave from it.
//!
//! ```text
//!  watches, settings, standing, answers --> World --due--> plan --steps--> Lanes --> Send, Look --.
//!                                             ^                                                   |
//!                                             '---------------- settle <------ Answered ----------'
//! ```
//!
//! It never writes before it leads: after the Lease is its own, it lets its own earlier writes end, lists everything anew,
//! and only then plans. Whoever drives it tells what happened by [`Reconciler::handle`], then lets it advance, then does
//! what [`Reconciler::poll`] says until that is nothing, then waits until something happens or until
//! [`Reconciler::next_wake`].

mod due;
mod effect;
mod lanes;
mod term;
#[cfg(test)]
mod tests;
mod verdict;
mod writing;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use reconcile_core::{Action, SpreadCounts, SpreadId, Step, World};
use rules::Subset;

pub use effect::{Answer, Effect, Event, NewWrite, Planned};
pub use lanes::{Limits, WriteId};
pub use verdict::is_forbidden_by_role;

use crate::settings::Settings;
use crate::time::{Moment, Now};
use crate::watches::{Change, Filter, Shown, Source, Watched};
use due::Due;
use lanes::Lanes;
use term::Term;
use writing::Flight;

/// How a loop works.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// What becomes of writes.
    pub writing: Writing,
    /// What a burst brings within this is planned once.
    pub coalesce: Duration,
    /// A request takes so long at most, here and in the API server.
    pub request_timeout: Duration,
}

/// What becomes of writes.
#[derive(Clone, Copy, Debug)]
pub enum Writing {
    /// They are sent, so many at a time.
    Sent(Limits),
    /// They are only told of, and assumed to be done.
    Told,
}

/// The loop.
#[derive(Debug)]
pub struct Reconciler {
    config: Config,
    world: World,
    shown: Shown,
    watching: BTreeMap<Source, Watching>,
    generation: u64,
    lanes: Lanes,
    flights: BTreeMap<WriteId, Flight>,
    last_write: u64,
    due: Due,
    /// What is planned in this turn.
    planning: BTreeSet<SpreadId>,
    term: Term,
    settings: Option<Settings>,
    /// Settings that wait until no write that knows the old ones is on its way.
    pending: Option<Settings>,
    /// When it last stayed open what became of a write.
    unknown: Option<Moment>,
    are_caches_filled: bool,
    /// The hash of the settings with which it stood last.
    stood: Option<String>,
    phase: Phase,
    effects: VecDeque<Effect>,
}

/// A watch that was started.
#[derive(Debug)]
struct Watching {
    generation: u64,
    filter: Filter,
}

/// How far it is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Its last writes are on their way.
    Stopping,
    Stopped,
}

impl Reconciler {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let limits = match config.writing {
            Writing::Sent(limits) => limits,
            Writing::Told => Limits::default(),
        };
        Self {
            config,
            world: World::new(),
            shown: Shown::default(),
            watching: BTreeMap::new(),
            generation: 0,
            lanes: Lanes::new(limits),
            flights: BTreeMap::new(),
            last_write: 0,
            due: Due::default(),
            planning: BTreeSet::new(),
            term: Term::Standby,
            settings: None,
            pending: None,
            unknown: None,
            are_caches_filled: false,
            stood: None,
            phase: Phase::Running,
            effects: VecDeque::new(),
        }
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: Event, now: Now) {
        match event {
            Event::Settings(settings) => self.pending = Some(settings),
            Event::Standing(standing) => self.follow(standing),
            Event::Watched(watched) => self.watched(watched, now),
            Event::Answered { write, answer, share } => self.answered(write, answer, share, now),
            Event::Stop => self.stop(),
        }
    }

    /// Sees what the time alone, and what was taken before, have made due.
    pub fn advance(&mut self, now: Now) {
        for key in self.shown.due(now.moment) {
            self.take(key.gone(), now);
        }
        self.resume(now.moment);
        if self.phase != Phase::Running {
            if self.phase == Phase::Stopping && self.flights.is_empty() {
                self.phase = Phase::Stopped;
                self.effects.push_back(Effect::Stopped);
            }
            return;
        }
        if self.flights.is_empty()
            && let Some(settings) = self.pending.take()
        {
            self.set(settings, now);
        }
        self.advance_term(now);
        self.look_ready();
        if self.term.leads() && self.pending.is_none() {
            for spread in self.due.take(now) {
                if self.is_settled(&spread) {
                    self.planning.insert(spread);
                } else {
                    self.due.hold(spread);
                }
            }
        }
    }

    /// What to do now; `None`: nothing more before something happens. Each call makes at most one plan.
    pub fn poll(&mut self, now: Now) -> Option<Effect> {
        loop {
            if let Some(effect) = self.effects.pop_front() {
                return Some(effect);
            }
            if let Some(spread) = self.planning.pop_first() {
                self.plan(spread, now);
            } else if !self.begin_write(now.moment) {
                return None;
            }
        }
    }

    /// When something is due though nothing happens; `None`: never.
    #[must_use]
    pub fn next_wake(&self, now: Now) -> Option<Moment> {
        let is_running = self.phase == Phase::Running;
        let due = self.due.next(now).filter(|_| is_running);
        let rests = self.flights.values().filter_map(Flight::rests_until).min();
        [due, self.quiet_at(now.moment), rests, self.shown.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The settings that are acted on.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// How many pods are where, of every spread.
    #[must_use]
    pub fn counts(&self) -> Vec<SpreadCounts> {
        self.world.counts()
    }

    /// Whether it leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.phase == Phase::Running && self.term.leads()
    }

    /// Whether it leads and has nothing more to do, now or later.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.leads() && self.due.is_empty() && self.lanes.is_idle()
    }

    /// The name of the subset that a step is about.
    #[must_use]
    pub fn subset(&self, step: &Step) -> Option<&str> {
        let (Action::Bind { subset, .. } | Action::Adopt { subset, .. }) = &step.action else {
            return None;
        };
        let rule = self.world.rule(&step.spread)?;
        rule.spread.subset(*subset).map(Subset::name)
    }

    fn watched(&mut self, watched: Watched, now: Now) {
        let Watched {
            source,
            generation,
            change,
        } = watched;
        let watching = self.watching.get(&source);
        if watching.is_none_or(|watching| watching.generation != generation) {
            return;
        }
        match change {
            Change::Began => self.shown.began(&source),
            Change::There(key, event) => {
                self.shown.saw(&source, &key);
                self.take(*event, now);
            }
            Change::Away(key, is_ending) => {
                if self.shown.lost(&source, &key, is_ending, now.moment) {
                    self.take(key.gone(), now);
                }
            }
            Change::Listed => {
                for key in self.shown.listed(&source) {
                    self.take(key.gone(), now);
                }
                self.due.release_held(now.moment);
            }
            Change::Broke => self.shown.broke(&source, now.moment),
            Change::Failed(state) => {
                self.shown.failed(&source, state);
                self.due.release_held(now.moment);
            }
        }
    }

    fn take(&mut self, event: reconcile_core::Event, now: Now) {
        let dirty = self.world.take(event, now.clock);
        self.mark(dirty, now.moment);
    }

    fn mark(&mut self, dirty: Vec<SpreadId>, now: Moment) {
        if self.term.leads() {
            self.due.mark_all(dirty, now + self.config.coalesce);
        }
    }

    fn stop(&mut self) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Stopping;
        self.planning.clear();
        let dropped = self.lanes.clear();
        self.effects.push_back(Effect::Stopping {
            on_their_way: self.lanes.on_their_way(),
            dropped,
        });
    }
}
