//! The items of a list that the host answered.

use core::fmt;

use serde_json::value::RawValue;

use super::{FieldError, Fields};

/// Why an answer is no list.
#[derive(Debug)]
pub enum ListError {
    /// It is no text.
    NotUtf8,
    /// It is no object.
    NotAnObject(FieldError),
    /// It has no list `items`.
    NoItems,
}

/// The items, unread.
///
/// # Errors
/// When the text is no JSON object with a list `items`.
pub fn items(answer: &[u8]) -> Result<Vec<&RawValue>, ListError> {
    let answer = core::str::from_utf8(answer).map_err(|_| ListError::NotUtf8)?;
    let list = Fields::of(answer, "list").map_err(ListError::NotAnObject)?;
    if list.raw("items").is_none() {
        return Err(ListError::NoItems);
    }
    list.list("items").map_err(ListError::NotAnObject)
}

/// The item of this name; items that have no readable name are passed over.
#[must_use]
pub fn named<'a>(items: &[&'a RawValue], name: &str) -> Option<&'a RawValue> {
    let is_named = |item: &str| -> Result<bool, FieldError> {
        let metadata = Fields::of(item, "item")?.object("metadata")?;
        Ok(metadata.text("name")?.is_some_and(|text| text.as_str() == name))
    };
    items
        .iter()
        .copied()
        .find(|item| is_named(item.get()).is_ok_and(|is_named| is_named))
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("it is not UTF-8 text"),
            Self::NotAnObject(error) => write!(f, "it is not a list of objects, {error}"),
            Self::NoItems => f.write_str("it is not a list, `items` is missing"),
        }
    }
}

impl core::error::Error for ListError {}
