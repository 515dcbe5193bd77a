//! The one place that answers: a decision becomes a response, and trouble becomes an open door.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use placement_core::{Reason, Refused};
use policy_settings::OnError;
use serde::Serialize;
use serde_json::Value;

use crate::cluster::HostError;

/// Kubernetes may cut warnings that are longer than this.
const LONGEST_WARNING: usize = 256;

/// The answer to `validate`, as a Kubewarden host reads it.
#[derive(Serialize)]
struct Answer {
    accepted: bool,
    message: Option<String>,
    code: Option<u16>,
    mutated_object: Option<Value>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

/// The answer to `validate_settings`, as a Kubewarden host reads it.
#[derive(Serialize)]
pub(crate) struct SettingsAnswer {
    /// Whether the settings can be acted on.
    pub(crate) valid: bool,
    /// What is wrong with them, or what they will not do.
    pub(crate) message: Option<String>,
}

/// What a review came to.
#[derive(Debug)]
pub(crate) enum Outcome {
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
pub(crate) enum Trouble {
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
    /// The admission has taken too long, and would be ended.
    Late {
        /// How long.
        elapsed: Duration,
    },
}

impl Outcome {
    /// What somebody should know of it, in a line.
    pub(crate) fn explanation(&self) -> Option<String> {
        match self {
            Self::Untouched | Self::Placed(_) => None,
            Self::Left { spread, reason } => Some(format!(
                "spillway: spread `{spread}` leaves the pod as it is: {reason}"
            )),
            Self::Failed { trouble, .. } => Some(one_line(&format!("spillway: pod not placed: {trouble}"))),
        }
    }
}

/// What a pod was cleaned of before anything else, and what is left of it where nothing else becomes of it.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    pub(crate) pod: Option<Value>,
    pub(crate) explanation: Option<String>,
}

/// The answer to `validate`.
pub(crate) fn respond(outcome: Outcome, cleaned: Cleaned) -> Vec<u8> {
    let explanation = outcome.explanation();
    let warnings = explanation.iter().chain(&cleaned.explanation);
    let warnings: Vec<String> = warnings.map(|warning| shortened(one_line(warning))).collect();
    let accepted = |mutated_object| Answer {
        accepted: true,
        message: None,
        code: None,
        mutated_object,
        audit_annotations: None,
        warnings: (!warnings.is_empty()).then_some(warnings),
    };
    let response = match outcome {
        Outcome::Placed(pod) => accepted(Some(pod)),
        Outcome::Failed {
            on_error: OnError::Reject,
            ..
        } => Answer {
            accepted: false,
            message: explanation.map(|explanation| format!("{explanation}; `onError` is `Reject`")),
            code: Some(500),
            mutated_object: None,
            audit_annotations: None,
            warnings: None,
        },
        Outcome::Untouched | Outcome::Left { .. } | Outcome::Failed { .. } => accepted(cleaned.pod),
    };
    // The response holds nothing that JSON cannot; the text stands for the impossible.
    let answer = serde_json::to_vec(&response).unwrap_or_else(|_| br#"{"accepted":true}"#.to_vec());
    if cfg!(target_arch = "wasm32") {
        // The instance ends with the answer. To give a large pod back piece by piece takes a tenth of the whole time.
        core::mem::forget(response);
    }
    answer
}

impl SettingsAnswer {
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .unwrap_or_else(|_| br#"{"valid":false,"message":"no answer could be written"}"#.to_vec())
    }
}

/// A text without line breaks and other characters for which the API server drops a warning without a word.
pub(crate) fn one_line(text: &str) -> String {
    let printed = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().map(printed).collect()
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
            Self::Late { elapsed } => write!(
                f,
                "it took {} ms, and the host refuses what takes twice as long",
                elapsed.as_millis()
            ),
        }
    }
}
