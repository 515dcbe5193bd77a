//! The directives of a patch: what they may look like, and the simple ones carried out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::refused::{Path, Refused};
use super::value::{Object, equal};

/// In an object: replace or delete the whole of it.
pub(super) const PATCH: &str = "$patch";
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const SET_ELEMENT_ORDER: &str = "$setElementOrder";

/// What `$patch` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Replace,
    Delete,
}

/// The `$patch` of an object, if it has one.
pub(super) fn whole(patch: &Object, path: &Path<'_>) -> Result<Option<Whole>, Refused> {
    let Some(directive) = patch.get(PATCH) else {
        return Ok(None);
    };
    match directive.as_str() {
        Some("replace") => Ok(Some(Whole::Replace)),
        Some("delete") => Ok(Some(Whole::Delete)),
        _ => Err(Refused::UnknownDirective {
            path: path.to_string(),
        }),
    }
}

pub(super) fn has_whole(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.contains_key(PATCH))
}

pub(super) fn is_delete(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.get(PATCH).is_some_and(|directive| directive == "delete"))
}

/// Drops the keys of the original that `$retainKeys` does not name.
pub(super) fn retain_keys(original: &mut Object, patch: &Object, path: &Path<'_>) -> Result<(), Refused> {
    let Some(directive) = patch.get(RETAIN_KEYS) else {
        return Ok(());
    };
    let names = directive
        .as_array()
        .filter(|names| !names.iter().any(|name| name.is_object() || name.is_array()));
    let Some(names) = names else {
        return Err(Refused::DirectiveNotAList {
            path: path.field(RETAIN_KEYS).to_string(),
        });
    };
    let names: BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
    let named = |key: &str| names.contains(key);
    let set = patch.iter().filter(|(key, value)| {
        !value.is_null() && *key != RETAIN_KEYS && !key.starts_with(DELETE_FROM_LIST) && !is_order(key)
    });
    for (key, _) in set {
        if !named(key) {
            return Err(Refused::NotRetained {
                path: path.field(key).to_string(),
            });
        }
    }
    original.retain(|key, _| named(key));
    Ok(())
}

pub(super) fn is_order(key: &str) -> bool {
    key.starts_with(SET_ELEMENT_ORDER)
}

/// The field that `$setElementOrder/<field>` is for.
pub(super) fn ordered_field<'a>(key: &'a str, path: &Path<'_>) -> Result<&'a str, Refused> {
    field_of(key, SET_ELEMENT_ORDER, path)
}

/// The field that a key of the patch is for, and whether to delete from it.
pub(super) fn target<'a>(key: &'a str, path: &Path<'_>) -> Result<(&'a str, bool), Refused> {
    if !key.starts_with(DELETE_FROM_LIST) {
        return Ok((key, false));
    }
    let field = field_of(key, DELETE_FROM_LIST, path)?;
    // The API server takes a directive for the empty name as a field of its own.
    Ok((if field.is_empty() { key } else { field }, true))
}

/// Checks the patch's list against `$setElementOrder`: a part of it, in the same order.
pub(super) fn check_order(
    list: &[Value],
    order: &[Value],
    key: &'static str,
    path: &Path<'_>,
) -> Result<(), Refused> {
    if list.is_empty() || order.is_empty() {
        return Ok(());
    }
    if !key.is_empty() && !list.iter().all(Value::is_object) {
        return Err(Refused::MixedElements {
            path: path.to_string(),
        });
    }
    let mut wanted = list
        .iter()
        .filter(|element| key.is_empty() || !is_delete(element))
        .peekable();
    let mut order = order.iter();
    // An element with another `$patch` is passed over, but only while there is order left, as in the API server.
    while let Some(element) = wanted.peek() {
        if order.as_slice().is_empty() {
            return Err(Refused::NotInOrder {
                path: path.to_string(),
            });
        }
        if has_whole(element) {
            wanted.next();
        } else if let Some(next) = order.next() {
            let same = equal(identity(element, key, path)?, identity(next, key, path)?);
            if same.map_err(|_| Refused::NotComparable {
                path: path.to_string(),
            })? {
                wanted.next();
            }
        }
    }
    Ok(())
}

/// What tells an element from the others: its merge key, or itself where there is none.
pub(super) fn identity<'a>(
    element: &'a Value,
    key: &'static str,
    path: &Path<'_>,
) -> Result<&'a Value, Refused> {
    if key.is_empty() {
        return Ok(element);
    }
    let missing = || Refused::MergeKeyMissing {
        path: path.to_string(),
        key,
    };
    element
        .as_object()
        .and_then(|object| object.get(key))
        .ok_or_else(missing)
}

fn field_of<'a>(key: &'a str, prefix: &str, path: &Path<'_>) -> Result<&'a str, Refused> {
    let field = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
    field.ok_or_else(|| Refused::DirectiveWithoutField {
        path: path.field(key).to_string(),
    })
}
