//! The very admission of the policy, run natively: no module, no host, and the two kinds that it lists by a ledger.

use core::time::Duration;
use std::collections::BTreeMap;

use admission_core::cluster::{Cluster, EverywhereQuery, HostError, ListQuery, LogLine, ObjectQuery};
use admission_core::deadline::Clock;
use kube_rules::time::UnixMillis;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Case;
use crate::admission::{Admission, AdmissionCall, AdmissionFailure, Answer, Change, Verdict, Write};
use crate::json;

/// A replica of the policy in this process, with the settings of one case.
#[derive(Debug)]
pub struct NativeAdmission {
    settings: String,
    seen: Seen,
}

/// What the watches have delivered, as JSON.
#[derive(Debug, Default)]
struct Seen {
    ledger: Option<String>,
    lease: Option<String>,
}

/// The part of an answer to `validate` that is read.
#[derive(Deserialize)]
struct Validated {
    accepted: bool,
    message: Option<String>,
    mutated_object: Option<Value>,
    warnings: Option<Vec<String>>,
}

impl NativeAdmission {
    /// Has seen nothing yet.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let settings = json!({"observe": "Ledger", "spreads": [case.spread]});
        Self {
            settings: settings.to_string(),
            seen: Seen::default(),
        }
    }
}

impl Cluster for Seen {
    fn list(&self, query: &ListQuery<'_>) -> Result<Vec<u8>, HostError> {
        match query.kind {
            "Lease" => Ok(list_of(self.lease.as_deref())),
            other => Err(HostError(format!("nobody watches {other}"))),
        }
    }

    fn list_everywhere(&self, _: &EverywhereQuery<'_>) -> Result<Vec<u8>, HostError> {
        Ok(list_of(self.ledger.as_deref()))
    }

    fn object(&self, query: &ObjectQuery<'_>) -> Result<Vec<u8>, HostError> {
        Err(HostError(format!("nobody reads {}", query.kind)))
    }

    fn log(&self, _: &LogLine<'_>) {}
}

fn list_of(item: Option<&str>) -> Vec<u8> {
    format!(r#"{{"items":[{}]}}"#, item.unwrap_or_default()).into_bytes()
}

impl Admission for NativeAdmission {
    fn watch(&mut self, change: Change) {
        match change.write {
            Write::Stored(object) => match json::text(&object, &["kind"]) {
                Some(spread_api::LEDGER_KIND) => self.seen.ledger = Some(object.to_string()),
                Some("Lease") => self.seen.lease = Some(object.to_string()),
                _ => {}
            },
            Write::Removed {
                kind: spread_api::LEDGER_KIND,
                ..
            } => self.seen.ledger = None,
            Write::Removed { .. } => {}
        }
    }

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        let request = json::at(call.review, &["request"]).unwrap_or(&Value::Null);
        let payload = format!(r#"{{"request":{request},"settings":{}}}"#, self.settings);
        let clock = Clock::new(UnixMillis(call.clock), &|| Duration::ZERO);
        let answer = admission_core::review(payload.as_bytes(), &self.seen, &clock);
        let answer: Validated = serde_json::from_slice(&answer).map_err(|error| AdmissionFailure {
            reason: error.to_string(),
        })?;
        let verdict = match (answer.accepted, answer.mutated_object) {
            (false, _) => Verdict::Refused(answer.message.unwrap_or_default()),
            (true, Some(pod)) => Verdict::Changed(pod),
            (true, None) => Verdict::Unchanged,
        };
        Ok(Answer {
            verdict,
            warnings: answer.warnings.unwrap_or_default(),
            host_calls: BTreeMap::new(),
        })
    }
}
