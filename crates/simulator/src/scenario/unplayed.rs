//! What a manifest says and nobody plays: told with its path, so that no result is taken for more than it is.
//!
//! A field is played, or it changes nothing here (an image, an environment), or it is told. A field that nobody has heard of
//! is told too.

use rules::WorkloadKind;
use serde_json::Value;

/// What becomes of a field.
enum Meaning {
    /// It is played, or changes nothing: nothing below it is looked at.
    Known,
    /// Each of its fields, or of those of its items, is looked at by itself.
    Fields(&'static [(&'static str, Meaning)]),
    /// Only this value is played.
    Only(&'static str),
    /// It is played by these names among its fields; a volume of another sort may hold a pod back.
    Sorts(&'static [&'static str]),
}

use Meaning::{Fields, Known, Only, Sorts};

const CONTAINER: &[(&str, Meaning)] = &[
    ("name", Known),
    ("image", Known),
    ("command", Known),
    ("args", Known),
    ("workingDir", Known),
    ("env", Known),
    ("envFrom", Known),
    ("resources", Known),
    ("ports", Fields(PORT)),
    ("imagePullPolicy", Known),
    ("terminationMessagePath", Known),
    ("terminationMessagePolicy", Known),
    ("securityContext", Known),
    ("stdin", Known),
    ("stdinOnce", Known),
    ("tty", Known),
    ("volumeMounts", Known),
];
const PORT: &[(&str, Meaning)] = &[("name", Known), ("containerPort", Known), ("protocol", Known)];
/// Volumes that every node has.
const VOLUMES: &[&str] = &[
    "name",
    "emptyDir",
    "configMap",
    "secret",
    "projected",
    "downwardAPI",
];
const SPREADING: &[(&str, Meaning)] = &[
    ("maxSkew", Known),
    ("topologyKey", Known),
    ("whenUnsatisfiable", Known),
    ("labelSelector", Known),
    ("minDomains", Known),
    ("matchLabelKeys", Known),
    ("nodeAffinityPolicy", Known),
    ("nodeTaintsPolicy", Known),
];
const POD: &[(&str, Meaning)] = &[
    ("containers", Fields(CONTAINER)),
    ("volumes", Sorts(VOLUMES)),
    ("nodeSelector", Known),
    ("affinity", Known),
    ("tolerations", Known),
    ("topologySpreadConstraints", Fields(SPREADING)),
    ("schedulingGates", Known),
    ("terminationGracePeriodSeconds", Known),
    ("restartPolicy", Known),
    ("overhead", Known),
    ("schedulerName", Only("default-scheduler")),
    ("dnsPolicy", Known),
    ("dnsConfig", Known),
    ("hostAliases", Known),
    ("hostname", Known),
    ("subdomain", Known),
    ("setHostnameAsFQDN", Known),
    ("serviceAccountName", Known),
    ("serviceAccount", Known),
    ("automountServiceAccountToken", Known),
    ("imagePullSecrets", Known),
    ("securityContext", Known),
    ("enableServiceLinks", Known),
    ("shareProcessNamespace", Known),
    ("hostPID", Known),
    ("hostIPC", Known),
    ("hostUsers", Known),
];
const TEMPLATE: &[(&str, Meaning)] = &[("metadata", Known), ("spec", Fields(POD))];
const DEPLOYMENT: &[(&str, Meaning)] = &[
    ("replicas", Known),
    ("selector", Known),
    ("template", Fields(TEMPLATE)),
    ("strategy", Known),
    ("minReadySeconds", Known),
    ("paused", Known),
    ("revisionHistoryLimit", Known),
];
const UPDATE: &[(&str, Meaning)] = &[
    ("type", Known),
    ("rollingUpdate", Fields(&[("partition", Known)])),
];
const STATEFUL_SET: &[(&str, Meaning)] = &[
    ("replicas", Known),
    ("selector", Known),
    ("template", Fields(TEMPLATE)),
    ("serviceName", Known),
    ("podManagementPolicy", Known),
    ("updateStrategy", Fields(UPDATE)),
    ("ordinals", Known),
    ("minReadySeconds", Known),
    ("revisionHistoryLimit", Known),
];
const JOB: &[(&str, Meaning)] = &[
    ("parallelism", Known),
    ("completions", Known),
    ("completionMode", Only("NonIndexed")),
    ("backoffLimit", Known),
    ("template", Fields(TEMPLATE)),
    ("selector", Known),
];

/// The paths of what a workload's manifest says and nobody plays.
pub(super) fn paths(kind: WorkloadKind, manifest: &Value) -> Vec<String> {
    let fields = match kind {
        WorkloadKind::StatefulSet => STATEFUL_SET,
        WorkloadKind::Job => JOB,
        _ => DEPLOYMENT,
    };
    let mut found = Vec::new();
    if let Some(spec) = manifest.get("spec") {
        look(spec, "spec", fields, &mut found);
    }
    found
}

