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

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use kube::api::ApiResource;
use kube::runtime::watcher::{self, Config, Event as WatchEvent};
use kube::{Api, Client};
use placement_core::spread::GroupKind;
use reconcile_core::{Event, NodeRecord, PodRecord, SpreadId, WorkloadId, WorkloadRecord};
use serde_json::Value;
use spread_api::SpreadLedger;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{debug, info, warn};

pub use filter::Filter;
pub(crate) use seen::{PodFields, PolicyFields, Seen};
pub use shown::{Key, Shown, State};
pub use source::{Resource, Source, What, sources};

use crate::backoff::Backoff;
use crate::metrics::Metrics;
use crate::said::{Said, of_watch};

/// So many objects come with one page of a list: more would only be held in memory.
const PAGE: u32 = 200;

/// A kind that cannot be found is looked for again after this.
const ABSENT: Duration = Duration::from_secs(30);

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
    /// The watch cannot be had.
    Failed(State),
}

/// The running watches.
pub struct Watches {
    client: Client,
    tell: mpsc::Sender<Told>,
    metrics: Metrics,
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
    pub fn new(client: Client, tell: mpsc::Sender<Told>, metrics: Metrics) -> Self {
        Self {
            client,
            tell,
            metrics,
            running: BTreeMap::new(),
            generation: 0,
        }
    }

    /// Makes the running watches those that are wanted; those that were stopped, and those that were started anew.
    pub fn set(&mut self, wanted: BTreeMap<Source, Filter>) -> (Vec<Source>, Vec<Source>) {
        let is_stopped = |source: &Source| !wanted.contains_key(source);
        let stopped: Vec<Source> = self.running.keys().filter(|source| is_stopped(source)).cloned().collect();
        for source in &stopped {
            self.stop(source);
        }
        let mut started = Vec::new();
        for (source, filter) in wanted {
            if self.running.get(&source).is_none_or(|running| running.filter != filter) {
                self.start(source.clone(), filter);
                started.push(source);
            }
        }
        (stopped, started)
    }

    /// Lists everything anew.
    pub fn restart(&mut self) -> Vec<Source> {
        let all: Vec<(Source, Filter)> =
            self.running.iter().map(|(source, running)| (source.clone(), running.filter.clone())).collect();
        for (source, filter) in &all {
            self.start(source.clone(), filter.clone());
        }
        all.into_iter().map(|(source, _)| source).collect()
    }

    /// Whether what was told comes from a watch that still runs.
    #[must_use]
    pub fn is_current(&self, told: &Told) -> bool {
        self.running.get(&told.source).is_some_and(|running| running.generation == told.generation)
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

/// One watch, as a task.
struct Watching {
    client: Client,
    tell: mpsc::Sender<Told>,
    metrics: Metrics,
    source: Source,
    generation: u64,
    filter: Filter,
}

impl Watching {
    async fn run(self) {
        let Some(resource) = self.resource().await else { return };
        match &self.source.what {
            What::PlacedPods | What::OtherPods => self.watch::<seen::PodFields>(&resource).await,
            What::Workloads { .. } => self.watch::<seen::WorkloadFields>(&resource).await,
            What::Nodes => self.watch::<seen::NodeFields>(&resource).await,
            What::Ledgers => self.watch::<seen::LedgerFields>(&resource).await,
        }
    }

    /// How the kind is served, asked until it is known; `None`: nobody listens any more.
    async fn resource(&self) -> Option<ApiResource> {
        let kind = match self.source.what.resource() {
            Resource::Known(resource) => return Some(resource),
            Resource::Ask(kind) => kind,
        };
        loop {
            match kube::discovery::pinned_kind(&self.client, &kind).await {
                Ok((resource, _)) => return Some(resource),
                Err(error) => {
                    let state = state_of(&error).unwrap_or(State::Absent);
                    warn!(source = %self.source, error = %Said(&error), "the kind is not served; it is asked for again");
                    self.metrics.watch_failed(self.source.what.word());
                    self.say(Change::Failed(state)).await?;
                    tokio::time::sleep(ABSENT).await;
                }
            }
        }
    }

    async fn watch<F: seen::Fields>(&self, resource: &ApiResource) {
        let api: Api<Seen<F>> = match &self.source.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        };
        let mut config = Config::default().page_size(PAGE);
        if let Some(selector) = self.source.what.selector() {
            config = config.labels(&selector);
        }
        let mut events = std::pin::pin!(watcher::watcher(api, config));
        let mut failed = None;
        let mut backoff = Backoff::default();
        while let Some(event) = events.next().await {
            let told = match event {
                // It comes before a listing is even asked for.
                Ok(WatchEvent::Init) => self.say(Change::Began).await,
                Ok(event) => {
                    backoff.worked();
                    if failed.take().is_some() {
                        info!(source = %self.source, "the watch works again");
                    }
                    self.event(event).await
                }
                Err(error) => {
                    let told = self.error(&error, &mut failed).await;
                    let is_refused = failed != Some(State::Unknown);
                    tokio::time::sleep(backoff.failed(is_refused, fastrand::f64())).await;
                    told
                }
            };
            if told.is_none() {
                return;
            }
        }
    }

    async fn error(&self, error: &watcher::Error, failed: &mut Option<State>) -> Option<()> {
        let (code, said) = of_watch(error);
        let state = code.and_then(state_of_code);
        self.metrics.watch_failed(self.source.what.word());
        // The API server forgets what was long ago: a new listing, nothing to be told of.
        let is_worth_telling = code != Some(410);
        if is_worth_telling && failed.replace(state.unwrap_or_default()) != Some(state.unwrap_or_default()) {
            match state {
                Some(State::Forbidden) => warn!(source = %self.source, error = said, "not allowed to watch; tried again"),
                Some(State::Absent) => warn!(source = %self.source, error = said, "the kind is not served; tried again"),
                _ => warn!(source = %self.source, error = said, "the watch broke; tried again"),
            }
        }
        match state {
            Some(state) => self.say(Change::Failed(state)).await,
            None => Some(()),
        }
    }

    async fn event<F: seen::Fields>(&self, event: WatchEvent<Seen<F>>) -> Option<()> {
        let change = match event {
            WatchEvent::Init => Change::Began,
            WatchEvent::InitDone => Change::Listed,
            WatchEvent::InitApply(seen) | WatchEvent::Apply(seen) => {
                let Some((key, event)) = self.read(&seen.object) else {
                    return Some(());
                };
                match event {
                    Some(event) => Change::There(key, Box::new(event)),
                    None => Change::Away(key, true),
                }
            }
            WatchEvent::Delete(seen) => {
                let Some((key, _)) = self.read(&seen.object) else {
                    return Some(());
                };
                let is_ending = seen.object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null());
                Change::Away(key, is_ending)
            }
        };
        self.say(change).await
    }

