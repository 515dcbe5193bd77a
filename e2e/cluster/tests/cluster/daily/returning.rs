//! A paid pool that goes away and comes back, where a pool is full when the scheduler says so.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

use super::{Day, add_pool, deployment, quarters, subset_of_pool};
use crate::scene::{elastic, rule};

#[tokio::test]
async fn a_pool_that_comes_back_is_filled_by_the_next_rollout() {
    add_pool("returning", 2, 10).await;
    let mut rule = rule(&[subset_of_pool("returning", Some(8)), elastic()]);
    rule["scheduleStrategy"] = json!({"type": "Adaptive", "adaptive": {"rescheduleCriticalSeconds": 5}});
    let day = Day::start("daily-returning", &[("web", rule)]).await;
    let web = day.web(deployment("web", 10, quarters())).await;
    web.assert_split(&web.witness.seen(), &[("returning", 8), ("elastic", 2)]);

    let nodes: Api<Node> = Api::all(day.scene.admin.clone());
    let cordon = |is_away: bool| {
        let patch = Patch::Merge(json!({"spec": {"unschedulable": is_away}}));
        let nodes = nodes.clone();
        async move {
            for node in ["returning-0", "returning-1"] {
                nodes.patch(node, &PatchParams::default(), &patch).await.unwrap();
            }
        }
    };
    cordon(true).await;
    let before = web.witness.seen();
    let pods: Api<Pod> = Api::namespaced(day.scene.admin.clone(), &day.scene.shop);
    pods.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .unwrap();
    let seen = web
        .until("ten others, where there is room", |seen| {
            let is_other = |name: &String| seen.pods[name].terminating || !before.pods.contains_key(name);
            seen.replaced_at(10) && seen.pods.keys().all(is_other)
        })
        .await;
    web.assert_split(&seen, &[("returning", 0), ("elastic", 10)]);

    cordon(false).await;
    let seen = web.roll_out(2, 10).await;
    web.assert_split(&seen, &[("returning", 8), ("elastic", 2)]);
    web.assert_never_above("returning", 8);
    day.end().await;
}
