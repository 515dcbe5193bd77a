//! The names of objects, and why one cannot be stored.

use std::fmt;

use serde_json::Value;

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
    /// Empty for an object of the cluster.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{} {}/{}",
            self.api_version, self.kind, self.namespace, self.name
        )
    }
}

impl ObjectId {
    /// Reads the name of an object.
    ///
    /// # Errors
    /// When `apiVersion`, `kind` or `metadata.name` is missing.
    pub fn of(object: &Value) -> Result<Self, StoreError> {
        let text = |path: &'static str| {
            object
                .pointer(path)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let needed = |path| text(path).ok_or(StoreError::Unnamed(path));
        Ok(Self {
            api_version: needed("/apiVersion")?,
            kind: needed("/kind")?,
            namespace: text("/metadata/namespace").unwrap_or_default(),
            name: needed("/metadata/name")?,
        })
    }
}

/// Why an object cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The object lacks a part of its name.
    #[error("the object has no text at `{0}`: every object needs apiVersion, kind and metadata.name")]
    Unnamed(&'static str),
    /// The log only grows at its end.
    #[error("`{id}` cannot change at {at} ms: it last changed at {last} ms")]
    Backwards {
        /// The object.
        id: String,
        /// The time given.
        at: u64,
        /// The time of its newest version.
        last: u64,
    },
}
