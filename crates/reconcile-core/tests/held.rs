//! Pods that are bound at admission: let go where their subset has a place, deleted where it has none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use common::{Scene, all, gated, patched, pod_patch, rule};
use reconcile_core::Outcome;
use serde_json::{Value, json};

const WITH_ENV: &str = r#"
subsets:
- {name: fixed, maxReplicas: 1}
- {name: elastic, patch: {spec: {containers: [{name: main, env: [{name: POOL, value: elastic}]}]}}}
"#;

fn held(name: &str, subset: &str) -> Value {
    let mut pod = gated(name, 0);
    pod["metadata"]["labels"]["spillway.dev/subset"] = subset.into();
    pod
}

#[test]
fn surplus_is_deleted_only_after_admissions_know_that_the_subset_is_full() {
    let mut scene = Scene::new(rule(WITH_ENV));
    scene
        .scaled_to(3)
        .pod(&held("a", "fixed"))
        .pod(&held("b", "fixed"))
        .pod(&held("c", "elastic"));
    let released = scene.begin();
    assert_eq!(all(&released), ["bind a to 0 costs 200", "bind c to 1 costs 100"]);
    let open = patched(&held("a", "fixed"), pod_patch(&released[0])).unwrap();
    assert_eq!(open["spec"]["schedulingGates"], json!([]));

    let publish = scene.begin();
    assert_eq!(all(&publish), ["publish fixed 1/1 closed, elastic 1"]);
    assert_eq!(all(&scene.begin()), Vec::<String>::new(), "nobody knows yet");
    scene.settle(&publish[0], Outcome::Done(None));
    assert_eq!(all(&scene.begin()), ["delete b"]);
}

#[test]
fn deletions_are_bounded_and_then_auto_exceeds() {
    let mut scene = Scene::new(rule(WITH_ENV));
    scene.scaled_to(3).pod(&held("first", "fixed"));
    scene.settled();
    for number in 0..20 {
        scene.pod(&held(&format!("b{number}"), "fixed"));
        assert!(scene.settled().contains(&format!("delete b{number}")));
        scene.world.take(
            reconcile_core::Event::PodGone {
                uid: format!("uid-b{number}"),
            },
            scene.now,
        );
    }
    scene.pod(&held("last", "fixed"));
    assert!(
        scene
            .settled()
            .contains(&"release last: every subset is at its maximum or closed".to_owned())
    );
}

#[test]
fn pods_of_jobs_are_never_deleted() {
    let mut scene = Scene::new(rule(WITH_ENV));
    let job = |name: &str| {
        let mut pod = held(name, "fixed");
        pod["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1".into();
        pod["metadata"]["ownerReferences"][0]["kind"] = "Job".into();
        pod
    };
    scene.scaled_to(3).pod(&job("a")).pod(&job("b"));
    let done = scene.settled();
    assert!(done.iter().all(|step| !step.starts_with("delete")), "{done:?}");
}
