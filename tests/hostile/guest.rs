//! The module behind a meter, and what it is given.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use policy_host::{Capabilities, Meter, Metered};
use serde_json::{Value, json};

use crate::support::{review, root};

static METER: LazyLock<Meter> = LazyLock::new(|| {
    let path =
        std::env::var_os("SPILLWAY_POLICY_WASM").map_or_else(|| root().join("policy.wasm"), PathBuf::from);
    let wasm = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("run `make policy.wasm` first: {path:?}: {error}"));
    Meter::new(&wasm).unwrap()
});

/// Settings with one spread that takes every pod of its namespace, into subsets that patch it like this.
pub(crate) fn patching(patch: &Value) -> Value {
    json!({"spreads": [{
        "name": "web", "namespace": "shop",
        "selector": {"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]},
        "subsets": [{
            "name": "only", "patch": patch,
            "requiredNodeSelectorTerm": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a", "b"]}]},
            "tolerations": [{"key": "pool", "operator": "Exists"}],
        }],
    }]})
}

/// A pod of a ReplicaSet.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "web-abc-", "namespace": "shop", "labels": {"app": "web", "pod-template-hash": "abc"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "u", "controller": true}],
        },
        "spec": {"containers": [{"name": "main", "image": "app:1"}]},
    })
}

/// What the host gives the guest.
pub(crate) fn payload(settings: &Value, object: &Value) -> Vec<u8> {
    let request = review(&json!({}))["request"].take();
    let mut text = json!({"request": request, "settings": settings});
    text["request"]["object"] = object.clone();
    text.to_string().into_bytes()
}

/// A host that answers every list with these objects.
pub(crate) fn listing(items: &[Value]) -> Arc<dyn Capabilities> {
    let answer = json!({ "items": items }).to_string().into_bytes();
    Arc::new(move |_: &str, _: &str, _: &str, _: &[u8]| Ok(answer.clone()))
}

/// One admission, at whose end the clock stands where it stood.
pub(crate) fn run(payload: &[u8], host: Arc<dyn Capabilities>) -> Metered {
    METER
        .call("validate", payload, host, Arc::new(|| Duration::ZERO))
        .unwrap()
}

/// One admission whose host calls take so long each.
pub(crate) fn run_with_a_late_host(payload: &[u8], items: &[Value], late: Duration) -> Metered {
    let clock = Arc::new(AtomicU64::new(0));
    let moved = clock.clone();
    let host = listing(items);
    let late = u64::try_from(late.as_millis()).unwrap();
    let host = move |binding: &str, namespace: &str, operation: &str, payload: &[u8]| {
        if namespace == "kubernetes" {
            moved.fetch_add(late, Ordering::Relaxed);
        }
        host.call(binding, namespace, operation, payload)
    };
    let now = move || Duration::from_millis(clock.load(Ordering::Relaxed));
    METER
        .call("validate", payload, Arc::new(host), Arc::new(now))
        .unwrap()
}

/// The guest's answer as JSON.
pub(crate) fn answer(metered: &Metered) -> Value {
    let answer = metered.answer.as_ref().unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_slice(answer).unwrap()
}
