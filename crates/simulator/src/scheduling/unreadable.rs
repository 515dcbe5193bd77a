//! Why an object cannot be scheduled or scheduled onto.

use serde_json::Value;
use thiserror::Error;

/// A field that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is `{seen}`: {fix}")]
pub struct Unreadable {
    /// Where it stands in the object.
    pub path: String,
    /// What stands there, as JSON.
    pub seen: String,
    /// What to write.
    pub fix: String,
}

impl Unreadable {
    pub(super) fn new(path: &str, seen: &Value, fix: &str) -> Self {
        Self {
            path: path.to_owned(),
            seen: seen.to_string(),
            fix: fix.to_owned(),
        }
    }
}
