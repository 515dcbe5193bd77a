//! Opens gates without a sidecar: for the day on which Spillway is taken away, or on which nobody binds.
//!
//! Nothing is decided here. A pod that is released gets no subset; the patch tests that it still is that pod and that it
//! still waits, so that releasing beside a living sidecar does no harm.

use std::time::Duration;

use futures::StreamExt;
use http::header::CONTENT_TYPE;
use kube::api::ListParams;
use kube::{Api, Client};
use kube_rules::time::UnixMillis;
use reconcile_core::PodRecord;
use rules::names::{BOUND_AT_ANNOTATION, DECISION_ANNOTATION, PLACEMENT_GATE};
use serde_json::{Value, json};

use crate::apply::FIELD_MANAGER;
use crate::client::REQUEST_TIMEOUT;
use crate::clock;
use crate::observe::{PodFields, Seen, What};
use crate::said::Said;

/// Which gates, and how.
#[derive(Clone, Debug)]
pub struct ReleaseOptions {
    /// In this namespace; `None`: in all.
    pub namespace: Option<String>,
    /// Only of pods that are so old.
    pub older_than: Duration,
    /// What the pods are told.
    pub why: Why,
    /// How many writes are on their way at a time.
    pub at_a_time: usize,
    /// Count, and write nothing.
    pub is_dry: bool,
}

impl Default for ReleaseOptions {
    fn default() -> Self {
        Self {
            namespace: None,
            older_than: Duration::ZERO,
            why: Why::default(),
            at_a_time: 32,
            is_dry: false,
        }
    }
}

/// Why a gate is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// Somebody said so.
    #[default]
    ByHand,
    /// No sidecar leads that would.
    NobodyLeads,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Gates that are open now, or would be.
    pub opened: u32,
    /// Pods that were gone, or bound by the sidecar, when their turn came.
    pub gone: u32,
    /// Pods that are not as old as was asked for.
    pub young: u32,
    /// Pods that still wait, and why.
    pub failed: Vec<(String, String)>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The pods cannot be listed.
    #[error("the gated pods cannot be listed: {}", Said(.0))]
    List(#[source] kube::Error),
}

/// What is left of a pod: gates are found by their place.
struct Waiting {
    name: String,
    path: String,
    why: Why,
    patch: Value,
}

/// So many pods come with one page.
const PAGE: u32 = 500;

/// Opens every gate that is asked for; `progress` is told after each.
///
/// # Errors
/// When the pods cannot be listed. Pods whose gate could not be opened are in the answer.
pub async fn open_gates(
    client: &Client,
    options: &ReleaseOptions,
    mut progress: impl FnMut(&Released),
) -> Result<Released, ReleaseError> {
    let mut released = Released::default();
    let waiting = waiting(client, options, &mut released).await?;
    if options.is_dry {
        released.opened = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        return Ok(released);
    }
    let opening = waiting.into_iter().map(|pod| async move {
        let end = open(client, &pod).await;
        (pod.name, end)
    });
    let mut ended = futures::stream::iter(opening).buffer_unordered(options.at_a_time.max(1));
    while let Some((name, end)) = ended.next().await {
        match end {
            Ok(true) => released.opened += 1,
            Ok(false) => released.gone += 1,
            Err(why) => released.failed.push((name, why)),
        }
        progress(&released);
    }
    Ok(released)
}

/// The pods that wait, whatever their labels: the gate alone counts.
async fn waiting(
    client: &Client,
    options: &ReleaseOptions,
    released: &mut Released,
) -> Result<Vec<Waiting>, ReleaseError> {
    let crate::observe::Resource::Known(resource) = What::PlacedPods.resource() else {
        return Ok(Vec::new());
    };
    let api: Api<Seen<PodFields>> = match &options.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let born_before = clock::now().plus(-i64::try_from(options.older_than.as_millis()).unwrap_or(i64::MAX));
    let mut waiting = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list(&page).await.map_err(ReleaseError::List)?;
        for seen in &list.items {
            let Some(pod) = PodRecord::read(&seen.object)
                .ok()
                .filter(|pod| pod.gated && !pod.terminating)
            else {
                continue;
            };
            if pod.created > born_before {
                released.young += 1;
            } else if let Some(patch) = patch(&seen.object, options.why, clock::now()) {
                waiting.push(Waiting {
                    name: format!("{}/{}", pod.namespace, pod.name),
                    path: format!("/api/v1/namespaces/{}/pods/{}", pod.namespace, pod.name),
                    why: options.why,
                    patch,
                });
            }
        }
        let next = list.metadata.continue_.filter(|next| !next.is_empty());
        let Some(next) = next else { return Ok(waiting) };
        page = page.continue_token(&next);
    }
}

