//! A pod and a patch, as two JSON texts with a line feed between them. Whatever they are, the merge answers,
//! and answers the same twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use kube_rules::smp::merge_pod;

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (pod, patch) = data.split_at(at);
    let (Ok(pod), Ok(patch)) = (
        serde_json::from_slice::<Value>(pod),
        serde_json::from_slice::<Value>(patch),
    ) else {
        return;
    };
    let merged = merge_pod(pod.clone(), &patch);
    assert_eq!(merged, merge_pod(pod, &patch), "the second merge differs");
    if let Err(refused) = merged {
        assert!(!refused.to_string().is_empty());
    }
});
