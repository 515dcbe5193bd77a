//! The objects that the controllers keep, in the shape of the Kubernetes API.

use serde_json::{Value, json};

use crate::json;
use crate::scenario::{NodeSpec, Workload};
use crate::time::Millis;

/// The Deployment and its one ReplicaSet.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    namespace: String,
    deployment: Value,
    deployment_name: String,
    deployment_uid: String,
    replica_set_name: String,
    replica_set_uid: String,
    template: Value,
}

/// How many pods a ReplicaSet has, for its status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Population {
    pub(crate) active: u64,
    pub(crate) ready: u64,
}

impl Owners {
    pub(crate) fn new(workload: &Workload, deployment_uid: String, replica_set_uid: String) -> Self {
        let mut template = json::at(&workload.manifest, &["spec", "template"])
            .cloned()
            .unwrap_or_default();
        let hash = template_hash(&template);
        json::put(
            &mut template,
            &["metadata", "labels", "pod-template-hash"],
            json!(hash),
        );
        set_pod_defaults(&mut template);
        let mut deployment = workload.manifest.clone();
        json::put(
            &mut deployment,
            &["metadata", "namespace"],
            json!(workload.namespace),
        );
        json::put(&mut deployment, &["metadata", "uid"], json!(deployment_uid));
        json::put(
            &mut deployment,
            &["metadata", "creationTimestamp"],
            json!(Millis::ZERO.timestamp()),
        );
        json::put(&mut deployment, &["metadata", "generation"], json!(1));
        json::put(
            &mut deployment,
            &["metadata", "annotations", "deployment.kubernetes.io/revision"],
            json!("1"),
        );
        Self {
            namespace: workload.namespace.clone(),
            deployment,
            deployment_name: workload.name.clone(),
            deployment_uid,
            replica_set_name: format!("{}-{hash}", workload.name),
            replica_set_uid,
            template,
        }
    }

    pub(crate) fn replica_set_name(&self) -> &str {
        &self.replica_set_name
    }

    pub(crate) fn deployment(&self, replicas: u64, population: Population, version: u64) -> Value {
        let mut deployment = self.deployment.clone();
        json::put(
            &mut deployment,
            &["metadata", "resourceVersion"],
            json!(version.to_string()),
        );
        json::put(&mut deployment, &["spec", "replicas"], json!(replicas));
        json::put(&mut deployment, &["status"], status(population));
        deployment
    }

    pub(crate) fn replica_set(&self, replicas: u64, population: Population, version: u64) -> Value {
        let hash = json::at(&self.template, &["metadata", "labels", "pod-template-hash"]).cloned();
        let mut selector = json::at(&self.deployment, &["spec", "selector"])
            .cloned()
            .unwrap_or_default();
        json::put(
            &mut selector,
            &["matchLabels", "pod-template-hash"],
            hash.unwrap_or_default(),
        );
        json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": self.replica_set_name,
                "namespace": self.namespace,
                "uid": self.replica_set_uid,
                "resourceVersion": version.to_string(),
                "generation": 1,
                "creationTimestamp": Millis::ZERO.timestamp(),
                "labels": json::at(&self.template, &["metadata", "labels"]),
                "annotations": {
                    "deployment.kubernetes.io/desired-replicas": replicas.to_string(),
                    // The default maxSurge: a quarter, rounded up.
                    "deployment.kubernetes.io/max-replicas": (replicas + replicas.div_ceil(4)).to_string(),
                    "deployment.kubernetes.io/revision": "1",
                },
                "ownerReferences": [owner("Deployment", &self.deployment_name, &self.deployment_uid)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": self.template},
            "status": status(population),
        })
    }

    /// A pod as the ReplicaSet controller asks for it, defaulted: without name, uid and time.
    pub(crate) fn new_pod(&self) -> Value {
        let mut metadata = json::at(&self.template, &["metadata"])
            .cloned()
            .unwrap_or_default();
        json::put(
            &mut metadata,
            &["generateName"],
            json!(format!("{}-", self.replica_set_name)),
        );
        json::put(&mut metadata, &["namespace"], json!(self.namespace));
        let owners = json!([owner("ReplicaSet", &self.replica_set_name, &self.replica_set_uid)]);
        json::put(&mut metadata, &["ownerReferences"], owners);
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": json::at(&self.template, &["spec"]),
            "status": {},
        })
    }

    /// The review that asks a webhook about a pod.
    pub(crate) fn review(&self, uid: &str, pod: &Value) -> Value {
        review(&self.namespace, uid, pod)
    }
}

/// The review that asks a webhook about a pod that a controller creates.
pub(crate) fn review(namespace: &str, uid: &str, pod: &Value) -> Value {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "namespace": namespace,
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
            },
            "object": pod,
            "oldObject": null,
            "dryRun": false,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        },
    })
}

