//! Watches every pod of a namespace from a known moment on, and remembers what was ever true of them.
//!
//! It reads each event of one unbroken watch, so what it never saw never was. Should the API server have forgotten events
//! (it was restarted), that is counted as a gap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::ClusterError;

/// The label that says which subset a pod is in.
pub const SUBSET_LABEL: &str = "spillway.dev/subset";
/// The label that says which spread a pod belongs to.
pub const SPREAD_LABEL: &str = "spillway.dev/spread";
/// The gate of pods that are bound later.
pub const GATE: &str = "spillway.dev/placement";

const REVISION_LABEL: &str = "pod-template-hash";
const COST_ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A pod, as far as tests ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodState {
    /// Its uid.
    pub uid: String,
    /// The subset of its label, if it has one.
    pub subset: Option<String>,
    /// The spread of its label, if it has one.
    pub spread: Option<String>,
    /// The revision of its Deployment, empty elsewhere.
    pub revision: String,
    /// Whether it waits behind our gate.
    pub gated: bool,
    /// Whether it has succeeded or failed.
    pub finished: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The node it is on.
    pub node: Option<String>,
    /// Its deletion cost; 0 without one.
    pub cost: i64,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The pods there are, by name.
    pub pods: BTreeMap<String, PodState>,
    /// The events.
    pub events: usize,
    /// How often events may have been missed.
    pub gaps: usize,
    placed: Counts<String>,
    placed_by_revision: Counts<(String, String)>,
    states: Counts<State>,
}

/// What a pod can be, beside its subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Active,
    Gated,
    Ready,
    Unplaced,
}

#[derive(Clone, Debug)]
struct Counts<K> {
    now: BTreeMap<K, usize>,
    most: BTreeMap<K, usize>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self {
            now: BTreeMap::new(),
            most: BTreeMap::new(),
        }
    }
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<usize>,
    task: JoinHandle<()>,
    about: String,
}

impl PodState {
    /// Reads a pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let label = |key: &str| {
            pod.metadata
                .labels
                .as_ref()
                .and_then(|labels| labels.get(key))
                .cloned()
        };
        let cost = pod
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(COST_ANNOTATION));
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let gates = pod
            .spec
            .iter()
            .flat_map(|spec| spec.scheduling_gates.iter().flatten());
        let mut conditions = pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten());
        Self {
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            subset: label(SUBSET_LABEL),
            spread: label(SPREAD_LABEL),
            revision: label(REVISION_LABEL).unwrap_or_default(),
            gated: gates.into_iter().any(|gate| gate.name == GATE),
            finished: matches!(phase, Some("Succeeded" | "Failed")),
            ready: conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True"),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            cost: cost.and_then(|cost| cost.parse().ok()).unwrap_or_default(),
        }
    }

    /// The subset that it takes a place of: a terminating pod still does, a gated or finished one does not.
    #[must_use]
    pub fn placed(&self) -> Option<&str> {
        if self.gated || self.finished {
            return None;
        }
        self.subset.as_deref()
    }
}

impl Seen {
    /// The pods that take a place of a subset now.
    #[must_use]
    pub fn placed(&self, subset: &str) -> usize {
        self.placed.now.get(subset).copied().unwrap_or_default()
    }

    /// The most pods that ever took a place of a subset at one moment.
    #[must_use]
    pub fn most_placed(&self, subset: &str) -> usize {
        self.placed.most.get(subset).copied().unwrap_or_default()
    }

    /// The most pods of any one revision that ever took a place of a subset at one moment.
    #[must_use]
    pub fn most_placed_of_a_revision(&self, subset: &str) -> usize {
        self.placed_by_revision
            .most
            .iter()
            .filter(|((_, of), _)| of == subset)
            .map(|(_, most)| *most)
            .max()
            .unwrap_or_default()
    }

    /// Pods by subset, now.
    #[must_use]
    pub fn split(&self) -> BTreeMap<String, usize> {
        self.placed.now.clone()
    }

    /// The pods behind our gate, now.
    #[must_use]
    pub fn gated(&self) -> usize {
        self.now(State::Gated)
    }

    /// The most pods that were ever behind our gate at one moment.
    #[must_use]
    pub fn most_gated(&self) -> usize {
        self.states.most.get(&State::Gated).copied().unwrap_or_default()
    }

    /// The pods that are not finished, gated and terminating ones included.
    #[must_use]
    pub fn active(&self) -> usize {
        self.now(State::Active)
    }

