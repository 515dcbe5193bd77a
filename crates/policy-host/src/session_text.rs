//! The session file of kwctl, which records a policy's questions and their answers, as text.
//!
//! ```yaml
//! - type: Exchange
//!   request: |
//!     !KubernetesGetResource
//!     api_version: v1
//!     ...
//!   response:
//!     type: Success
//!     payload: '{...}'
//! ```
//! The request is YAML inside YAML, its first line a tag; absent optionals are null.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use crate::query::{CanI, Query, SubjectAccessReview};

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The question.
    pub query: Query,
    /// The answer, or the error text.
    pub response: Result<String, String>,
}

/// Why a session file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The file is no list of exchanges.
    #[error("the session cannot be read: {0}")]
    Text(String),
    /// One request cannot be read.
    #[error("[{place}].request cannot be read: {reason}")]
    Request {
        /// Which exchange, from 0.
        place: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Entry {
    Exchange { request: String, response: Response },
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Response {
    Success { payload: String },
    Error { message: String },
}

#[derive(Deserialize)]
struct RecordedCanI {
    request: SubjectAccessReview,
    disable_cache: bool,
}

/// Reads a session file.
pub(crate) fn read(text: &str) -> Result<Vec<Exchange>, SessionError> {
    let entries: Vec<Entry> = serde_saphyr::from_str(text).map_err(|e| SessionError::Text(e.to_string()))?;
    entries
        .into_iter()
        .enumerate()
        .map(|(place, Entry::Exchange { request, response })| {
            Ok(Exchange {
                query: read_query(&request).map_err(|reason| SessionError::Request { place, reason })?,
                response: match response {
                    Response::Success { payload } => Ok(payload),
                    Response::Error { message } => Err(message),
                },
            })
        })
        .collect()
}

/// Writes a session file.
pub(crate) fn write(exchanges: &[Exchange]) -> String {
    if exchanges.is_empty() {
        return "[]\n".to_owned();
    }
    let mut text = String::new();
    for exchange in exchanges {
        text.push_str("- type: Exchange\n  request: |\n");
        for line in query_lines(&exchange.query) {
            text.push_str("    ");
            text.push_str(&line);
            text.push('\n');
        }
        let (kind, key, body) = match &exchange.response {
            Ok(payload) => ("Success", "payload", payload),
            Err(message) => ("Error", "message", message),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  response:\n    type: {kind}\n    {key}: {}\n",
            quoted(body)
        );
    }
    text
}

fn read_query(text: &str) -> Result<Query, String> {
    let (tag, body) = text.trim_start().split_once('\n').unwrap_or((text, ""));
    let body: Value = serde_saphyr::from_str(body).map_err(|e| e.to_string())?;
    let shape = |e: serde_json::Error| e.to_string();
    Ok(match tag.trim() {
        "!KubernetesListResourceNamespace" => {
            Query::ListByNamespace(serde_json::from_value(body).map_err(shape)?)
        }
        "!KubernetesListResourceAll" => Query::ListAll(serde_json::from_value(body).map_err(shape)?),
        "!KubernetesGetResource" => Query::GetResource(serde_json::from_value(body).map_err(shape)?),
        "!KubernetesCanI" => {
            let RecordedCanI {
                request,
                disable_cache,
            } = serde_json::from_value(body).map_err(shape)?;
            Query::CanI(CanI {
                request,
                disable_cache,
            })
        }
        other => {
            return Err(format!(
                "`{other}` is no question: write !KubernetesListResourceNamespace, !KubernetesListResourceAll, !KubernetesGetResource or !KubernetesCanI"
            ));
        }
    })
}

fn query_lines(query: &Query) -> Vec<String> {
    let mut lines = Vec::new();
    let text = |value: &str| quoted(value);
    let option = |value: &Option<String>| value.as_deref().map_or_else(|| "null".to_owned(), quoted);
    let list = |values: Option<Vec<&String>>| match values {
        None => "null".to_owned(),
        Some(values) => {
            let quoted: Vec<String> = values.into_iter().map(|value| quoted(value)).collect();
            format!("[{}]", quoted.join(", "))
        }
    };
    let mut line = |key: &str, value: String| lines.push(format!("{key}: {value}"));
    let tag = match query {
        Query::ListByNamespace(q) => {
            line("api_version", text(&q.api_version));
            line("kind", text(&q.kind));
            line("namespace", text(&q.namespace));
            line("label_selector", option(&q.label_selector));
            line("field_selector", option(&q.field_selector));
            line(
                "field_masks",
                list(q.field_masks.as_ref().map(|masks| masks.iter().collect())),
            );
            "!KubernetesListResourceNamespace"
        }
        Query::ListAll(q) => {
            line("api_version", text(&q.api_version));
            line("kind", text(&q.kind));
            line("label_selector", option(&q.label_selector));
            line("field_selector", option(&q.field_selector));
            line(
                "field_masks",
                list(q.field_masks.as_ref().map(|masks| masks.iter().collect())),
            );
            "!KubernetesListResourceAll"
        }
        Query::GetResource(q) => {
            line("api_version", text(&q.api_version));
            line("kind", text(&q.kind));
            line("name", text(&q.name));
            line("namespace", option(&q.namespace));
            line("disable_cache", q.disable_cache.to_string());
            line(
                "field_masks",
                list(q.field_masks.as_ref().map(|masks| masks.iter().collect())),
            );
            "!KubernetesGetResource"
        }
        Query::CanI(q) => {
            let attributes = &q.request.resource_attributes;
            line("request", String::new());
            line(
                "  groups",
                list(q.request.groups.as_ref().map(|groups| groups.iter().collect())),
            );
            line("  resource_attributes", String::new());
            line("    group", option(&attributes.group));
            line("    name", option(&attributes.name));
            line("    namespace", option(&attributes.namespace));
            line("    resource", text(&attributes.resource));
            line("    subresource", option(&attributes.subresource));
            line("    verb", text(&attributes.verb));
            line("    version", option(&attributes.version));
            line("  user", text(&q.request.user));
            line("disable_cache", q.disable_cache.to_string());
            "!KubernetesCanI"
        }
    };
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines.insert(0, tag.to_owned());
    lines
}

/// A YAML text on one line: in single quotes, or in JSON's where it has characters that single quotes cannot hold.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        Value::String(text.to_owned()).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
