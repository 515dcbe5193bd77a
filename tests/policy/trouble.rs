//! Whatever breaks, the pod is created as it came, with a reason, unless `onError: Reject` is set.

use std::sync::Arc;

use policy_host::{Capabilities, Grants, Kubernetes, Resource, Store};
use serde_json::{Value, json};

use crate::support::{MODULE, admit, granted};

fn settings(on_error: &str) -> Value {
    json!({
        "onError": on_error,
        "spreads": [{
            "name": "web", "namespace": "shop",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "subsets": [{"name": "fixed", "maxReplicas": 3}, {"name": "elastic"}],
        }],
    })
}

fn request(object: Value) -> Value {
    json!({ "object": object })
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "web-abc-", "namespace": "shop", "labels": {"pod-template-hash": "abc"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "u", "controller": true}],
        },
        "spec": {"containers": [{"name": "main", "image": "app:1"}]},
    })
}

/// The pod is accepted unchanged with a warning that says `why`, and rejected where asked for.
fn assert_open(object: &Value, host: &Arc<dyn Capabilities>, why: &str) {
    let open = admit(&settings("Accept"), &request(object.clone()), host.clone());
    assert!(open.allowed && open.patch.is_none(), "{why}: {open:?}");
    let warnings = open.warnings.unwrap_or_default();
    assert!(
        warnings.len() == 1 && warnings[0].contains(why),
        "{why}: {warnings:?}"
    );
    assert!(warnings[0].len() <= 256);

    let shut = admit(&settings("Reject"), &request(object.clone()), host.clone());
    assert!(!shut.allowed, "{why}");
    let status = shut.status.unwrap();
    assert_eq!(status.code, Some(500));
    assert!(status.message.unwrap().contains(why));
}

fn answering(
    answer: impl Fn(&str, &Value) -> Result<Vec<u8>, String> + Send + Sync + 'static,
) -> Arc<dyn Capabilities> {
    Arc::new(move |_: &str, _: &str, operation: &str, payload: &[u8]| {
        answer(operation, &serde_json::from_slice(payload).unwrap())
    })
}

