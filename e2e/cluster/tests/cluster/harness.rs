//! What the other tests rely on: the witness misses nothing, replicas take turns, and what is broken is seen to be broken.

use std::time::Duration;

use serde_json::json;
use spillway_e2e::metrics::Metrics;
use spillway_e2e::{
    Component, Identity, NodePool, Options, PolicyHost, PolicyHostOptions, Seen, Witness, apply, nodes,
    workloads,
};

use crate::support::{PATIENCE, fixed_then_elastic, namespace, plane, start};

#[tokio::test]
async fn the_witness_remembers_what_is_gone() {
    let (plane, shop) = (plane().await, "witness");
    let admin = namespace(plane, shop).await;
    let witness = Witness::start(&admin, shop, "app=web").await.unwrap();
    let mut web = workloads::deployment("web", 3).unwrap();
    let labels = web.spec.as_mut().unwrap().template.metadata.as_mut().unwrap();
    labels
        .labels
        .as_mut()
        .unwrap()
        .insert("spillway.dev/subset".to_owned(), "fixed".to_owned());
    workloads::create(&admin, shop, &web).await.unwrap();
    witness
        .until("3 ready pods", PATIENCE, |seen| seen.settled_at(3))
        .await
        .unwrap();
    workloads::scale(&admin, shop, "web", 0).await.unwrap();
    let seen = witness
        .until("no pod", PATIENCE, |seen| seen.pods.is_empty())
        .await
        .unwrap();
    assert_eq!(
        (seen.placed("fixed"), seen.most_placed("fixed"), seen.gaps),
        (0, 3, 0)
    );
    assert_eq!(seen.most_placed_of_a_revision("fixed"), 3);
}

#[tokio::test]
async fn gated_pods_are_counted_apart() {
    let (plane, shop) = (plane().await, "gated");
    let admin = namespace(plane, shop).await;
    let witness = Witness::start(&admin, shop, "").await.unwrap();
    let mut template = workloads::template("web");
    template["spec"]["schedulingGates"] = json!([{"name": "spillway.dev/placement"}]);
    template["metadata"]["labels"]["spillway.dev/subset"] = json!("fixed");
    let mut web = workloads::deployment("web", 4).unwrap();
    web.spec.as_mut().unwrap().template = workloads::read("a template", template).unwrap();
    workloads::create(&admin, shop, &web).await.unwrap();
    let seen = witness
        .until("4 gated pods", PATIENCE, |seen| seen.gated() == 4)
        .await
        .unwrap();
    assert_eq!(
        (seen.most_placed("fixed"), seen.unplaced(), seen.active()),
        (0, 0, 4)
    );
}

#[tokio::test]
async fn replicas_are_asked_in_turn() {
    let (plane, shop) = (plane().await, "two-replicas");
    let admin = namespace(plane, shop).await;
    let options = PolicyHostOptions {
        view_lags: vec![Duration::from_millis(20), Duration::from_millis(300)],
        ..PolicyHostOptions::for_namespace(shop)
    };
    let settings = fixed_then_elastic(shop, "web", 5);
    let policy = PolicyHost::start(plane, &settings, options).await.unwrap();
    let before = policy.reviews_by_replica().unwrap();
    let witness = Witness::start(&admin, shop, "").await.unwrap();
    workloads::create(&admin, shop, &workloads::deployment("web", 20).unwrap())
        .await
        .unwrap();
    let seen = witness
        .until("20 ready pods", PATIENCE, |seen| seen.settled_at(20))
        .await
        .unwrap();
    assert_eq!(seen.unplaced(), 0, "{:?}", seen.pods);
    let after = policy.reviews_by_replica().unwrap();
    let asked: Vec<u64> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    // The controller may have tried a pod twice.
    assert!(asked[0] >= 10 && asked[0].abs_diff(asked[1]) <= 1, "{asked:?}");
    policy.remove(&admin).await.unwrap();
}

#[tokio::test]
async fn without_its_role_the_policy_gets_no_list_and_the_pod_is_created_all_the_same() {
    let (plane, shop) = (plane().await, "no-role");
    let admin = namespace(plane, shop).await;
    let options = PolicyHostOptions {
        identity: Identity::Nobody,
        // The call hangs, as policy-server's does, and takes a worker with it for ever.
        workers: 4,
        ..PolicyHostOptions::for_namespace(shop)
    };
    let settings = fixed_then_elastic(shop, "web", 5);
    let policy = PolicyHost::start(plane, &settings, options).await.unwrap();
    let witness = Witness::start(&admin, shop, "").await.unwrap();
    workloads::create(&admin, shop, &workloads::deployment("web", 1).unwrap())
        .await
        .unwrap();
    let seen = witness
        .until("the pod, ten seconds late", PATIENCE, |seen| seen.settled_at(1))
        .await
        .unwrap();
    assert_eq!(seen.unplaced(), 1);
    policy.remove(&admin).await.unwrap();
}

