//! One node selector term.

use serde_json::Value;

use super::{NodeFacts, list, text};
use crate::syntax;

/// A node selector term: all of its conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term(Read);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    /// Without any condition; selects nothing.
    Empty,
    /// With a condition that Kubernetes cannot read; selects nothing.
    Unreadable,
    Conditions {
        labels: Vec<OnLabel>,
        fields: Vec<OnField>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OnLabel {
    pub(super) key: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    In(Values),
    NotIn(Values),
    Exists,
    DoesNotExist,
    Gt(i64),
    Lt(i64),
}

/// The values of a condition, sorted: a pod may name thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values(Vec<String>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OnField {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) is_equal: bool,
}

impl Term {
    /// Reads `{matchExpressions, matchFields}`.
    #[must_use]
    pub fn read(term: &Value) -> Self {
        let (expressions, fields) = (list(term, "matchExpressions"), list(term, "matchFields"));
        if expressions.is_empty() && fields.is_empty() {
            return Self(Read::Empty);
        }
        let labels: Option<Vec<OnLabel>> = expressions.iter().map(OnLabel::read).collect();
        let fields: Option<Vec<OnField>> = fields.iter().map(OnField::read).collect();
        Self(match labels.zip(fields) {
            Some((labels, fields)) => Read::Conditions { labels, fields },
            None => Read::Unreadable,
        })
    }

    /// Whether the node is selected.
    #[must_use]
    pub fn selects(&self, node: NodeFacts<'_>) -> bool {
        let Read::Conditions { labels, fields } = &self.0 else {
            return false;
        };
        let on_label = |one: &OnLabel| one.test.holds(node.labels.get(&one.key).map(String::as_str));
        // To Kubernetes a node without a name has no fields at all, and those are not looked at then.
        let on_field = |one: &OnField| node.name.is_empty() || one.holds(node.name);
        labels.iter().all(on_label) && fields.iter().all(on_field)
    }

    /// Whether Kubernetes can read it. An empty term is readable.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.0 != Read::Unreadable
    }

    /// Whether it has no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == Read::Empty
    }

    /// Its conditions; `None` where it selects no node whatever.
    pub(super) fn conditions(&self) -> Option<(&[OnLabel], &[OnField])> {
        match &self.0 {
            Read::Conditions { labels, fields } => Some((labels, fields)),
            Read::Empty | Read::Unreadable => None,
        }
    }

    /// The names that `matchFields` leaves, if it names any: `None` means every node. They are read even where the term
    /// as a whole is unreadable, as the scheduler does before it looks at a node.
    #[must_use]
    pub fn names(term: &Value) -> Option<Vec<&str>> {
        let mut names: Option<Vec<&str>> = None;
        for field in list(term, "matchFields") {
            if text(field, "key") == NAME && text(field, "operator") == "In" {
                let values: Vec<&str> = list(field, "values").iter().filter_map(Value::as_str).collect();
                names = Some(match names {
                    None => values,
                    Some(mut names) => {
                        let mut values = values;
                        values.sort_unstable();
                        names.retain(|name| values.binary_search(name).is_ok());
                        names
                    }
                });
            }
        }
        names
    }
}

pub(super) const NAME: &str = "metadata.name";

impl OnLabel {
    /// What a node selector says of a label.
    pub(super) fn is(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            test: Test::In(Values(vec![value.to_owned()])),
        }
    }

    fn read(requirement: &Value) -> Option<Self> {
        let key = text(requirement, "key");
        let values: Option<Vec<String>> = list(requirement, "values")
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect();
        let values = values?;
        if !syntax::is_key(key) || !values.iter().all(|value| syntax::is_label_value(value)) {
            return None;
        }
        let number = || match values.as_slice() {
            [number] => number.parse::<i64>().ok(),
            _ => None,
        };
        let test = match text(requirement, "operator") {
            "Gt" => Test::Gt(number()?),
            "Lt" => Test::Lt(number()?),
            "In" if !values.is_empty() => Test::In(Values::of(values)),
            "NotIn" if !values.is_empty() => Test::NotIn(Values::of(values)),
            "Exists" if values.is_empty() => Test::Exists,
            "DoesNotExist" if values.is_empty() => Test::DoesNotExist,
            _ => return None,
        };
        Some(Self {
            key: key.to_owned(),
            test,
        })
    }
}

impl Values {
    fn of(mut values: Vec<String>) -> Self {
        values.sort_unstable();
        Self(values)
    }

