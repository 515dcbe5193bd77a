//! The loop: one task owns the world; everything comes to it, and all writes leave from it.
//!
//! ```text
//!  watches, settings, lease, answers --> World --due--> plan --steps--> Lanes --> Writer --.
//!                                          ^                                               |
//!                                          '----------------- settle ----------------------'
//! ```
//!
//! It waits for nothing but its own inbox, and never writes before it leads: after the lease is its own, it lets its own
//! earlier writes end, lists everything anew, and only then plans.

mod due;
mod readiness;
mod writes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reconcile_core::{Leader, Outcome, SpreadCounts, SpreadId, Step, World};
use sidecar_core::lease::{Candidacy, Standing};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinSet};
use tracing::{error, info, warn};

use crate::apply::{Lanes, Limits, Writer};
use crate::client::REQUEST_TIMEOUT;
use crate::clock;
use crate::config::Loaded;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::observe::{Change, Shown, Told, Watches, sources};
use due::Due;

/// What a burst brings within this is planned once.
const COALESCE: Duration = Duration::from_millis(10);

/// The loop shows that it lives at least so often.
const BEAT: Duration = Duration::from_secs(5);

/// So much of the inbox is taken before something else is looked at.
const BATCH: usize = 256;

/// What comes in from outside.
#[derive(Debug)]
pub struct Inbox {
    /// From the watches.
    pub told: mpsc::Receiver<Told>,
    /// Checked settings.
    pub settings: mpsc::Receiver<Loaded>,
    /// From the lease.
    pub standing: watch::Receiver<Standing>,
    /// Questions.
    pub asks: mpsc::Receiver<Ask>,
    /// Set when it is to end.
    pub stop: watch::Receiver<bool>,
}

/// The answer to a question about counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Of every spread.
    pub spreads: Vec<SpreadCounts>,
    /// How long ago this process wrote each ledger.
    pub ledger_ages: Vec<(SpreadId, Duration)>,
}

/// A question: how many pods are where?
pub type Ask = oneshot::Sender<Counts>;

/// Where steps go.
pub enum Hands {
    /// To the API server.
    Writer(Box<Writer>),
    /// To the standard output; nothing is written.
    Paper,
}

/// How far this process is with leading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    /// Another may lead.
    Standby,
    /// Its own earlier writes are on their way.
    Draining(u64),
    /// It lists everything anew.
    Listing(u64),
    /// It leads.
    Leading(u64),
}

/// The task.
pub struct Actor {
    world: World,
    shown: Shown,
    watches: Watches,
    lanes: Lanes,
    hands: Hands,
    running: JoinSet<Outcome>,
    /// What each running task writes.
    writing: BTreeMap<Id, Arc<Step>>,
    due: Due,
    term: Term,
    loaded: Option<Loaded>,
    /// Settings that wait until no write that knows the old ones is on its way.
    pending: Option<Loaded>,
    published: BTreeMap<SpreadId, Instant>,
    /// When it last stayed open what became of a write.
    unknown: Option<Instant>,
    health: Arc<Health>,
    metrics: Metrics,
    /// Told once the caches are filled: this sidecar stands for leader from then on.
    stand: watch::Sender<Option<Candidacy>>,
    is_stopping: bool,
}

impl Actor {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(
        watches: Watches,
        hands: Hands,
        limits: Limits,
        health: Arc<Health>,
        metrics: Metrics,
        stand: watch::Sender<Option<Candidacy>>,
    ) -> Self {
        Self {
            world: World::new(),
            shown: Shown::default(),
            watches,
            lanes: Lanes::new(limits),
            hands,
            running: JoinSet::new(),
            writing: BTreeMap::new(),
            due: Due::default(),
            term: Term::Standby,
            loaded: None,
            pending: None,
            published: BTreeMap::new(),
            unknown: None,
            health,
            metrics,
            stand,
            is_stopping: false,
        }
    }