#[tokio::test]
async fn a_restarted_api_server_is_the_same_cluster() {
    let options = Options {
        controller_qps: 2000,
        ..Options::default()
    };
    let (plane, shop) = (start(options).await, "restart");
    let admin = namespace(&plane, shop).await;
    let witness = Witness::start(&admin, shop, "").await.unwrap();
    workloads::create(&admin, shop, &workloads::deployment("web", 5).unwrap())
        .await
        .unwrap();
    witness
        .until("5 ready pods", PATIENCE, |seen| seen.settled_at(5))
        .await
        .unwrap();
    let earlier = Metrics::read(&admin).await.unwrap();
    assert!(earlier.requests_since(&Metrics::default())["POST pods"] >= 5.0);

    plane.restart(Component::ApiServer).await.unwrap();
    workloads::scale(&admin, shop, "web", 8).await.unwrap();
    witness
        .until("8 ready pods", PATIENCE, |seen| seen.settled_at(8))
        .await
        .unwrap();
    let later = Metrics::read(&admin).await.unwrap();
    assert_eq!(later.requests_since(&Metrics::default())["POST pods"], 3.0);
}

#[tokio::test]
async fn a_new_kind_can_be_used_at_once() {
    let (plane, shop) = (plane().await, "new-kind");
    let admin = namespace(plane, shop).await;
    let applied = apply::apply_yaml(
        &admin,
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: a, namespace: new-kind}
spec: {size: 3}
",
    )
    .await
    .unwrap();
    assert_eq!(applied[1].data["spec"]["size"], 3);
}

#[tokio::test]
async fn a_lost_node_loses_its_pods() {
    let (plane, shop) = (plane().await, "lost-node");
    let admin = namespace(plane, shop).await;
    let pool = NodePool::new("lost", 2, 10);
    plane.add_nodes(&pool).await.unwrap();
    let mut web = workloads::deployment("web", 6).unwrap();
    let spec = web.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
    spec.node_selector = Some([("pool".to_owned(), "lost".to_owned())].into());
    let witness = Witness::start(&admin, shop, "").await.unwrap();
    workloads::create(&admin, shop, &web).await.unwrap();
    let on = |seen: &Seen, node: &str| {
        seen.pods
            .values()
            .filter(|pod| pod.node.as_deref() == Some(node))
            .count()
    };
    witness
        .until("pods on both nodes", PATIENCE, |seen| {
            seen.settled_at(6) && on(seen, "lost-0") > 0 && on(seen, "lost-1") > 0
        })
        .await
        .unwrap();
    nodes::lose(&admin, "lost-0").await.unwrap();
    witness
        .until("all pods on the other node", PATIENCE, |seen| {
            seen.settled_at(6) && on(seen, "lost-1") == 6
        })
        .await
        .unwrap();
    nodes::restore(&admin, &pool, 0).await.unwrap();
    workloads::scale(&admin, shop, "web", 12).await.unwrap();
    witness
        .until("12 ready pods", PATIENCE, |seen| seen.settled_at(12))
        .await
        .unwrap();
    // In this order: who would let pods end on nodes that are gone?
    workloads::delete_namespace(&admin, shop).await.unwrap();
    plane.remove_nodes(&pool).await.unwrap();
}

#[tokio::test]
async fn stateful_sets_and_jobs_run() {
    let (plane, shop) = (plane().await, "other-workloads");
    let admin = namespace(plane, shop).await;
    let witness = Witness::start(&admin, shop, "").await.unwrap();
    workloads::create(&admin, shop, &workloads::stateful_set("db", 3).unwrap())
        .await
        .unwrap();
    workloads::create(&admin, shop, &workloads::job("sum", 2, 4).unwrap())
        .await
        .unwrap();
    let seen = witness
        .until("3 ready and 4 finished pods", PATIENCE, |seen| {
            seen.ready() == 3 && seen.pods.values().filter(|pod| pod.finished).count() == 4
        })
        .await
        .unwrap();
    assert!(seen.pods.contains_key("db-2"));
    assert_eq!(seen.active(), 3);
}
