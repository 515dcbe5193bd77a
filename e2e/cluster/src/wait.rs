//! Waits for what a watch says.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::error::ClusterError;

/// Watches objects until `done` says so of all of them together, by name (`namespace/name` where the watch goes over
/// namespaces); answers with them. `what` is for the error.
///
/// # Errors
/// When that is not so within `patience`; the error shows their names.
pub async fn until<K>(
    api: &Api<K>,
    config: watcher::Config,
    what: &str,
    patience: Duration,
    mut done: impl FnMut(&BTreeMap<String, K>) -> bool,
) -> Result<BTreeMap<String, K>, ClusterError>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut objects = BTreeMap::new();
    let mut complete = false;
    let events = watcher(api.clone(), config).default_backoff();
    pin_mut!(events);
    let mut trouble = None;
    let watched = async {
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => {
                    complete = false;
                    objects.clear();
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    objects.insert(name(&object), object);
                }
                Ok(Event::Delete(object)) => {
                    objects.remove(&name(&object));
                }
                Ok(Event::InitDone) => complete = true,
                Err(error) => trouble = Some(error.to_string()),
            }
            if complete && done(&objects) {
                return;
            }
        }
    };
    if tokio::time::timeout(patience, watched).await.is_ok() {
        return Ok(objects);
    }
    let names: Vec<&str> = objects.keys().map(String::as_str).take(20).collect();
    Err(ClusterError::Late {
        what: what.to_owned(),
        after: patience,
        seen: trouble.unwrap_or_else(|| format!("{} objects: {}", objects.len(), names.join(", "))),
    })
}

fn name<K: Resource>(object: &K) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}
