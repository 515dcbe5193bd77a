//! What of a pod matters to the scheduler, read once.

use kube_rules::labels::LabelSelector;
use kube_rules::nodes::{NodeAffinity, PreferredTerms, Toleration};
use serde_json::Value;

use super::Requests;
use super::Unreadable;
use super::constraints::{PodAffinity, Spread};
use super::selector::Labels;
use crate::json;

/// A pod as the scheduler sees it. Pods of one template have equal needs: read them once and share them.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    pub(super) namespace: String,
    pub(super) labels: Labels,
    pub(super) requests: Requests,
    pub(super) wishes: Wishes,
    pub(super) spread: Spread,
    pub(super) affinity: PodAffinity,
    priority: i32,
    gates: Vec<String>,
}

/// What a pod wishes of nodes alone, whatever runs on them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wishes {
    pub(super) affinity: NodeAffinity,
    pub(super) preferred: PreferredTerms,
    pub(super) tolerations: Vec<Toleration>,
    pub(super) node_name: Option<String>,
}

impl Needs {
    /// Reads a pod.
    ///
    /// # Errors
    /// At the first field that the scheduler cannot read; Kubernetes never schedules such a pod.
    pub fn read(pod: &Value) -> Result<Self, Unreadable> {
        let namespace = json::text(pod, &["metadata", "namespace"]).unwrap_or("default");
        let labels = json::at(pod, &["metadata", "labels"]).and_then(Value::as_object);
        let labels: Labels = labels
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let spec = pod.get("spec").unwrap_or(&Value::Null);
        let preferred = PreferredTerms::of_pod(spec).map_err(|unreadable| {
            let terms = [
                "affinity",
                "nodeAffinity",
                "preferredDuringSchedulingIgnoredDuringExecution",
            ];
            let path = format!("spec.{}[{}]", terms.join("."), unreadable.index);
            let seen = json::list(spec, &terms)
                .get(unreadable.index)
                .unwrap_or(&Value::Null);
            Unreadable::new(&path, seen, "write a weight and a node selector term")
        })?;
        let node_name = json::text(spec, &["nodeName"]).filter(|name| !name.is_empty());
        Ok(Self {
            requests: Requests::of_pod(spec)?,
            spread: Spread::of_pod(spec, namespace, &labels)?,
            affinity: PodAffinity::of_pod(spec, namespace, &labels)?,
            wishes: Wishes {
                affinity: NodeAffinity::of_pod(spec),
                preferred,
                tolerations: json::list(spec, &["tolerations"])
                    .iter()
                    .map(Toleration::read)
                    .collect(),
                node_name: node_name.map(str::to_owned),
            },
            priority: json::at(spec, &["priority"])
                .and_then(Value::as_i64)
                .and_then(|priority| i32::try_from(priority).ok())
                .unwrap_or_default(),
            gates: json::list(spec, &["schedulingGates"])
                .iter()
                .filter_map(|gate| json::text(gate, &["name"]))
                .map(str::to_owned)
                .collect(),
            namespace: namespace.to_owned(),
            labels,
        })
    }

    /// With the spreading that the default profile gives to pods of a controller or a service: `owner` is what that
    /// selects. A pod that has constraints of its own keeps to them; so does an owner that selects everything.
    #[must_use]
    pub fn spread_by_default(mut self, owner: &LabelSelector) -> Self {
        if self.spread.is_empty() && !owner.requirements().is_empty() {
            self.spread = Spread::by_default(&self.namespace, owner);
        }
        self
    }

    /// What the containers ask for.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// `spec.priority`; the scheduler takes the highest first, and of equals the one that waits longest.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// The names of the gates that keep it from being scheduled.
    pub fn gates(&self) -> &[String] {
        &self.gates
    }

    /// `spec.nodeName`, where somebody else chose.
    pub fn node_name(&self) -> Option<&str> {
        self.wishes.node_name.as_deref()
    }

    /// What it tolerates.
    pub fn tolerations(&self) -> &[Toleration] {
        &self.wishes.tolerations
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_read_in_full() {
        let pod = json!({
            "metadata": {"namespace": "shop", "labels": {"app": "web"}},
            "spec": {
                "priority": 7, "schedulingGates": [{"name": "a/b"}], "nodeName": "",
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
                "topologySpreadConstraints": [
                    {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}},
                    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                ],
            },
        });
        let needs = Needs::read(&pod).unwrap();
        assert_eq!(
            (needs.priority(), needs.gates(), needs.node_name()),
            (7, &["a/b".to_owned()][..], None)
        );
        assert_eq!((needs.spread.hard.len(), needs.spread.soft.len()), (1, 1));
        assert_eq!(needs.requests().exact.cpu, 1000);
    }

    #[test]
    fn a_preference_that_cannot_be_read_is_an_error() {
        let broken = json!({"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["x"]}]}});
        let pod = json!({"spec": {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [broken]}}}});
        let error = Needs::read(&pod).unwrap_err();
        assert_eq!(
            error.path,
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
        );
    }
}
