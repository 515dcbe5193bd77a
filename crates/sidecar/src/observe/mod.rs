//! The watches: what they show, as events for the world.
//!
//! ```text
//!  watch --mask--> Seen --record--> Change --channel--> the loop (Shown, World)
//! ```
//!
//! Only pruned records leave this module. A watch that fails goes on trying, ever more slowly, and stops no other.

mod filter;
mod mask;
mod seen;
mod shown;
mod source;
mod watching;

use std::collections::BTreeMap;

use kube::Client;
use reconcile_core::Event;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::debug;

pub use filter::Filter;
pub(crate) use seen::{PodFields, PolicyFields, Seen};
pub use shown::{Key, Shown, State};
pub use source::{Resource, Source, What, sources};

use crate::events::Teller;
use crate::metrics::Metrics;
use watching::Watching;

/// What a watch tells the loop.
#[derive(Debug)]
pub struct Told {
    /// Which watch.
    pub source: Source,
    /// Which time that it was started: a stopped watch may have told something that is still on its way.
    pub generation: u64,
    /// What.
    pub change: Change,
}

/// What happened.
#[derive(Debug)]
pub enum Change {
    /// A listing begins.
    Began,
    /// An object is there.
    There(Key, Box<Event>),
    /// An object is not there; whether it was being deleted when it was last seen.
    Away(Key, bool),
    /// The listing is complete.
    Listed,
    /// The watch broke and is tried again.
    Broke,
    /// The watch cannot be had.
    Failed(State),
}

/// The running watches.
pub struct Watches {
    client: Client,
    tell: mpsc::Sender<Told>,
    metrics: Metrics,
    teller: Teller,
    running: BTreeMap<Source, Running>,
    generation: u64,
}

#[derive(Debug)]
struct Running {
    generation: u64,
    filter: Filter,
    task: AbortHandle,
}

impl Watches {
    /// None runs yet.
    #[must_use]
    pub fn new(client: Client, tell: mpsc::Sender<Told>, metrics: Metrics, teller: Teller) -> Self {
        Self {
            client,
            tell,
            metrics,
            teller,
            running: BTreeMap::new(),
            generation: 0,
        }
    }

    /// Makes the running watches those that are wanted; those that were stopped, and those that were started anew.
    pub fn set(&mut self, wanted: BTreeMap<Source, Filter>) -> (Vec<Source>, Vec<Source>) {
        let is_stopped = |source: &Source| !wanted.contains_key(source);
        let stopped: Vec<Source> = self
            .running
            .keys()
            .filter(|source| is_stopped(source))
            .cloned()
            .collect();
        for source in &stopped {
            self.stop(source);
        }
        let mut started = Vec::new();
        for (source, filter) in wanted {
            if self
                .running
                .get(&source)
                .is_none_or(|running| running.filter != filter)
            {
                self.start(source.clone(), filter);
                started.push(source);
            }
        }
        (stopped, started)
    }

    /// Lists everything anew.
    pub fn restart(&mut self) -> Vec<Source> {
        let all: Vec<(Source, Filter)> = self
            .running
            .iter()
            .map(|(source, running)| (source.clone(), running.filter.clone()))
            .collect();
        for (source, filter) in &all {
            self.start(source.clone(), filter.clone());
        }
        all.into_iter().map(|(source, _)| source).collect()
    }

    /// Whether what was told comes from a watch that still runs.
    #[must_use]
    pub fn is_current(&self, told: &Told) -> bool {
        self.running
            .get(&told.source)
            .is_some_and(|running| running.generation == told.generation)
    }

    fn stop(&mut self, source: &Source) {
        if let Some(running) = self.running.remove(source) {
            running.task.abort();
            debug!(source = %source, "watched no more");
        }
    }

    fn start(&mut self, source: Source, filter: Filter) {
        self.stop(&source);
        self.generation += 1;
        let watching = Watching {
            client: self.client.clone(),
            tell: self.tell.clone(),
            metrics: self.metrics.clone(),
            teller: self.teller.clone(),
            source: source.clone(),
            generation: self.generation,
            filter: filter.clone(),
        };
        let task = tokio::spawn(watching.run()).abort_handle();
        let running = Running {
            generation: self.generation,
            filter,
            task,
        };
        self.running.insert(source, running);
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for running in self.running.values() {
            running.task.abort();
        }
    }
}
