//! Readers of single values: what has the wrong shape is reported, with its place, and left out.

use serde_json::{Map, Value};

use crate::fault::{FaultCode, Faults, Place};

/// An object without fields other than `known`.
pub fn object<'v>(
    value: &'v Value,
    at: &Place<'_>,
    known: &[&str],
    faults: &mut Faults,
) -> Option<&'v Map<String, Value>> {
    let Value::Object(fields) = value else {
        faults.wrong(FaultCode::WrongType, at, value, "write an object");
        return None;
    };
    for (name, value) in fields {
        if !known.contains(&name.as_str()) {
            let fix = match nearest(name, known) {
                Some(near) => format!("write `{near}`"),
                None => format!("remove it; known here: {}", list(known)),
            };
            faults.wrong(FaultCode::UnknownField, &at.field(name), value, &fix);
        }
    }
    Some(fields)
}

/// A field that is written; `null` is as good as absent, as the API server has it.
#[must_use]
pub fn field<'v>(fields: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A list.
pub fn items<'v>(value: &'v Value, at: &Place<'_>, faults: &mut Faults) -> Option<&'v [Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => {
            faults.wrong(FaultCode::WrongType, at, value, "write a list");
            None
        }
    }
}

/// Yes or no.
pub fn truth(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<bool> {
    let truth = value.as_bool();
    if truth.is_none() {
        faults.wrong(FaultCode::WrongType, at, value, "write `true` or `false`");
    }
    truth
}

/// A text.
pub fn text<'v>(value: &'v Value, at: &Place<'_>, faults: &mut Faults) -> Option<&'v str> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => {
            faults.wrong(FaultCode::WrongType, at, value, "write it in quotes");
            None
        }
        _ => {
            faults.wrong(FaultCode::WrongType, at, value, "write a text");
            None
        }
    }
}

/// A field that must be there and hold a text that is not empty.
pub fn needed_text<'v>(
    fields: &'v Map<String, Value>,
    name: &str,
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<&'v str> {
    let at = at.field(name);
    let Some(value) = field(fields, name) else {
        faults.lacks(FaultCode::Missing, &at, &format!("write `{name}`"));
        return None;
    };
    let text = text(value, &at, faults)?;
    if text.is_empty() {
        faults.wrong(
            FaultCode::Missing,
            &at,
            value,
            &format!("write a `{name}` that is not empty"),
        );
        return None;
    }
    Some(text)
}

/// One word of a set.
pub fn word<'w>(value: &Value, at: &Place<'_>, words: &[&'w str], faults: &mut Faults) -> Option<&'w str> {
    let text = text(value, at, faults)?;
    let word = words.iter().find(|word| **word == text);
    if word.is_none() {
        let fix = match nearest(text, words) {
            Some(near) => format!("write `{near}`"),
            None => format!("write one of {}", list(words)),
        };
        faults.wrong(FaultCode::UnknownWord, at, value, &fix);
    }
    word.copied()
}

/// The known word that was probably meant.
#[must_use]
pub fn nearest<'w>(written: &str, known: &[&'w str]) -> Option<&'w str> {
    let written = written.to_ascii_lowercase();
    let allowed = match written.len() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    known
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| {
            (
                distance(written.as_bytes(), word.to_ascii_lowercase().as_bytes()),
                *word,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Insertions, deletions and replacements between two texts (Wagner and Fischer, 1974).
fn distance(from: &[u8], to: &[u8]) -> usize {
    // No field is nearly as long; a long key must not cost its square.
    if from.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (ix, left) in from.iter().enumerate() {
        let (mut diagonal, mut before) = (ix, ix + 1);
        let mut next = vec![before];
        for (right, above) in to.iter().zip(row.iter().skip(1)) {
            before = (diagonal + usize::from(left != right))
                .min(above + 1)
                .min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(from.len())
}

fn list(words: &[&str]) -> String {
    let words = words.iter().filter(|word| !word.is_empty());
    let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_word_that_was_meant() {
        let known = ["minReplicas", "maxReplicas", "replicas", "name", "patch"];
        assert_eq!(nearest("maxreplicas", &known), Some("maxReplicas"));
        assert_eq!(nearest("maxReplica", &known), Some("maxReplicas"));
        assert_eq!(nearest("nmae", &known), Some("name"));
        assert_eq!(nearest("weight", &known), None);
        assert_eq!(nearest(&"x".repeat(10_000), &known), None);
    }

    #[test]
    fn distances_are_symmetric_and_zero_only_for_equal_texts() {
        for (left, right, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(left.as_bytes(), right.as_bytes()), expected);
            assert_eq!(distance(right.as_bytes(), left.as_bytes()), expected);
        }
    }
}
