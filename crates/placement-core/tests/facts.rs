//! What is read of pods, lists and workloads: exact values, and no text that makes it panic.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::any_json;
use placement_core::facts::{
    Foreign, ListedPod, NoRevision, PathError, PodFacts, PodHead, WorkloadFacts, items, latest_revision,
    named, ordinal, replicas_at, replicas_in, revision_key,
};
use proptest::prelude::*;
use rules::{GroupKind, ReplicasPath, WorkloadKind};
use serde_json::{Value, json};

fn kind(api_version: &str, kind: &str) -> GroupKind {
    GroupKind::of(api_version, kind).unwrap()
}

#[test]
fn an_arriving_pod_is_read_as_it_is() {
    let text = json!({
        "apiVersion": "v1", "kind": "Pod", "unknown": [1, {"deep": null}],
        "metadata": {
            "generateName": "web-abc-", "namespace": "shop", "creationTimestamp": null,
            "labels": {"pod-template-hash": "abc", "say \"hi\"": "\u{e9}\n"},
            "annotations": null,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "u0"},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "uid": "u1", "controller": true},
            ],
        },
        "spec": {"containers": "not looked at"},
    })
    .to_string();
    let pod = PodHead::read(&text).unwrap();
    assert!(pod.is_active());
    assert_eq!(pod.controller().map(|owner| owner.name.as_str()), Some("web-abc"));
    assert_eq!(
        pod.controller().and_then(|owner| owner.group_kind()),
        Some(kind("apps/v1", "ReplicaSet"))
    );
    assert_eq!(pod.revision(), Some("abc"));
    assert_eq!(pod.label("say \"hi\""), Some("\u{e9}\n"));
    assert_eq!((pod.label("absent"), pod.annotation("absent")), (None, None));
    assert_eq!(pod.name(), None);
}

#[test]
fn finished_and_terminating_pods_are_not_active() {
    let active = |pod: Value| {
        let text = pod.to_string();
        PodHead::read(&text).unwrap().is_active()
    };
    assert!(active(json!({})));
    assert!(active(
        json!({"metadata": {"deletionTimestamp": null}, "status": {"phase": null}})
    ));
    assert!(active(json!({"metadata": {}, "status": {"phase": "Pending"}})));
    assert!(!active(
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    ));
    assert!(!active(json!({"status": {"phase": "Succeeded"}})));
    assert!(!active(json!({"status": {"phase": "Failed"}})));
}

#[test]
fn pods_that_are_not_ours_to_place_are_known_by_node_owner_and_mark() {
    let foreign = |pod: Value| PodHead::read(&pod.to_string()).unwrap().foreign();
    let owned = |api_version: &str, kind: &str| {
        let owner =
            json!({"apiVersion": api_version, "kind": kind, "name": "x", "uid": "u", "controller": true});
        json!({"metadata": {"ownerReferences": [owner]}, "spec": {}})
    };
    assert_eq!(
        foreign(json!({"spec": {"nodeName": "n-1"}})),
        Some(Foreign::Pinned)
    );
    assert_eq!(foreign(owned("apps/v1", "DaemonSet")), Some(Foreign::OnePerNode));
    assert_eq!(
        foreign(owned("apps.kruise.io/v1alpha1", "DaemonSet")),
        Some(Foreign::OnePerNode)
    );
    assert_eq!(foreign(owned("v1", "Node")), Some(Foreign::Mirror));
    let mirror = json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "0d3c"}}});
    assert_eq!(foreign(mirror), Some(Foreign::Mirror));
    for ours in [
        json!({}),
        json!({"spec": {"nodeName": ""}}),
        json!({"spec": {"nodeName": null}}),
        json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "n-1"}}}),
        owned("apps/v1", "ReplicaSet"),
        owned("example.org/v1", "Node"),
        // One that does not control the pod says nothing.
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n-1", "uid": "u"}]}}),
    ] {
        assert_eq!(foreign(ours.clone()), None, "{ours}");
    }
}

#[test]
fn a_pod_whose_read_fields_have_other_types_is_refused() {
    for pod in [
        json!("pod"),
        json!(null),
        json!({"metadata": "web"}),
        json!({"metadata": {"labels": {"a": 1}}}),
        json!([]),
        json!({"metadata": []}),
        json!({"metadata": {"name": 1}}),
        json!({"metadata": {"ownerReferences": ["ReplicaSet"]}}),
        json!({"metadata": {"ownerReferences": [{"controller": true, "kind": 1}]}}),
        json!({"status": {"phase": 7}}),
    ] {
        let text = pod.to_string();
        assert!(PodHead::read(&text).is_err(), "{text}");
    }
}

