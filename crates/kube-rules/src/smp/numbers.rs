//! Numbers for what identifies the elements of lists, so that a list is gone through once and not once for each element.
//!
//! A tree, not a hash map: whoever makes the pod chooses the keys, and could choose them to collide; random hashing is not
//! for a core.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::value::Kind;

/// What identifies an element, as a number: the same for what the API server takes for equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(usize);

/// What objects have; nothing compares two of them.
const OBJECT: Number = Number(0);
/// What lists have; nothing compares two of them either.
const LIST: Number = Number(1);
const FIRST: usize = 2;

/// The numbers that were given.
#[derive(Default)]
pub(super) struct Numbers<'v>(BTreeMap<Scalar<'v>, Number>);

impl<'v> Numbers<'v> {
    /// The number of a value; a new one where its like was not seen yet.
    pub(super) fn of(&mut self, value: &'v Value) -> Number {
        let Some(scalar) = Scalar::of(value) else {
            return if value.is_object() { OBJECT } else { LIST };
        };
        let next = Number(FIRST + self.0.len());
        *self.0.entry(scalar).or_insert(next)
    }
}

impl Number {
    /// Whether it can be compared with another of its own.
    pub(super) fn is_comparable(self) -> bool {
        self != OBJECT && self != LIST
    }
}

/// A value for each number, where there is one.
#[derive(Clone, Default)]
pub(super) struct ByNumber(Vec<Option<usize>>);

impl ByNumber {
    pub(super) fn get(&self, number: Number) -> Option<usize> {
        self.0.get(number.0).copied().flatten()
    }

    pub(super) fn set(&mut self, number: Number, value: Option<usize>) {
        if self.0.len() <= number.0 {
            self.0.resize(number.0 + 1, None);
        }
        if let Some(slot) = self.0.get_mut(number.0) {
            *slot = value;
        }
    }
}

/// A scalar with an order in which equal ones are those that the API server finds equal: of one kind, and the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Scalar<'v> {
    Null,
    Bool(bool),
    Integer(Option<i64>),
    Float(Float),
    String(&'v str),
}

/// Never NaN, which JSON cannot say.
struct Float(f64);

impl<'v> Scalar<'v> {
    fn of(value: &'v Value) -> Option<Self> {
        Some(match Kind::of(value) {
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool(value == &Value::Bool(true)),
            Kind::Integer => Self::Integer(value.as_i64()),
            Kind::Float => Self::Float(Float(value.as_f64().unwrap_or_default())),
            Kind::String => Self::String(value.as_str().unwrap_or_default()),
            Kind::List | Kind::Object => return None,
        })
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.partial_cmp(&other.0).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Float {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::smp::value::equal;

    #[test]
    fn two_values_have_one_number_where_they_are_equal() {
        let values = [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(1),
            json!(-1),
            json!(0.0),
            json!(-0.0),
            json!(1.0),
            json!(u64::MAX),
            json!(u64::MAX as f64),
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_992_i64),
            json!(""),
            json!("1"),
            json!("true"),
        ];
        let mut numbers = Numbers::default();
        for left in &values {
            for right in &values {
                let same = numbers.of(left) == numbers.of(right);
                assert_eq!(same, equal(left, right).unwrap(), "{left} and {right}");
                assert!(numbers.of(left).is_comparable());
            }
        }
        for value in [&json!([1]), &json!({})] {
            assert!(!Numbers::default().of(value).is_comparable());
        }
    }
}
