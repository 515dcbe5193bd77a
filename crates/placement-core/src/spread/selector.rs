//! Label selectors, as `metav1.LabelSelector` matches.

use serde_json::Value;

use super::{read, requirement, syntax};
use crate::fault::{FaultCode, Faults, Place};

/// A label selector; all requirements must hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    pub(crate) requirements: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub(crate) key: String,
    pub(crate) operator: Operator,
}

/// The condition itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label has one of the values; never empty.
    In(Vec<String>),
    /// The label is absent or has none of the values; never empty.
    NotIn(Vec<String>),
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl LabelSelector {
    /// Reads a `metav1.LabelSelector`; `{}` selects everything. `None` where something was reported.
    pub fn read(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Self> {
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
                        .and_then(Requirement::of),
                );
            }
        }
        (faults.len() == before).then_some(Self { requirements })
    }

    /// Whether both select the same for certain, whatever the order of their conditions.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let covers = |left: &Self, right: &Self| {
            left.requirements
                .iter()
                .all(|one| right.requirements.iter().any(|other| one.is_same_as(other)))
        };
        covers(self, other) && covers(other, self)
    }

    /// Whether an object is selected; `label` tells the value of one of its labels.
    #[must_use]
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = label(&requirement.key);
            match &requirement.operator {
                Operator::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
                Operator::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }

    /// The conditions, in the order that was written; `matchLabels` come first.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    fn of(written: requirement::Written<'_>) -> Option<Self> {
        let values = || written.values.iter().map(|value| (*value).to_owned()).collect();
        let operator = match written.operator {
            "In" => Operator::In(values()),
            "NotIn" => Operator::NotIn(values()),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return None,
        };
        Some(Self {
            key: written.key.to_owned(),
            operator,
        })
    }

    fn is_same_as(&self, other: &Self) -> bool {
        let same = |left: &[String], right: &[String]| {
            left.iter().all(|value| right.contains(value)) && right.iter().all(|value| left.contains(value))
        };
        self.key == other.key
            && match (&self.operator, &other.operator) {
                (Operator::In(left), Operator::In(right))
                | (Operator::NotIn(left), Operator::NotIn(right)) => same(left, right),
                (left, right) => left == right,
            }
    }
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
