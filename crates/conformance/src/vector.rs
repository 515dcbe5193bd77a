//! One vector: what goes in and what must come out.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// A behaviour that somebody wrote down.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vector {
    /// Unique in its file.
    pub(crate) name: String,
    /// What goes in.
    pub(crate) input: Value,
    /// What must come out.
    pub(crate) expect: Value,
    /// A remark.
    #[serde(default)]
    pub(crate) note: Option<String>,
}

/// Reads a file of vectors.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Vector>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("`{}` is no list of vectors", path.display()))
}

impl Vector {
    /// Whether the behaviour is real but arguably a defect.
    pub(crate) fn is_quirk(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.starts_with("quirk:"))
    }

    /// A part of the input; null where it is absent.
    pub(crate) fn input(&self, name: &str) -> &Value {
        self.input.get(name).unwrap_or(&Value::Null)
    }

    /// A list of the input; empty where it is absent.
    pub(crate) fn inputs(&self, name: &str) -> &[Value] {
        self.input(name).as_array().map_or(&[], Vec::as_slice)
    }

    /// A text of the input; empty where it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.input(name).as_str().unwrap_or_default()
    }
}