/// Opens the gate behind tests of the pod and of the gate; `None`: there is no gate of ours.
fn patch(pod: &Value, why: Why, now: UnixMillis) -> Option<Value> {
    let gates = pod.pointer("/spec/schedulingGates")?.as_array()?;
    let at = gates
        .iter()
        .position(|gate| gate.get("name").and_then(Value::as_str) == Some(PLACEMENT_GATE))?;
    let gate = format!("/spec/schedulingGates/{at}");
    let mut patch = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": pod.pointer("/metadata/uid")?}),
        json!({"op": "test", "path": gate, "value": gates.get(at)?}),
        json!({"op": "remove", "path": gate}),
    ];
    if pod.pointer("/metadata/annotations").is_none_or(Value::is_null) {
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    let notes = [
        (DECISION_ANNOTATION, format!("released: {why}")),
        (BOUND_AT_ANNOTATION, now.to_string()),
    ];
    for (key, value) in notes {
        let path = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        patch.push(json!({"op": "add", "path": path, "value": value}));
    }
    Some(Value::Array(patch))
}

/// Whether it was opened now; not, where the pod is gone or waits no more.
async fn open(client: &Client, pod: &Waiting) -> Result<bool, String> {
    let mut why = String::new();
    let mut patch = pod.patch.clone();
    for attempt in 0..4_u32 {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(100 * u64::from(attempt * attempt))).await;
        }
        let uri = format!(
            "{}?timeout={}s&fieldManager={FIELD_MANAGER}",
            pod.path,
            REQUEST_TIMEOUT.as_secs()
        );
        let request = http::Request::patch(uri)
            .header(CONTENT_TYPE, "application/json-patch+json")
            .body(patch.to_string().into_bytes())
            .map_err(|error| error.to_string())?;
        match tokio::time::timeout(REQUEST_TIMEOUT, client.request_text(request)).await {
            Ok(Ok(_)) => return Ok(true),
            Ok(Err(kube::Error::Api(status))) => {
                why.clone_from(&status.message);
                match status.code {
                    404 => return Ok(false),
                    // It is not what it was: another pod, bound in between, or only changed.
                    409 | 422 => match again(client, pod).await {
                        Again::Gone => return Ok(false),
                        Again::Waits(fresh) => patch = fresh,
                        Again::Unknown => {}
                    },
                    429 | 500..=599 => {}
                    _ => return Err(why),
                }
            }
            Ok(Err(error)) => why = Said(&error).to_string(),
            Err(_) => why = format!("no answer within {REQUEST_TIMEOUT:?}"),
        }
    }
    Err(why)
}

/// What a second look at a pod shows.
enum Again {
    Gone,
    Waits(Value),
    Unknown,
}

async fn again(client: &Client, pod: &Waiting) -> Again {
    let Ok(request) = http::Request::get(&pod.path).body(Vec::new()) else {
        return Again::Unknown;
    };
    let text = match client.request_text(request).await {
        Ok(text) => text,
        Err(kube::Error::Api(status)) if status.code == 404 => return Again::Gone,
        Err(_) => return Again::Unknown,
    };
    let Ok(seen) = serde_json::from_str::<Seen<PodFields>>(&text) else {
        return Again::Unknown;
    };
    let is_another = seen.object.pointer("/metadata/uid") != pod.patch.pointer("/0/value");
    match patch(&seen.object, pod.why, clock::now()) {
        Some(patch) if !is_another => Again::Waits(patch),
        _ => Again::Gone,
    }
}

impl core::fmt::Display for Why {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ByHand => "by hand",
            Self::NobodyLeads => "no sidecar leads",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patch_tests_what_it_opens_and_keeps_other_gates() {
        let pod = json!({
            "metadata": {"uid": "u1"},
            "spec": {"schedulingGates": [{"name": "other"}, {"name": "spillway.dev/placement"}]},
        });
        let patch: json_patch::Patch =
            serde_json::from_value(patch(&pod, Why::ByHand, UnixMillis(0)).unwrap()).unwrap();
        let mut opened = pod.clone();
        json_patch::patch(&mut opened, &patch).unwrap();
        assert_eq!(opened["spec"]["schedulingGates"], json!([{"name": "other"}]));
        assert_eq!(
            opened["metadata"]["annotations"]["spillway.dev/decision"],
            "released: by hand"
        );
        assert!(json_patch::patch(&mut opened, &patch).is_err(), "not twice");
        let mut other = pod;
        other["metadata"]["uid"] = "u2".into();
        assert!(json_patch::patch(&mut other, &patch).is_err(), "not another pod");
    }

    #[test]
    fn annotations_that_are_there_stay() {
        let mut pod = json!({
            "metadata": {"uid": "u1", "annotations": {"a": "b"}},
            "spec": {"schedulingGates": [{"name": "spillway.dev/placement"}]},
        });
        let patch: json_patch::Patch =
            serde_json::from_value(patch(&pod, Why::ByHand, UnixMillis(0)).unwrap()).unwrap();
        json_patch::patch(&mut pod, &patch).unwrap();
        assert_eq!(pod["metadata"]["annotations"]["a"], "b");
    }

    #[test]
    fn a_pod_without_our_gate_is_left_alone() {
        assert_eq!(
            patch(
                &json!({"metadata": {"uid": "u"}, "spec": {"schedulingGates": [{"name": "other"}]}}),
                Why::ByHand,
                UnixMillis(0)
            ),
            None
        );
    }
}
