//! Settings through the compiled module: the examples are good, every fault is reported.

use policy_host::SettingsResponse;
use serde_json::Value;

use crate::support::{MODULE, files, root, yaml};

fn validate(settings: &Value) -> SettingsResponse {
    MODULE
        .validate_settings(settings.to_string().as_bytes(), None)
        .unwrap()
}

#[test]
fn every_example_is_valid() {
    for example in files(&root().join("policy-settings/examples"), ".yaml") {
        let answer = validate(&yaml(&example));
        assert!(answer.valid, "{}: {:?}", example.display(), answer.message);
    }
}

#[test]
fn every_fault_is_reported_by_the_module_as_it_is_natively() {
    let mut seen = String::new();
    for input in files(&root().join("policy-settings/tests/faults"), ".input.yaml") {
        let settings = yaml(&input);
        let faults = policy_settings::Settings::parse(&settings.to_string()).unwrap_err();
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let answer = validate(&settings);
        assert!(!answer.valid, "{}", input.display());
        assert_eq!(answer.message, Some(lines.join("\n")), "{}", input.display());
        seen.push_str(&lines.join("\n"));
    }
    for code in policy_settings::FaultCode::ALL {
        // Text that is not JSON never reaches a policy by a host: it is tested below.
        let is_seen = seen.contains(&code.to_string()) || *code == policy_settings::FaultCode::NotJson;
        assert!(is_seen, "no case shows {code} {}", code.title());
    }
}

#[test]
fn settings_that_are_no_json_are_refused() {
    for text in [&b"{"[..], b"", b"nonsense", b"\xff\xfe"] {
        let answer = MODULE.validate_settings(text, None).unwrap();
        assert!(!answer.valid, "{text:?}");
        assert!(answer.message.is_some_and(|message| !message.is_empty()));
    }
}

#[test]
fn the_protocol_is_version_one() {
    assert_eq!(MODULE.protocol_version().unwrap(), "v1");
}