    /// The key and the event of an object that is let through; an object that is not what it should be has no event.
    fn read(&self, object: &Value) -> Option<(Key, Option<Event>)> {
        let text = |field: &str| object.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
        let unreadable = |error: &dyn core::fmt::Display| {
            warn!(source = %self.source, namespace, name, error = %error, "an object cannot be read and counts as absent");
            self.metrics.unreadable(self.source.what.word());
        };
        match &self.source.what {
            What::PlacedPods | What::OtherPods => {
                let key = Key::Pod(text("/metadata/uid"));
                match PodRecord::read(object) {
                    Ok(pod) => self.filter.takes_pod(&pod).then(|| (key, Some(Event::Pod(Box::new(pod))))),
                    Err(error) => {
                        unreadable(&error);
                        Some((key, None))
                    }
                }
            }
            What::Workloads { kind, .. } => {
                if !self.filter.takes_namespace(&namespace) {
                    return None;
                }
                let event = WorkloadRecord::of_kind(kind.clone(), object).inspect_err(|error| unreadable(error)).ok();
                let key = Key::Workload(workload(kind, namespace.clone(), name.clone()));
                Some((key, event.map(|workload| Event::Workload(Box::new(workload)))))
            }
            What::Nodes => {
                let node = NodeRecord::read(object).inspect_err(|error| unreadable(error)).ok();
                Some((Key::Node(name.clone()), node.map(|node| Event::Node(Box::new(node)))))
            }
            What::Ledgers => {
                let id = SpreadId { namespace: namespace.clone(), name: name.clone() };
                let ledger = serde_json::from_value::<SpreadLedger>(object.clone());
                // Somebody wrote nonsense: it counts as absent, and is published anew.
                let ledger = ledger.inspect_err(|error| unreadable(error)).ok();
                Some((Key::Ledger(id), ledger.map(|ledger| Event::Ledger(Box::new(ledger)))))
            }
        }
    }

    /// `None`: nobody listens any more.
    async fn say(&self, change: Change) -> Option<()> {
        let told = Told {
            source: self.source.clone(),
            generation: self.generation,
            change,
        };
        self.tell.send(told).await.ok()
    }
}

fn workload(kind: &GroupKind, namespace: String, name: String) -> WorkloadId {
    WorkloadId {
        namespace,
        kind: kind.clone(),
        name,
    }
}

/// What a refusal means for good; `None`: it may pass.
fn state_of(error: &kube::Error) -> Option<State> {
    match error {
        kube::Error::Api(status) => state_of_code(status.code),
        _ => None,
    }
}

fn state_of_code(code: u16) -> Option<State> {
    match code {
        401 | 403 => Some(State::Forbidden),
        404 => Some(State::Absent),
        _ => None,
    }
}
