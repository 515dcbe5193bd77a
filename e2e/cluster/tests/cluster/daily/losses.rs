//! Pods that are deleted, evicted and scaled in.

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams};
use kube::runtime::watcher;
use serde_json::json;
use spillway_e2e::{Seen, wait, workloads};

use super::{Day, Web, add_pool, deployment, quarters, subset_of_pool};
use crate::scene::{SCENE_PATIENCE, elastic, fixed_first, rule};

#[tokio::test]
async fn whoever_replaces_a_pod_takes_its_place() {
    add_pool("drained", 4, 10).await;
    let rules = [
        ("deleted", fixed_first(8)),
        ("evicted", rule(&[subset_of_pool("drained", Some(8)), elastic()])),
        ("tenth", fixed_first("10%")),
    ];
    let day = Day::start("daily-losses", &rules).await;
    futures::join!(delete_all(&day), drain(&day), scale_in(&day));
    day.end().await;
}

/// `kubectl delete pods --all`, twice.
async fn delete_all(day: &Day) {
    let web = day.web(deployment("deleted", 10, quarters())).await;
    let pods: Api<Pod> = Api::namespaced(day.scene.admin.clone(), &day.scene.shop);
    for _ in 0..2 {
        let before = web.witness.seen();
        pods.delete_collection(
            &DeleteParams::default(),
            &ListParams::default().labels("app=deleted"),
        )
        .await
        .unwrap();
        let is_old =
            |seen: &Seen, name: &String| !seen.pods[name].terminating && before.pods.contains_key(name);
        let seen = web
            .until("ten others", |seen| {
                seen.replaced_at(10) && !seen.pods.keys().any(|name| is_old(seen, name))
            })
            .await;
        web.assert_split(&seen, &[("fixed", 8), ("elastic", 2)]);
    }
    web.assert_never_above("fixed", 8);
}

/// `kubectl drain` of two of four nodes, one pod at a time.
async fn drain(day: &Day) {
    let web = day.web(deployment("evicted", 10, quarters())).await;
    let budget = json!({
        "metadata": {"name": "evicted"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "evicted"}}},
    });
    let budget: PodDisruptionBudget = workloads::read("a budget", budget).unwrap();
    day.scene.create(&budget).await;
    for node in ["drained-0", "drained-1"] {
        drain_node(&web, node).await;
    }
    let seen = web.rolled_out(10).await;
    web.assert_split(&seen, &[("drained", 8), ("elastic", 2)]);
    web.assert_never_above("drained", 8);
}

async fn drain_node(web: &Web<'_>, node: &str) {
    let nodes: Api<Node> = Api::all(web.scene.admin.clone());
    let cordon = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    nodes.patch(node, &PatchParams::default(), &cordon).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(web.scene.admin.clone(), &web.scene.shop);
    let seen = web.witness.seen();
    let there = seen
        .pods
        .iter()
        .filter(|(_, pod)| pod.node.as_deref() == Some(node));
    let there: Vec<&String> = there.map(|(name, _)| name).collect();
    assert!(!there.is_empty(), "{node}: {:#?}", seen.pods);
    for name in there {
        loop {
            until_allowed(web).await;
            match pods.evict(name, &EvictParams::default()).await {
                Ok(_) => break,
                // The budget was used up meanwhile, or its controller has not seen all.
                Err(kube::Error::Api(status)) if status.code == 429 => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
}

async fn until_allowed(web: &Web<'_>) {
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(web.scene.admin.clone(), &web.scene.shop);
    let what = "the budget to allow an eviction";
    wait::until(
        &budgets,
        watcher::Config::default(),
        what,
        SCENE_PATIENCE,
        |budgets| {
            let mut statuses = budgets.values().filter_map(|budget| budget.status.as_ref());
            statuses.any(|status| status.disruptions_allowed.unwrap_or(0) > 0)
        },
    )
    .await
    .unwrap();
}

/// A maximum that goes down with the replicas.
async fn scale_in(day: &Day) {
    let web = day.web(deployment("tenth", 25, quarters())).await;
    web.assert_split(&web.witness.seen(), &[("fixed", 3), ("elastic", 22)]);
    web.scale(10).await;
    let seen = web.rolled_out(10).await;
    web.assert_split(&seen, &[("fixed", 1), ("elastic", 9)]);
    web.assert_never_above("fixed", 3);
}