    /// Runs until it is to stop and its writes have ended.
    pub async fn run(mut self, mut inbox: Inbox) {
        let mut told = Vec::with_capacity(BATCH);
        loop {
            self.advance(*inbox.standing.borrow_and_update());
            if self.is_stopping && self.running.is_empty() {
                return;
            }
            let wake = self.next_wake();
            tokio::select! {
                _ = inbox.stop.changed(), if !self.is_stopping => self.begin_to_stop(),
                changed = inbox.standing.changed(), if !self.is_stopping => if changed.is_err() {
                    error!("the lease is kept no more");
                    self.begin_to_stop();
                },
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.ended(ended),
                _ = inbox.told.recv_many(&mut told, BATCH) => {}
                Some(loaded) = inbox.settings.recv() => self.pending = Some(loaded),
                Some(ask) = inbox.asks.recv() => self.answer(ask),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            for told in told.drain(..) {
                self.told(told);
            }
            while let Some(ended) = self.running.try_join_next_with_id() {
                self.ended(ended);
            }
        }
    }

    fn begin_to_stop(&mut self) {
        self.is_stopping = true;
        let dropped = self.lanes.clear();
        info!(
            on_their_way = self.lanes.on_their_way(),
            dropped, "stopping: the writes on their way are waited for"
        );
    }

    /// Does what can be done now.
    fn advance(&mut self, standing: Standing) {
        self.health.beat();
        let now = Instant::now();
        for key in self.shown.due(now) {
            self.take(key.gone());
        }
        if self.is_stopping {
            return;
        }
        self.follow(standing);
        let is_idle = self.lanes.on_their_way() == 0;
        if self.pending.is_some()
            && is_idle
            && let Some(loaded) = self.pending.take()
        {
            self.set(loaded);
        }
        match self.term {
            Term::Draining(epoch) if is_idle && self.is_quiet(now) => {
                for source in self.watches.restart() {
                    self.shown.restart(&source);
                }
                self.term = Term::Listing(epoch);
            }
            Term::Listing(epoch) if self.is_listed() => self.lead(epoch),
            _ => {}
        }
        self.look_ready();
        if matches!(self.term, Term::Leading(_)) && self.pending.is_none() {
            self.plan_due(now);
        }
        self.start_writes();
    }

    /// Whether no write of its own can come to pass any more.
    fn is_quiet(&self, now: Instant) -> bool {
        self.unknown.is_none_or(|at| at + REQUEST_TIMEOUT <= now)
    }

    /// Follows the lease.
    fn follow(&mut self, standing: Standing) {
        let epoch = match standing {
            Standing::Leading { epoch, .. } => Some(epoch),
            Standing::Standby | Standing::Waiting { .. } => None,
        };
        let current = match self.term {
            Term::Standby => None,
            Term::Draining(epoch) | Term::Listing(epoch) | Term::Leading(epoch) => Some(epoch),
        };
        if epoch == current {
            return;
        }
        if current.is_some() {
            let dropped = self.lanes.clear();
            self.world.lead(None);
            self.due.clear();
            self.published.clear();
            self.metrics.leads(false);
            warn!(dropped, "this process leads no more");
        }
        self.term = epoch.map_or(Term::Standby, Term::Draining);
    }

    fn lead(&mut self, epoch: u64) {
        let Some(loaded) = &self.loaded else { return };
        self.term = Term::Leading(epoch);
        let leader = Leader {
            epoch,
            settings: loaded.hash.clone(),
        };
        let dirty = self.world.lead(Some(leader));
        self.due.mark_all(dirty, Instant::now());
        self.metrics.leads(true);
        info!(
            epoch,
            settings = loaded.hash,
            spreads = loaded.rules.len(),
            "this process leads"
        );
    }

    /// Takes new settings.
    fn set(&mut self, loaded: Loaded) {
        self.world.set_custom_kinds(loaded.custom_kinds.clone());
        let dirty = self.world.set_rules(loaded.rules.clone());
        let (stopped, started) = self.watches.set(sources(&loaded));
        for source in &stopped {
            for key in self.shown.forget(source) {
                self.take(key.gone());
            }
        }
        for source in &started {
            self.shown.restart(source);
        }
        if let Hands::Writer(writer) = &self.hands {
            writer.set_api_versions(loaded.api_versions());
        }
        info!(
            settings = loaded.hash,
            spreads = loaded.rules.len(),
            watches = started.len(),
            "settings taken"
        );
        self.mark(dirty);
        self.loaded = Some(loaded);
        if let Term::Leading(epoch) = self.term {
            self.lead(epoch);
        }
    }

    fn told(&mut self, told: Told) {
        if !self.watches.is_current(&told) {
            return;
        }
        let source = told.source;
        match told.change {
            Change::Began => self.shown.began(&source),
            Change::There(key, event) => {
                self.shown.saw(&source, &key);
                self.take(*event);
            }
            Change::Away(key, is_ending) => {
                if self.shown.lost(&source, &key, is_ending, Instant::now()) {
                    self.take(key.gone());
                }
            }
            Change::Listed => {
                for key in self.shown.listed(&source) {
                    self.take(key.gone());
                }
                self.due.release_held(Instant::now());
            }
            Change::Broke => self.shown.broke(&source, Instant::now()),
            Change::Failed(state) => {
                self.shown.failed(&source, state);
                self.due.release_held(Instant::now());
            }
        }
    }

    fn take(&mut self, event: reconcile_core::Event) {
        let dirty = self.world.take(event, clock::now());
        self.mark(dirty);
    }

    fn mark(&mut self, dirty: Vec<SpreadId>) {
        if matches!(self.term, Term::Leading(_)) {
            self.due.mark_all(dirty, Instant::now() + COALESCE);
        }
    }

    fn answer(&mut self, ask: Ask) {
        let ages = self
            .published
            .iter()
            .map(|(spread, at)| (spread.clone(), at.elapsed()));
        // Whoever asked may have gone.
        let _ = ask.send(Counts {
            spreads: self.world.counts(),
            ledger_ages: ages.collect(),
        });
    }

    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let beat = now + BEAT;
        let due = self.due.next(now, clock::now());
        let is_draining = matches!(self.term, Term::Draining(_));
        let quiet = self
            .unknown
            .filter(|_| is_draining)
            .map(|at| at + REQUEST_TIMEOUT)
            .filter(|at| *at > now);
        [due, quiet, self.shown.next_due()]
            .into_iter()
            .flatten()
            .fold(beat, Instant::min)
    }
}
