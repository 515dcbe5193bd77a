//! The watches: what they show, as events for the world.
//!
//! ```text
//!  watch --mask--> Seen --record--> Change --channel--> the loop
//! ```
//!
//! Only pruned records leave this module. A watch that fails goes on trying, ever more slowly, and stops no other.

mod mask;
mod resource;
mod seen;
mod watching;

use std::collections::BTreeMap;

use kube::Client;
use sidecar_core::watches::{Filter, Source, Watched};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::debug;

pub use resource::{Resource, resource_of};
pub(crate) use seen::{PodFields, PolicyFields, Seen};

use crate::events::Teller;
use crate::metrics::Metrics;
use watching::Watching;

/// The running watches.
pub struct Watches {
    client: Client,
    tell: mpsc::Sender<Watched>,
    metrics: Metrics,
    teller: Teller,
    running: BTreeMap<Source, AbortHandle>,
}

impl Watches {
    /// None runs yet.
    #[must_use]
    pub fn new(client: Client, tell: mpsc::Sender<Watched>, metrics: Metrics, teller: Teller) -> Self {
        Self {
            client,
            tell,
            metrics,
            teller,
            running: BTreeMap::new(),
        }
    }

    /// Watches no more.
    pub fn stop(&mut self, source: &Source) {
        if let Some(running) = self.running.remove(source) {
            running.abort();
            debug!(source = %source, "watched no more");
        }
    }

    /// Lists and watches, in place of any earlier watch of this source.
    pub fn start(&mut self, source: Source, generation: u64, filter: Filter) {
        self.stop(&source);
        let watching = Watching {
            client: self.client.clone(),
            tell: self.tell.clone(),
            metrics: self.metrics.clone(),
            teller: self.teller.clone(),
            source: source.clone(),
            generation,
            filter,
        };
        let task = tokio::spawn(watching.run()).abort_handle();
        self.running.insert(source, task);
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for running in self.running.values() {
            running.abort();
        }
    }
}
