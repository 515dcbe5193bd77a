//! JSON values as the API server compares them, and the parts of a patch as they enter a pod.

use serde_json::{Map, Value};

use super::directives::PATCH;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Two objects or two lists were compared; the API server fails there.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotComparable;

/// The types that Go decodes JSON into: `1` and `1.0` are not of one kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    String,
    List,
    Object,
}

impl Kind {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() => Self::Integer,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }
}

/// The one kind of all elements; none where they differ, or are nulls or lists, or are not there.
pub(super) fn kind_of_elements<'a>(elements: impl IntoIterator<Item = &'a Value>) -> Option<Kind> {
    let mut kinds = elements.into_iter().map(Kind::of);
    let first = kinds
        .next()
        .filter(|kind| !matches!(kind, Kind::Null | Kind::List))?;
    kinds.all(|kind| kind == first).then_some(first)
}

pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, NotComparable> {
    let kind = Kind::of(left);
    if kind != Kind::of(right) {
        return Ok(false);
    }
    match kind {
        Kind::Object | Kind::List => Err(NotComparable),
        Kind::Float => Ok(left.as_f64() == right.as_f64()),
        _ => Ok(left == right),
    }
}

/// What becomes of a null under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    Drop,
    Keep,
}

/// The value as it enters a pod that has nothing to merge it with: without the objects that carry
/// `$patch`; none when it is one itself.
pub(super) fn fresh(value: &Value, nulls: Nulls) -> Option<Value> {
    let dropped = |value: &Value| nulls == Nulls::Drop && value.is_null();
    Some(match value {
        Value::Object(object) => {
            if object.get(PATCH).is_some_and(|directive| !dropped(directive)) {
                return None;
            }
            let entries = object.iter().filter(|(_, value)| !dropped(value));
            Value::Object(
                entries
                    .filter_map(|(key, value)| Some((key.clone(), fresh(value, nulls)?)))
                    .collect(),
            )
        }
        Value::Array(list) => Value::Array(fresh_list(list, nulls)),
        scalar => scalar.clone(),
    })
}

pub(super) fn fresh_list(list: &[Value], nulls: Nulls) -> Vec<Value> {
    list.iter().filter_map(|value| fresh(value, nulls)).collect()
}
