//! Small guests written by hand, run as policies are: what the host gives them and what it makes of their answers.
#![expect(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use policy_host::{
    AdmitError, Capabilities, Counted, Engine, Grants, HostError, Kubernetes, Limit, LogLines, LogSink, Mode,
    Module, NoCapabilities, Policy, Recording, Replay, Resource, Store, Ticker,
};
use serde_json::{Value, json};

fn file(guest: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/guests")
        .join(format!("{guest}.wat"))
}

fn module(guest: &str) -> Module {
    Module::from_file(&file(guest)).unwrap()
}

fn policy(guest: &str) -> Policy {
    Policy::new("placement", module(guest), r#"{"spreads":[]}"#).unwrap()
}

fn none() -> Arc<dyn Capabilities> {
    Arc::new(NoCapabilities)
}

fn review(object: &Value) -> String {
    // Spaces and an escaped slash, so that re-writing would show.
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u-1","kind":{{"group":"","version":"v1","kind":"Pod"}},
        "resource":{{"group":"","version":"v1","resource":"pods"}},"namespace":"a\/b","operation":"CREATE","userInfo":{{}},
        "object": {object} ,"oldObject":null,"dryRun":false,"unknown":1}}}}"#
    )
}

fn admit(policy: &Policy, object: &Value) -> Value {
    let response = policy.admit(review(object).as_bytes(), none()).unwrap();
    serde_json::from_slice(&response.to_review().unwrap()).unwrap()
}

fn shop() -> Store {
    let store = Store::new();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop"}, "spec": {"nodeName": "n1"}});
    store.put(0, pod).unwrap();
    store
}

const PODS: &[u8] = br#"{"api_version":"v1","kind":"Pod","namespace":"shop","field_masks":["spec"]}"#;
const LISTED: &str = r#"{"apiVersion":"v1","kind":"PodList","metadata":{},"items":[{"metadata":{"annotations":{},"managedFields":[],"name":"web-1","namespace":"shop"},"spec":{"nodeName":"n1"}}]}"#;

