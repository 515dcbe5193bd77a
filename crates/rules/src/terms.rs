//! Node selector terms, as the API server takes them in a pod.

use kube_rules::syntax;
use serde_json::Value;

use crate::fault::{FaultCode, Faults, Place};
use crate::{read, requirement};

const TERM: &[&str] = &["matchExpressions", "matchFields"];

/// Checks a node selector term.
pub(crate) fn check_term(term: &Value, at: &Place<'_>, faults: &mut Faults) {
    let Some(fields) = read::object(term, at, TERM, faults) else {
        return;
    };
    let before = faults.len();
    let mut conditions = 0;
    for name in TERM {
        let Some(list) = read::field(fields, name) else {
            continue;
        };
        let at = at.field(name);
        let Some(list) = read::items(list, &at, faults) else {
            continue;
        };
        conditions += list.len();
        for (ix, item) in list.iter().enumerate() {
            let at = at.item(ix);
            if *name == "matchFields" {
                check_field(item, &at, faults);
            } else {
                requirement::read(
                    item,
                    &at,
                    requirement::NODE_OPERATORS,
                    FaultCode::InvalidTerm,
                    faults,
                );
            }
        }
    }
    if conditions == 0 && faults.len() == before {
        // To Kubernetes, an empty term matches no node at all.
        let fix = "write a condition below `matchExpressions`, or leave the term out";
        faults.wrong(FaultCode::InvalidTerm, at, term, fix);
    }
}

/// Checks a preferred scheduling term: a weight and a preference.
pub(crate) fn check_preferred(preferred: &Value, at: &Place<'_>, faults: &mut Faults) {
    let Some(fields) = read::object(preferred, at, &["weight", "preference"], faults) else {
        return;
    };
    let weight = at.field("weight");
    match read::field(fields, "weight") {
        Some(value) if value.as_u64().is_some_and(|value| (1..=100).contains(&value)) => {}
        Some(value) => faults.wrong(
            FaultCode::InvalidWeight,
            &weight,
            value,
            "write a whole number from 1 to 100",
        ),
        None => faults.lacks(
            FaultCode::InvalidWeight,
            &weight,
            "write a whole number from 1 to 100",
        ),
    }
    match read::field(fields, "preference") {
        Some(term) => check_term(term, &at.field("preference"), faults),
        None => {
            let fix = "write a node selector term, such as `matchExpressions: [...]`";
            faults.lacks(FaultCode::Missing, &at.field("preference"), fix);
        }
    }
}

/// Nodes are selected by one field alone, their name.
fn check_field(item: &Value, at: &Place<'_>, faults: &mut Faults) {
    let operators = requirement::FIELD_OPERATORS;
    let Some(written) = requirement::read(item, at, operators, FaultCode::InvalidTerm, faults) else {
        return;
    };
    if written.key != "metadata.name" {
        let fix = "write `metadata.name`, the only field of a node that can be matched";
        faults.wrong(
            FaultCode::InvalidTerm,
            &at.field("key"),
            &Value::from(written.key),
            fix,
        );
    }
    let values = at.field("values");
    match written.values.as_slice() {
        [name] if syntax::is_subdomain(name) => {}
        [name] => faults.wrong(
            FaultCode::InvalidTerm,
            &values.item(0),
            &Value::from(*name),
            "write a node's name",
        ),
        many => {
            let fix = "write exactly one name; for several nodes use `matchExpressions` on a label";
            faults.wrong(FaultCode::InvalidTerm, &values, &Value::from(many.to_vec()), fix);
        }
    }
}
