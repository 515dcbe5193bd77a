//! The fuzzing corpus through the wasm: it answers what the native code answers, and never traps.

use std::sync::Arc;
use std::time::Duration;

use admission_core::cluster::{Cluster, EverywhereQuery, HostError, ListQuery, LogLine, ObjectQuery};
use admission_core::deadline::Clock;
use kube_rules::time::UnixMillis;
use policy_host::Capabilities;
use serde_json::Value;

use crate::scratch::{Scene, scenes};
use crate::support::{MODULE, root};

/// A cluster whose every answer is the same text.
struct Fixed(Option<Vec<u8>>);

impl Cluster for Fixed {
    fn list(&self, _: &ListQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.0
            .clone()
            .ok_or_else(|| HostError("Callback evaluation failure: no".to_owned()))
    }

    fn list_everywhere(&self, _: &EverywhereQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.list(&ListQuery::placed_pods("any"))
    }

    fn object(&self, _: &ObjectQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.list(&ListQuery::placed_pods("any"))
    }

    fn log(&self, _: &LogLine<'_>) {}
}

/// Answers by the wasm and natively, and holds them to be the same but for how a host's error is
/// wrapped on its way to the guest.
fn assert_same(payload: &[u8], answer: Option<&[u8]>, what: &str) {
    let owned = answer.map(<[u8]>::to_vec);
    let host: Arc<dyn Capabilities> = Arc::new(move |_: &str, _: &str, _: &str, _: &[u8]| {
        owned
            .clone()
            .ok_or_else(|| "Callback evaluation failure: no".to_owned())
    });
    let wasm = MODULE
        .instance(host, None)
        .unwrap()
        .call("validate", payload)
        .unwrap_or_else(|e| panic!("{what}: {e}"));
    let clock = Clock::new(UnixMillis(0), &|| Duration::ZERO);
    let native = admission_core::review(payload, &Fixed(answer.map(<[u8]>::to_vec)), &clock);
    let read = |answer: &[u8]| -> Value {
        let mut answer: Value = serde_json::from_slice(answer).unwrap();
        if answer["warnings"][0]
            .as_str()
            .is_some_and(|warning| warning.contains("did not answer"))
        {
            answer["warnings"] = "the host did not answer".into();
        }
        answer
    };
    assert_eq!(read(&wasm), read(&native), "{what}");
}

#[test]
fn the_review_corpus_is_answered_alike_by_wasm_and_native_code() {
    for input in super::support::files(&root().join("fuzz/corpus/review"), "") {
        let bytes = std::fs::read(&input).unwrap();
        // As the fuzz target reads it: the payload, a line break, what the host answers.
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
        let payload = parts.next().unwrap();
        assert_same(payload, parts.next(), &input.display().to_string());
    }
}

#[test]
fn the_settings_corpus_is_answered_alike_by_wasm_and_native_code() {
    for input in super::support::files(&root().join("fuzz/corpus/settings"), "") {
        let bytes = std::fs::read(&input).unwrap();
        let wasm = MODULE
            .instance(Arc::new(policy_host::NoCapabilities), None)
            .unwrap();
        let wasm = wasm.call("validate_settings", &bytes).unwrap();
        let native = admission_core::validate_settings(&bytes);
        assert_eq!(
            String::from_utf8(wasm),
            String::from_utf8(native),
            "{}",
            input.display()
        );
    }
}

#[test]
fn the_patch_corpus_runs_through_the_wasm() {
    for input in super::support::files(&root().join("fuzz/corpus/smp"), "") {
        let bytes = std::fs::read(&input).unwrap();
        let Scene { payload, answer } = Scene::of_patch(&bytes);
        assert_same(
            payload.as_bytes(),
            Some(answer.as_bytes()),
            &input.display().to_string(),
        );
    }
}

#[test]
fn random_scenes_are_answered_alike_by_wasm_and_native_code() {
    for (seed, Scene { payload, answer }) in scenes(400) {
        assert_same(
            payload.as_bytes(),
            Some(answer.as_bytes()),
            &format!("seed {seed}"),
        );
    }
}