#[test]
fn a_listed_pod_gives_what_counting_needs() {
    let text = json!({
        "metadata": {
            "name": "p", "labels": {
                "spillway.dev/spread": "web", "spillway.dev/subset": "a", "controller-revision-hash": "web-7d9f", "x": "y",
            },
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true}],
            "deletionTimestamp": "2026-01-01T00:00:00Z",
        },
        "status": {"phase": "Running", "conditions": []},
    })
    .to_string();
    let pod: ListedPod<'_> = serde_json::from_str(&text).unwrap();
    let expected = PodFacts {
        cost: None,
        has_our_cost: false,
        spread: Some("web"),
        subset: Some("a"),
        revision: Some("7d9f"),
        finished: false,
        terminating: true,
    };
    assert_eq!(pod.facts(), expected);
    let bare: ListedPod<'_> = serde_json::from_str(r#"{"metadata":{"name":"p"}}"#).unwrap();
    assert_eq!(bare.facts(), PodFacts::default());
}

#[test]
fn a_cost_is_a_rung_only_beside_our_decision() {
    let has_our_cost = |decision: &str, labels: &str| {
        let text = format!(
            r#"{{"metadata": {{
                "labels": {{"spillway.dev/spread": "web", "spillway.dev/subset": "a" {labels}}},
                "annotations": {{"controller.kubernetes.io/pod-deletion-cost": "100" {decision}}}
            }}}}"#
        );
        let pod: ListedPod<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(pod.facts().cost, Some(100));
        pod.facts().has_our_cost
    };
    let template = r#", "pod-template-hash": "7d9f""#;
    assert!(has_our_cost(
        r#", "spillway.dev/decision": "a: bound in order""#,
        template
    ));
    for (decision, labels) in [
        ("", template),
        (r#", "spillway.dev/decision": "b: bound in order""#, template),
        (r#", "spillway.dev/decision": "gated: waits""#, template),
        // A Job's pods get no cost of ours.
        (r#", "spillway.dev/decision": "a: bound in order""#, ""),
    ] {
        assert!(!has_our_cost(decision, labels), "{decision} {labels}");
    }
}

#[test]
fn kinds_are_known_by_group_and_kind_in_any_version() {
    let known = |api_version: &str, name: &str| kind(api_version, name).known();
    assert_eq!(
        known("apps/v1beta2", "Deployment"),
        Some(WorkloadKind::Deployment)
    );
    assert_eq!(
        known("apps.kruise.io/v1alpha1", "StatefulSet"),
        Some(WorkloadKind::AdvancedStatefulSet)
    );
    assert_eq!(known("apps/v1", "CloneSet"), None);
    assert_eq!(known("v1", "ReplicaSet"), None);
    for malformed in ["apps/v1/x", "a/b/c/d"] {
        assert_eq!(GroupKind::of(malformed, "Deployment"), None, "{malformed}");
    }
}

#[test]
fn only_pods_of_replicasets_and_deployments_have_revisions() {
    let key = |template, revision| revision_key(Some(WorkloadKind::ReplicaSet), template, revision);
    assert_eq!(key(Some("t"), Some("w-r")), Some("t"));
    assert_eq!(key(Some(""), Some("w-r")), Some("r"));
    assert_eq!(key(None, Some("r")), Some("r"));
    assert_eq!(key(None, Some("w-")), None);
    assert_eq!(key(None, None), None);
    use WorkloadKind::{AdvancedStatefulSet, CloneSet, Deployment, Job, StatefulSet};
    assert_eq!(revision_key(Some(Deployment), Some("t"), None), Some("t"));
    for other in [StatefulSet, AdvancedStatefulSet, CloneSet, Job] {
        assert_eq!(
            revision_key(Some(other), Some("t"), Some("w-r")),
            None,
            "{other:?}"
        );
    }
    assert_eq!(revision_key(None, Some("t"), Some("w-r")), None);
}

#[test]
fn ordinals_stand_at_the_end_of_the_name() {
    assert_eq!(ordinal("db-4"), Some(4));
    assert_eq!(ordinal("a-1-b-10"), Some(10));
    assert_eq!(ordinal("db-007"), Some(7));
    for name in [
        "",
        "db",
        "db-",
        "4",
        "db-x",
        "db-4x",
        "db-+4",
        "db- 4",
        "db-4294967296",
        "db-\u{0664}",
    ] {
        assert_eq!(ordinal(name), None, "{name}");
    }
}

#[test]
fn replicas_are_found_by_path() {
    let object = json!({
        "spec": {"replicas": 3, "list": [{"replicas": 4}, {"replicas": 5}], "text": "6", "minus": -1, "half": 1.5, "no": null},
    });
    let at = |path: &str| replicas_at(&object, path);
    assert_eq!(at("spec.replicas"), Ok(3));
    assert_eq!(at("spec.list.1.replicas"), Ok(5));
    for nowhere in [
        "",
        "spec.absent",
        "spec.list.9.replicas",
        "spec.no",
        "absent.deep.deeper",
    ] {
        assert_eq!(at(nowhere), Ok(0), "{nowhere}");
    }
    assert_eq!(at("spec.list.x"), Err(PathError::NotAnIndex("x".to_owned())));
    assert_eq!(at("spec.list.-1"), Err(PathError::NotAnIndex("-1".to_owned())));
    assert_eq!(at("spec.replicas.x"), Err(PathError::Through("x".to_owned())));
    for no_number in ["spec.text", "spec.minus", "spec.half", "spec"] {
        assert!(
            matches!(at(no_number), Err(PathError::NotReplicas(_))),
            "{no_number}"
        );
    }
    let paths = |paths: &[&str]| {
        paths
            .iter()
            .map(|path| ReplicasPath::new(path))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        replicas_in(&object, &paths(&["spec.replicas", "spec.list.0.replicas"])),
        Ok(7)
    );
    assert_eq!(replicas_in(&object, &[]), Ok(0));
    assert!(replicas_in(&object, &paths(&["spec.replicas", "spec.text"])).is_err());
    let huge = json!({"a": u32::MAX, "b": u64::MAX});
    assert_eq!(replicas_in(&huge, &paths(&["a", "a"])), Ok(u32::MAX));
    assert!(replicas_at(&huge, "b").is_err());
}

#[test]
fn a_workload_says_what_it_wants() {
    let read = |workload: Value, kind| {
        let text = workload.to_string();
        let facts = WorkloadFacts::read(&text).unwrap();
        (
            facts.replicas(kind),
            facts.desired_by_owner(),
            facts.first_ordinal(),
        )
    };
    use WorkloadKind::{Deployment, Job, ReplicaSet, StatefulSet};
    assert_eq!(read(json!({"spec": {"replicas": 7}}), Deployment), (7, None, 0));
    assert_eq!(
        read(
            json!({"spec": {"parallelism": 3, "completions": 9, "replicas": 4}}),
            Job
        ),
        (3, None, 0)
    );
    // The API server's default where nothing is written.
    assert_eq!(read(json!({"spec": {}}), Deployment).0, 1);
    assert_eq!(read(json!({"spec": {"replicas": null}}), Deployment).0, 1);
    assert_eq!(read(json!({}), Job).0, 1);
    assert_eq!(read(json!({"spec": {"replicas": 0}}), Deployment).0, 0);
    assert_eq!(
        read(
            json!({"spec": {"replicas": 3, "ordinals": {"start": 5}}}),
            StatefulSet
        ),
        (3, None, 5)
    );
    let annotated = |value: &str| {
        let annotations = json!({"deployment.kubernetes.io/desired-replicas": value});
        read(
            json!({"metadata": {"annotations": annotations}, "spec": {"replicas": 2}}),
            ReplicaSet,
        )
        .1
    };
    assert_eq!(
        (annotated("12"), annotated("twelve"), annotated("-1")),
        (Some(12), None, None)
    );
}

#[test]
fn the_items_of_a_list_stay_unread() {
    let answer = br#"{"kind":"PodList","items":[{"metadata":{"name":"a"}},{"metadata":{}},7,{"metadata":{"name":"b\u002d1"}}]}"#;
    let items = items(answer).unwrap();
    assert_eq!(items.len(), 4);
    assert_eq!(
        named(&items, "a").map(|item| item.get()),
        Some(r#"{"metadata":{"name":"a"}}"#)
    );
    assert!(named(&items, "b-1").is_some());
    assert!(named(&items, "c").is_none());
    for no_list in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        br#"{"items":null}"#,
        br#"{"items":{}}"#,
        b"\xff",
    ] {
        assert!(
            placement_core::facts::items(no_list).is_err(),
            "{}",
            String::from_utf8_lossy(no_list)
        );
    }
}

fn replica_set(hash: &str, image: &str, created: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("web-{hash}"), "labels": {"pod-template-hash": hash}, "creationTimestamp": created,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": true}],
        },
        "spec": {"template": {
            "metadata": {"labels": {"app": "web", "pod-template-hash": hash}},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }},
    })
}

