//! The list of a pod, told apart by a merge key, while a patch is merged into it.

use serde_json::Value;

use super::directives::identity;
use super::lists::{ServerOrder, take};
use super::merge::merge_object;
use super::numbers::{ByNumber, Number, Numbers};
use super::order::placement;
use super::refused::{Path, Refused};
use super::schema::ListRule;

/// The elements, those of the patch appended as they come. What is deleted stays where it was, marked as gone.
///
/// The API server keeps the pod's list in an array, deletes and appends in place there, and an order that is looked up
/// afterwards sees the traces: `dropped` is what a deletion leaves behind the end.
pub(super) struct KeyedList<'a> {
    elements: Vec<Value>,
    gone: Vec<bool>,
    /// How many are not gone.
    pub(super) live: usize,
    /// How long the pod's list was.
    length: usize,
    /// The element that stood last before each deletion, in turn.
    dropped: Vec<usize>,
    /// The first element of each number that is not gone.
    first: ByNumber,
    /// The next element of the same number.
    next: Vec<Option<usize>>,
    /// The numbers of the patch's elements.
    patch: Vec<Option<Number>>,
    key: &'static str,
    path: &'a Path<'a>,
}

impl<'a> KeyedList<'a> {
    pub(super) fn new(elements: Vec<Value>, patch: &[Value], key: &'static str, path: &'a Path<'a>) -> Self {
        let length = elements.len();
        let mut first = ByNumber::default();
        let mut next = vec![None; length];
        let patch = {
            let mut numbers = Numbers::default();
            for (index, element) in elements.iter().enumerate().rev() {
                let Some(id) = element.get(key) else { continue };
                let number = numbers.of(id);
                if let Some(next) = next.get_mut(index) {
                    *next = first.get(number);
                }
                first.set(number, Some(index));
            }
            let number = |element| Some(numbers.of(Value::get(element, key)?));
            patch.iter().map(number).collect()
        };
        Self {
            gone: vec![false; length],
            live: length,
            length,
            dropped: Vec::new(),
            first,
            next,
            patch,
            elements,
            key,
            path,
        }
    }

    /// Deletes all elements that an element of the patch names.
    pub(super) fn delete(&mut self, of_patch: usize) -> Result<(), Refused> {
        let Some(number) = self.number(of_patch) else {
            return Ok(());
        };
        while let Some(index) = self.find(number)? {
            let last = self.dropped.last().map_or(self.length, |last| *last);
            let stays = |index: &usize| !self.gone.get(*index).copied().unwrap_or(true);
            // The one that was last stays last until it is deleted itself.
            let last = (0..self.length.min(last + 1)).rev().find(stays);
            self.dropped.extend(last);
            if let Some(gone) = self.gone.get_mut(index) {
                *gone = true;
            }
            self.live -= 1;
            self.pass(number, index);
        }
        Ok(())
    }

    /// Merges an element of the patch into the first that it names, or appends it.
    pub(super) fn merge(
        &mut self,
        patch: &Value,
        of_patch: usize,
        rule: ListRule,
        place: &Path<'_>,
    ) -> Result<(), Refused> {
        let Some(number) = self.number(of_patch) else {
            return Ok(());
        };
        let found = self.find(number)?;
        let into = found.and_then(|index| self.elements.get_mut(index));
        if let (Some(index), Some(Value::Object(into)), Value::Object(patch)) = (found, into, patch) {
            *into = merge_object(std::mem::take(into), patch, rule.elements, place)?;
            // A key that is null removes itself.
            if !into.contains_key(self.key) {
                self.pass(number, index);
            }
        } else {
            self.first.set(number, Some(self.elements.len()));
            self.elements.push(patch.clone());
            self.gone.push(false);
            self.next.push(None);
            self.live += 1;
        }
        Ok(())
    }

    /// The merged list; the first `before` elements are the pod's own.
    pub(super) fn placed(self, order: &[&Value], before: usize) -> Result<Vec<Value>, Refused> {
        let live: Vec<usize> = self.live().collect();
        let merged: Vec<&Value> = live
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
            .filter_map(|index| live.get(index).copied())
            .collect();
        Ok(take(self.elements, indexes))
    }

    /// What identifies what is in the API server's array.
    pub(super) fn server_order(&self) -> ServerOrder {
        let behind = self.dropped.iter().rev().copied();
        let behind = behind.skip(self.live.saturating_sub(self.length - self.dropped.len()));
        let id = |index: usize| self.elements.get(index)?.get(self.key).cloned();
        self.live().chain(behind).take(self.length).map(id).collect()
    }

    fn live(&self) -> impl Iterator<Item = usize> {
        let gone = self.gone.iter().enumerate();
        gone.filter_map(|(index, gone)| (!gone).then_some(index))
    }

    fn number(&self, of_patch: usize) -> Option<Number> {
        self.patch.get(of_patch).copied().flatten()
    }

    fn find(&self, number: Number) -> Result<Option<usize>, Refused> {
        match self.first.get(number) {
            Some(_) if !number.is_comparable() => Err(Refused::NotComparable {
                path: self.path.to_string(),
            }),
            found => Ok(found),
        }
    }

    /// Makes the next element the first of its number.
    fn pass(&mut self, number: Number, index: usize) {
        let next = self.next.get(index).copied().flatten();
        self.first.set(number, next);
    }
}
