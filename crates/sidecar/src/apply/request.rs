//! The request of each step.

use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use kube_rules::time::UnixMillis;
use reconcile_core::{Action, Note, PodPatch, PodRef, SpreadId, Step};
use rules::{GroupKind, WorkloadKind};
use serde_json::{Value, json};
use spread_api::{API_VERSION, LEDGER_KIND, LEDGER_PLURAL};

use crate::client::REQUEST_TIMEOUT;
use crate::events::cut;

/// Under which name the sidecar owns fields.
pub const FIELD_MANAGER: &str = "spillway-sidecar";

/// Who says it and when, which only Events hold.
pub(crate) struct Speaker<'a> {
    pub(crate) identity: &'a str,
    pub(crate) now: UnixMillis,
    /// The version under which a kind is served.
    pub(crate) api_version: &'a dyn Fn(&GroupKind) -> Option<String>,
}

/// A request that is not made yet: small, for many may wait.
#[derive(Debug)]
pub struct Draft {
    method: &'static str,
    path: String,
    query: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

const MANAGED: &str = "&fieldManager=spillway-sidecar";
const MANAGED_BY_FORCE: &str = "&fieldManager=spillway-sidecar&force=true";
const JSON: &str = "application/json";

/// The request that does a step.
pub(crate) fn draft(step: &Step, patch: Option<&PodPatch>, speaker: &Speaker<'_>) -> Draft {
    match &step.action {
        Action::Bind { pod, .. }
        | Action::Release { pod, .. }
        | Action::Move { pod, .. }
        | Action::PatchCost { pod, .. }
        | Action::Adopt { pod, .. } => {
            let (kind, body) = match patch {
                Some(PodPatch::Json(patch)) => ("application/json-patch+json", serde_json::to_vec(patch)),
                Some(PodPatch::Merge(patch)) => ("application/merge-patch+json", serde_json::to_vec(patch)),
                None => (JSON, Ok(Vec::new())),
            };
            Draft {
                method: "PATCH",
                path: pod_path(pod),
                query: MANAGED,
                kind,
                body: body.unwrap_or_default(),
            }
        }
        Action::DeletePod { pod, version } | Action::Recreate { pod, version, .. } => Draft {
            method: "DELETE",
            path: pod_path(pod),
            query: "",
            kind: JSON,
            body: only_as_it_was(pod, *version).to_string().into_bytes(),
        },
        Action::Evict { pod, version, .. } => {
            let eviction = json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": { "name": pod.name, "namespace": pod.namespace },
                "deleteOptions": only_as_it_was(pod, *version),
            });
            Draft {
                method: "POST",
                path: format!("{}/eviction", pod_path(pod)),
                query: MANAGED,
                kind: JSON,
                body: eviction.to_string().into_bytes(),
            }
        }
        Action::PublishLedger(ledger) => Draft {
            method: "PATCH",
            path: ledger_path(&step.spread),
            query: MANAGED_BY_FORCE,
            // JSON is YAML.
            kind: "application/apply-patch+yaml",
            body: serde_json::to_vec(ledger).unwrap_or_default(),
        },
        Action::RemoveLedger => Draft {
            method: "DELETE",
            path: ledger_path(&step.spread),
            query: "",
            kind: JSON,
            body: Vec::new(),
        },
        Action::Note(note) => Draft {
            method: "POST",
            path: format!(
                "/apis/events.k8s.io/v1/namespaces/{}/events",
                step.spread.namespace
            ),
            query: MANAGED,
            kind: JSON,
            body: event(&step.spread, note, speaker).to_string().into_bytes(),
        },
    }
}

/// The options of a deletion that holds only for the pod as it was looked at.
fn only_as_it_was(pod: &PodRef, version: Option<u64>) -> Value {
    let mut only = json!({ "uid": pod.uid });
    if let (Some(version), Some(fields)) = (version, only.as_object_mut()) {
        fields.insert("resourceVersion".to_owned(), version.to_string().into());
    }
    json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": only })
}

