//! Reads label selectors.

use kube_rules::labels::{LabelSelector, Operator, Requirement};
use kube_rules::syntax;
use serde_json::Value;

use crate::fault::{FaultCode, Faults, Place};
use crate::{read, requirement};

/// Reads a `metav1.LabelSelector`; `{}` selects everything. `None` where something was reported.
pub fn read_label_selector(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<LabelSelector> {
    let before = faults.len();
    let fields = read::object(value, at, &["matchLabels", "matchExpressions"], faults)?;
    let mut requirements = Vec::new();
    if let Some(labels) = read::field(fields, "matchLabels") {
        match_labels(labels, &at.field("matchLabels"), &mut requirements, faults);
    }
    if let Some(expressions) = read::field(fields, "matchExpressions") {
        let at = at.field("matchExpressions");
        for (ix, item) in read::items(expressions, &at, faults)?.iter().enumerate() {
            let at = at.item(ix);
            let operators = requirement::LABEL_OPERATORS;
            requirements.extend(
                requirement::read(item, &at, operators, FaultCode::InvalidSelector, faults)
                    .and_then(as_requirement),
            );
        }
    }
    (faults.len() == before).then(|| requirements.into_iter().collect())
}

fn as_requirement(written: requirement::Written<'_>) -> Option<Requirement> {
    let values = || written.values.iter().map(|value| (*value).to_owned()).collect();
    let operator = match written.operator {
        "In" => Operator::In(values()),
        "NotIn" => Operator::NotIn(values()),
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return None,
    };
    Some(Requirement {
        key: written.key.to_owned(),
        operator,
    })
}

fn match_labels(labels: &Value, at: &Place<'_>, requirements: &mut Vec<Requirement>, faults: &mut Faults) {
    let Value::Object(labels) = labels else {
        faults.wrong(FaultCode::WrongType, at, labels, "write an object of labels");
        return;
    };
    for (key, value) in labels {
        let at = at.field(key);
        let Some(text) = read::text(value, &at, faults) else {
            continue;
        };
        if syntax::is_key(key) && syntax::is_label_value(text) {
            let operator = Operator::In(vec![text.to_owned()]);
            requirements.push(Requirement {
                key: key.clone(),
                operator,
            });
        } else {
            let fix = "write a label as Kubernetes takes it: key `name` or `domain/name`, \
                       value of at most 63 letters, digits and inner `-`, `_`, `.`";
            faults.wrong(FaultCode::InvalidSelector, &at, value, fix);
        }
    }
}