#[test]
fn a_guest_gets_the_request_as_it_came_without_nulls_and_strangers() {
    let echo = module("echo").instance(none(), None).unwrap();
    assert_eq!(echo.call("validate", b"anything").unwrap(), b"anything");

    // The echo's answer is no validation response, and says where it stops being one; so read it through a mutation.
    let seen = Arc::new(LogLines::default());
    struct Spy(Arc<LogLines>);
    impl Capabilities for Spy {
        fn call(&self, _: &str, _: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
            self.0.log(operation.as_bytes());
            self.0.log(payload);
            Ok(br#"{"accepted":true}"#.to_vec())
        }
    }
    let response = policy("relay")
        .admit(review(&json!({"a": 1})).as_bytes(), Arc::new(Spy(seen.clone())))
        .unwrap();
    assert!(response.allowed);
    assert_eq!(
        seen.lines(),
        [
            "validate",
            concat!(
                r#"{"request":{"uid":"u-1","kind":{"group":"","version":"v1","kind":"Pod"},"#,
                r#""resource":{"group":"","version":"v1","resource":"pods"},"namespace":"a\/b","operation":"CREATE","#,
                r#""userInfo":{},"object":{"a":1},"dryRun":false},"settings":{"spreads":[]}}"#
            )
        ]
    );
}

#[test]
fn every_instance_is_fresh() {
    let counter = module("counter");
    for _ in 0..2 {
        let instance = counter.instance(none(), None).unwrap();
        assert_eq!(instance.call("validate", b"").unwrap(), b"1");
        assert_eq!(instance.call("validate", b"").unwrap(), b"2");
    }
}

#[test]
fn the_three_operations_are_answered() {
    let accept = module("accept");
    assert_eq!(accept.protocol_version().unwrap(), "v1");
    assert!(accept.validate_settings(b"{}", None).unwrap().valid);
    assert!(
        accept
            .instance(none(), None)
            .unwrap()
            .validate(b"{}")
            .unwrap()
            .accepted
    );
    let refused = policy("mutate").validate_settings().unwrap();
    assert_eq!(
        (refused.valid, refused.message.as_deref()),
        (false, Some("subsets: empty"))
    );
}

#[test]
fn an_accepted_request_is_answered_as_policy_server_does() {
    assert_eq!(
        admit(&policy("accept"), &json!({"a": 1})),
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": {"uid": "u-1", "allowed": true, "auditAnnotations": null, "warnings": null}})
    );
}

#[test]
fn a_mutation_becomes_a_patch_that_gives_the_same_object() {
    let object = json!({"a": [1], "gone": true});
    let policy = policy("mutate").allowed_to_mutate(true);
    let response = policy.admit(review(&object).as_bytes(), none()).unwrap();
    let mut changed = object.clone();
    response.apply(&mut changed).unwrap();
    assert_eq!(changed, json!({"a": [1, 2], "b": {"c": "d"}}));
    // [{"op":"add","path":"/a/1","value":2},{"op":"add","path":"/b","value":{"c":"d"}},{"op":"remove","path":"/gone"}]
    assert_eq!(
        admit(&policy, &object)["response"],
        json!({
            "uid": "u-1", "allowed": true, "patchType": "JSONPatch",
            "patch": "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2EvMSIsInZhbHVlIjoyfSx7Im9wIjoiYWRkIiwicGF0aCI6Ii9iIiwidmFsdWUiOnsiYyI6ImQifX0seyJvcCI6InJlbW92ZSIsInBhdGgiOiIvZ29uZSJ9XQ==",
            "auditAnnotations": {"k": "v"}, "warnings": ["careful"],
        })
    );
    let unchanged = &admit(&policy, &changed)["response"];
    assert_eq!((unchanged.get("patch"), unchanged.get("patchType")), (None, None));
}

#[test]
fn a_mutation_without_the_right_is_a_rejection() {
    let response = &admit(&policy("mutate"), &json!({}))["response"];
    assert_eq!(
        *response,
        json!({
            "uid": "u-1", "allowed": false,
            "status": {"message": "Request rejected by policy placement. The policy attempted to mutate the request, but it is currently configured to not allow mutations."},
            "auditAnnotations": {"k": "v"}, "warnings": ["careful"],
        })
    );
    let same = admit(&policy("mutate"), &json!({"a": [1, 2], "b": {"c": "d"}}));
    assert_eq!(same["response"]["allowed"], true);
    let deleted = policy("mutate")
        .allowed_to_mutate(true)
        .admit(review(&Value::Null).as_bytes(), none())
        .unwrap();
    assert!(!deleted.allowed);
    assert!(
        deleted
            .status
            .unwrap()
            .message
            .unwrap()
            .starts_with("Incoming object is null")
    );
}

#[test]
fn monitor_mode_allows_everything_and_changes_nothing() {
    for guest in ["mutate", "reject", "trap"] {
        let response = admit(
            &policy(guest).allowed_to_mutate(true).with_mode(Mode::Monitor),
            &json!({}),
        );
        let response = response["response"].as_object().unwrap();
        assert_eq!(response["allowed"], true, "{guest}");
        assert!(
            ["patch", "patchType", "status"]
                .iter()
                .all(|key| !response.contains_key(*key)),
            "{guest}"
        );
    }
}

#[test]
fn a_rejection_keeps_its_message_and_code_unless_another_message_is_written() {
    let own = admit(&policy("reject"), &json!({}));
    assert_eq!(
        own["response"]["status"],
        json!({"message": "no room", "code": 403})
    );
    let other = admit(
        &policy("reject").with_rejection_message(Some("ask us".into())),
        &json!({}),
    );
    assert_eq!(
        other["response"]["status"],
        json!({"message": "ask us", "details": {"causes": [{"message": "no room"}]}, "code": 403})
    );
}

#[test]
fn a_guest_that_fails_is_a_rejection_with_code_500() {
    let message = |policy: &Policy| {
        let response = policy.admit(review(&json!({})).as_bytes(), none()).unwrap();
        assert!(!response.allowed);
        let status = response.status.unwrap();
        assert_eq!(status.code, Some(500));
        status.message.unwrap()
    };
    assert!(message(&policy("trap")).starts_with("internal server error: Guest call failure: "));
    assert_eq!(
        message(&policy("relay")),
        "internal server error: Guest call failure: `kubernetes/validate` cannot be called here"
    );
    assert!(
        message(&policy("echo"))
            .starts_with("internal server error: invalid response from policy: missing field `accepted`")
    );
}

#[test]
fn a_guest_that_does_not_end_is_interrupted() {
    let engine = Engine::new().unwrap();
    let _ticker = Ticker::start(&engine, Duration::from_millis(1));
    for guest in ["endless", "endless_start"] {
        let module = Module::file_in_engine(&engine, &file(guest)).unwrap();
        let policy = Policy::new("slow", module, "{}")
            .unwrap()
            .with_limit(Some(Limit { ticks: 2 }));
        let status = policy
            .admit(review(&json!({})).as_bytes(), none())
            .unwrap()
            .status
            .unwrap();
        assert_eq!(
            (status.message.as_deref(), status.code),
            (
                Some("Policy execution interrupted because it exceeded the allowed execution time"),
                Some(500)
            ),
            "{guest}"
        );
    }
}

#[test]
fn a_host_call_is_not_interrupted_but_the_guest_is_when_it_returns() {
    let module = module("relay");
    let engine = module.engine().clone();
    let slow = move |_: &str, _: &str, _: &str, _: &[u8]| {
        (0..5).for_each(|_| engine.tick());
        Ok(b"answered".to_vec())
    };
    let limited = |ticks| {
        module
            .instance(Arc::new(slow.clone()), Some(Limit { ticks }))
            .unwrap()
            .call("get_resource", b"")
    };
    assert_eq!(limited(100).unwrap(), b"answered");
    assert!(matches!(limited(1), Err(HostError::Interrupted)));
}

#[test]
fn what_is_no_module_and_no_review_is_said() {
    assert!(matches!(Module::from_bytes(b"\0asm"), Err(HostError::Compile(_))));
    let alien = Module::from_bytes(br#"(module (import "env" "f" (func)) (memory (export "memory") 1))"#)
        .unwrap_err();
    assert!(alien.to_string().contains("env"), "{alien}");
    let missing = Module::from_file(Path::new("nowhere/policy.wasm")).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("cannot read the module `nowhere/policy.wasm`: ")
    );
    let mute = Module::from_bytes(br#"(module (memory (export "memory") 1))"#).unwrap();
    assert!(matches!(
        mute.instance(none(), None),
        Err(HostError::Instantiate(_))
    ));
    let error = policy("accept").admit(br#"{"request":{}}"#, none()).unwrap_err();
    assert!(matches!(error, AdmitError::Review(_)));
    assert!(matches!(
        Policy::new("p", module("accept"), "{"),
        Err(AdmitError::Settings(_))
    ));
}

#[test]
fn a_guest_lists_through_grants_counts_and_a_recording_that_replays() {
    let relay = module("relay");
    let grants = Arc::new(
        Grants::new(
            [Resource::new("v1", "Pod")],
            ["kubernetes/list_resources_by_namespace"],
        )
        .unwrap(),
    );
    let recording = Arc::new(Recording::new(Arc::new(shop())));
    let counted = Arc::new(Counted::new(Arc::new(Kubernetes::new(
        recording.clone(),
        grants.clone(),
    ))));
    let instance = relay.instance(counted.clone(), None).unwrap();
    let text = |answer: Result<Vec<u8>, HostError>| {
        answer
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .map_err(|e| e.to_string())
    };

    assert_eq!(
        text(instance.call("list_resources_by_namespace", PODS)),
        Ok(LISTED.to_owned())
    );
    assert_eq!(
        text(instance.call("list_resources_all", PODS)),
        Err("Guest call failure: Policy has not been granted access to the 'kubernetes/list_resources_all' host capability. The violation has been reported.".to_owned())
    );
    let calls = counted.calls();
    assert_eq!(
        calls.iter().collect::<Vec<_>>(),
        [
            ("kubernetes/list_resources_all", 1),
            ("kubernetes/list_resources_by_namespace", 1)
        ]
    );
    assert_eq!((calls.total(), calls.of("kubernetes/get_resource")), (2, 0));

    let replay = Arc::new(Replay::from_yaml(&recording.to_yaml()).unwrap());
    let instance = relay
        .instance(Arc::new(Kubernetes::new(replay.clone(), grants)), None)
        .unwrap();
    assert_eq!(
        text(instance.call("list_resources_by_namespace", PODS)),
        Ok(LISTED.to_owned())
    );
    assert_eq!(
        text(instance.call("list_resources_by_namespace", PODS)),
        Err(
            "Guest call failure: Callback evaluation failure: the list of recorded responses is empty"
                .to_owned()
        )
    );
    assert!(replay.left().is_empty());
}
