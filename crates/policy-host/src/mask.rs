//! Field masks: which fields of an object the real host keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The annotation that lists drop.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields to keep, as a tree. A leaf keeps everything below it, and so does an empty mask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMask {
    kept: BTreeMap<String, FieldMask>,
}

impl FieldMask {
    /// The mask of these dotted paths.
    #[must_use]
    pub fn new(paths: &BTreeSet<String>) -> Self {
        let mut root = Self::default();
        for path in paths {
            let mut node = &mut root;
            for part in path.split('.') {
                node = node.kept.entry(part.to_owned()).or_default();
            }
        }
        root
    }

    /// The object as a single read gives it: its type and metadata whole, the rest pruned.
    #[must_use]
    pub fn object(&self, object: &Map<String, Value>) -> Map<String, Value> {
        object
            .iter()
            .filter_map(|(key, value)| match key.as_str() {
                // The mask never reaches these: the host keeps them apart from the data it prunes.
                "apiVersion" | "kind" | "metadata" => Some((key.clone(), value.clone())),
                _ => self.field(key, value).map(|value| (key.clone(), value)),
            })
            .collect()
    }

    /// The object as an item of a list: without its type, which the API server leaves out of lists of built-in kinds, and
    /// without managed fields and the last-applied annotation. The host empties those two rather than removing them, so
    /// `managedFields: []` and `annotations: {}` are there even where the object had none.
    #[must_use]
    pub fn item(&self, object: &Map<String, Value>) -> Map<String, Value> {
        let mut item = self.object(object);
        item.remove("apiVersion");
        item.remove("kind");
        if let Some(Value::Object(metadata)) = item.get_mut("metadata") {
            metadata.insert("managedFields".to_owned(), Value::Array(Vec::new()));
            let annotations = metadata
                .entry("annotations")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(annotations) = annotations {
                annotations.remove(LAST_APPLIED);
            } else {
                *annotations = Value::Object(Map::new());
            }
        }
        item
    }

    fn field(&self, key: &str, value: &Value) -> Option<Value> {
        if self.kept.is_empty() {
            return Some(value.clone());
        }
        self.kept.get(key).map(|below| below.value(value))
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            _ if self.kept.is_empty() => value.clone(),
            Value::Object(map) => Value::Object(
                map.iter()
                    .filter_map(|(key, value)| self.field(key, value).map(|value| (key.clone(), value)))
                    .collect(),
            ),
            // Arrays are transparent: a path goes through every item.
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            _ => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Map<String, Value> {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web-1", "managedFields": [{"manager": "kubelet"}],
                "annotations": {LAST_APPLIED: "{}", "a": "b"}},
            "spec": {"nodeName": "n1", "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]},
            "status": {"phase": "Running"},
        });
        pod.as_object().unwrap().clone()
    }

    fn item(paths: &[&str]) -> Value {
        let mask = FieldMask::new(&paths.iter().map(|path| (*path).to_owned()).collect());
        Value::Object(mask.item(&pod()))
    }

    #[test]
    fn metadata_is_always_kept_and_arrays_are_transparent() {
        assert_eq!(
            item(&["spec.containers.image", "status"]),
            json!({
                "metadata": {"name": "web-1", "managedFields": [], "annotations": {"a": "b"}},
                "spec": {"containers": [{"image": "x"}, {"image": "y"}]},
                "status": {"phase": "Running"},
            })
        );
    }

    #[test]
    fn a_mask_of_metadata_alone_drops_all_data() {
        assert_eq!(
            item(&["metadata.name"]),
            json!({"metadata": {"name": "web-1", "managedFields": [], "annotations": {"a": "b"}}})
        );
    }

    #[test]
    fn an_empty_mask_keeps_everything() {
        let mut expected = Value::Object(pod());
        let fields = expected.as_object_mut().unwrap();
        fields.remove("apiVersion");
        fields.remove("kind");
        fields["metadata"] = json!({"name": "web-1", "managedFields": [], "annotations": {"a": "b"}});
        assert_eq!(item(&[]), expected);
    }

    #[test]
    fn a_path_that_ends_early_keeps_the_whole_and_one_that_goes_too_far_keeps_the_scalar() {
        let spec = item(&["spec", "spec.nodeName"])["spec"].clone();
        assert_eq!(spec, json!({"nodeName": "n1"}));
        assert_eq!(
            item(&["status.phase.deeper"])["status"],
            json!({"phase": "Running"})
        );
    }

    #[test]
    fn a_single_read_keeps_type_and_managed_fields() {
        let mask = FieldMask::new(&BTreeSet::from(["status.phase".to_owned()]));
        let read = Value::Object(mask.object(&pod()));
        assert_eq!(read["kind"], "Pod");
        assert_eq!(read["metadata"], pod()["metadata"]);
        assert_eq!(read.get("spec"), None);
    }
}
