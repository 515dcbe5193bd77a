//! Which pods a rule between pods is about.

use std::collections::BTreeMap;

use kube_rules::labels::LabelSelector;
use rules::{Faults, Place, read_label_selector};
use serde_json::{Value, json};

use super::Unreadable;
use crate::json;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Pods of certain namespaces, by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodSelector {
    namespaces: Namespaces,
    /// `None` selects nothing.
    labels: Option<LabelSelector>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Namespaces {
    names: Vec<String>,
    /// A namespace is known by its label `kubernetes.io/metadata.name` alone, which every one has.
    selector: Option<LabelSelector>,
}

const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

impl PodSelector {
    /// Pods of one namespace.
    pub(super) fn within(namespace: &str, labels: Option<LabelSelector>) -> Self {
        Self {
            namespaces: Namespaces {
                names: vec![namespace.to_owned()],
                selector: None,
            },
            labels,
        }
    }

    /// Reads `namespaces` and `namespaceSelector` of a pod affinity term; without both, it is the pod's own namespace.
    pub(super) fn of_term(
        term: &Value,
        path: &str,
        own: &str,
        labels: Option<LabelSelector>,
    ) -> Result<Self, Unreadable> {
        let names = json::list(term, &["namespaces"]).iter().filter_map(Value::as_str);
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        let selector = term
            .get("namespaceSelector")
            .filter(|selector| !selector.is_null());
        let selector = selector
            .map(|selector| read(selector, &format!("{path}.namespaceSelector")))
            .transpose()?;
        if names.is_empty() && selector.is_none() {
            names.push(own.to_owned());
        }
        Ok(Self {
            namespaces: Namespaces { names, selector },
            labels,
        })
    }

    /// Whether a pod is selected.
    pub(super) fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        self.namespaces.have(namespace)
            && self
                .labels
                .as_ref()
                .is_some_and(|selector| selector.matches(|key| labels.get(key).map(String::as_str)))
    }

    /// Whether it asks nothing of the labels. Topology spread counts no pod then, as the scheduler does.
    pub(super) fn is_everything(&self) -> bool {
        self.labels
            .as_ref()
            .is_some_and(|selector| selector.requirements().is_empty())
    }
}

impl Namespaces {
    fn have(&self, namespace: &str) -> bool {
        self.names.iter().any(|name| name == namespace)
            || self
                .selector
                .as_ref()
                .is_some_and(|selector| selector.matches(|key| (key == NAMESPACE_NAME).then_some(namespace)))
    }
}

/// Reads `labelSelector` of a rule, with the keys that are taken from the pod's own labels: `matchLabelKeys` must be
/// equal, `mismatchLabelKeys` must not. Without a selector nothing is selected, whatever the keys.
pub(super) fn label_selector(
    rule: &Value,
    path: &str,
    labels: &Labels,
) -> Result<Option<LabelSelector>, Unreadable> {
    let Some(selector) = rule.get("labelSelector").filter(|selector| !selector.is_null()) else {
        return Ok(None);
    };
    let mut selector = selector.clone();
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in json::list(rule, &[field]).iter().filter_map(Value::as_str) {
            let Some(value) = labels.get(key) else { continue };
            let mut expressions = json::list(&selector, &["matchExpressions"]).to_vec();
            expressions.push(json!({"key": key, "operator": operator, "values": [value]}));
            json::put(&mut selector, &["matchExpressions"], Value::Array(expressions));
        }
    }
    read(&selector, &format!("{path}.labelSelector")).map(Some)
}

fn read(selector: &Value, path: &str) -> Result<LabelSelector, Unreadable> {
    let mut faults = Faults::default();
    let read = read_label_selector(selector, &Place::Root(path), &mut faults);
    read.ok_or_else(|| match faults.into_vec().into_iter().next() {
        Some(fault) => Unreadable {
            path: fault.path,
            seen: fault.seen,
            fix: fault.fix,
        },
        None => Unreadable::new(path, selector, "write a label selector"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[(&str, &str)]) -> Labels {
        of.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn term(term: &Value) -> PodSelector {
        let own = labels(&[("hash", "1")]);
        let selector = label_selector(term, "x", &own).unwrap();
        PodSelector::of_term(term, "x", "shop", selector).unwrap()
    }

    #[test]
    fn a_term_is_about_the_pods_own_namespace_unless_it_says_otherwise() {
        let app = labels(&[("app", "a")]);
        for (namespaces, shop, other) in [
            (json!({}), true, false),
            (json!({"namespaces": ["other"]}), false, true),
            (json!({"namespaceSelector": {}}), true, true),
            (
                json!({"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: "other"}}}),
                false,
                true,
            ),
            (
                json!({"namespaceSelector": {"matchLabels": {"team": "x"}}}),
                false,
                false,
            ),
        ] {
            let mut rule = namespaces;
            rule["labelSelector"] = json!({"matchLabels": {"app": "a"}});
            let read = term(&rule);
            assert_eq!(
                (read.selects("shop", &app), read.selects("other", &app)),
                (shop, other),
                "{rule}"
            );
        }
    }

    #[test]
    fn an_absent_selector_selects_nothing_and_an_empty_one_everything() {
        assert!(!term(&json!({})).selects("shop", &labels(&[])));
        assert!(term(&json!({"labelSelector": {}})).selects("shop", &labels(&[])));
        assert!(!term(&json!({"matchLabelKeys": ["hash"]})).selects("shop", &labels(&[("hash", "1")])));
    }

    #[test]
    fn keys_are_compared_with_the_pods_own_labels() {
        let equal = term(&json!({"labelSelector": {}, "matchLabelKeys": ["hash", "absent"]}));
        let other = term(&json!({"labelSelector": {}, "mismatchLabelKeys": ["hash"]}));
        for (hash, is_equal) in [("1", true), ("2", false)] {
            let pod = labels(&[("hash", hash)]);
            assert_eq!(equal.selects("shop", &pod), is_equal);
            assert_eq!(other.selects("shop", &pod), !is_equal);
        }
    }

    #[test]
    fn a_bad_selector_is_named_with_its_path() {
        let rule = json!({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}});
        let error = label_selector(&rule, "spec.x[0]", &labels(&[])).unwrap_err();
        assert_eq!(error.path, "spec.x[0].labelSelector.matchExpressions[0].operator");
    }
}
