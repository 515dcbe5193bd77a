//! One pod: its state, and how it looks to whoever lists it.

use serde_json::{Value, json};

use crate::json;
use crate::ranking::{Phase, deletion_cost};
use crate::time::Millis;

/// The label that names a pod's subset.
pub const SUBSET_LABEL: &str = "spillway.dev/subset";
const COST_ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A stored pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) subset: Option<String>,
    pub(crate) cost: i32,
    /// The node it is on, by index.
    pub(crate) node: Option<usize>,
    pub(crate) ready_since: Option<Millis>,
    pub(crate) created: Millis,
    pub(crate) deleted: bool,
    value: Value,
}

impl Pod {
    /// Stores a pod as it left admission: the API server gives it name, uid and time, which an admission never sees.
    pub(crate) fn store(mut value: Value, name: String, uid: String, now: Millis) -> Self {
        json::put(&mut value, &["metadata", "name"], json!(name));
        json::put(&mut value, &["metadata", "uid"], json!(uid));
        json::put(
            &mut value,
            &["metadata", "creationTimestamp"],
            json!(now.timestamp()),
        );
        json::put(&mut value, &["status"], json!({"phase": "Pending"}));
        let subset = json::text(&value, &["metadata", "labels", SUBSET_LABEL]).map(str::to_owned);
        let cost = deletion_cost(json::text(&value, &["metadata", "annotations", COST_ANNOTATION]));
        Self {
            name,
            uid,
            subset,
            cost,
            node: None,
            ready_since: None,
            created: now,
            deleted: false,
            value,
        }
    }

    /// The pod in full, for the scheduler.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// A gated pod is not scheduled.
    pub(crate) fn gated(&self) -> bool {
        !json::list(&self.value, &["spec", "schedulingGates"]).is_empty()
    }

    pub(crate) fn phase(&self) -> Phase {
        if self.ready_since.is_some() {
            Phase::Running
        } else {
            Phase::Pending
        }
    }

    pub(crate) fn bind(&mut self, node: usize, node_name: &str, now: Millis) {
        self.node = Some(node);
        json::put(&mut self.value, &["spec", "nodeName"], json!(node_name));
        self.set_conditions(&[("PodScheduled", "True", now)]);
    }

    pub(crate) fn mark_unschedulable(&mut self, now: Millis) {
        let since = self.created.max(now);
        let condition = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "no node takes the pod", "lastTransitionTime": since.timestamp(),
        }]);
        json::put(&mut self.value, &["status", "conditions"], condition);
    }

    pub(crate) fn start(&mut self, now: Millis) {
        // Kubernetes keeps the time of a condition to the second, and ranks by what it keeps.
        self.ready_since = Some(Millis(now.whole_seconds() * 1000));
        json::put(&mut self.value, &["status", "phase"], json!("Running"));
        json::put(&mut self.value, &["status", "startTime"], json!(now.timestamp()));
        self.set_conditions(&[("PodScheduled", "True", self.created), ("Ready", "True", now)]);
    }

    /// Marks the pod as terminating, as a delete call does.
    pub(crate) fn delete(&mut self, now: Millis, grace: Millis) {
        self.deleted = true;
        json::put(
            &mut self.value,
            &["metadata", "deletionTimestamp"],
            json!((now + grace).timestamp()),
        );
        json::put(
            &mut self.value,
            &["metadata", "deletionGracePeriodSeconds"],
            json!(grace.whole_seconds()),
        );
    }

    /// The pod as a watch delivers it.
    pub(crate) fn object(&mut self, resource_version: u64) -> Value {
        json::put(
            &mut self.value,
            &["metadata", "resourceVersion"],
            json!(resource_version.to_string()),
        );
        self.value.clone()
    }

    fn set_conditions(&mut self, conditions: &[(&str, &str, Millis)]) {
        let render = |(kind, status, at): &(&str, &str, Millis)| json!({"type": kind, "status": status, "lastTransitionTime": at.timestamp()});
        json::put(
            &mut self.value,
            &["status", "conditions"],
            conditions.iter().map(render).collect(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(annotations: &Value) -> Pod {
        let value = json!({"metadata": {"labels": {SUBSET_LABEL: "fixed"}, "annotations": annotations}, "spec": {"x": 1}});
        Pod::store(value, "web-1".into(), "u".into(), Millis(1500))
    }

    #[test]
    fn subset_and_cost_are_read_from_what_admission_left() {
        let pod = pod(&json!({COST_ANNOTATION: "-7"}));
        assert_eq!((pod.subset.as_deref(), pod.cost), (Some("fixed"), -7));
    }

    #[test]
    fn a_life_is_shown_as_kubernetes_shows_it() {
        let mut pod = pod(&json!({}));
        assert_eq!(pod.phase(), Phase::Pending);
        pod.bind(0, "node-1", Millis(1500));
        pod.start(Millis(3700));
        assert_eq!(pod.ready_since, Some(Millis(3000)));
        pod.delete(Millis(9000), Millis(30_000));
        let object = pod.object(12);
        assert_eq!(
            object,
            json!({
                "metadata": {
                    "labels": {SUBSET_LABEL: "fixed"}, "annotations": {},
                    "name": "web-1", "uid": "u", "resourceVersion": "12", "creationTimestamp": "2026-01-01T00:00:01Z",
                    "deletionTimestamp": "2026-01-01T00:00:39Z", "deletionGracePeriodSeconds": 30,
                },
                "spec": {"x": 1, "nodeName": "node-1"},
                "status": {"phase": "Running", "startTime": "2026-01-01T00:00:03Z", "conditions": [
                    {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"},
                    {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:03Z"},
                ]},
            })
        );
    }
}
