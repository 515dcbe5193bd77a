//! The lists that the host answered. They are long, so each is read in one pass.

use core::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{FieldError, Fields, ListedPod};

/// Why an answer is no list.
#[derive(Debug)]
pub enum ListError {
    /// It is no text.
    NotUtf8,
    /// It is no JSON of the right shape.
    NotAList(serde_json::Error),
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

/// The items, unread.
///
/// # Errors
/// When the text is no JSON object with a list `items`.
pub fn items(answer: &[u8]) -> Result<Vec<&RawValue>, ListError> {
    read(answer)
}

/// The pods, as far as counting needs them.
///
/// # Errors
/// When the text is no JSON object with a list `items` of objects.
pub fn listed_pods(answer: &[u8]) -> Result<Vec<ListedPod<'_>>, ListError> {
    read(answer)
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<Vec<T>, ListError> {
    let answer = core::str::from_utf8(answer).map_err(|_| ListError::NotUtf8)?;
    serde_json::from_str::<List<T>>(answer)
        .map(|list| list.items)
        .map_err(ListError::NotAList)
}

/// The item of this name; items that have no readable name are passed over.
#[must_use]
pub fn named<'a>(items: &[&'a RawValue], name: &str) -> Option<&'a RawValue> {
    let is_named = |item: &str| -> Result<bool, FieldError> {
        let metadata = Fields::of(item, "item")?.object("metadata")?;
        Ok(metadata.text("name")?.is_some_and(|text| text.as_str() == name))
    };
    // Nearly all items are told apart by not having the name anywhere, were it not for escapes.
    let may_have = |item: &str| item.contains(name) || item.contains('\\');
    let mut candidates = items.iter().copied().filter(|item| may_have(item.get()));
    candidates.find(|item| is_named(item.get()).is_ok_and(|is_named| is_named))
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("it is not UTF-8 text"),
            Self::NotAList(error) => write!(f, "it is not a list of objects: {error}"),
        }
    }
}

impl core::error::Error for ListError {}
