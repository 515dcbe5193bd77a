//! Whether two wishes for nodes can be met by one node at all, as far as their words tell.
//!
//! Only what is certain counts: conditions on one key that no value, and no absence, meets together. Whatever is not
//! understood contradicts nothing.

use super::affinity::NodeAffinity;
use super::term::{NAME, OnField, OnLabel, Term, Test};

impl NodeAffinity {
    /// Whether a node could be selected by this and by the term as well. A pod whose own terms select no node whatever
    /// is left to the scheduler.
    #[must_use]
    pub fn allows(&self, term: &Term) -> bool {
        let Some((labels, fields)) = term.conditions() else {
            return true;
        };
        let selector: Vec<OnLabel> = self
            .selector()
            .iter()
            .map(|(key, value)| OnLabel::is(key, value))
            .collect();
        let of_all: Vec<&OnLabel> = labels.iter().chain(&selector).collect();
        let own = self.terms().unwrap_or_default().iter();
        let mut own = own.filter_map(Term::conditions).peekable();
        if own.peek().is_none() {
            return are_possible(&of_all, &fields.iter().collect::<Vec<_>>());
        }
        own.any(|(own_labels, own_fields)| {
            let labels: Vec<&OnLabel> = of_all.iter().copied().chain(own_labels).collect();
            let fields: Vec<&OnField> = fields.iter().chain(own_fields).collect();
            are_possible(&labels, &fields)
        })
    }
}

fn are_possible(labels: &[&OnLabel], fields: &[&OnField]) -> bool {
    let on_key = |key: &str| -> Vec<&Test> {
        let same = labels.iter().filter(|other| other.key == key);
        same.map(|other| &other.test).collect()
    };
    labels.iter().all(|label| is_possible(&on_key(&label.key))) && has_name(fields)
}

/// Whether a label can meet all of the tests, by a value or by being absent.
fn is_possible(tests: &[&Test]) -> bool {
    if tests.iter().all(|test| test.holds(None)) {
        return true;
    }
    if tests.iter().any(|test| matches!(test, Test::DoesNotExist)) {
        return false;
    }
    let among = tests.iter().find_map(|test| match test {
        Test::In(values) => Some(values),
        _ => None,
    });
    if let Some(values) = among {
        return values
            .iter()
            .any(|value| tests.iter().all(|test| test.holds(Some(value))));
    }
    let above = tests.iter().filter_map(|test| match test {
        Test::Gt(bound) => Some(*bound),
        _ => None,
    });
    let below = tests.iter().filter_map(|test| match test {
        Test::Lt(bound) => Some(*bound),
        _ => None,
    });
    let (above, below) = (above.max().unwrap_or(i64::MIN), below.min().unwrap_or(i64::MAX));
    above.checked_add(1).is_some_and(|least| least < below)
}

/// Whether a node can have such a name.
fn has_name(fields: &[&OnField]) -> bool {
    let on_name = || fields.iter().filter(|field| field.key == NAME);
    on_name()
        .filter(|field| field.is_equal)
        .all(|one| on_name().all(|other| other.holds(&one.value)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn term(conditions: &[(&str, &str, &[&str])]) -> Value {
        let conditions = conditions
            .iter()
            .map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values}));
        json!({"matchExpressions": conditions.collect::<Vec<_>>()})
    }

    fn requiring(terms: &[Value]) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    fn allows(spec: &Value, subset: &Value) -> bool {
        NodeAffinity::of_pod(spec).allows(&Term::read(subset))
    }

    #[test]
    fn only_what_no_value_can_meet_contradicts() {
        type Case = (
            bool,
            &'static str,
            &'static [&'static str],
            &'static str,
            &'static [&'static str],
        );
        let cases: [Case; 18] = [
            (true, "In", &["a", "b"], "In", &["b"]),
            (false, "In", &["a"], "In", &["b"]),
            (false, "In", &["a"], "NotIn", &["a"]),
            (true, "In", &["a", "b"], "NotIn", &["a"]),
            (true, "NotIn", &["a"], "NotIn", &["b"]),
            (false, "In", &["a"], "DoesNotExist", &[]),
            (false, "Exists", &[], "DoesNotExist", &[]),
            (true, "NotIn", &["a"], "DoesNotExist", &[]),
            (true, "DoesNotExist", &[], "DoesNotExist", &[]),
            (true, "Exists", &[], "In", &["a"]),
            (true, "Exists", &[], "NotIn", &["a"]),
            (false, "Gt", &["4"], "In", &["4"]),
            (true, "Gt", &["4"], "In", &["4", "5"]),
            (false, "Gt", &["4"], "Lt", &["5"]),
            (true, "Gt", &["4"], "Lt", &["6"]),
            (false, "Lt", &["4"], "DoesNotExist", &[]),
            (false, "Lt", &["4"], "In", &["x"]),
            (false, "Gt", &["9223372036854775807"], "Exists", &[]),
        ];
        for (allowed, first, these, second, those) in cases {
            let (one, other) = (term(&[("k", first, these)]), term(&[("k", second, those)]));
            assert_eq!(
                allows(&requiring(std::slice::from_ref(&one)), &other),
                allowed,
                "{one} {other}"
            );
            assert_eq!(
                allows(&requiring(std::slice::from_ref(&other)), &one),
                allowed,
                "{other} {one}"
            );
        }
        let other_key = term(&[("other", "In", &["a"])]);
        assert!(allows(
            &requiring(&[term(&[("k", "DoesNotExist", &[])])]),
            &other_key
        ));
    }

    #[test]
    fn the_selector_must_be_met_by_every_node() {
        let subset = term(&[("pool", "In", &["fixed"])]);
        assert!(!allows(&json!({"nodeSelector": {"pool": "elastic"}}), &subset));
        assert!(allows(
            &json!({"nodeSelector": {"pool": "fixed", "disk": "ssd"}}),
            &subset
        ));
        assert!(allows(&json!({}), &subset));
        let both = json!({"nodeSelector": {"disk": "ssd"}, "affinity": requiring(&[term(&[("disk", "In", &["hdd"])])])["affinity"]});
        assert!(!allows(&both, &subset));
    }

    #[test]
    fn one_term_that_goes_is_enough_and_what_cannot_be_read_says_nothing() {
        let subset = term(&[("pool", "In", &["fixed"])]);
        let (elastic, fixed) = (
            term(&[("pool", "In", &["elastic"])]),
            term(&[("pool", "Exists", &[])]),
        );
        assert!(!allows(&requiring(std::slice::from_ref(&elastic)), &subset));
        assert!(allows(&requiring(&[elastic.clone(), fixed]), &subset));
        // An empty term selects no node, so it leaves the other one.
        assert!(!allows(&requiring(&[elastic.clone(), json!({})]), &subset));
        assert!(allows(&requiring(&[json!({})]), &subset));
        assert!(allows(
            &requiring(&[term(&[("pool", "Within", &["x"])])]),
            &subset
        ));
        assert!(allows(&requiring(std::slice::from_ref(&elastic)), &json!({})));
    }

    #[test]
    fn names_of_nodes_contradict_each_other() {
        let named = |operator: &str, name: &str| json!({"matchFields": [{"key": "metadata.name", "operator": operator, "values": [name]}]});
        assert!(!allows(&requiring(&[named("In", "a")]), &named("In", "b")));
        assert!(!allows(&requiring(&[named("In", "a")]), &named("NotIn", "a")));
        assert!(allows(&requiring(&[named("In", "a")]), &named("NotIn", "b")));
        assert!(allows(&requiring(&[named("NotIn", "a")]), &named("NotIn", "b")));
    }
}
