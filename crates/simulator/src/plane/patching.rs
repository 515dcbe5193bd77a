//! Patches as an API server takes them.

use json_patch::Patch;
use serde_json::Value;

use super::objects::Pod;
use crate::json;

/// A JSON patch is done as a whole or not at all.
pub(super) fn patched(old: &Value, patch: &Patch) -> Result<Value, String> {
    let mut value = old.clone();
    json_patch::patch(&mut value, patch).map_err(|error| error.to_string())?;
    Ok(value)
}

/// A merge patch that names another uid meets a conflict.
pub(super) fn merged(old: &Pod, patch: &Value) -> Result<Value, String> {
    let mut value = old.value.clone();
    json_patch::merge(&mut value, patch);
    if json::text(&value, &["metadata", "uid"]) == Some(old.uid.as_str()) {
        Ok(value)
    } else {
        Err("the uid in the precondition is another pod's".to_owned())
    }
}