#[test]
fn every_error_of_the_host_leaves_the_door_open() {
    let errors = [
        "Policy has not been granted access to Kubernetes apps/v1/ReplicaSet resources. The violation has been reported.",
        "kube::Client was not initialized properly",
        "Callback evaluation failure: connection refused",
        "",
    ];
    for error in errors {
        assert_open(
            &pod(),
            &answering(move |_, _| Err(error.to_owned())),
            "the host did not answer for the pod's owner",
        );
    }
    let pods_fail = answering(|_, query| {
        if query["kind"] == "Pod" {
            return Err("Callback evaluation failure: gone".to_owned());
        }
        Ok(br#"{"items":[]}"#.to_vec())
    });
    assert_open(&pod(), &pods_fail, "the host did not answer for the placed pods");
}

#[test]
fn a_list_that_is_no_list_leaves_the_door_open() {
    for answer in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"items":{}}"#,
        r#"{"items":null}"#,
        "nonsense",
        "\u{1f980}",
    ] {
        assert_open(
            &pod(),
            &answering(move |_, _| Ok(answer.into())),
            "the host's answer for the pod's owner",
        );
    }
    for item in [
        "5",
        "null",
        r#"{"metadata":{"labels":{"spillway.dev/spread":5}}}"#,
        r#"{"metadata":5}"#,
    ] {
        let host = answering(
            move |operation, query| match (operation, query["kind"].as_str()) {
                ("list_resources_by_namespace", Some("Pod")) => {
                    Ok(format!(r#"{{"items":[{item}]}}"#).into_bytes())
                }
                ("list_resources_by_namespace", _) => Ok(br#"{"items":[]}"#.to_vec()),
                _ => Err("Cannot find it".to_owned()),
            },
        );
        assert_open(&pod(), &host, "the host's answer for the placed pods");
    }
}

#[test]
fn host_answers_that_are_not_utf8_leave_the_door_open() {
    assert_open(
        &pod(),
        &answering(|_, _| Ok(vec![0xff, 0xfe])),
        "the host's answer for the pod's owner",
    );
}

#[test]
fn a_host_that_grants_nothing_leaves_the_door_open() {
    let nothing: Arc<dyn Capabilities> = Arc::new(Kubernetes::new(
        Arc::new(Store::new().as_of(0)),
        Arc::new(Grants::none()),
    ));
    assert_open(&pod(), &nothing, "the host did not answer for the pod's owner");
    let pods_are_missing: Vec<Resource> = granted().into_iter().filter(|r| r.kind != "Pod").collect();
    let grants = Arc::new(Grants::controller(pods_are_missing));
    let host: Arc<dyn Capabilities> = Arc::new(Kubernetes::new(Arc::new(Store::new().as_of(0)), grants));
    assert_open(
        &pod(),
        &host,
        "Policy has not been granted access to Kubernetes v1/Pod",
    );
}

#[test]
fn a_pod_that_cannot_be_read_leaves_the_door_open() {
    let empty = answering(|_, _| Ok(br#"{"items":[]}"#.to_vec()));
    let mut unreadable = vec![json!(5), json!([]), json!("text")];
    for (path, value) in [
        ("labels", json!(["a"])),
        ("labels", json!({"a": 1})),
        ("ownerReferences", json!({"a": 1})),
        ("ownerReferences", json!([5])),
    ] {
        let mut pod = pod();
        pod["metadata"][path] = value;
        unreadable.push(pod);
    }
    for pod in unreadable {
        assert_open(&pod, &empty, "the pod cannot be read");
    }
    let mut pod = pod();
    pod["spec"] = json!(5);
    let mut tolerating = settings("Accept");
    tolerating["spreads"][0]["subsets"][0]["tolerations"] = json!([{"operator": "Exists"}]);
    let answer = admit(&tolerating, &request(pod), empty);
    assert!(answer.allowed && answer.patch.is_none());
    assert!(answer.warnings.unwrap()[0].contains("`spec` of the pod is not an object"));
}

#[test]
fn a_patch_that_does_not_fit_the_pod_leaves_the_door_open() {
    let empty = answering(|_, _| Ok(br#"{"items":[]}"#.to_vec()));
    let mut patching = settings("Accept");
    patching["spreads"][0]["subsets"][0]["patch"] =
        json!({"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "b"}]}]}});
    let mut pod = pod();
    pod["spec"]["containers"] = json!([{"image": "no-name"}]);
    let answer = admit(&patching, &request(pod), empty);
    assert!(answer.allowed && answer.patch.is_none(), "{answer:?}");
    assert!(answer.warnings.unwrap()[0].contains("the subset's patch does not fit the pod"));
}

#[test]
fn settings_that_were_never_checked_leave_the_door_open() {
    let empty = answering(|_, _| Ok(br#"{"items":[]}"#.to_vec()));
    for settings in [
        json!(5),
        json!([]),
        json!({"spreads": 5}),
        json!({"spreads": [5]}),
    ] {
        let answer = admit(&settings, &request(pod()), empty.clone());
        assert!(answer.allowed && answer.patch.is_none(), "{settings}");
        assert!(
            answer.warnings.unwrap()[0].contains("the settings cannot be read"),
            "{settings}"
        );
    }
    let mut faulty = settings("Accept");
    faulty["spreads"][0]["subsets"][0]["maxReplicas"] = json!(-1);
    let answer = admit(&faulty, &request(pod()), empty);
    assert!(answer.allowed && answer.patch.is_none());
    assert!(answer.warnings.unwrap()[0].contains("spreads[0].subsets[0].maxReplicas"));
}

#[test]
fn a_payload_that_is_no_request_is_accepted_with_a_warning() {
    let no_host: Arc<dyn Capabilities> = answering(|_, _| Err("nothing may be asked".to_owned()));
    for payload in [
        "",
        "5",
        "{}",
        r#"{"request":5}"#,
        "\u{1f980}",
        r#"{"request":{"operation":"CREATE"}"#,
    ] {
        let instance = MODULE.instance(no_host.clone(), None).unwrap();
        let answer = instance.validate(payload.as_bytes()).unwrap();
        assert!(answer.accepted && answer.mutated_object.is_none(), "{payload}");
        assert!(
            answer.warnings.unwrap()[0].contains("the admission request cannot be read"),
            "{payload}"
        );
    }
}

#[test]
fn an_absent_host_object_does_not_stop_a_first_pod() {
    let host = answering(|operation, _| match operation {
        "list_resources_by_namespace" => Ok(br#"{"items":[]}"#.to_vec()),
        _ => Err("Policy has not been granted access to Kubernetes apps/v1/ReplicaSet resources".to_owned()),
    });
    let answer = admit(&settings("Reject"), &request(pod()), host);
    assert!(answer.allowed && answer.patch.is_some(), "{answer:?}");
}

/// A Deployment was scaled from 0 to 30 a moment ago: the list still shows 0, the object itself 30.
#[test]
fn an_owner_that_is_seen_late_is_looked_at_again() {
    let replica_set = |replicas: u32| {
        json!({
            "metadata": {
                "name": "web-abc",
                "annotations": {"deployment.kubernetes.io/desired-replicas": replicas.to_string()},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": true}],
            },
            "spec": {"replicas": replicas},
        })
    };
    let host = answering(move |operation, query| {
        let answer = match (operation, query["kind"].as_str()) {
            ("get_resource", Some("ReplicaSet")) => {
                assert_eq!(
                    query["disable_cache"], true,
                    "an answer of five seconds ago is late as well"
                );
                replica_set(30)
            }
            ("list_resources_by_namespace", Some("ReplicaSet")) => json!({"items": [replica_set(0)]}),
            _ => json!({"items": []}),
        };
        Ok(answer.to_string().into_bytes())
    });
    let answer = admit(&settings("Accept"), &request(pod()), host);
    let mut placed = pod();
    answer.apply(&mut placed).unwrap();
    let decision = placed["metadata"]["annotations"]["spillway.dev/decision"]
        .as_str()
        .unwrap();
    assert!(
        decision.ends_with("of 30 by hash, 0 of 30 pods active"),
        "{decision}"
    );
}

#[test]
fn a_container_that_the_pod_does_not_have_is_not_made_up() {
    let empty = answering(|_, _| Ok(br#"{"items":[]}"#.to_vec()));
    let mut patching = settings("Accept");
    patching["spreads"][0]["subsets"][0]["patch"] =
        json!({"spec": {"containers": [{"name": "other", "env": [{"name": "A", "value": "b"}]}]}});
    let answer = admit(&patching, &request(pod()), empty);
    assert!(answer.allowed && answer.patch.is_none(), "{answer:?}");
    assert!(answer.warnings.unwrap()[0].contains("it has no container `other`"));
}

#[test]
fn labels_that_controllers_find_their_pods_by_survive_any_patch() {
    let empty = answering(|_, _| Ok(br#"{"items":[]}"#.to_vec()));
    let mut patching = settings("Accept");
    patching["spreads"][0]["subsets"][0]["patch"] =
        json!({"metadata": {"labels": {"pool": "a"}, "finalizers": null}});
    let mut tracked = pod();
    tracked["metadata"]["labels"]["batch.kubernetes.io/job-name"] = "nightly".into();
    tracked["metadata"]["finalizers"] = json!(["batch.kubernetes.io/job-tracking"]);
    let answer = admit(&patching, &request(tracked.clone()), empty);
    answer.apply(&mut tracked).unwrap();
    let labels = &tracked["metadata"]["labels"];
    assert_eq!(
        (
            &labels["pod-template-hash"],
            &labels["batch.kubernetes.io/job-name"]
        ),
        (&json!("abc"), &json!("nightly"))
    );
    assert_eq!(labels["pool"], "a");
    assert_eq!(
        tracked["metadata"]["finalizers"],
        json!(["batch.kubernetes.io/job-tracking"])
    );
}

#[test]
fn what_was_not_placed_is_told_to_the_log() {
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = lines.clone();
    let host = answering(move |operation, query| {
        if operation == "log" {
            seen.lock().unwrap().push(query.clone());
            return Ok(Vec::new());
        }
        Err("kube::Client was not initialized properly".to_owned())
    });
    admit(&settings("Accept"), &request(pod()), host);
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["level"], &lines[0]["namespace"]),
        (&json!("warn"), &json!("shop"))
    );
    assert!(
        lines[0]["message"]
            .as_str()
            .unwrap()
            .contains("the host did not answer for the pod's owner")
    );
}
