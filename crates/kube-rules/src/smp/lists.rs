//! Merges two lists: sets of scalars, and objects told apart by a merge key.

use std::collections::BTreeSet;

use serde_json::Value;

use super::directives::{Whole, identity, whole};
use super::keyed::KeyedList;
use super::numbers::{Number, Numbers};
use super::order::placement;
use super::refused::{Path, Refused};
use super::schema::ListRule;
use super::value::{Kind, kind_of_elements};

/// What identified the elements of the pod's list, in its order, once the patch was merged into it; none
/// where an element had no merge key. `$setElementOrder` places the others by it.
pub(super) type ServerOrder = Vec<Option<Value>>;

/// Merges the patch's list into the pod's.
pub(super) fn merge_list(
    original: Vec<Value>,
    patch: &[Value],
    rule: ListRule,
    path: &Path<'_>,
) -> Result<(Vec<Value>, ServerOrder), Refused> {
    if original.is_empty() && patch.is_empty() {
        return Ok((original, Vec::new()));
    }
    match kind_of_elements(original.iter().chain(patch)) {
        None => Err(Refused::MixedElements {
            path: path.to_string(),
        }),
        Some(Kind::Object) if rule.key.is_empty() => Err(Refused::NoMergeKey {
            path: path.to_string(),
        }),
        Some(Kind::Object) => merge_objects(original, patch, rule, path),
        Some(_) if rule.key.is_empty() => merge_scalars(original, patch, path),
        Some(_) => Err(Refused::MergeKeyMissing {
            path: path.to_string(),
            key: rule.key,
        }),
    }
}

/// Carries out `$deleteFromPrimitiveList`; for objects it is a merge, as the API server has it.
pub(super) fn delete_from_list(
    mut original: Vec<Value>,
    patch: &[Value],
    rule: ListRule,
    path: &Path<'_>,
) -> Result<Vec<Value>, Refused> {
    let kind = kind_of_elements(original.iter().chain(patch));
    if kind.is_none_or(|kind| kind == Kind::Object) {
        return merge_list(original, patch, rule, path).map(|(list, _)| list);
    }
    let gone = {
        let mut numbers = Numbers::default();
        let patch: BTreeSet<Number> = patch.iter().map(|value| numbers.of(value)).collect();
        let is_gone = |value| {
            let number = numbers.of(value);
            number.is_comparable() && patch.contains(&number)
        };
        original.iter().map(is_gone).collect::<Vec<bool>>()
    };
    let mut gone = gone.into_iter();
    original.retain(|_| !gone.next().unwrap_or(false));
    Ok(original)
}

/// The list in the order that the elements of `order` have, the others where the server has them.
pub(super) fn placed(
    list: Vec<Value>,
    order: &[Value],
    server: &ServerOrder,
    key: &'static str,
    path: &Path<'_>,
) -> Result<Vec<Value>, Refused> {
    let missing = || Refused::MergeKeyMissing {
        path: path.to_string(),
        key,
    };
    let server = server
        .iter()
        .map(|id| id.as_ref().ok_or_else(missing))
        .collect::<Result<Vec<_>, _>>()?;
    let indexes = placement(&refs(&list), &refs(order), &server, key, path)?;
    Ok(take(list, indexes))
}

/// What identifies the elements of a list that nothing was merged into.
pub(super) fn server_order(list: &[Value], key: &'static str) -> ServerOrder {
    list.iter()
        .map(|element| identity(element, key, &Path::Root).ok().cloned())
        .collect()
}

fn merge_scalars(
    original: Vec<Value>,
    patch: &[Value],
    path: &Path<'_>,
) -> Result<(Vec<Value>, ServerOrder), Refused> {
    let mut server = if patch.is_empty() {
        Vec::new()
    } else {
        server_order(&original, "")
    };
    let mut list = original;
    list.extend_from_slice(patch);
    deduplicate(&mut list);
    if patch.is_empty() {
        // Without anything to add, the API server deduplicates the very list it then takes the order from.
        server = server_order(&list, "");
    }
    Ok((placed(list, patch, &server, "", path)?, server))
}

/// Drops what is there twice. The last element takes the freed place, which shows in the order.
fn deduplicate(list: &mut Vec<Value>) {
    let mut numbers: Vec<Number> = {
        let mut numbers = Numbers::default();
        list.iter().map(|value| numbers.of(value)).collect()
    };
    let mut places: BTreeSet<(Number, usize)> = numbers.iter().copied().zip(0..).collect();
    let mut first = 0;
    while let Some(number) = numbers.get(first).copied() {
        let after = |first: usize| (number, first + 1)..=(number, usize::MAX);
        while let Some(second) = places.range(after(first)).next().map(|(_, place)| *place) {
            let end = numbers.len() - 1;
            if let Some(moved) = numbers.get(end).copied() {
                places.remove(&(moved, end));
                places.remove(&(number, second));
                if second < end {
                    places.insert((moved, second));
                }
            }
            numbers.swap_remove(second);
            list.swap_remove(second);
        }
        first += 1;
    }
}

fn merge_objects(
    original: Vec<Value>,
    patch: &[Value],
    rule: ListRule,
    path: &Path<'_>,
) -> Result<(Vec<Value>, ServerOrder), Refused> {
    let mut keyed = KeyedList::new(original, patch, rule.key, path);
    let mut ordinary = Vec::new();
    let mut replace = false;
    for (index, element) in patch.iter().enumerate() {
        let Value::Object(object) = element else { continue };
        match whole(object, &path.element(index))? {
            None => ordinary.push((index, element)),
            Some(Whole::Replace) => replace = true,
            Some(Whole::Delete) => {
                identity(element, rule.key, path)?;
                keyed.delete(index)?;
            }
        }
    }
    let order: Vec<&Value> = ordinary.iter().map(|(_, element)| *element).collect();
    if replace {
        let server = order
            .iter()
            .map(|element| identity(element, rule.key, path))
            .collect::<Result<Vec<_>, _>>()?;
        let indexes = placement(&order, &[], &server, rule.key, path)?;
        let list = order.into_iter().cloned().collect();
        return Ok((take(list, indexes), keyed.server_order()));
    }
    let before = keyed.live;
    for (index, element) in ordinary {
        identity(element, rule.key, path)?;
        keyed.merge(element, index, rule, &path.element(index))?;
    }
    let server = keyed.server_order();
    Ok((keyed.placed(&order, before)?, server))
}

fn refs(list: &[Value]) -> Vec<&Value> {
    list.iter().collect()
}

pub(super) fn take(list: Vec<Value>, indexes: Vec<usize>) -> Vec<Value> {
    let mut list: Vec<Option<Value>> = list.into_iter().map(Some).collect();
    indexes
        .into_iter()
        .filter_map(|index| list.get_mut(index)?.take())
        .collect()
}
