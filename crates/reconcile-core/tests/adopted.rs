//! What a pod that runs already is given of a subset's patch.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, never_placed, patched, pod_patch, rule};
use serde_json::json;

fn adopted(metadata: &str) -> serde_json::Value {
    let mut scene = Scene::new(rule(&format!(
        "subsets: [{{name: fixed, maxReplicas: 2, patch: {{metadata: {metadata}}}}}, {{name: elastic}}]"
    )));
    scene.scaled_to(1);
    scene.node(&json!({"metadata": {"name": "n-1", "labels": {}}}));
    let pod = never_placed("a");
    scene.pod(&pod);
    let steps = scene.begin();
    assert!(all(&steps)[0].starts_with("adopt a"), "{:?}", all(&steps));
    patched(&pod, pod_patch(&steps[0])).unwrap()["metadata"].take()
}

#[test]
fn directives_reach_no_label_and_no_annotation() {
    for (metadata, pool) in [
        (
            "{labels: {$patch: replace, pool: fixed}, annotations: {$patch: replace, note: b}}",
            Some("fixed"),
        ),
        ("{labels: {$retainKeys: [pool], pool: fixed}}", Some("fixed")),
        ("{labels: {$patch: delete, pool: fixed}}", None),
    ] {
        let adopted = adopted(metadata);
        let labels = &adopted["labels"];
        assert_eq!(
            labels.get("pool").and_then(|pool| pool.as_str()),
            pool,
            "{metadata}"
        );
        assert_eq!(
            (&labels["app"], &labels["pod-template-hash"]),
            (&json!("web"), &json!("abc")),
            "{metadata}"
        );
        for texts in [labels, &adopted["annotations"]] {
            assert!(
                texts.as_object().unwrap().keys().all(|key| !key.starts_with('$')),
                "{texts}"
            );
        }
    }
}
