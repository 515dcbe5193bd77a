//! Merges two objects, field by field, as the type tree says.

use serde_json::Value;

use super::directives::{self, PATCH, RETAIN_KEYS, Whole};
use super::lists::{ServerOrder, delete_from_list, merge_list, placed, server_order};
use super::refused::{Path, Refused};
use super::schema::Schema;
use super::value::{Kind, Nulls, Object, fresh, fresh_list, kind_of_elements};

/// Merges the patch into the original. Keys are taken in their sorted order.
pub(super) fn merge_object(
    mut original: Object,
    patch: &Object,
    schema: Schema,
    path: &Path<'_>,
) -> Result<Object, Refused> {
    match directives::whole(patch, path)? {
        Some(Whole::Delete) => return Ok(Object::new()),
        Some(Whole::Replace) => {
            let rest = patch.iter().filter(|(key, _)| *key != PATCH);
            return Ok(rest.map(|(key, value)| (key.clone(), value.clone())).collect());
        }
        None => {}
    }
    directives::retain_keys(&mut original, patch, path)?;
    let ordered = merge_ordered_lists(&mut original, patch, schema, path)?;
    for (key, value) in patch {
        if key != RETAIN_KEYS && !directives::is_order(key) && !ordered.contains(&key.as_str()) {
            merge_field(&mut original, key, value, schema, path)?;
        }
    }
    Ok(original)
}

fn merge_field(
    original: &mut Object,
    key: &str,
    patch: &Value,
    schema: Schema,
    path: &Path<'_>,
) -> Result<(), Refused> {
    let (field, deletes) = directives::target(key, path)?;
    if patch.is_null() {
        original.remove(field);
        return Ok(());
    }
    let current = original
        .get_mut(field)
        .filter(|current| Kind::of(current) == Kind::of(patch));
    let place = path.field(key);
    match (current, patch) {
        // Nothing to merge with. A deletion then has nothing to delete.
        (None, _) if deletes => {}
        (None, _) => {
            match fresh(patch, Nulls::Drop) {
                Some(value) => original.insert(field.to_owned(), value),
                None => original.remove(field),
            };
        }
        (Some(Value::Object(current)), Value::Object(patch)) => {
            let inner = schema.object(field).ok_or_else(|| Refused::UnknownField {
                path: place.to_string(),
            })?;
            *current = merge_object(std::mem::take(current), patch, inner, &place)?;
        }
        (Some(Value::Array(current)), Value::Array(patch)) => {
            let rule = schema.list(field).ok_or_else(|| no_list(schema, field, &place))?;
            let list = std::mem::take(current);
            *current = if deletes {
                delete_from_list(list, patch, rule, &place)?
            } else if rule.merges {
                merge_list(list, patch, rule, &place)?.0
            } else {
                patch.clone()
            };
        }
        (Some(current), scalar) => *current = scalar.clone(),
    }
    Ok(())
}

/// Merges the lists that `$setElementOrder` is given for, and returns the fields that are done.
fn merge_ordered_lists<'a>(
    original: &mut Object,
    patch: &'a Object,
    schema: Schema,
    path: &Path<'_>,
) -> Result<Vec<&'a str>, Refused> {
    let mut done = Vec::new();
    for (key, order) in patch.iter().filter(|(key, _)| directives::is_order(key)) {
        let place = path.field(key);
        let field = directives::ordered_field(key, path)?;
        let list_place = path.field(field);
        let Value::Array(order) = order else {
            return Err(Refused::DirectiveNotAList {
                path: place.to_string(),
            });
        };
        let wrong_shape = || Refused::WrongShape {
            path: list_place.to_string(),
        };
        let patch_list = patch
            .get(field)
            .map(|list| list.as_array().ok_or_else(wrong_shape))
            .transpose()?;
        let list = match original.get_mut(field) {
            None => None,
            Some(Value::Array(list)) => Some(std::mem::take(list)),
            Some(_) => return Err(wrong_shape()),
        };
        let rule = schema
            .list(field)
            .ok_or_else(|| no_list(schema, field, &list_place))?;
        let elements = || list.iter().flatten().chain(patch_list.into_iter().flatten());
        let (empty, kind) = (elements().next().is_none(), kind_of_elements(elements()));
        if let Some(patch_list) = patch_list {
            directives::check_order(patch_list, order, rule.key, &place)?;
        }
        let (merged, server) = match (list, patch_list) {
            (None, None) => continue,
            (Some(list), None) => {
                let server = server_order(&list, rule.key);
                (list, server)
            }
            (None, Some(patch)) => (fresh_list(patch, Nulls::Keep), ServerOrder::new()),
            (Some(list), Some(patch)) if rule.merges => merge_list(list, patch, rule, &list_place)?,
            (Some(list), Some(patch)) => (patch.clone(), server_order(&list, rule.key)),
        };
        let merged = match kind {
            None if empty => {
                return Err(Refused::NothingToOrder {
                    path: list_place.to_string(),
                });
            }
            None => {
                return Err(Refused::MixedElements {
                    path: list_place.to_string(),
                });
            }
            Some(Kind::Object) if rule.key.is_empty() => {
                // The API server looks for a key with the empty name here, so only emptiness passes.
                let named = server.iter().flatten().all(|element| element.get("").is_some());
                if !(merged.is_empty() && order.is_empty() && named) {
                    return Err(Refused::NoMergeKey {
                        path: list_place.to_string(),
                    });
                }
                merged
            }
            Some(_) => placed(merged, order, &server, rule.key, &list_place)?,
        };
        original.insert(field.to_owned(), Value::Array(merged));
        done.push(field);
    }
    Ok(done)
}

fn no_list(schema: Schema, field: &str, place: &Path<'_>) -> Refused {
    let path = place.to_string();
    if schema.has(field) {
        Refused::WrongShape { path }
    } else {
        Refused::UnknownField { path }
    }
}