/// The request that reads a pod.
pub(crate) fn look(pod: &PodRef) -> Draft {
    Draft {
        method: "GET",
        path: pod_path(pod),
        query: "",
        kind: JSON,
        body: Vec::new(),
    }
}

impl Draft {
    /// The API server gives up on a request when its sender does: nothing is done later than that.
    pub(crate) fn request(&self) -> Result<Request<Vec<u8>>, http::Error> {
        let timeout = REQUEST_TIMEOUT.as_secs();
        Request::builder()
            .method(self.method)
            .uri(format!("{}?timeout={timeout}s{}", self.path, self.query))
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, self.kind)
            .body(self.body.clone())
    }
}

fn pod_path(pod: &PodRef) -> String {
    format!("/api/v1/namespaces/{}/pods/{}", pod.namespace, pod.name)
}

fn ledger_path(spread: &SpreadId) -> String {
    format!(
        "/apis/{API_VERSION}/namespaces/{}/{LEDGER_PLURAL}/{}",
        spread.namespace, spread.name
    )
}

fn event(spread: &SpreadId, note: &Note, speaker: &Speaker<'_>) -> Value {
    let mut regarding = match &note.regarding {
        Some(workload) => {
            let known = workload
                .kind
                .known()
                .map(WorkloadKind::api_version)
                .map(ToOwned::to_owned);
            let api_version = known.or_else(|| (speaker.api_version)(&workload.kind));
            json!({
                "apiVersion": api_version, "kind": workload.kind.kind,
                "namespace": workload.namespace, "name": workload.name,
            })
        }
        None => json!({
            "apiVersion": API_VERSION, "kind": LEDGER_KIND,
            "namespace": spread.namespace, "name": spread.name,
        }),
    };
    if let (Some(uid), Some(fields)) = (&note.uid, regarding.as_object_mut()) {
        fields.insert("uid".to_owned(), uid.as_str().into());
    }
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "generateName": format!("{}-", spread.name), "namespace": spread.namespace },
        "eventTime": speaker.now.to_string(),
        "reportingController": "spillway.dev/sidecar",
        "reportingInstance": speaker.identity,
        "action": "Placing",
        "reason": note.reason,
        "type": note.severity.to_string(),
        "note": cut(&note.text),
        "regarding": regarding,
    })
}

#[cfg(test)]
mod tests {
    use reconcile_core::{Severity, WorkloadId};

    use super::*;

    fn request(action: Action) -> (String, String, String, Value) {
        let spread = SpreadId {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        };
        let speaker = Speaker {
            identity: "me",
            now: UnixMillis(1_795_262_400_125),
            api_version: &|_| Some("game.example.io/v1".to_owned()),
        };
        let patch = match &action {
            Action::Release { patch, .. } | Action::PatchCost { patch, .. } => Some(patch.clone()),
            _ => None,
        };
        let draft = draft(&Step { spread, action }, patch.as_ref(), &speaker);
        let (head, body) = draft.request().unwrap().into_parts();
        let kind = head.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (head.method.to_string(), head.uri.to_string(), kind, body)
    }

    fn pod() -> PodRef {
        PodRef {
            namespace: "shop".to_owned(),
            name: "web-1".to_owned(),
            uid: "u1".to_owned(),
        }
    }

    #[test]
    fn a_pod_is_deleted_only_as_long_as_it_is_as_it_was() {
        let surplus = |version| Action::DeletePod { pod: pod(), version };
        let recreate = Action::Recreate {
            pod: pod(),
            version: Some(17),
            from: rules::SubsetIx::new(0),
            why: reconcile_core::WhyRecreated::NoNode,
        };
        let as_it_was = json!({"uid": "u1", "resourceVersion": "17"});
        let cases = [
            (surplus(Some(17)), as_it_was.clone()),
            (recreate, as_it_was),
            (surplus(None), json!({"uid": "u1"})),
        ];
        for (action, preconditions) in cases {
            let (method, uri, _, body) = request(action);
            assert_eq!(
                (method.as_str(), uri.as_str()),
                ("DELETE", "/api/v1/namespaces/shop/pods/web-1?timeout=10s")
            );
            assert_eq!(body["preconditions"], preconditions);
        }
    }

