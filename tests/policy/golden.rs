//! Requests and exact answers: `tests/golden/*.input.yaml` and `*.output.yaml`.

use kube_rules::time::UnixMillis;
use policy_host::Resource;
use serde_json::{Value, json};

use crate::support::{admit, assert_golden, files, host, noting, root, with_managed_fields, yaml};

/// The policy reads the clock of its host: a Lease that says `<now>` was renewed just now.
fn with_time(case: Value) -> Value {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = UnixMillis(now.try_into().unwrap()).to_string();
    serde_json::from_str(&case.to_string().replace("<now>", &now)).unwrap()
}

#[test]
fn every_golden_request_has_its_exact_answer() {
    for input in files(&root().join("tests/golden"), ".input.yaml") {
        let case = with_time(yaml(&input));
        let objects = case["objects"].as_array().cloned().unwrap_or_default();
        let more = case["grants"].as_array().cloned().unwrap_or_default();
        let more = more
            .iter()
            .map(|r| Resource::new(r["apiVersion"].as_str().unwrap(), r["kind"].as_str().unwrap()));
        let (host, calls) = noting(host(&objects, more.collect()));
        let answer = admit(&case["settings"], &case["request"], host);

        let calls: Vec<Value> = calls
            .lock()
            .unwrap()
            .iter()
            .map(|(operation, payload)| json!({"operation": operation, "payload": payload}))
            .collect();
        let seen = json!({
            "allowed": answer.allowed,
            "message": answer.status.as_ref().and_then(|status| status.message.clone()),
            "warnings": answer.warnings,
            "patch": answer.patch,
            "hostCalls": calls,
        });
        let output = input.to_string_lossy().replace(".input.yaml", ".output.json");
        assert_golden(output.as_ref(), &format!("{seen:#}\n"));

        if answer.patch.is_some() {
            let mut placed = case["request"]["object"].clone();
            answer.apply(&mut placed).unwrap();
            with_managed_fields(&mut placed, &case["request"]["object"]);
            let mut again = case["request"].clone();
            again["object"] = placed;
            let (host, calls) = noting(crate::support::host(&objects, Vec::new()));
            let second = admit(&case["settings"], &again, host);
            assert_eq!(
                (second.patch, second.warnings),
                (None, None),
                "a second pass over {}",
                input.display()
            );
            assert!(
                calls.lock().unwrap().is_empty(),
                "a second pass asks for nothing: {}",
                input.display()
            );
        }
    }
}
