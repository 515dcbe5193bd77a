//! The one place that answers: a decision becomes a response, and trouble becomes an open door.

use core::fmt;

use kubewarden_policy_sdk::response::ValidationResponse;
use kubewarden_policy_sdk::settings::SettingsValidationResponse;
use placement_core::{Reason, Refused};
use policy_settings::OnError;
use serde_json::Value;

use crate::cluster::HostError;

/// Kubernetes may cut warnings that are longer than this.
const LONGEST_WARNING: usize = 256;

/// What a review came to.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing to do for this request.
    Untouched,
    /// The spread leaves the pod as it came.
    Left {
        /// The spread.
        spread: String,
        /// Why.
        reason: Reason,
    },
    /// The pod as it is to be created.
    Placed(Value),
    /// Something could not be read or asked.
    Failed {
        /// What.
        trouble: Trouble,
        /// What the settings say of it.
        on_error: OnError,
    },
}

/// What can go wrong in a review.
#[derive(Debug)]
pub enum Trouble {
    /// The payload is no admission request.
    Payload(String),
    /// The settings cannot be read; the fault says where.
    Settings(String),
    /// The pod cannot be read.
    Pod(String),
    /// The host did not answer.
    Host {
        /// What was asked for.
        asked: &'static str,
        /// What it said.
        error: HostError,
    },
    /// The host's answer cannot be read.
    Answer {
        /// What was asked for.
        asked: &'static str,
        /// Why.
        error: String,
    },
    /// The pod cannot be given what its subset says.
    Inject(Refused),
}

impl Outcome {
    /// What somebody should know of it, in a line.
    #[must_use]
    pub fn explanation(&self) -> Option<String> {
        match self {
            Self::Untouched | Self::Placed(_) => None,
            Self::Left { spread, reason } => Some(format!(
                "spillway: spread `{spread}` leaves the pod as it is: {reason}"
            )),
            Self::Failed { trouble, .. } => Some(format!("spillway: pod not placed: {trouble}")),
        }
    }
}

/// The answer to `validate`.
#[must_use]
pub fn respond(outcome: Outcome) -> Vec<u8> {
    let accepted = |mutated_object, warning: Option<String>| ValidationResponse {
        accepted: true,
        message: None,
        code: None,
        mutated_object,
        audit_annotations: None,
        warnings: warning.map(|warning| vec![shortened(warning)]),
    };
    let explanation = outcome.explanation();
    let response = match outcome {
        Outcome::Placed(pod) => accepted(Some(pod), None),
        Outcome::Failed {
            on_error: OnError::Reject,
            ..
        } => ValidationResponse {
            accepted: false,
            message: explanation.map(|explanation| format!("{explanation}; `onError` is `Reject`")),
            code: Some(500),
            mutated_object: None,
            audit_annotations: None,
            warnings: None,
        },
        Outcome::Untouched | Outcome::Left { .. } | Outcome::Failed { .. } => accepted(None, explanation),
    };
    // The response holds nothing that JSON cannot; the text stands for the impossible.
    serde_json::to_vec(&response).unwrap_or_else(|_| br#"{"accepted":true}"#.to_vec())
}

/// The answer to `validate_settings`.
pub(crate) fn settings(valid: bool, message: Option<String>) -> Vec<u8> {
    let response = SettingsValidationResponse { valid, message };
    serde_json::to_vec(&response)
        .unwrap_or_else(|_| br#"{"valid":false,"message":"no answer could be written"}"#.to_vec())
}

fn shortened(mut warning: String) -> String {
    if warning.len() > LONGEST_WARNING {
        let mut end = LONGEST_WARNING - 3;
        while !warning.is_char_boundary(end) {
            end -= 1;
        }
        warning.truncate(end);
        warning.push_str("...");
    }
    warning
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(error) => write!(f, "the admission request cannot be read: {error}"),
            Self::Settings(fault) => write!(f, "the settings cannot be read: {fault}"),
            Self::Pod(error) => write!(f, "the pod cannot be read: {error}"),
            Self::Host { asked, error } => write!(f, "the host did not answer for {asked}: {error}"),
            Self::Answer { asked, error } => {
                write!(f, "the host's answer for {asked} cannot be read: {error}")
            }
            Self::Inject(refused) => write!(f, "{refused}"),
        }
    }
}