fn look(value: &Value, path: &str, fields: &[(&str, Meaning)], found: &mut Vec<String>) {
    if let Value::Array(items) = value {
        for (ix, item) in items.iter().enumerate() {
            look(item, &format!("{path}[{ix}]"), fields, found);
        }
        return;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, meaning)| meaning)
        {
            _ if value.is_null() => {}
            Some(Known) => {}
            Some(Fields(fields)) => look(value, &path, fields, found),
            Some(Only(played)) if value.as_str() == Some(*played) => {}
            Some(Sorts(names)) => sorts(value, &path, names, found),
            Some(Only(_)) | None => found.push(path),
        }
    }
}

fn sorts(items: &Value, path: &str, names: &[&str], found: &mut Vec<String>) {
    for (ix, item) in items.as_array().into_iter().flatten().enumerate() {
        let fields = item.as_object().into_iter().flat_map(|fields| fields.keys());
        let unplayed = fields.filter(|name| !names.contains(&name.as_str()));
        found.extend(unplayed.map(|name| format!("{path}[{ix}].{name}")));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(kind: WorkloadKind, spec: Value) -> Vec<String> {
        paths(kind, &json!({"spec": spec}))
    }

    #[test]
    fn what_is_played_or_changes_nothing_is_not_told() {
        let template = json!({
            "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
            "spec": {
                "containers": [{
                    "name": "main", "image": "web", "env": [], "resources": {"requests": {"cpu": "1"}},
                    "ports": [{"containerPort": 80, "name": "http"}], "volumeMounts": [],
                }],
                "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "c"}}],
                "tolerations": [], "affinity": {}, "schedulerName": "default-scheduler",
                "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
            },
        });
        let none: Vec<String> = Vec::new();
        let deployment = json!({
            "replicas": 3, "selector": {}, "template": template, "paused": true, "minReadySeconds": 5,
            "strategy": {"type": "Recreate"}, "revisionHistoryLimit": 2,
        });
        assert_eq!(found(WorkloadKind::Deployment, deployment), none);
        let set = json!({
            "template": template, "serviceName": "web", "podManagementPolicy": "Parallel", "ordinals": {"start": 1},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        });
        assert_eq!(found(WorkloadKind::StatefulSet, set), none);
        let job = json!({"template": template, "completionMode": "NonIndexed", "parallelism": 3});
        assert_eq!(found(WorkloadKind::Job, job), none);
    }

    #[test]
    fn every_field_of_a_pod_that_is_not_played_is_told_with_its_path() {
        let container = json!({
            "name": "main", "readinessProbe": {}, "livenessProbe": {}, "startupProbe": {}, "lifecycle": {"preStop": {}},
            "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}],
        });
        let spec = json!({
            "containers": [container], "initContainers": [{"name": "init"}], "priorityClassName": "high", "priority": 7,
            "preemptionPolicy": "Never", "runtimeClassName": "gvisor", "hostNetwork": true, "readinessGates": [],
            "activeDeadlineSeconds": 5, "schedulerName": "mine", "resourceClaims": [], "nodeName": "a",
            "volumes": [
                {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "h", "hostPath": {"path": "p"}},
            ],
            "topologySpreadConstraints": [{"maxSkew": 1, "somethingNew": 1}],
        });
        let mut told = found(WorkloadKind::Deployment, json!({"template": {"spec": spec}}));
        told.sort();
        let pod = [
            "activeDeadlineSeconds",
            "containers[0].lifecycle",
            "containers[0].livenessProbe",
            "containers[0].ports[1].hostPort",
            "containers[0].readinessProbe",
            "containers[0].startupProbe",
            "hostNetwork",
            "initContainers",
            "nodeName",
            "preemptionPolicy",
            "priority",
            "priorityClassName",
            "readinessGates",
            "resourceClaims",
            "runtimeClassName",
            "schedulerName",
            "topologySpreadConstraints[0].somethingNew",
            "volumes[0].persistentVolumeClaim",
            "volumes[1].hostPath",
        ];
        assert_eq!(told, pod.map(|field| format!("spec.template.spec.{field}")));
    }

    #[test]
    fn fields_of_workloads_that_are_not_played_are_told() {
        for (kind, spec, path) in [
            (
                WorkloadKind::Deployment,
                json!({"progressDeadlineSeconds": 60}),
                "spec.progressDeadlineSeconds",
            ),
            (
                WorkloadKind::StatefulSet,
                json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}}),
                "spec.updateStrategy.rollingUpdate.maxUnavailable",
            ),
            (
                WorkloadKind::StatefulSet,
                json!({"volumeClaimTemplates": []}),
                "spec.volumeClaimTemplates",
            ),
            (
                WorkloadKind::StatefulSet,
                json!({"persistentVolumeClaimRetentionPolicy": {}}),
                "spec.persistentVolumeClaimRetentionPolicy",
            ),
            (
                WorkloadKind::Job,
                json!({"completionMode": "Indexed"}),
                "spec.completionMode",
            ),
            (WorkloadKind::Job, json!({"suspend": true}), "spec.suspend"),
            (
                WorkloadKind::Job,
                json!({"activeDeadlineSeconds": 1}),
                "spec.activeDeadlineSeconds",
            ),
            (
                WorkloadKind::Job,
                json!({"podFailurePolicy": {}}),
                "spec.podFailurePolicy",
            ),
        ] {
            assert_eq!(found(kind, spec), [path]);
        }
    }
}