#[test]
fn the_newest_revision_is_the_replicaset_with_the_template() {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "d"},
        "spec": {"template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "app:2"}]},
        }},
    });
    let old = replica_set("h1", "app:1", "2026-01-01T00:00:00Z");
    let new = replica_set("h2", "app:2", "2026-01-02T00:00:00Z");
    let latest = |sets: &[Value]| latest_revision(&deployment, sets);
    assert_eq!(latest(&[old.clone(), new.clone()]), Ok(Some("h2".to_owned())));
    assert_eq!(latest(std::slice::from_ref(&old)), Err(NoRevision));
    // Where two have the template, the Deployment controller takes the oldest.
    let twin = replica_set("h3", "app:2", "2026-01-03T00:00:00Z");
    assert_eq!(latest(&[twin, new.clone()]), Ok(Some("h2".to_owned())));
    let mut foreign = new.clone();
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("other");
    assert_eq!(latest(&[foreign]), Err(NoRevision));
    let mut going = new.clone();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-04T00:00:00Z");
    assert_eq!(latest(&[going]), Err(NoRevision));
    assert_eq!(latest_revision(&new, &[]), Ok(Some("h2".to_owned())));
    let clone_set = json!({"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "metadata": {}});
    assert_eq!(latest_revision(&clone_set, &[]), Ok(None));
}

#[test]
fn every_known_kind_is_found_by_its_names_and_no_other() {
    for kind in WorkloadKind::ALL {
        assert_eq!(WorkloadKind::named(kind.api_version(), kind.kind()), Some(kind));
    }
    for (api_version, kind) in [
        ("v1", "Pod"),
        ("batch/v1", "Deployment"),
        ("apps/v1", "CloneSet"),
        ("apps/v1", "deployment"),
    ] {
        assert_eq!(WorkloadKind::named(api_version, kind), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_or_refused(value in any_json(), path in "[a-z0-9.-]{0,20}") {
        let text = value.to_string();
        if let Ok(pod) = PodHead::read(&text) {
            let _ = (pod.is_active(), pod.controller().and_then(|owner| owner.group_kind()), pod.revision());
        }
        if let Ok(pod) = serde_json::from_str::<ListedPod<'_>>(&text) {
            let _ = pod.facts();
        }
        if let Ok(workload) = WorkloadFacts::read(&text) {
            let _ = (workload.controller().is_some(), workload.desired_by_owner(), workload.first_ordinal());
            for kind in WorkloadKind::ALL {
                let _ = workload.replicas(kind);
            }
        }
        if let Ok(items) = items(text.as_bytes()) {
            let _ = named(&items, "a");
        }
        let _ = replicas_at(&value, &path);
        let _ = latest_revision(&value, std::slice::from_ref(&value));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
        let _ = items(&bytes);
        let whole = json!({"items": [{"metadata": {"name": "\u{e9}\\\"", "labels": {"a": "b"}}, "status": {"phase": "Failed"}}]});
        let mut text = whole.to_string().into_bytes();
        text.truncate(cut);
        text.extend_from_slice(&bytes);
        if let Ok(items) = items(&text) {
            for item in &items {
                let _ = PodHead::read(item.get()).map(|pod| pod.is_active());
                let _ = serde_json::from_str::<ListedPod<'_>>(item.get()).map(|pod| pod.facts() == PodFacts::default());
                let _ = WorkloadFacts::read(item.get()).map(|workload| workload.first_ordinal());
            }
            let _ = named(&items, "a");
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ = (ordinal(&text), revision_key(Some(WorkloadKind::ReplicaSet), Some(&text), Some(&text)));
        let _ = GroupKind::of(&text, &text);
    }
}
