//! How many replicas an object asks for.

use core::fmt;

use rules::ReplicasPath;
use serde_json::Value;

/// Why a path leads to no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A list is indexed by something that is no whole number.
    NotAnIndex(String),
    /// The path goes on below a value that is neither object nor list.
    Through(String),
    /// What stands there is no whole number from 0 on.
    NotReplicas(String),
}

/// The number at a dot path, by the rule of OpenKruise's `replicasPathList`: names, and numbers
/// for the places of a list. An empty path, or one that leads nowhere, is 0.
///
/// # Errors
/// When the path cannot be followed through what is there, or ends at something else.
pub fn replicas_at(object: &Value, path: &str) -> Result<u32, PathError> {
    if path.is_empty() {
        return Ok(0);
    }
    let mut here = object;
    for part in path.split('.') {
        let next = match here {
            Value::Object(fields) => fields.get(part),
            Value::Array(items) => {
                let index: usize = part.parse().map_err(|_| PathError::NotAnIndex(part.to_owned()))?;
                items.get(index)
            }
            _ => return Err(PathError::Through(part.to_owned())),
        };
        match next {
            None | Some(Value::Null) => return Ok(0),
            Some(value) => here = value,
        }
    }
    here.as_u64()
        .and_then(|replicas| u32::try_from(replicas).ok())
        .ok_or_else(|| PathError::NotReplicas(here.to_string()))
}

/// The sum over several paths into one object.
///
/// # Errors
/// When one of them cannot be followed, or ends at something that is no number.
pub fn replicas_in(object: &Value, paths: &[ReplicasPath]) -> Result<u32, PathError> {
    paths.iter().try_fold(0u32, |sum, path| {
        replicas_at(object, path.as_str()).map(|replicas| sum.saturating_add(replicas))
    })
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnIndex(part) => write!(f, "`{part}` is no place in a list, write a number from 0 on"),
            Self::Through(part) => write!(
                f,
                "`{part}` is looked for below a value that is no object and no list"
            ),
            Self::NotReplicas(seen) => write!(f, "`{seen}` is no number of replicas"),
        }
    }
}

impl core::error::Error for PathError {}
