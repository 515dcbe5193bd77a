//! Another mutating webhook: it changes the pods that its selector selects, as sidecar injectors and the webhooks of
//! serverless providers do.

use kube_rules::labels::LabelSelector;
use serde_json::{Value, json};

use crate::json;

/// The name of the configuration that Kubewarden writes for the policy; configurations are called in the order of their
/// names. It is never called a second time for one pod: Kubewarden has no field for a `reinvocationPolicy`.
pub(crate) const POLICY_CONFIGURATION: &str = "clusterwide-spillway";

/// A webhook that injects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injector {
    /// The name of its MutatingWebhookConfiguration.
    pub name: String,
    /// Which pods it is called for, by their labels at that moment; `None`: every pod.
    pub selector: Option<LabelSelector>,
    /// `reinvocationPolicy: IfNeeded`.
    pub is_reinvoked: bool,
    /// What it adds.
    pub injection: Injection,
}

/// What is added to a pod, unless it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Injection {
    /// Items of lists in `spec`, by the field: containers and init containers by their name, tolerations as a whole.
    pub items: Vec<(&'static str, Value)>,
    /// Texts to set, with the path of the map that they stand in.
    pub texts: Vec<(&'static [&'static str], String, String)>,
}

impl Injector {
    /// Whether it is called for a pod.
    pub(crate) fn selects(&self, pod: &Value) -> bool {
        let label = |key: &str| json::text(pod, &["metadata", "labels", key]);
        self.selector
            .as_ref()
            .is_none_or(|selector| selector.matches(label))
    }

    /// Changes a pod; whether anything was to be changed.
    pub(crate) fn inject(&self, pod: &mut Value) -> bool {
        let mut is_changed = false;
        for (field, item) in &self.injection.items {
            let mut items = json::list(pod, &["spec", field]).to_vec();
            let name = item.get("name");
            let is_it = |other: &Value| match name {
                Some(name) => other.get("name") == Some(name),
                None => other == item,
            };
            if !items.iter().any(is_it) {
                items.push(item.clone());
                json::put(pod, &["spec", field], Value::Array(items));
                is_changed = true;
            }
        }
        for (path, key, text) in &self.injection.texts {
            let mut path = path.to_vec();
            path.push(key);
            if json::text(pod, &path) != Some(text) {
                json::put(pod, &path, json!(text));
                is_changed = true;
            }
        }
        is_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_added_again() {
        let injector = Injector {
            name: "a".to_owned(),
            selector: None,
            is_reinvoked: true,
            injection: Injection {
                items: vec![
                    ("containers", json!({"name": "proxy", "image": "p"})),
                    ("tolerations", json!({"key": "k", "operator": "Exists"})),
                ],
                texts: vec![(&["metadata", "annotations"], "a/b".to_owned(), "yes".to_owned())],
            },
        };
        let mut pod = json!({"metadata": {}, "spec": {"containers": [{"name": "main"}]}});
        assert!(injector.inject(&mut pod));
        let once = pod.clone();
        assert_eq!(
            once,
            json!({
                "metadata": {"annotations": {"a/b": "yes"}},
                "spec": {
                    "containers": [{"name": "main"}, {"name": "proxy", "image": "p"}],
                    "tolerations": [{"key": "k", "operator": "Exists"}],
                },
            })
        );
        assert!(!injector.inject(&mut pod));
        assert_eq!(pod, once);
    }
}
