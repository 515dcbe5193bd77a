//! What is measured with: settings, a shop full of pods, and the pod that arrives. All sizes are those of real clusters.

use serde_json::{Value, json};

/// Where everything happens.
pub(crate) const NAMESPACE: &str = "shop";
/// The revision of the Deployment `web`.
const REPLICA_SET: &str = "web-7d4b9c6f58";

/// Settings with so many inline spreads; the one for `web` is the last.
pub(crate) fn settings(spreads: usize, by_ledger: bool) -> Value {
    let others = (1..spreads).map(|number| spread(&format!("other-{number}")));
    let spreads: Vec<Value> = others.chain([spread("web")]).collect();
    json!({ "observe": if by_ledger { "Ledger" } else { "Pods" }, "spreads": spreads })
}

fn spread(workload: &str) -> Value {
    json!({
        "name": workload,
        "namespace": NAMESPACE,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload},
        "subsets": [
            {
                "name": "fixed",
                "maxReplicas": 500,
                "requiredNodeSelectorTerm": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["fixed"]}]},
            },
            {
                "name": "elastic",
                "requiredNodeSelectorTerm": {"matchExpressions": [{"key": "type", "operator": "In", "values": ["virtual-kubelet"]}]},
                "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}],
                "patch": {"metadata": {"labels": {"alibabacloud.com/eci": "true"}}},
            },
        ],
    })
}

/// The ReplicaSet of `web` and so many of its pods, placed and running.
pub(crate) fn objects(pods: usize) -> Vec<Value> {
    let desired = pods + 50;
    let replica_set = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": REPLICA_SET,
            "namespace": NAMESPACE,
            "uid": "3f0b9a52-7d0e-4d4f-9b55-0d7f6f2d8f11",
            "labels": {"app": "web", "pod-template-hash": "7d4b9c6f58"},
            "annotations": {
                "deployment.kubernetes.io/desired-replicas": desired.to_string(),
                "deployment.kubernetes.io/max-replicas": (desired + 25).to_string(),
                "deployment.kubernetes.io/revision": "7",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": true, "blockOwnerDeletion": true,
                "uid": "aa6f5a0e-1c1b-4f4a-9d63-4f8d0b6a2f10",
            }],
        },
        "spec": {"replicas": desired},
        "status": {"replicas": pods},
    });
    (0..pods).map(listed_pod).chain([replica_set]).collect()
}

/// The ledger of `web` with so many pods, its first subset full: the pod that arrives need not wait.
pub(crate) fn ledger(pods: usize) -> Value {
    let elastic = pods.saturating_sub(500);
    let (taken, desired) = (json!([500, elastic]), pods + 50);
    let status = json!({
        "summary": format!("fixed 500/500, elastic {elastic}"),
        "replicas": desired, "active": pods, "gated": 0, "taken": taken, "order": 0,
        "revisions": [
            {"revision": "7d4b9c6f58", "desired": desired, "active": pods, "gated": 0, "taken": taken},
        ],
        "binder": {"epoch": 3, "rule": "b4e6b1c6d0a1f2e3"},
    });
    json!({
        "apiVersion": "spillway.dev/v1alpha1",
        "kind": "SpreadLedger",
        "metadata": {"name": "web", "namespace": NAMESPACE, "labels": {"spillway.dev/shard": "4"}},
        "spec": spread("web"),
        "status": status,
    })
}