    #[test]
    fn a_pod_is_evicted_only_as_long_as_it_is_as_it_was() {
        let (method, uri, kind, body) = request(Action::Evict {
            pod: pod(),
            version: Some(17),
            from: Some(rules::SubsetIx::new(1)),
            to: rules::SubsetIx::new(0),
            node: "fixed-0".to_owned(),
            why: reconcile_core::WhyMoved::Home,
        });
        assert_eq!(
            (method.as_str(), uri.as_str(), kind.as_str()),
            (
                "POST",
                "/api/v1/namespaces/shop/pods/web-1/eviction?timeout=10s&fieldManager=spillway-sidecar",
                "application/json"
            )
        );
        assert_eq!(
            body,
            json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": "web-1", "namespace": "shop"},
                "deleteOptions": {
                    "apiVersion": "v1", "kind": "DeleteOptions",
                    "preconditions": {"uid": "u1", "resourceVersion": "17"},
                },
            })
        );
    }

    #[test]
    fn patches_say_of_which_kind_they_are() {
        let patch: json_patch::Patch =
            serde_json::from_value(json!([{"op": "test", "path": "/metadata/uid", "value": "u1"}])).unwrap();
        let (method, uri, kind, body) = request(Action::Release {
            pod: pod(),
            why: reconcile_core::WhyReleased::TimedOut,
            patch: PodPatch::Json(patch),
        });
        assert_eq!(method, "PATCH");
        assert_eq!(
            uri,
            "/api/v1/namespaces/shop/pods/web-1?timeout=10s&fieldManager=spillway-sidecar"
        );
        assert_eq!(kind, "application/json-patch+json");
        assert_eq!(
            body,
            json!([{"op": "test", "path": "/metadata/uid", "value": "u1"}])
        );
        let patch = PodPatch::Merge(json!({"metadata": {"uid": "u1"}}));
        let (_, _, kind, _) = request(Action::PatchCost {
            pod: pod(),
            cost: 1,
            patch,
        });
        assert_eq!(kind, "application/merge-patch+json");
    }

    #[test]
    fn a_ledger_is_removed_where_it_is() {
        let (method, uri, _, _) = request(Action::RemoveLedger);
        assert_eq!(method, "DELETE");
        assert_eq!(
            uri,
            "/apis/spillway.dev/v1alpha1/namespaces/shop/spreadledgers/web?timeout=10s"
        );
    }

    #[test]
    fn an_event_regards_the_workload_else_the_ledger() {
        let note = |regarding| {
            Action::Note(Note {
                regarding,
                uid: Some("w".to_owned()),
                severity: Severity::Warning,
                reason: "PodReleased",
                text: "x".repeat(2000),
            })
        };
        let id = |group: &str, kind: &str| WorkloadId {
            namespace: "shop".to_owned(),
            kind: GroupKind {
                group: group.to_owned(),
                kind: kind.to_owned(),
            },
            name: "web".to_owned(),
        };
        let (_, uri, _, event) = request(note(Some(id("apps", "Deployment"))));
        assert!(
            uri.starts_with("/apis/events.k8s.io/v1/namespaces/shop/events?"),
            "{uri}"
        );
        assert_eq!(
            event["regarding"],
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web", "uid": "w"})
        );
        assert_eq!(event["eventTime"], "2026-11-21T12:00:00.125000Z");
        assert_eq!(event["type"], "Warning");
        assert_eq!(event["note"].as_str().unwrap().len(), 1000);
        let (_, _, _, event) = request(note(Some(id("game.example.io", "GameServerSet"))));
        assert_eq!(event["regarding"]["apiVersion"], "game.example.io/v1");
        let (_, _, _, event) = request(note(None));
        assert_eq!(event["regarding"]["kind"], "SpreadLedger");
    }
}
