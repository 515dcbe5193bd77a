//! Drives the loop of `sidecar_core` by tokio: brings it what happens and what time it is, and does what it says.
//!
//! ```text
//!  watches, settings, lease, answers --Event--> Reconciler --Effect--> Watches, Writer, lease, log and metrics
//! ```
//!
//! It waits for nothing but its own inbox.

mod perform;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reconcile_core::{SpreadCounts, SpreadId};
use sidecar_core::lease::{Candidacy, Standing};
use sidecar_core::reconciler::{Answer, Config, Effect, Event, Limits, Reconciler, WriteId, Writing};
use sidecar_core::watches::Watched;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tracing::error;

use crate::apply::{Draft, Writer};
use crate::client::REQUEST_TIMEOUT;
use crate::clock;
use crate::config::Loaded;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::observe::Watches;

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
    pub told: mpsc::Receiver<Watched>,
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

/// The task.
pub struct Actor {
    core: Reconciler,
    watches: Watches,
    hands: Hands,
    /// The request of each write that has not ended.
    drafts: BTreeMap<WriteId, Arc<Draft>>,
    running: JoinSet<Answer>,
    /// Which write each running task is about.
    writing: BTreeMap<Id, WriteId>,
    published: BTreeMap<SpreadId, Instant>,
    health: Arc<Health>,
    metrics: Metrics,
    /// Told once the caches are filled: this sidecar stands for leader from then on.
    stand: watch::Sender<Option<Candidacy>>,
    is_stopping: bool,
    has_stopped: bool,
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
        let writing = match hands {
            Hands::Writer(_) => Writing::Sent(limits),
            Hands::Paper => Writing::Told,
        };
        Self {
            core: Reconciler::new(Config {
                writing,
                coalesce: COALESCE,
                request_timeout: REQUEST_TIMEOUT,
            }),
            watches,
            hands,
            drafts: BTreeMap::new(),
            running: JoinSet::new(),
            writing: BTreeMap::new(),
            published: BTreeMap::new(),
            health,
            metrics,
            stand,
            is_stopping: false,
            has_stopped: false,
        }
    }

    /// Runs until it is to stop and its writes have ended.
    pub async fn run(mut self, mut inbox: Inbox) {
        let mut told = Vec::with_capacity(BATCH);
        loop {
            let standing = *inbox.standing.borrow_and_update();
            self.handle(Event::Standing(standing));
            self.advance();
            if self.has_stopped {
                return;
            }
            let wake = self.next_wake();
            tokio::select! {
                _ = inbox.stop.changed(), if !self.is_stopping => self.begin_to_stop(),
                changed = inbox.standing.changed(), if !self.is_stopping => if changed.is_err() {
                    error!("the lease is kept no more");
                    self.begin_to_stop();
                },
                Some(ended) = self.running.join_next_with_id(), if !self.running.is_empty() => self.answered(ended),
                _ = inbox.told.recv_many(&mut told, BATCH) => {}
                Some(loaded) = inbox.settings.recv() => self.handle(Event::Settings(loaded.settings)),
                Some(ask) = inbox.asks.recv() => self.answer(ask),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            for watched in told.drain(..) {
                self.handle(Event::Watched(watched));
            }
            while let Some(ended) = self.running.try_join_next_with_id() {
                self.answered(ended);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        self.core.handle(event, clock::both());
    }

    fn begin_to_stop(&mut self) {
        self.is_stopping = true;
        self.handle(Event::Stop);
    }

    /// Does what can be done now.
    fn advance(&mut self) {
        self.health.beat();
        self.core.advance(clock::both());
        loop {
            let begun = Instant::now();
            let Some(effect) = self.core.poll(clock::both()) else {
                return;
            };
            if matches!(effect, Effect::Planned(_)) {
                self.metrics.planned(begun.elapsed());
            }
            self.perform(effect);
        }
    }

    /// A request ended.
    fn answered(&mut self, ended: Result<(Id, Answer), JoinError>) {
        let (id, answer) = ended.unwrap_or_else(|error| {
            // The runtime is ending, or there is a mistake in the writer.
            error!(error = %error, "a write broke off");
            (error.id(), Answer::BrokeOff)
        });
        if let Some(write) = self.writing.remove(&id) {
            self.handle(Event::Answered {
                write,
                answer,
                share: fastrand::f64(),
            });
        }
    }

    fn answer(&mut self, ask: Ask) {
        let ages = self
            .published
            .iter()
            .map(|(spread, at)| (spread.clone(), at.elapsed()));
        // Whoever asked may have gone.
        let _ = ask.send(Counts {
            spreads: self.core.counts(),
            ledger_ages: ages.collect(),
        });
    }

    fn next_wake(&self) -> Instant {
        let beat = Instant::now() + BEAT;
        let wake = self.core.next_wake(clock::both()).map(clock::instant);
        wake.map_or(beat, |wake| wake.min(beat))
    }
}
