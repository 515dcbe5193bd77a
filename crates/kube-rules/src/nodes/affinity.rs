//! A pod's own wishes for nodes: `nodeSelector` and `affinity.nodeAffinity`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{NodeFacts, Term, list};

/// What a pod requires of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeAffinity {
    selector: BTreeMap<String, String>,
    terms: Option<Vec<Term>>,
    names: Option<BTreeSet<String>>,
}

impl NodeAffinity {
    /// Reads a pod's `spec`.
    #[must_use]
    pub fn of_pod(spec: &Value) -> Self {
        let selector = spec.get("nodeSelector").and_then(Value::as_object);
        let labels = selector.into_iter().flatten().filter_map(|(key, value)| {
            let value = value.as_str()?;
            Some((key.clone(), value.to_owned()))
        });
        let required = spec
            .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution")
            .filter(|required| required.is_object());
        let terms = required.map(|required| list(required, "nodeSelectorTerms"));
        Self {
            selector: labels.collect(),
            terms: terms.map(|terms| terms.iter().map(Term::read).collect()),
            names: terms.filter(|terms| !terms.is_empty()).and_then(names),
        }
    }

    /// Whether the node is selected: by every label of the selector and by one of the terms. Without terms, by the
    /// selector alone; with a list of none, never.
    #[must_use]
    pub fn selects(&self, node: NodeFacts<'_>) -> bool {
        let has = |(key, value): (&String, &String)| node.labels.get(key) == Some(value);
        self.selector.iter().all(has)
            && self
                .terms
                .as_ref()
                .is_none_or(|terms| terms.iter().any(|term| term.selects(node)))
    }

    /// Whether every node is as good as another.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.selector.is_empty() && self.terms.is_none()
    }

    pub(super) fn selector(&self) -> &BTreeMap<String, String> {
        &self.selector
    }

    pub(super) fn terms(&self) -> Option<&[Term]> {
        self.terms.as_deref()
    }

    /// The only nodes that the scheduler looks at, where every term names nodes. Empty where the names contradict
    /// each other.
    #[must_use]
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        self.names.as_ref()
    }
}

/// Terms are ORed: one that names no node leaves every node.
fn names(terms: &[Value]) -> Option<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for term in terms {
        all.extend(Term::names(term)?.into_iter().map(str::to_owned));
    }
    Some(all)
}

/// What a pod prefers of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferredTerms(Vec<(i64, Term)>);

/// A preference that Kubernetes cannot read. The scheduler gives up on such a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadablePreference {
    /// Which of the preferred terms, from 0.
    pub index: usize,
}

impl PreferredTerms {
    /// Reads a pod's `spec`.
    ///
    /// # Errors
    /// At the first term that Kubernetes cannot read.
    pub fn of_pod(spec: &Value) -> Result<Self, UnreadablePreference> {
        let preferred = spec
            .pointer("/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution")
            .and_then(Value::as_array);
        Self::read(preferred.map_or(&[], Vec::as_slice))
    }

    /// Reads a list of `{weight, preference}`. Terms of weight 0 and empty ones are not looked at.
    ///
    /// # Errors
    /// At the first term that Kubernetes cannot read.
    pub fn read(terms: &[Value]) -> Result<Self, UnreadablePreference> {
        let mut read = Vec::new();
        for (index, preferred) in terms.iter().enumerate() {
            let weight = preferred
                .get("weight")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            let term = Term::read(preferred.get("preference").unwrap_or(&Value::Null));
            if weight == 0 || term.is_empty() {
                continue;
            }
            if !term.is_readable() {
                return Err(UnreadablePreference { index });
            }
            read.push((weight, term));
        }
        Ok(Self(read))
    }

    /// Whether there is no preference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum of the weights of the terms that select the node.
    #[must_use]
    pub fn score(&self, node: NodeFacts<'_>) -> i64 {
        self.0
            .iter()
            .filter(|(_, term)| term.selects(node))
            .map(|(weight, _)| weight)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels() -> BTreeMap<String, String> {
        [("pool".to_owned(), "paid".to_owned())].into()
    }

    fn required(terms: &Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    fn selects(spec: &Value) -> bool {
        let labels = labels();
        NodeAffinity::of_pod(spec).selects(NodeFacts {
            name: "a",
            labels: &labels,
        })
    }

    #[test]
    fn the_selector_and_one_of_the_terms_must_select() {
        let term =
            |value: &str| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [value]}]});
        assert!(selects(&json!({})));
        assert!(selects(&json!({"nodeSelector": {"pool": "paid"}})));
        assert!(!selects(&json!({"nodeSelector": {"pool": "paid", "zone": "a"}})));
        assert!(selects(&required(&json!([{}, term("other"), term("paid")]))));
        assert!(!selects(&required(&json!([{}, term("other")]))));
        assert!(!selects(&required(&json!([]))));
    }

    #[test]
    fn names_are_known_only_where_every_term_has_some() {
        let named = |name: &str| json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]});
        let names = |terms: Value| NodeAffinity::of_pod(&required(&terms)).names().cloned();
        assert_eq!(
            names(json!([named("b"), named("a")])),
            Some(["a".to_owned(), "b".to_owned()].into())
        );
        assert_eq!(names(json!([named("b"), {}])), None);
        assert_eq!(names(json!([])), None);
    }

    #[test]
    fn weights_of_preferences_add_up() {
        let preferred = |weight: i64, operator: &str| json!({"weight": weight, "preference": {"matchExpressions": [{"key": "pool", "operator": operator}]}});
        let labels = labels();
        let node = NodeFacts {
            name: "a",
            labels: &labels,
        };
        let terms = PreferredTerms::read(&[
            preferred(5, "Exists"),
            preferred(7, "DoesNotExist"),
            preferred(30, "Exists"),
        ]);
        assert_eq!(terms.unwrap().score(node), 35);
        let broken = [json!({"weight": 1}), preferred(0, "bad"), preferred(1, "bad")];
        assert_eq!(
            PreferredTerms::read(&broken),
            Err(UnreadablePreference { index: 2 })
        );
    }
}
