//! Why an object cannot be scheduled or scheduled onto.

use core::fmt;

use serde_json::Value;

/// A field that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where it stands in the object.
    pub path: String,
    /// What stands there, as JSON.
    pub seen: String,
    /// What to write.
    pub fix: String,
}

impl Unreadable {
    /// At a path, with what stands there.
    #[must_use]
    pub fn new(path: &str, seen: &Value, fix: &str) -> Self {
        Self {
            path: path.to_owned(),
            seen: seen.to_string(),
            fix: fix.to_owned(),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, seen, fix } = self;
        write!(f, "`{path}` is `{seen}`: {fix}")
    }
}

impl core::error::Error for Unreadable {}
