//! One admission by the native code: whatever the payload and whatever the host answers, the
//! answer is JSON, and a pod is never rejected unless the settings ask for it.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use admission_core::cluster::{Cluster, EverywhereQuery, HostError, ListQuery, LogLine, ObjectQuery};
use admission_core::deadline::Clock;
use kube_rules::time::UnixMillis;

/// A cluster whose every answer is the same text, or an error.
struct Fixed<'a>(Option<&'a [u8]>);

impl Cluster for Fixed<'_> {
    fn list(&self, _: &ListQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.0.map(<[u8]>::to_vec).ok_or_else(|| HostError("no answer".to_owned()))
    }

    fn list_everywhere(&self, _: &EverywhereQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.list(&ListQuery::placed_pods("any"))
    }

    fn object(&self, _: &ObjectQuery<'_>) -> Result<Vec<u8>, HostError> {
        self.0.map(<[u8]>::to_vec).ok_or_else(|| HostError("no answer".to_owned()))
    }

    fn log(&self, line: &LogLine<'_>) {
        assert!(!line.message.is_empty());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let payload = parts.next().unwrap_or_default();
    let cluster = Fixed(parts.next());
    let clock = Clock::new(UnixMillis(0), &|| Duration::ZERO);
    let answer = admission_core::review(payload, &cluster, &clock);
    assert_eq!(answer, admission_core::review(payload, &cluster, &clock), "the same request has the same answer");
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("an answer is JSON");
    let asks_to_reject = payload.windows(6).any(|word| word == b"Reject" || word.contains(&b'\\'));
    assert!(answer["accepted"] == true || asks_to_reject);
});
