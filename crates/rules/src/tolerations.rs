//! Tolerations, as the API server takes them in a pod.

use kube_rules::syntax;
use serde_json::{Map, Value};

use crate::fault::{FaultCode, Faults, Place};
use crate::read;

const FIELDS: &[&str] = &["key", "operator", "value", "effect", "tolerationSeconds"];
const OPERATORS: &[&str] = &["", "Equal", "Exists", "Gt", "Lt"];
const EFFECTS: &[&str] = &["", "NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Checks a toleration.
pub(crate) fn check(toleration: &Value, at: &Place<'_>, faults: &mut Faults) {
    let Some(fields) = read::object(toleration, at, FIELDS, faults) else {
        return;
    };
    let key = text_or_empty(fields, "key", at, faults);
    let operator = word_or_empty(fields, "operator", OPERATORS, at, faults);
    let value = text_or_empty(fields, "value", at, faults);
    let effect = word_or_empty(fields, "effect", EFFECTS, at, faults);

    if let Some(key) = key
        && !key.is_empty()
        && !syntax::is_key(key)
    {
        faults.wrong(
            FaultCode::InvalidToleration,
            &at.field("key"),
            &Value::from(key),
            "write a taint's key",
        );
    }
    if let (Some(""), Some(operator)) = (key, operator)
        && operator != "Exists"
    {
        let fix = "write a `key`, or `operator: Exists` to tolerate every taint";
        faults.wrong(FaultCode::InvalidToleration, at, toleration, fix);
    }
    if let (Some(operator), Some(value)) = (operator, value) {
        let fix = match operator {
            "Exists" if !value.is_empty() => Some("remove the value, `Exists` takes none"),
            "Gt" | "Lt" if value.parse::<i64>().is_err() => Some("write a whole number in quotes"),
            "" | "Equal" if !syntax::is_label_value(value) => Some("write a taint's value"),
            _ => None,
        };
        if let Some(fix) = fix {
            faults.wrong(
                FaultCode::InvalidToleration,
                &at.field("value"),
                &Value::from(value),
                fix,
            );
        }
    }
    let at_seconds = at.field("tolerationSeconds");
    match read::field(fields, "tolerationSeconds") {
        Some(seconds) if !seconds.is_i64() => {
            faults.wrong(
                FaultCode::InvalidSeconds,
                &at_seconds,
                seconds,
                "write a whole number of seconds",
            );
        }
        Some(seconds) if effect.is_some_and(|effect| effect != "NoExecute") => {
            let fix = "remove it, or write `effect: NoExecute`, the only effect that waits";
            faults.wrong(FaultCode::InvalidToleration, &at_seconds, seconds, fix);
        }
        _ => {}
    }
}

/// The text of a field; empty where absent, `None` where it was reported.
fn text_or_empty<'v>(
    fields: &'v Map<String, Value>,
    name: &str,
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<&'v str> {
    match read::field(fields, name) {
        Some(value) => read::text(value, &at.field(name), faults),
        None => Some(""),
    }
}

fn word_or_empty(
    fields: &Map<String, Value>,
    name: &str,
    words: &[&'static str],
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<&'static str> {
    match read::field(fields, name) {
        Some(value) => read::word(value, &at.field(name), words, faults),
        None => Some(""),
    }
}
