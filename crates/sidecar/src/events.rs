//! Events about the sidecar itself: what is wrong with its settings, its Lease or its permissions.
//!
//! Events about workloads are steps of a plan. These are told once when something begins to be wrong, as well as it goes:
//! nothing waits for them, and one that cannot be written is only logged.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use kube::Client;
use kube_rules::time::UnixMillis;
use rules::names::LEASE_NAME;
use serde_json::{Value, json};
use tracing::debug;

use crate::clock;
use crate::said::Said;

/// What an Event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The sidecar: Events stand with its Lease.
    Sidecar,
    /// The policy of this name and uid.
    Policy(String, Option<String>),
}

/// Tells people by Events.
#[derive(Clone)]
pub struct Teller {
    client: Client,
    lease_namespace: Arc<str>,
    identity: Arc<str>,
    is_silent: bool,
}

/// A note is refused by the API server beyond 1,024 bytes.
const LONGEST: usize = 1000;

impl Teller {
    /// Tells under this name; says nothing where nothing is to be written.
    #[must_use]
    pub fn new(client: Client, lease_namespace: &str, identity: &str, is_silent: bool) -> Self {
        Self {
            client,
            lease_namespace: lease_namespace.into(),
            identity: identity.into(),
            is_silent,
        }
    }

    /// Tells, in the background.
    pub fn warn(&self, about: &About, reason: &'static str, text: &str) {
        if self.is_silent {
            return;
        }
        let (namespace, event) = event(
            about,
            reason,
            text,
            &self.lease_namespace,
            &self.identity,
            clock::now(),
        );
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let request = http::Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(event.to_string().into_bytes());
        let client = self.client.clone();
        tokio::spawn(async move {
            let Ok(request) = request else { return };
            if let Err(error) = client.request_text(request).await {
                debug!(reason, error = %Said(&error), "an Event was not written");
            }
        });
    }
}

/// Objects without a namespace have their Events in `default`.
fn event(
    about: &About,
    reason: &str,
    text: &str,
    lease_namespace: &str,
    identity: &str,
    now: UnixMillis,
) -> (String, Value) {
    let (namespace, name, regarding) = match about {
        About::Sidecar => (
            lease_namespace,
            LEASE_NAME,
            json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "namespace": lease_namespace, "name": LEASE_NAME }),
        ),
        About::Policy(name, uid) => (
            "default",
            name.as_str(),
            json!({ "apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "name": name, "uid": uid }),
        ),
    };
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "generateName": format!("{name}-"), "namespace": namespace },
        "eventTime": now.to_string(),
        "reportingController": "spillway.dev/sidecar", "reportingInstance": identity,
        "action": "Running", "reason": reason, "type": "Warning", "note": cut(text), "regarding": regarding,
    });
    (namespace.to_owned(), event)
}

/// As many whole characters as may be.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policys_event_stands_in_default_and_the_sidecars_with_its_lease() {
        let about = About::Policy("spillway".to_owned(), Some("u".to_owned()));
        let (namespace, event_of_policy) = event(&about, "SettingsRefused", "x", "sys", "me", UnixMillis(0));
        assert_eq!(
            (namespace.as_str(), &event_of_policy["regarding"]["uid"]),
            ("default", &json!("u"))
        );
        let (namespace, event) = event(&About::Sidecar, "LeaseNotHeld", "x", "sys", "me", UnixMillis(0));
        assert_eq!(
            (namespace.as_str(), &event["regarding"]["kind"]),
            ("sys", &json!("Lease"))
        );
        assert_eq!(
            event["metadata"],
            json!({"generateName": "spillway-sidecar-", "namespace": "sys"})
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("abc"), "abc");
        let long = "\u{e4}".repeat(700);
        assert_eq!(cut(&long).len(), 1000);
        assert_eq!(cut(&format!("a{long}")).len(), 999);
    }
}
