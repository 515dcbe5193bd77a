//! What a patch must leave as it was.

use rules::names::CONTROLLER_LABELS;
use serde_json::Value;

use super::{Refused, list, object, root};

/// By which the Job controller counts a pod that ended.
const JOB_FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// What a pod had before it was patched.
pub(super) struct Kept {
    labels: Vec<(&'static str, Value)>,
    is_tracked: bool,
    has_containers: bool,
    without_image: usize,
}

impl Kept {
    pub(super) fn of(pod: &Value) -> Self {
        let labels = pod.get("metadata").and_then(|metadata| metadata.get("labels"));
        let labels = CONTROLLER_LABELS
            .iter()
            .filter_map(|key| Some((*key, labels?.get(key)?.clone())))
            .collect();
        Self {
            labels,
            is_tracked: is_tracked(pod),
            has_containers: containers(pod, "containers").next().is_some(),
            without_image: without_image(pod).count(),
        }
    }

    /// Puts back what controllers need.
    ///
    /// # Errors
    /// When containers are left that the API server would refuse: the pod would be blocked.
    pub(super) fn restore(self, pod: &mut Value) -> Result<(), Refused> {
        if self.has_containers && containers(pod, "containers").next().is_none() {
            return Err(Refused::Containers { name: String::new() });
        }
        if without_image(pod).count() > self.without_image {
            let name = without_image(pod)
                .filter_map(|container| container.get("name")?.as_str())
                .next();
            return Err(Refused::Containers {
                name: name.unwrap_or("?").to_owned(),
            });
        }
        let is_tracked = is_tracked(pod);
        if self.labels.is_empty() && self.is_tracked == is_tracked {
            return Ok(());
        }
        let metadata = object(root(pod)?, "metadata", "metadata")?;
        if !self.labels.is_empty() {
            let labels = object(metadata, "labels", "metadata.labels")?;
            labels.extend(
                self.labels
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value)),
            );
        }
        if self.is_tracked && !is_tracked {
            list(metadata, "finalizers", "metadata.finalizers")?.push(Value::from(JOB_FINALIZER));
        }
        Ok(())
    }
}

fn is_tracked(pod: &Value) -> bool {
    let finalizers = pod.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == JOB_FINALIZER))
}

fn containers<'p>(pod: &'p Value, field: &str) -> impl Iterator<Item = &'p Value> + use<'p> {
    let containers = pod
        .get("spec")
        .and_then(|spec| spec.get(field))
        .and_then(Value::as_array);
    containers.into_iter().flatten()
}

fn without_image(pod: &Value) -> impl Iterator<Item = &Value> {
    let has_image = |container: &&Value| {
        container
            .get("image")
            .and_then(Value::as_str)
            .is_some_and(|image| !image.is_empty())
    };
    ["containers", "initContainers"]
        .into_iter()
        .flat_map(|field| containers(pod, field))
        .filter(move |container| !has_image(container))
}