/// About 1.3 KB as the host lists it.
fn listed_pod(number: usize) -> Value {
    let subset = if number < 500 { "fixed" } else { "elastic" };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("{REPLICA_SET}-{number:05}"),
            "generateName": format!("{REPLICA_SET}-"),
            "namespace": NAMESPACE,
            "uid": format!("6c1f2f0e-9b5e-4c57-8a44-{number:012}"),
            "resourceVersion": (1_000_000 + number).to_string(),
            "creationTimestamp": "2026-03-02T09:41:07Z",
            "labels": {
                "app": "web", "app.kubernetes.io/name": "web", "app.kubernetes.io/part-of": "storefront",
                "pod-template-hash": "7d4b9c6f58", "topology.kubernetes.io/zone": "eu-central-1a",
                "spillway.dev/spread": "web", "spillway.dev/subset": subset,
            },
            "annotations": {
                "spillway.dev/decision": format!("{subset}: place {number} of 1050"),
                "controller.kubernetes.io/pod-deletion-cost": "100",
                "kubectl.kubernetes.io/restartedAt": "2026-03-02T09:40:58Z",
                "prometheus.io/scrape": "true", "prometheus.io/port": "9090", "prometheus.io/path": "/metrics",
                "cni.projectcalico.org/podIP": "10.244.17.23/32", "cni.projectcalico.org/podIPs": "10.244.17.23/32",
                "sidecar.istio.io/status": "{\"initContainers\":[\"istio-init\"],\"containers\":[\"istio-proxy\"],\"volumes\":[\"istio-envoy\",\"istio-data\"],\"imagePullSecrets\":null,\"revision\":\"default\"}",
                "checksum/config": "8f1e0a6b1d0c2f5e7a9b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": REPLICA_SET, "controller": true,
                "blockOwnerDeletion": true, "uid": "3f0b9a52-7d0e-4d4f-9b55-0d7f6f2d8f11",
            }],
        },
        "spec": {"nodeName": format!("node-{}", number % 40), "schedulerName": "default-scheduler"},
        "status": {"phase": "Running"},
    })
}

/// The review of a pod of a Deployment, about 3.5 KB. `web` has a spread, any other name has none.
pub(crate) fn review(deployment: &str) -> Vec<u8> {
    let hash = "7d4b9c6f58";
    let probe = |path: &str| {
        json!({"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 5, "timeoutSeconds": 1,
            "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3})
    };
    let env: Vec<Value> = (0..12)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("value-of-setting-{number}")}))
        .collect();
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": format!("{deployment}-{hash}-"),
            "namespace": NAMESPACE,
            "labels": {"app": deployment, "app.kubernetes.io/name": deployment, "pod-template-hash": hash},
            "annotations": {"prometheus.io/scrape": "true", "kubectl.kubernetes.io/restartedAt": "2026-03-02T09:40:58Z"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{deployment}-{hash}"), "controller": true,
                "blockOwnerDeletion": true, "uid": "3f0b9a52-7d0e-4d4f-9b55-0d7f6f2d8f11",
            }],
        },
        "spec": {
            "containers": [{
                "name": "web", "image": "registry.example.com/storefront/web:4.17.2", "imagePullPolicy": "IfNotPresent",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "env": env,
                "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
                "livenessProbe": probe("/live"), "readinessProbe": probe("/ready"),
                "volumeMounts": [
                    {"name": "config", "mountPath": "/etc/web"},
                    {"name": "kube-api-access-x7k2p", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
                ],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "securityContext": {"allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}},
            }],
            "volumes": [
                {"name": "config", "configMap": {"name": "web-config", "defaultMode": 420}},
                {"name": "kube-api-access-x7k2p", "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                ]}},
            ],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
                "labelSelector": {"matchLabels": {"app": deployment}}, "topologyKey": "kubernetes.io/hostname"}}]}},
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            ],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "web", "serviceAccount": "web", "schedulerName": "default-scheduler", "priority": 0,
            "enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority", "securityContext": {"fsGroup": 2000},
        },
        "status": {},
    });
    let pods = json!({"group": "", "version": "v1", "resource": "pods"});
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "b1d1a3f4-54b2-4a3c-8f0e-2f6f7c1a9d10",
            "kind": kind, "resource": pods, "requestKind": kind, "requestResource": pods,
            "namespace": NAMESPACE, "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"]},
            "object": pod, "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_the_figures_claim() {
        let pod = listed_pod(7);
        let listed = pod["metadata"].to_string().len() + pod["status"].to_string().len();
        assert!((1250..1400).contains(&listed), "a listed pod has {listed} bytes");
        let arriving = review("web").len();
        assert!((3500..4500).contains(&arriving), "a review has {arriving} bytes");
        assert_eq!(settings(10, false)["spreads"].as_array().unwrap().len(), 10);
        assert_eq!(objects(10).len(), 11);
    }
}
