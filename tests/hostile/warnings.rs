//! The API server drops a warning with a control character, without a word: none has one.

use std::sync::{Arc, Mutex};

use policy_host::Capabilities;
use serde_json::{Value, json};

use crate::guest::{answer, patching, payload, pod, run};

const NASTY: &str = "first\nsecond\r\n\tthird\u{0}\u{1b}[31m\u{7f}\u{85}\u{9b}";

fn is_printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

fn failing(error: String) -> (Arc<dyn Capabilities>, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = lines.clone();
    let host = move |_: &str, namespace: &str, _: &str, payload: &[u8]| {
        if namespace == "tracing" {
            let line: Value = serde_json::from_slice(payload).unwrap();
            seen.lock()
                .unwrap()
                .push(line["message"].as_str().unwrap().to_owned());
            return Ok(Vec::new());
        }
        Err(error.clone())
    };
    (Arc::new(host), lines)
}

fn asking(on_error: &str) -> Value {
    let mut settings = patching(&json!({}));
    settings["spreads"][0]["subsets"] = json!([{"name": "fixed", "maxReplicas": 3}, {"name": "elastic"}]);
    settings["onError"] = on_error.into();
    settings
}

#[test]
fn no_warning_message_or_line_of_the_log_has_a_control_character() {
    let long = NASTY.repeat(100);
    for error in [NASTY, &long, "\u{1f980}\n", "\n"] {
        let (host, lines) = failing(error.to_owned());
        let open = answer(&run(&payload(&asking("Accept"), &pod()), host));
        assert_eq!(open["accepted"], true);
        let warning = open["warnings"][0].as_str().unwrap();
        assert!(is_printable(warning) && warning.len() <= 256, "{warning:?}");
        assert!(
            lines.lock().unwrap().iter().all(|line| is_printable(line)),
            "{lines:?}"
        );
        assert_eq!(lines.lock().unwrap().len(), 1);

        let (host, _) = failing(error.to_owned());
        let shut = answer(&run(&payload(&asking("Reject"), &pod()), host));
        assert_eq!(shut["accepted"], false);
        assert!(is_printable(shut["message"].as_str().unwrap()), "{shut}");
    }
}

#[test]
fn no_fault_of_settings_breaks_a_line_of_its_own() {
    let faulty = json!({"spreads": [], "on\nError\u{1b}": NASTY});
    let message =
        String::from_utf8(admission_core::validate_settings(faulty.to_string().as_bytes())).unwrap();
    let message: Value = serde_json::from_str(&message).unwrap();
    let message = message["message"].as_str().unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.lines().all(is_printable), "{message:?}");
}
