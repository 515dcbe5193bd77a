//! The objects that the controllers keep, in the shape of the Kubernetes API.

use serde_json::{Value, json};

use crate::json;
use crate::scenario::NodeSpec;
use crate::time::Millis;

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
    let mut allocatable = json!(spec.allocatable);
    json::put(&mut allocatable, &["pods"], json!(spec.pods.to_string()));
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": spec.labels, "creationTimestamp": Millis::ZERO.timestamp()},
        "spec": {},
        "status": {
            "allocatable": allocatable,
            "capacity": allocatable,
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

/// What the API server and its own admission plugins fill in before a webhook sees a pod.
pub(crate) fn set_pod_defaults(template: &mut Value) {
    // DefaultTolerationSeconds adds what nobody has written.
    let mut tolerations = json::list(template, &["spec", "tolerations"]).to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let is_either = |toleration: &Value, field: &str, wanted: &str| {
            json::text(toleration, &[field]).is_none_or(|found| found.is_empty() || found == wanted)
        };
        let tolerates = |toleration: &Value| {
            is_either(toleration, "key", key) && is_either(toleration, "effect", "NoExecute")
        };
        if !tolerations.iter().any(tolerates) {
            let default =
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            tolerations.push(default);
        }
    }
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
