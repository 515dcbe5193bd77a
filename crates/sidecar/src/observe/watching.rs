//! One watch, for ever: it lists, watches, reads and tells, and begins anew whenever that breaks.

use std::time::Duration;

use futures::StreamExt;
use kube::api::ApiResource;
use kube::runtime::watcher::{self, Config, Event as WatchEvent};
use kube::{Api, Client};
use reconcile_core::{Event, NodeRecord, PodRecord, SpreadId, WorkloadId, WorkloadRecord};
use rules::GroupKind;
use serde_json::Value;
use sidecar_core::watches::{Change, Filter, Key, Source, State, Watched, What};
use spread_api::SpreadLedger;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::resource::{Resource, resource_of};
use super::seen::{self, Seen};
use crate::backoff::Backoff;
use crate::events::{About, Teller};
use crate::metrics::Metrics;
use crate::pages::{Page, is_too_large};
use crate::said::{Said, of_watch};

/// A kind that cannot be found is looked for again after this.
const ABSENT: Duration = Duration::from_secs(30);

/// Why a watch is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Nobody listens any more.
    Unheard,
    /// A page of a list was too large.
    TooLarge,
}

/// One watch, as a task.
pub(super) struct Watching {
    pub(super) client: Client,
    pub(super) tell: mpsc::Sender<Watched>,
    pub(super) metrics: Metrics,
    pub(super) teller: Teller,
    pub(super) source: Source,
    pub(super) generation: u64,
    pub(super) filter: Filter,
}

impl Watching {
    pub(super) async fn run(self) {
        let Some(resource) = self.resource().await else {
            return;
        };
        match &self.source.what {
            What::PlacedPods | What::OtherPods => self.watch::<seen::PodFields>(&resource).await,
            What::Workloads { .. } => self.watch::<seen::WorkloadFields>(&resource).await,
            What::Nodes => self.watch::<seen::NodeFields>(&resource).await,
            What::Ledgers => self.watch::<seen::LedgerFields>(&resource).await,
        }
    }

    /// How the kind is served, asked until it is known; `None`: nobody listens any more.
    async fn resource(&self) -> Option<ApiResource> {
        let kind = match resource_of(&self.source.what) {
            Resource::Known(resource) => return Some(resource),
            Resource::Ask(kind) => kind,
        };
        let mut is_told = false;
        loop {
            match kube::discovery::pinned_kind(&self.client, &kind).await {
                Ok((resource, _)) => return Some(resource),
                Err(error) => {
                    let state = state_of(&error).unwrap_or(State::Absent);
                    self.metrics.watch_failed(self.source.what.word());
                    if !core::mem::replace(&mut is_told, true) {
                        let said = Said(&error).to_string();
                        warn!(source = %self.source, error = said, "the kind is not served; it is asked for again");
                        let text = format!("{} cannot be watched: {said}", self.source);
                        self.teller.warn(&About::Sidecar, "WatchRefused", &text);
                    }
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
        let mut page = Page::default();
        while self.watch_by(api.clone(), page).await == Ended::TooLarge {
            page = page.smaller();
        }
    }

    /// Watches until a page of a list is too large.
    async fn watch_by<F: seen::Fields>(&self, api: Api<Seen<F>>, page: Page) -> Ended {
        let mut config = Config::default().page_size(page.objects());
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
                Err(error) if is_too_large(&error) && page != page.smaller() => return Ended::TooLarge,
                Err(error) => {
                    let told = self.error(&error, &mut failed).await;
                    let is_refused = failed != Some(State::Unknown);
                    tokio::time::sleep(backoff.failed(is_refused, fastrand::f64())).await;
                    told
                }
            };
            if told.is_none() {
                return Ended::Unheard;
            }
        }
        Ended::Unheard
    }

    async fn error(&self, error: &watcher::Error, failed: &mut Option<State>) -> Option<()> {
        self.say(Change::Broke).await?;
        let (code, said) = of_watch(error);
        let state = code.and_then(state_of_code);
        self.metrics.watch_failed(self.source.what.word());
        // The API server forgets what was long ago: a new listing, nothing to be told of.
        let is_worth_telling = code != Some(410);
        if is_worth_telling && failed.replace(state.unwrap_or_default()) != Some(state.unwrap_or_default()) {
            match state {
                Some(State::Forbidden) => {
                    warn!(source = %self.source, error = said, "not allowed to watch; tried again")
                }
                Some(State::Absent) => {
                    warn!(source = %self.source, error = said, "the kind is not served; tried again")
                }
                _ => warn!(source = %self.source, error = said, "the watch broke; tried again"),
            }
            if state.is_some() {
                self.teller.warn(
                    &About::Sidecar,
                    "WatchRefused",
                    &format!("{} cannot be watched: {said}", self.source),
                );
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
                let is_ending = seen
                    .object
                    .pointer("/metadata/deletionTimestamp")
                    .is_some_and(|at| !at.is_null());
                Change::Away(key, is_ending)
            }
        };
        self.say(change).await
    }

    /// The key and the event of an object that is let through; an object that is not what it should be has no event.
    fn read(&self, object: &Value) -> Option<(Key, Option<Event>)> {
        let text = |field: &str| {
            object
                .pointer(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
        let unreadable = |error: &dyn core::fmt::Display| {
            warn!(source = %self.source, namespace, name, error = %error, "an object cannot be read and counts as absent");
            self.metrics.unreadable(self.source.what.word());
        };
        match &self.source.what {
            What::PlacedPods | What::OtherPods => {
                let key = Key::Pod(text("/metadata/uid").into());
                match PodRecord::read(object) {
                    // One that is let through no more, for its labels or its owner changed, was perhaps let through before.
                    Ok(pod) => {
                        let pod = self.filter.kept(pod);
                        Some((key, pod.map(|pod| Event::Pod(Box::new(pod)))))
                    }
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
                let event = WorkloadRecord::of_kind(kind.clone(), object)
                    .inspect_err(|error| unreadable(error))
                    .ok();
                let key = Key::Workload(Box::new(workload(kind, namespace.clone(), name.clone())));
                Some((key, event.map(|workload| Event::Workload(Box::new(workload)))))
            }
            What::Nodes => {
                let node = NodeRecord::read(object)
                    .inspect_err(|error| unreadable(error))
                    .ok();
                Some((
                    Key::Node(name.as_str().into()),
                    node.map(|node| Event::Node(Box::new(node))),
                ))
            }
            What::Ledgers => {
                let id = SpreadId {
                    namespace: namespace.clone(),
                    name: name.clone(),
                };
                let ledger = serde_json::from_value::<SpreadLedger>(object.clone());
                // Somebody wrote nonsense: it counts as absent, and is published anew.
                let ledger = ledger.inspect_err(|error| unreadable(error)).ok();
                Some((
                    Key::Ledger(Box::new(id)),
                    ledger.map(|ledger| Event::Ledger(Box::new(ledger))),
                ))
            }
        }
    }

    /// `None`: nobody listens any more.
    async fn say(&self, change: Change) -> Option<()> {
        let told = Watched {
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
