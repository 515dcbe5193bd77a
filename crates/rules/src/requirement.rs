//! One requirement on a key, as label selectors and node selector terms have it.

use kube_rules::syntax;
use serde_json::Value;

use crate::fault::{FaultCode, Faults, Place};
use crate::read;

/// A requirement whose operator has as many values as it takes.
pub(crate) struct Written<'v> {
    /// The key, not empty.
    pub(crate) key: &'v str,
    /// One of the operators that the reader was given.
    pub(crate) operator: &'static str,
    /// The values.
    pub(crate) values: Vec<&'v str>,
}

/// Operators of label selectors.
pub(crate) const LABEL_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];
/// Operators of a node selector term's `matchExpressions`.
pub(crate) const NODE_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
/// Operators of a node selector term's `matchFields`.
pub(crate) const FIELD_OPERATORS: &[&str] = &["In", "NotIn"];

/// Reads `{key, operator, values}`; `code` is the rule that a wrong combination breaks.
pub(crate) fn read<'v>(
    value: &'v Value,
    at: &Place<'_>,
    operators: &'static [&'static str],
    code: FaultCode,
    faults: &mut Faults,
) -> Option<Written<'v>> {
    let before = faults.len();
    let fields = read::object(value, at, &["key", "operator", "values"], faults)?;
    let key = read::needed_text(fields, "key", at, faults);
    if let Some(key) = key
        && !syntax::is_key(key)
    {
        let fix = "write a label's key: `name` or `domain/name`, of letters, digits and inner `-`, `_`, `.`";
        faults.wrong(code, &at.field("key"), value.get("key").unwrap_or(value), fix);
    }
    let operator = match read::field(fields, "operator") {
        Some(written) => read::word(written, &at.field("operator"), operators, faults),
        None => {
            let fix = "write an operator, such as `In` with `values` or `Exists` without";
            faults.lacks(FaultCode::Missing, &at.field("operator"), fix);
            None
        }
    };
    let values = match read::field(fields, "values") {
        Some(written) => read_values(written, &at.field("values"), faults)?,
        None => Vec::new(),
    };
    let operator = operator?;
    check_values(
        operator,
        &values,
        fields.get("values"),
        &at.field("values"),
        code,
        faults,
    );
    (faults.len() == before).then_some(Written {
        key: key?,
        operator,
        values,
    })
}

fn read_values<'v>(value: &'v Value, at: &Place<'_>, faults: &mut Faults) -> Option<Vec<&'v str>> {
    let items = read::items(value, at, faults)?;
    let texts = items
        .iter()
        .enumerate()
        .map(|(ix, item)| read::text(item, &at.item(ix), faults));
    // All of them are looked at before the first bad one ends it.
    let texts: Vec<Option<&str>> = texts.collect();
    texts.into_iter().collect()
}

fn check_values(
    operator: &str,
    values: &[&str],
    written: Option<&Value>,
    at: &Place<'_>,
    code: FaultCode,
    faults: &mut Faults,
) {
    let seen = written.unwrap_or(&Value::Null);
    match (operator, values) {
        ("In" | "NotIn", []) => faults.lacks(code, at, &format!("write at least one value for `{operator}`")),
        ("In" | "NotIn", values) => {
            for (ix, value) in values.iter().enumerate() {
                if !syntax::is_label_value(value) {
                    let fix = "write a label's value: at most 63 letters, digits and inner `-`, `_`, `.`";
                    faults.wrong(code, &at.item(ix), &Value::from(*value), fix);
                }
            }
        }
        ("Exists" | "DoesNotExist", []) => {}
        ("Exists" | "DoesNotExist", _) => {
            faults.wrong(
                code,
                at,
                seen,
                &format!("remove the values, `{operator}` takes none"),
            );
        }
        // Gt and Lt.
        (_, [value]) if value.parse::<i64>().is_ok() => {}
        _ => faults.wrong(
            code,
            at,
            seen,
            &format!("write one whole number in quotes for `{operator}`"),
        ),
    }
}
