//! An object whose fields are found but not read.
//!
//! One scan serves every object that is looked into: a derived reader for each of them would make
//! the wasm a third larger. A field that is written twice counts as it does in a JSON value, where
//! the last one stays; `null` counts as absent.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Text;

/// The fields of an object, each value as its text.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a>(Vec<(Text<'a>, &'a RawValue)>);

/// A field has another type than it must have.
#[derive(Debug)]
pub struct FieldError {
    field: &'static str,
    error: serde_json::Error,
}

impl<'a> Fields<'a> {
    /// Finds the fields of the object that `text` is; `what` names it in errors.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn of(text: &'a str, what: &'static str) -> Result<Self, FieldError> {
        serde_json::from_str(text).map_err(|error| FieldError { field: what, error })
    }

    /// The text of a field's value.
    #[must_use]
    pub fn raw(&self, field: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.0.iter().rev().find(|(name, _)| name.as_str() == field)?;
        Some(*raw).filter(|raw| raw.get() != "null")
    }

    /// Every field in the order that was written.
    pub fn iter(&self) -> impl Iterator<Item = (&Text<'a>, &'a RawValue)> {
        self.0.iter().map(|(name, raw)| (name, *raw))
    }

    /// A field that is a string.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, field: &'static str) -> Result<Option<Text<'a>>, FieldError> {
        self.raw(field).map(|raw| read_text(raw, field)).transpose()
    }

    /// A field that is an object; empty where it is absent.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object(&self, field: &'static str) -> Result<Self, FieldError> {
        self.raw(field)
            .map_or_else(|| Ok(Self::default()), |raw| Self::of(raw.get(), field))
    }

    /// A field that is a list; empty where it is absent.
    ///
    /// # Errors
    /// When it is something else.
    pub fn list(&self, field: &'static str) -> Result<Vec<&'a RawValue>, FieldError> {
        let Some(raw) = self.raw(field) else {
            return Ok(Vec::new());
        };
        serde_json::from_str(raw.get()).map_err(|error| FieldError { field, error })
    }

    /// A field that is a whole number from 0 on.
    ///
    /// # Errors
    /// When it is something else, or too large to be a count.
    pub fn count(&self, field: &'static str) -> Result<Option<u64>, FieldError> {
        let read =
            |raw: &RawValue| serde_json::from_str(raw.get()).map_err(|error| FieldError { field, error });
        self.raw(field).map(read).transpose()
    }

    /// Whether a field is `true`.
    #[must_use]
    pub fn is_true(&self, field: &str) -> bool {
        self.raw(field).is_some_and(|raw| raw.get() == "true")
    }
}

/// Labels or annotations: strings by name.
#[derive(Clone, Debug, Default)]
pub struct Texts<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'a> Texts<'a> {
    /// Reads a field that is an object of strings; empty where it is absent.
    ///
    /// # Errors
    /// When it is something else.
    pub fn of(object: &Fields<'a>, field: &'static str) -> Result<Self, FieldError> {
        let Some(raw) = object.raw(field) else {
            return Ok(Self::default());
        };
        serde_json::from_str(raw.get()).map_err(|error| FieldError { field, error })
    }

    /// The text of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(field, _)| field.as_str() == name)
            .map(|(_, text)| text.as_str())
    }
}

fn read_text<'a>(raw: &'a RawValue, field: &'static str) -> Result<Text<'a>, FieldError> {
    serde_json::from_str(raw.get()).map_err(|error| FieldError { field, error })
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collecting(PhantomData)).map(Self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collecting(PhantomData)).map(Self)
    }
}

/// Collects an object as it is written.
struct Collecting<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Collecting<V> {
    type Value = Vec<(Text<'de>, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.field, self.error)
    }
}

impl core::error::Error for FieldError {}
