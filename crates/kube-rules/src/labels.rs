//! Label selectors, as `metav1.LabelSelector` and the selectors of list calls match.

/// A label selector; all requirements must hold. Without any it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What must be true of it.
    pub operator: Operator,
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
    /// The conditions, in the order that was written; `matchLabels` come first.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Whether an object is selected; `label` tells the value of one of its labels.
    #[must_use]
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.0
            .iter()
            .all(|requirement| requirement.operator.holds(label(&requirement.key)))
    }

    /// Whether both select the same for certain, whatever the order of their conditions.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let covers = |left: &Self, right: &Self| {
            let has = |one: &Requirement| right.0.iter().any(|other| one.is_same_as(other));
            left.0.iter().all(has)
        };
        covers(self, other) && covers(other, self)
    }
}

impl FromIterator<Requirement> for LabelSelector {
    fn from_iter<I: IntoIterator<Item = Requirement>>(requirements: I) -> Self {
        Self(requirements.into_iter().collect())
    }
}

impl Requirement {
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

impl Operator {
    /// Whether it holds for a label's value; `None` where the label is absent.
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
            Self::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(conditions: &[(&str, Operator)]) -> LabelSelector {
        let requirement = |(key, operator): &(&str, Operator)| Requirement {
            key: (*key).to_owned(),
            operator: operator.clone(),
        };
        conditions.iter().map(requirement).collect()
    }

    fn values(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn every_condition_must_hold_and_an_absent_label_is_in_no_list() {
        let web = |key: &str| (key == "app").then_some("web");
        for (operator, of_app, of_absent) in [
            (Operator::In(values(&["web", "api"])), true, false),
            (Operator::In(values(&["api"])), false, false),
            (Operator::NotIn(values(&["web"])), false, true),
            (Operator::NotIn(values(&["api"])), true, true),
            (Operator::Exists, true, false),
            (Operator::DoesNotExist, false, true),
        ] {
            let matches = |key| selector(&[(key, operator.clone())]).matches(web);
            assert_eq!(
                (matches("app"), matches("gone")),
                (of_app, of_absent),
                "{operator:?}"
            );
        }
        assert!(selector(&[]).matches(web));
        assert!(!selector(&[("app", Operator::Exists), ("gone", Operator::Exists)]).matches(web));
    }

    #[test]
    fn the_order_of_conditions_and_values_says_nothing() {
        let one = selector(&[("a", Operator::In(values(&["1", "2"]))), ("b", Operator::Exists)]);
        let other = selector(&[("b", Operator::Exists), ("a", Operator::In(values(&["2", "1"])))]);
        assert!(one.is_same_as(&other));
        assert!(!one.is_same_as(&selector(&[("b", Operator::Exists)])));
        assert!(!one.is_same_as(&selector(&[
            ("a", Operator::NotIn(values(&["1", "2"]))),
            ("b", Operator::Exists)
        ])));
    }
}