    pub(super) fn contains(&self, value: &str) -> bool {
        self.0.binary_search_by(|other| other.as_str().cmp(value)).is_ok()
    }

    pub(super) fn all(&self) -> &[String] {
        &self.0
    }
}

impl Test {
    pub(super) fn holds(&self, found: Option<&str>) -> bool {
        let is_among = |values: &Values| found.is_some_and(|found| values.contains(found));
        let number = || found.and_then(|found| found.parse::<i64>().ok());
        match self {
            Self::In(values) => is_among(values),
            Self::NotIn(values) => !is_among(values),
            Self::Exists => found.is_some(),
            Self::DoesNotExist => found.is_none(),
            Self::Gt(bound) => number().is_some_and(|number| number > *bound),
            Self::Lt(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl OnField {
    fn read(requirement: &Value) -> Option<Self> {
        let is_equal = match text(requirement, "operator") {
            "In" => true,
            "NotIn" => false,
            _ => return None,
        };
        let [value] = list(requirement, "values") else {
            return None;
        };
        Some(Self {
            key: text(requirement, "key").to_owned(),
            value: value.as_str()?.to_owned(),
            is_equal,
        })
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        // A field that no node has reads as empty.
        let found = if self.key == NAME { name } else { "" };
        (found == self.value) == self.is_equal
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selects(term: &Value) -> bool {
        let labels = [("type", "plain"), ("size", "8"), ("word", "x")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        Term::read(term).selects(NodeFacts {
            name: "a",
            labels: &labels,
        })
    }

    #[test]
    fn every_operator_has_its_meaning() {
        for (operator, key, values, selected) in [
            ("In", "type", json!(["plain", "x"]), true),
            ("In", "absent", json!(["plain"]), false),
            ("NotIn", "type", json!(["plain"]), false),
            ("NotIn", "absent", json!(["plain"]), true),
            ("Exists", "type", json!([]), true),
            ("Exists", "absent", json!(null), false),
            ("DoesNotExist", "type", json!([]), false),
            ("DoesNotExist", "absent", json!([]), true),
            ("Gt", "size", json!(["7"]), true),
            ("Gt", "size", json!(["8"]), false),
            ("Gt", "word", json!(["-1"]), false),
            ("Lt", "size", json!(["9"]), true),
            ("Lt", "absent", json!(["9"]), false),
        ] {
            let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
            assert_eq!(selects(&term), selected, "{term}");
        }
    }

    #[test]
    fn what_kubernetes_cannot_read_selects_nothing() {
        for (operator, key, values) in [
            ("in", "type", json!(["plain"])),
            ("In", "type", json!([])),
            ("Exists", "type", json!(["plain"])),
            ("Gt", "size", json!(["seven"])),
            ("Gt", "size", json!(["1", "2"])),
            ("Lt", "size", json!(["-9", "x"])),
            ("NotIn", "-type", json!(["x"])),
            ("NotIn", "type", json!(["no label value"])),
        ] {
            let condition = json!({"key": key, "operator": operator, "values": values});
            let term = json!({"matchExpressions": [{"key": "type", "operator": "Exists"}, condition]});
            assert!(!selects(&term), "{term}");
            assert!(!Term::read(&term).is_readable(), "{term}");
        }
        assert!(!selects(&json!({})));
        assert!(Term::read(&json!({})).is_readable());
    }

    #[test]
    fn fields_match_the_name_alone() {
        let field = |key: &str, operator: &str, values: Value| json!({"matchFields": [{"key": key, "operator": operator, "values": values}]});
        assert!(selects(&field("metadata.name", "In", json!(["a"]))));
        assert!(!selects(&field("metadata.name", "NotIn", json!(["a"]))));
        assert!(selects(&field("metadata.name", "NotIn", json!(["b"]))));
        assert!(!selects(&field("metadata.name", "In", json!(["a", "b"]))));
        assert!(!selects(&field("metadata.name", "Exists", json!([]))));
        assert!(!selects(&field("spec.other", "In", json!(["a"]))));
        assert!(selects(&field("spec.other", "In", json!([""]))));
    }

    #[test]
    fn names_are_those_that_every_field_leaves() {
        let field = |values: Value| json!({"key": "metadata.name", "operator": "In", "values": values});
        let term = json!({"matchFields": [field(json!(["a", "b"])), field(json!(["b"]))]});
        assert_eq!(Term::names(&term), Some(vec!["b"]));
        assert_eq!(Term::names(&json!({"matchExpressions": []})), None);
    }
}
