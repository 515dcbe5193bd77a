//! The items of a list that the host answered.

use core::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Text;

/// Why an answer is no list.
#[derive(Debug)]
pub struct ListError(serde_json::Error);

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    metadata: Name<'a>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// The items, unread.
///
/// # Errors
/// When the text is no JSON object with a list `items`.
pub fn items(answer: &[u8]) -> Result<Vec<&RawValue>, ListError> {
    serde_json::from_slice::<List<'_>>(answer).map(|list| list.items).map_err(ListError)
}

/// The item of this name; items that have no readable name are passed over.
#[must_use]
pub fn named<'a>(items: &[&'a RawValue], name: &str) -> Option<&'a RawValue> {
    items.iter().copied().find(|item| {
        serde_json::from_str::<Named<'_>>(item.get())
            .is_ok_and(|item| item.metadata.name.as_str() == name)
    })
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is not a list of objects: {}", self.0)
    }
}

impl core::error::Error for ListError {}
