//! One watch, kept for ever, and the list that it adds up to: masked items, each rendered once, and their concatenation,
//! rendered anew only after a change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use policy_host::FieldMask;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Namespace and name.
type Name = (String, String);

pub(crate) struct Watched {
    list: Arc<Mutex<List>>,
    synced: watch::Receiver<bool>,
}

struct List {
    head: Vec<u8>,
    items: BTreeMap<Name, Vec<u8>>,
    /// The whole answer, until something changes.
    rendered: Option<Vec<u8>>,
    /// What a new listing has brought so far.
    listing: Option<BTreeMap<Name, Vec<u8>>>,
}

/// An event of the watch with its object rendered.
enum Change {
    Begin,
    Listed(Name, Vec<u8>),
    Complete,
    Put(Name, Vec<u8>),
    Remove(Name),
}

impl Watched {
    /// Starts the watch, in the runtime that this is called in. Its events arrive `lag` late.
    pub(crate) fn start(
        api: Api<DynamicObject>,
        types: (&str, &str),
        config: watcher::Config,
        mask: FieldMask,
        lag: Duration,
    ) -> Self {
        let list = Arc::new(Mutex::new(List::new(types.0, types.1)));
        let (told, synced) = watch::channel(false);
        let (send, mut receive) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            // It lists and watches again for ever, also where it has no permission: so does policy-server.
            let mut events = std::pin::pin!(watcher(api, config).default_backoff());
            while let Some(event) = events.next().await {
                let change = event.ok().map(|event| render(event, &mask));
                if change.is_some_and(|change| send.send((Instant::now() + lag, change)).is_err()) {
                    return;
                }
            }
        });
        let written = list.clone();
        tokio::spawn(async move {
            while let Some((at, change)) = receive.recv().await {
                if !lag.is_zero() {
                    tokio::time::sleep_until(at).await;
                }
                let complete = matches!(change, Change::Complete);
                lock(&written).take(change);
                if complete {
                    told.send_replace(true);
                }
            }
        });
        Self { list, synced }
    }

    /// The list, once the first listing is complete: that may be never.
    pub(crate) async fn answer(&self) -> Result<Vec<u8>, String> {
        self.synced
            .clone()
            .wait_for(|synced| *synced)
            .await
            .map_err(|_| "the watch has ended".to_owned())?;
        Ok(lock(&self.list).render().to_vec())
    }
}

impl List {
    fn new(api_version: &str, kind: &str) -> Self {
        let types = Value::String(api_version.to_owned());
        let list_kind = Value::String(format!("{kind}List"));
        Self {
            head: format!(r#"{{"apiVersion":{types},"kind":{list_kind},"metadata":{{}},"items":["#)
                .into_bytes(),
            items: BTreeMap::new(),
            rendered: None,
            listing: None,
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Begin => self.listing = Some(BTreeMap::new()),
            Change::Listed(name, item) => {
                self.listing.get_or_insert_default().insert(name, item);
            }
            Change::Complete => {
                self.items = self.listing.take().unwrap_or_default();
                self.rendered = None;
            }
            Change::Put(name, item) => {
                self.items.insert(name, item);
                self.rendered = None;
            }
            Change::Remove(name) => {
                self.items.remove(&name);
                self.rendered = None;
            }
        }
    }

    fn render(&mut self) -> &[u8] {
        self.rendered.get_or_insert_with(|| {
            let size: usize = self.items.values().map(|item| item.len() + 1).sum();
            let mut text = Vec::with_capacity(self.head.len() + size + 2);
            text.extend_from_slice(&self.head);
            for (place, item) in self.items.values().enumerate() {
                if place > 0 {
                    text.push(b',');
                }
                text.extend_from_slice(item);
            }
            text.extend_from_slice(b"]}");
            text
        })
    }
}

fn render(event: Event<DynamicObject>, mask: &FieldMask) -> Change {
    match event {
        Event::Init => Change::Begin,
        Event::InitApply(object) => Change::Listed(name(&object), item(&object, mask)),
        Event::InitDone => Change::Complete,
        Event::Apply(object) => Change::Put(name(&object), item(&object, mask)),
        Event::Delete(object) => Change::Remove(name(&object)),
    }
}

fn name(object: &DynamicObject) -> Name {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn item(object: &DynamicObject, mask: &FieldMask) -> Vec<u8> {
    match serde_json::to_value(object) {
        Ok(Value::Object(object)) => serde_json::to_vec(&mask.item(&object)).unwrap_or_default(),
        // What came as JSON can be written as JSON.
        _ => b"{}".to_vec(),
    }
}

fn lock(list: &Mutex<List>) -> MutexGuard<'_, List> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Name {
        ("shop".to_owned(), name.to_owned())
    }

    fn names(list: &mut List) -> String {
        let text = String::from_utf8(list.render().to_vec()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["kind"], "PodList");
        value["items"].to_string()
    }

    #[test]
    fn a_new_listing_counts_when_it_is_complete() {
        let mut list = List::new("v1", "Pod");
        let item = |text: &str| text.as_bytes().to_vec();
        list.take(Change::Begin);
        list.take(Change::Listed(named("b"), item("2")));
        list.take(Change::Listed(named("a"), item("1")));
        assert_eq!(names(&mut list), "[]");
        list.take(Change::Complete);
        assert_eq!(names(&mut list), "[1,2]");
        list.take(Change::Put(named("a"), item("3")));
        list.take(Change::Put(named("c"), item("4")));
        list.take(Change::Remove(named("b")));
        assert_eq!(names(&mut list), "[3,4]");
        list.take(Change::Begin);
        list.take(Change::Listed(named("d"), item("5")));
        assert_eq!(
            names(&mut list),
            "[3,4]",
            "the old list stands while a new one comes"
        );
        list.take(Change::Complete);
        assert_eq!(names(&mut list), "[5]");
    }

    #[test]
    fn items_are_masked() {
        let object: DynamicObject = serde_json::from_value(serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"b": "c"}},
            "spec": {"nodeName": "n"}, "status": {"phase": "Running", "podIP": "10.0.0.1"},
        }))
        .unwrap();
        let mask = FieldMask::new(&["status.phase".to_owned()].into());
        assert_eq!(
            String::from_utf8(item(&object, &mask)).unwrap(),
            r#"{"metadata":{"annotations":{},"labels":{"b":"c"},"managedFields":[],"name":"a"},"status":{"phase":"Running"}}"#
        );
    }
}
