//! Merges two lists: sets of scalars, and objects told apart by a merge key.

use serde_json::Value;

use super::directives::{Whole, identity, whole};
use super::merge::merge_object;
use super::order::placement;
use super::refused::{Path, Refused};
use super::schema::ListRule;
use super::value::{Kind, NotComparable, equal, kind_of_elements};

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
    original.retain(|value| !patch.iter().any(|other| equal(value, other).unwrap_or(false)));
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
    let mut first = 0;
    while let Some(value) = list.get(first).cloned() {
        let mut second = first + 1;
        while let Some(other) = list.get(second) {
            if equal(&value, other).unwrap_or(false) {
                list.swap_remove(second);
            } else {
                second += 1;
            }
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
    let mut keyed = KeyedList::new(original, rule.key, path);
    let mut ordinary = Vec::new();
    let mut replace = false;
    for (index, element) in patch.iter().enumerate() {
        let Value::Object(object) = element else { continue };
        match whole(object, &path.element(index))? {
            None => ordinary.push((index, element)),
            Some(Whole::Replace) => replace = true,
            Some(Whole::Delete) => keyed.delete(identity(element, rule.key, path)?)?,
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
    let before = keyed.live.len();
    for (index, element) in ordinary {
        keyed.merge(element, rule, &path.element(index))?;
    }
    let server = keyed.server_order();
    Ok((keyed.placed(&order, before)?, server))
}

/// The list of a pod while a patch is merged into it.
///
/// `live` and `memory` are indexes into `elements`. `memory` is where the API server keeps the pod's list:
/// it deletes and appends in place there, and an order that is looked up afterwards sees the traces.
struct KeyedList<'a> {
    elements: Vec<Value>,
    live: Vec<usize>,
    memory: Vec<usize>,
    key: &'static str,
    path: &'a Path<'a>,
}

impl<'a> KeyedList<'a> {
    fn new(elements: Vec<Value>, key: &'static str, path: &'a Path<'a>) -> Self {
        let live: Vec<usize> = (0..elements.len()).collect();
        Self {
            memory: live.clone(),
            live,
            elements,
            key,
            path,
        }
    }

    fn delete(&mut self, id: &Value) -> Result<(), Refused> {
        while let Some(at) = self.position(id)? {
            self.live.remove(at);
            self.remember();
        }
        Ok(())
    }

    fn merge(&mut self, patch: &Value, rule: ListRule, place: &Path<'_>) -> Result<(), Refused> {
        let found = self.position(identity(patch, self.key, self.path)?)?;
        let found = found
            .and_then(|at| self.live.get(at))
            .and_then(|index| self.elements.get_mut(*index));
        if let (Some(Value::Object(into)), Value::Object(patch)) = (found, patch) {
            *into = merge_object(std::mem::take(into), patch, rule.elements, place)?;
        } else {
            self.live.push(self.elements.len());
            self.elements.push(patch.clone());
            self.remember();
        }
        Ok(())
    }

    /// The merged list; the first `before` elements are the pod's own.
    fn placed(self, order: &[&Value], before: usize) -> Result<Vec<Value>, Refused> {
        let merged: Vec<&Value> = self
            .live
            .iter()
            .filter_map(|index| self.elements.get(*index))
            .collect();
        let server = merged
            .iter()
            .take(before)
            .map(|element| identity(element, self.key, self.path));
        let server = server.collect::<Result<Vec<_>, _>>()?;
        let indexes = placement(&merged, order, &server, self.key, self.path)?;
        let indexes = indexes
            .into_iter()
            .filter_map(|index| self.live.get(index).copied())
            .collect();
        Ok(take(self.elements, indexes))
    }

    fn server_order(&self) -> ServerOrder {
        let id = |index: &usize| self.elements.get(*index)?.get(self.key).cloned();
        self.memory.iter().map(id).collect()
    }

    fn position(&self, id: &Value) -> Result<Option<usize>, Refused> {
        for (at, index) in self.live.iter().enumerate() {
            let other = self
                .elements
                .get(*index)
                .and_then(|element| element.get(self.key));
            let same = other.map_or(Ok(false), |other| equal(other, id));
            if same.map_err(|NotComparable| Refused::NotComparable {
                path: self.path.to_string(),
            })? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn remember(&mut self) {
        for (slot, index) in self.memory.iter_mut().zip(&self.live) {
            *slot = *index;
        }
    }
}

fn refs(list: &[Value]) -> Vec<&Value> {
    list.iter().collect()
}

fn take(list: Vec<Value>, indexes: Vec<usize>) -> Vec<Value> {
    let mut list: Vec<Option<Value>> = list.into_iter().map(Some).collect();
    indexes
        .into_iter()
        .filter_map(|index| list.get_mut(index)?.take())
        .collect()
}
