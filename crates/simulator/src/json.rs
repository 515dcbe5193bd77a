//! Writing into JSON at a path, and reading what the controllers need.

use serde_json::{Map, Value};

/// Sets a field, making the objects on the way to it. Something else in the way is replaced.
pub(crate) fn put(object: &mut Value, path: &[&str], value: Value) {
    let mut at = object;
    for name in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(fields) = at else { return };
        at = fields.entry((*name).to_owned()).or_insert(Value::Null);
    }
    *at = value;
}

/// Sets a field unless it is there.
pub(crate) fn put_default(object: &mut Value, path: &[&str], value: Value) {
    if at(object, path).is_none_or(Value::is_null) {
        put(object, path, value);
    }
}

pub(crate) fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |at, name| at.get(name))
}

pub(crate) fn text<'a>(object: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(object, path).and_then(Value::as_str)
}

pub(crate) fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    at(object, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