    /// The pods that are ready, not finished and not being deleted.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.now(State::Ready)
    }

    /// The pods that are neither placed nor gated nor finished.
    #[must_use]
    pub fn unplaced(&self) -> usize {
        self.now(State::Unplaced)
    }

    /// Whether there are exactly so many pods, all of them ready, none on its way out.
    #[must_use]
    pub fn settled_at(&self, pods: usize) -> bool {
        self.pods.len() == pods && self.ready() == pods
    }

    fn now(&self, state: State) -> usize {
        self.states.now.get(&state).copied().unwrap_or_default()
    }

    fn put(&mut self, name: String, pod: PodState) {
        // The counts must not see a pod twice, nor for a moment not at all.
        let old = self.pods.insert(name, pod.clone());
        if let Some(old) = old {
            self.count(&old, false);
        }
        self.count(&pod, true);
    }

    fn remove(&mut self, name: &str) {
        if let Some(old) = self.pods.remove(name) {
            self.count(&old, false);
        }
    }

    fn count(&mut self, pod: &PodState, there: bool) {
        let states = [
            (State::Active, !pod.finished),
            (State::Gated, pod.gated && !pod.finished),
            (State::Ready, pod.ready && !pod.terminating && !pod.finished),
            (
                State::Unplaced,
                !pod.finished && !pod.gated && pod.subset.is_none(),
            ),
        ];
        for (state, _) in states.into_iter().filter(|(_, is)| *is) {
            self.states.change(state, there);
        }
        if let Some(subset) = pod.placed() {
            self.placed.change(subset.to_owned(), there);
            let of_revision = (pod.revision.clone(), subset.to_owned());
            self.placed_by_revision.change(of_revision, there);
        }
    }
}

impl<K: Ord + Clone> Counts<K> {
    fn change(&mut self, key: K, up: bool) {
        let count = self.now.entry(key.clone()).or_default();
        if up {
            *count += 1;
            let most = self.most.entry(key).or_default();
            *most = (*most).max(*count);
        } else {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.now.remove(&key);
            }
        }
    }
}

impl Witness {
    /// Lists the pods and watches from there on. An empty selector takes all of them.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn start(client: &Client, namespace: &str, selector: &str) -> Result<Self, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let about = format!("pods of `{namespace}`");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let version = list(&pods, selector, &seen)
            .await
            .map_err(ClusterError::kube(format!("list the {about}")))?;
        let (told, changes) = watch::channel(0);
        let task = tokio::spawn(follow(pods, selector.to_owned(), version, seen.clone(), told));
        Ok(Self {
            seen,
            changes,
            task,
            about,
        })
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Waits until `done` says so; `what` is for the error. Asks at each event.
    ///
    /// # Errors
    /// When that is not so within `patience`.
    pub async fn until(
        &self,
        what: &str,
        patience: Duration,
        mut done: impl FnMut(&Seen) -> bool,
    ) -> Result<Seen, ClusterError> {
        let mut changes = self.changes.clone();
        let watched = changes.wait_for(|_| done(&lock(&self.seen)));
        let outcome = tokio::time::timeout(patience, watched).await;
        let seen = self.seen();
        match outcome {
            Ok(Ok(_)) => Ok(seen),
            _ => Err(ClusterError::Late {
                what: format!("{what} ({})", self.about),
                after: patience,
                seen: format!(
                    "{} pods, {} ready, {} gated, {} unplaced, placed {:?}, {} events",
                    seen.pods.len(),
                    seen.ready(),
                    seen.gated(),
                    seen.unplaced(),
                    seen.split(),
                    seen.events
                ),
            }),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn list(pods: &Api<Pod>, selector: &str, seen: &Mutex<Seen>) -> Result<String, kube::Error> {
    let list = pods.list(&ListParams::default().labels(selector)).await?;
    let mut seen = lock(seen);
    let gone: Vec<String> = seen.pods.keys().cloned().collect();
    for name in gone {
        seen.remove(&name);
    }
    for pod in &list.items {
        seen.put(pod.metadata.name.clone().unwrap_or_default(), PodState::of(pod));
    }
    Ok(list.metadata.resource_version.unwrap_or_default())
}

async fn follow(
    pods: Api<Pod>,
    selector: String,
    mut version: String,
    seen: Arc<Mutex<Seen>>,
    told: watch::Sender<usize>,
) {
    loop {
        let watched = watch_from(&pods, &selector, &mut version, &seen, &told).await;
        if watched.is_ok() {
            // The server ends each watch after some minutes; the next one goes on where it ended.
            continue;
        }
        // It is away, or has forgotten the version: whatever happens until the next list is not seen.
        let listed = list(&pods, &selector, &seen).await;
        match listed {
            Ok(newest) => {
                version = newest;
                let mut seen = lock(&seen);
                seen.gaps += 1;
                told.send_modify(|count| *count += 1);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Reads events until the watch ends; an error when it cannot go on from `version`.
async fn watch_from(
    pods: &Api<Pod>,
    selector: &str,
    version: &mut String,
    seen: &Mutex<Seen>,
    told: &watch::Sender<usize>,
) -> Result<(), kube::Error> {
    let events = pods
        .watch(&WatchParams::default().labels(selector), version)
        .await?;
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let (pod, there) = match event? {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => (pod, true),
            WatchEvent::Deleted(pod) => (pod, false),
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        };
        let name = pod.metadata.name.clone().unwrap_or_default();
        {
            let mut seen = lock(seen);
            if there {
                seen.put(name, PodState::of(&pod));
            } else {
                seen.remove(&name);
            }
            seen.events += 1;
        }
        if let Some(newest) = pod.metadata.resource_version {
            *version = newest;
        }
        told.send_modify(|count| *count += 1);
    }
    Ok(())
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
