//! Workloads that are no Deployments.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher;
use serde_json::{Value, json};
use spillway_e2e::{Seen, wait, workloads};

use crate::scene::{SCENE_PATIENCE, Scene, WEB, fixed_first};

fn rule_of(api_version: &str, kind: &str, maximum: usize) -> Value {
    let mut rule = fixed_first(maximum);
    rule["targetRef"] = json!({"apiVersion": api_version, "kind": kind, "name": WEB});
    rule
}

fn subset_of(seen: &Seen, ordinal: usize) -> Option<&str> {
    seen.pods.get(&format!("{WEB}-{ordinal}"))?.subset.as_deref()
}

async fn assert_ordinals(scene: Scene<'_>, first: usize, pods: usize) {
    let seen = scene.settled_at(pods).await;
    for ordinal in first..first + pods {
        let wanted = if ordinal - first < 3 { "fixed" } else { "elastic" };
        assert_eq!(
            subset_of(&seen, ordinal),
            Some(wanted),
            "{ordinal}: {:?}",
            seen.pods
        );
    }
    scene.until_taken(&[3, pods - 3]).await;
    // Below a maximum the binder gives the place, and to whom the ledger did not know yet; once.
    let binds = scene.writes("bind").await;
    assert!((3..=pods).contains(&binds), "{binds}");
    assert_eq!(scene.pod_writes().await, binds);
    assert_eq!(scene.end().await.most_placed("fixed"), 3);
}

#[tokio::test]
async fn a_stateful_set_is_split_by_its_ordinals() {
    let scene = Scene::start("ordinals", rule_of("apps/v1", "StatefulSet", 3)).await;
    scene.create(&workloads::stateful_set(WEB, 5).unwrap()).await;
    assert_ordinals(scene, 0, 5).await;
}

#[tokio::test]
async fn ordinals_are_counted_from_where_they_start() {
    let scene = Scene::start("ordinals-from-5", rule_of("apps/v1", "StatefulSet", 3)).await;
    let mut set: StatefulSet = workloads::stateful_set(WEB, 0).unwrap();
    set.spec.as_mut().unwrap().ordinals = Some(workloads::read("ordinals", json!({"start": 5})).unwrap());
    scene.create(&set).await;
    scene
        .until_ledger("the first ordinal", |status| status["firstOrdinal"] == 5)
        .await;
    let sets: Api<StatefulSet> = Api::namespaced(scene.admin.clone(), &scene.shop);
    let scaled = Patch::Merge(json!({"spec": {"replicas": 5}}));
    sets.patch_scale(WEB, &PatchParams::default(), &scaled)
        .await
        .unwrap();
    assert_ordinals(scene, 5, 5).await;
}

#[tokio::test]
async fn ordinals_are_counted_from_where_they_start_from_the_first_pod_on() {
    let scene = Scene::start("ordinals-at-once", rule_of("apps/v1", "StatefulSet", 3)).await;
    let mut set: StatefulSet = workloads::stateful_set(WEB, 5).unwrap();
    set.spec.as_mut().unwrap().ordinals = Some(workloads::read("ordinals", json!({"start": 5})).unwrap());
    scene.create(&set).await;
    assert_ordinals(scene, 5, 5).await;
}

/// From ordinals 5 to 9 to 0 to 4, or the other way.
async fn moved(name: &str, from: usize, to: usize) -> (Scene<'static>, Seen) {
    let scene = Scene::start(name, rule_of("apps/v1", "StatefulSet", 3)).await;
    let mut set: StatefulSet = workloads::stateful_set(WEB, 5).unwrap();
    set.spec.as_mut().unwrap().ordinals = Some(workloads::read("ordinals", json!({"start": from})).unwrap());
    scene.create(&set).await;
    scene.settled_at(5).await;
    let sets: Api<StatefulSet> = Api::namespaced(scene.admin.clone(), &scene.shop);
    let start = Patch::Merge(json!({"spec": {"ordinals": {"start": to}}}));
    sets.patch(WEB, &PatchParams::default(), &start).await.unwrap();
    // Some of the pods may be there already: only all five tell that nothing is on its way any more.
    let wanted: Vec<String> = (to..to + 5).map(|ordinal| format!("{WEB}-{ordinal}")).collect();
    let seen = scene
        .until("the five pods from the new start on", |seen| {
            seen.settled_at(5) && wanted.iter().all(|name| seen.pods.contains_key(name))
        })
        .await;
    (scene, seen)
}

async fn assert_moved(name: &str, from: usize, to: usize) {
    let (scene, seen) = moved(name, from, to).await;
    for ordinal in to..to + 5 {
        let wanted = if ordinal - to < 3 { "fixed" } else { "elastic" };
        assert_eq!(
            subset_of(&seen, ordinal),
            Some(wanted),
            "{ordinal}: {:?}",
            seen.pods
        );
    }
    assert_eq!(scene.end().await.most_placed("fixed"), 3, "at any moment");
}

#[tokio::test]
async fn a_start_that_moves_down_stays_within_the_maximum() {
    assert_moved("ordinals-down", 5, 0).await;
}

#[tokio::test]
async fn a_start_that_moves_up_stays_within_the_maximum() {
    assert_moved("ordinals-up", 0, 5).await;
}

#[tokio::test]
async fn a_start_that_moves_so_that_pods_stay_spills_the_others() {
    let (scene, seen) = moved("ordinals-overlap", 3, 0).await;
    // Pods 3 and 4 stay where they are, and 5 gives its place up.
    assert_eq!(
        (seen.placed("fixed"), seen.placed("elastic")),
        (3, 2),
        "{:?}",
        seen.pods
    );
    assert_eq!(
        (subset_of(&seen, 3), subset_of(&seen, 4)),
        (Some("fixed"), Some("fixed"))
    );
    assert_eq!(scene.end().await.most_placed("fixed"), 3, "at any moment");
}

#[tokio::test]
async fn a_job_counts_no_failure() {
    let scene = Scene::start("job", rule_of("batch/v1", "Job", 8)).await;
    scene.create(&workloads::job(WEB, 20, 20).unwrap()).await;
    let jobs: Api<Job> = Api::namespaced(scene.admin.clone(), &scene.shop);
    let all = watcher::Config::default();
    let mut most_failed = 0;
    wait::until(&jobs, all, "the Job to end", SCENE_PATIENCE, |jobs| {
        let statuses = || jobs.values().filter_map(|job| job.status.as_ref());
        most_failed = statuses()
            .filter_map(|status| status.failed)
            .fold(most_failed, i32::max);
        let conditions = || statuses().flat_map(|status| status.conditions.iter().flatten());
        conditions().any(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        })
    })
    .await
    .unwrap();
    let ended = jobs.get(WEB).await.unwrap().status.unwrap();
    assert_eq!(
        (ended.succeeded, ended.failed, most_failed),
        (Some(20), None, 0),
        "{ended:?}"
    );
    let seen = scene
        .until("20 finished pods", |seen| {
            seen.pods.len() == 20 && seen.pods.values().all(|pod| pod.finished)
        })
        .await;
    assert!(
        seen.pods.values().all(|pod| pod.subset.is_some()),
        "{:?}",
        seen.pods
    );
    assert!(seen.most_gated() > 0);
    assert_eq!(
        (scene.writes("delete").await, scene.writes("release").await),
        (0, 0)
    );
    let seen = scene.end().await;
    // A finished pod gives its place to the next, so that more than eight may have had one.
    assert!(
        (1..=8).contains(&seen.most_placed("fixed")),
        "{:?}",
        seen.most_placed("fixed")
    );
}