/// A node as the API server shows it.
pub(crate) fn node(spec: &NodeSpec) -> Value {
    let taint = |taint: &crate::scenario::Taint| {
        let mut shown = json!({"key": taint.key, "effect": taint.effect});
        if !taint.value.is_empty() {
            json::put(&mut shown, &["value"], json!(taint.value));
        }
        shown
    };
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": spec.labels, "creationTimestamp": Millis::ZERO.timestamp()},
        "spec": {},
        "status": {
            "allocatable": {"pods": spec.pods.to_string()},
            "capacity": {"pods": spec.pods.to_string()},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    });
    if !spec.taints.is_empty() {
        json::put(
            &mut node,
            &["spec", "taints"],
            spec.taints.iter().map(taint).collect(),
        );
    }
    node
}

/// The namespace of the workload.
pub(crate) fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "status": {"phase": "Active"},
    })
}

pub(crate) fn owner(kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true})
}

fn status(population: Population) -> Value {
    json!({
        "replicas": population.active,
        "readyReplicas": population.ready,
        "availableReplicas": population.ready,
        "observedGeneration": 1,
    })
}

/// What the API server and its own admission plugins fill in before a webhook sees a pod.
pub(crate) fn set_pod_defaults(template: &mut Value) {
    let tolerates_for = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let mut tolerations = json::list(template, &["spec", "tolerations"]).to_vec();
    tolerations.push(tolerates_for("node.kubernetes.io/not-ready"));
    tolerations.push(tolerates_for("node.kubernetes.io/unreachable"));
    json::put(template, &["spec", "tolerations"], Value::Array(tolerations));
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("serviceAccountName", json!("default")),
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
    ] {
        json::put_default(template, &["spec", field], value);
    }
    let containers = template
        .pointer_mut("/spec/containers")
        .and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        for (field, value) in [
            ("imagePullPolicy", json!("IfNotPresent")),
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("resources", json!({})),
        ] {
            json::put_default(container, &[field], value);
        }
    }
}

/// A hash of the template in the letters and length of `pod-template-hash`. Not the same number as Kubernetes', whose input
/// is a dump of Go structs.
pub(crate) fn template_hash(template: &Value) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = 0x811c_9dc5_u32;
    for byte in template.to_string().bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let letter = |digit: u8| {
        LETTERS
            .get(usize::from(digit) % LETTERS.len())
            .map_or('b', |&letter| char::from(letter))
    };
    hash.to_string().bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners() -> Owners {
        let manifest = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "web", "imagePullPolicy": "Always"}]},
            }},
        });
        let workload = Workload {
            namespace: "shop".into(),
            name: "web".into(),
            replicas: 0,
            pod_labels: std::collections::BTreeMap::new(),
            manifest,
        };
        Owners::new(&workload, "d-uid".into(), "r-uid".into())
    }

    #[test]
    fn a_new_pod_has_an_owner_and_a_hash_but_neither_name_nor_uid() {
        let owners = owners();
        let pod = owners.new_pod();
        let hash = pod
            .pointer("/metadata/labels/pod-template-hash")
            .and_then(Value::as_str)
            .unwrap();
        assert_eq!(
            pod.pointer("/metadata/generateName"),
            Some(&json!(format!("web-{hash}-")))
        );
        assert_eq!(
            pod.pointer("/metadata/ownerReferences/0/name"),
            Some(&json!(format!("web-{hash}")))
        );
        assert_eq!(
            pod.pointer("/metadata/ownerReferences/0/controller"),
            Some(&json!(true))
        );
        assert_eq!(pod.pointer("/metadata/name"), None);
        assert_eq!(pod.pointer("/metadata/uid"), None);
        assert_eq!(
            pod.pointer("/spec/containers/0/imagePullPolicy"),
            Some(&json!("Always"))
        );
        assert_eq!(
            pod.pointer("/spec/schedulerName"),
            Some(&json!("default-scheduler"))
        );
    }

    #[test]
    fn a_replica_set_carries_what_the_deployment_wants() {
        let owners = owners();
        let set = owners.replica_set(30, Population { active: 7, ready: 5 }, 9);
        assert_eq!(
            set.pointer("/metadata/name"),
            Some(&json!(owners.replica_set_name()))
        );
        assert_eq!(
            set.pointer("/metadata/annotations/deployment.kubernetes.io~1desired-replicas"),
            Some(&json!("30"))
        );
        assert_eq!(
            set.pointer("/metadata/annotations/deployment.kubernetes.io~1max-replicas"),
            Some(&json!("38"))
        );
        assert_eq!(set.pointer("/status/readyReplicas"), Some(&json!(5)));
        assert_eq!(
            set.pointer("/spec/selector/matchLabels/pod-template-hash"),
            set.pointer("/metadata/labels/pod-template-hash")
        );
    }

    #[test]
    fn a_review_asks_about_the_creation_of_a_pod() {
        let owners = owners();
        let review = owners.review("uid-1", &owners.new_pod());
        assert_eq!(review.pointer("/request/uid"), Some(&json!("uid-1")));
        assert_eq!(review.pointer("/request/operation"), Some(&json!("CREATE")));
        assert_eq!(review.pointer("/request/dryRun"), Some(&json!(false)));
        assert_eq!(review.pointer("/request/namespace"), Some(&json!("shop")));
        assert_eq!(review.pointer("/request/name"), None);
    }
}
