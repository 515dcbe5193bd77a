//! Whether two wishes for nodes can be met by one node at all, as far as their words tell.
//!
//! Only what is certain counts: conditions on one key that no value, and no absence, meets together. Whatever is not
//! understood contradicts nothing.

use std::collections::BTreeMap;

use super::affinity::NodeAffinity;
use super::term::{NAME, OnField, OnLabel, Term, Test};

/// The tests that each label has to pass. A pod may have thousands: each is looked at once.
type ByLabel<'t> = BTreeMap<&'t str, Vec<&'t Test>>;

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
        let of_all = by_label(labels.iter().chain(&selector));
        // What no further condition makes possible again.
        if !of_all.values().all(|tests| is_possible(tests)) || !has_name(fields.iter()) {
            return false;
        }
        let own = self.terms().unwrap_or_default().iter();
        let mut own = own.filter_map(Term::conditions).peekable();
        own.peek().is_none() || own.any(|own| goes_with(&of_all, fields, own))
    }
}

fn goes_with(of_all: &ByLabel<'_>, fields: &[OnField], own: (&[OnLabel], &[OnField])) -> bool {
    let (own_labels, own_fields) = own;
    by_label(own_labels).into_iter().all(|(key, mut tests)| {
        tests.extend(of_all.get(key).into_iter().flatten());
        is_possible(&tests)
    }) && has_name(fields.iter().chain(own_fields))
}

fn by_label<'t>(labels: impl IntoIterator<Item = &'t OnLabel>) -> ByLabel<'t> {
    let mut tests = ByLabel::new();
    for label in labels {
        tests.entry(&label.key).or_default().push(&label.test);
    }
    tests
}

/// Whether a label can meet all of the tests, by a value or by being absent.
fn is_possible(tests: &[&Test]) -> bool {
    if tests.iter().all(|test| test.holds(None)) {
        return true;
    }
    let (mut among, mut not_among) = (Vec::new(), Vec::new());
    let (mut above, mut below) = (None, None);
    for test in tests {
        match test {
            Test::In(values) => among.push(values),
            Test::NotIn(values) => not_among.extend(values.all()),
            Test::Exists => {}
            Test::DoesNotExist => return false,
            Test::Gt(bound) => above = above.max(Some(*bound)),
            Test::Lt(bound) => below = Some(below.map_or(*bound, |below: i64| below.min(*bound))),
        }
    }
    let is_within = |value: &str| match (above, below) {
        (None, None) => true,
        _ => value.parse::<i64>().is_ok_and(|number| {
            above.is_none_or(|above| number > above) && below.is_none_or(|below| number < below)
        }),
    };
    not_among.sort_unstable();
    if let Some(least) = among.iter().min_by_key(|values| values.all().len()) {
        return least.all().iter().any(|value| {
            among.iter().all(|values| values.contains(value))
                && not_among.binary_search(&value).is_err()
                && is_within(value)
        });
    }
    let (above, below) = (above.unwrap_or(i64::MIN), below.unwrap_or(i64::MAX));
    above.checked_add(1).is_some_and(|least| least < below)
}

/// Whether a node can have such a name: all that must be one are the first of them.
fn has_name<'f>(fields: impl Iterator<Item = &'f OnField> + Clone) -> bool {
    let on_name = || fields.clone().filter(|field| field.key == NAME);
    let mut wanted = on_name().filter(|field| field.is_equal);
    wanted
        .next()
        .is_none_or(|one| on_name().all(|other| other.holds(&one.value)))
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
