//! Watches every pod of a namespace from a known moment on, and remembers what was ever true of them.
//!
//! It reads each event of one unbroken watch, so what it never saw never was. Should the API server have forgotten events
//! (it was restarted), that is counted as a gap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::ClusterError;
use crate::seen::{PodState, Seen};

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<usize>,
    task: JoinHandle<()>,
    about: String,
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
