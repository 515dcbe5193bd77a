//! What somebody may try who may do everything in a namespace of his own, or may only make pods: nobody else's pod gets
//! anything for it, no place is lost, and the sidecar lives on.

use futures::StreamExt;
use futures::stream;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use spillway_e2e::{Witness, apply, workloads};

use crate::ground::{Ground, PATIENCE, SHOP, assert_exact, settled};
use crate::support::until_published;

/// A namespace of somebody's own.
const EVIL: &str = "evil";

/// A pod that nobody owns and no node takes, with the marks of a placed one.
fn parked(name: &str, revision: &str) -> Pod {
    let mut pod = workloads::template("web");
    pod["metadata"] = json!({
        "name": name,
        "labels": {
            "app": "web", "pod-template-hash": revision,
            "spillway.dev/spread": "web", "spillway.dev/subset": "fixed",
        },
        "annotations": {
            "spillway.dev/decision": "fixed: bound in order",
            "controller.kubernetes.io/pod-deletion-cost": "200",
        },
    });
    pod["spec"]["nodeSelector"] = json!({"nowhere": "at-all"});
    workloads::read("a pod", pod).unwrap()
}

async fn create(ground: &Ground, namespace: &str, pods: impl Iterator<Item = Pod>) {
    stream::iter(pods)
        .map(|pod| async move { workloads::create(&ground.admin, namespace, &pod).await.unwrap() })
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
}

async fn pods(ground: &Ground) -> Vec<Pod> {
    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), SHOP);
    pods.list(&ListParams::default()).await.unwrap().items
}

#[tokio::test]
async fn a_ledger_of_another_namespace_gives_no_pod_anything() {
    let ground = Ground::exact(3).await;
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    workloads::namespace(&ground.admin, EVIL).await.unwrap();
    let mut rule = ground.settings["spreads"][0].clone();
    rule["capacity"] = "BestEffort".into();
    rule["subsets"][0]["patch"] = json!({"spec": {
        "containers": [{"name": "evil", "image": "evil:1", "securityContext": {"privileged": true}}],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
    }});
    let shard = placement_core::shard::Shard::of_workload(SHOP, "Deployment", "web").to_string();
    let ledger = json!({
        "apiVersion": "spillway.dev/v1alpha1", "kind": "SpreadLedger",
        "metadata": {"name": "web", "namespace": EVIL, "labels": {"spillway.dev/shard": shard}},
        "spec": rule,
        "status": {"summary": "", "active": 0, "gated": 0, "taken": [0, 0], "order": 0},
    });
    apply::apply(&ground.admin, ledger).await.unwrap();

    let (policy, witness) = ground.open().await;
    ground.scale(8).await;
    let seen = settled(&witness, 8).await;
    assert_exact(&seen, 8, 3);
    for pod in pods(&ground).await {
        let spec = pod.spec.unwrap();
        assert_eq!(spec.containers.len(), 1, "{:?}", spec.containers);
        let volumes = spec.volumes.unwrap_or_default();
        assert!(
            volumes.iter().all(|volume| volume.host_path.is_none()),
            "{volumes:?}"
        );
    }
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn parked_pods_with_our_marks_take_no_place_and_close_no_pool() {
    let mut ground = Ground::exact(3).await;
    ground.settings["spreads"][0]["capacity"] = "Auto".into();
    ground.settings["spreads"][0]["scheduleStrategy"] =
        json!({"type": "Adaptive", "adaptive": {"rescheduleCriticalSeconds": 1}});
    create(
        &ground,
        SHOP,
        (0..10).map(|number| parked(&format!("parked-{number}"), "abc")),
    )
    .await;
    let (_sidecar, policy, witness) = ground.served().await;
    ground.scale(5).await;
    let seen = witness
        .until("5 ready pods", PATIENCE, |seen| {
            seen.ready() == 5 && seen.gated() == 0
        })
        .await
        .unwrap();
    let of_web = |subset: &str| {
        let pods = seen.pods.iter();
        let there =
            pods.filter(|(name, pod)| name.starts_with("web-") && pod.subset.as_deref() == Some(subset));
        there.count()
    };
    assert_eq!((of_web("fixed"), of_web("elastic")), (3, 2));
    let parked = seen.pods.keys().filter(|name| name.starts_with("parked-"));
    assert_eq!(parked.count(), 10, "they are nobody's business");
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn made_up_revisions_neither_stop_the_ledger_nor_free_a_place() {
    let ground = Ground::exact(10).await;
    create(
        &ground,
        SHOP,
        (0..520).map(|number| parked(&format!("parked-{number}"), &format!("h{number}"))),
    )
    .await;
    let (_sidecar, policy, witness) = ground.served().await;
    ground.scale(31).await;
    let seen = witness
        .until("31 ready pods", PATIENCE, |seen| {
            seen.ready() == 31 && seen.gated() == 0
        })
        .await
        .unwrap();
    let in_fixed = |(name, pod): &(&String, &spillway_e2e::PodState)| {
        name.starts_with("web-") && pod.subset.as_deref() == Some("fixed")
    };
    assert_eq!(seen.pods.iter().filter(in_fixed).count(), 10);
    policy.remove(&ground.admin).await.unwrap();
}

/// A template that was copied from a pod, with all that was written to that one.
#[tokio::test]
async fn a_template_with_our_marks_is_placed_like_any_other() {
    let ground = Ground::exact(10).await;
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let policy = ground.policy().await;
    let witness = Witness::start(&ground.admin, SHOP, "").await.unwrap();
    let mut web = workloads::deployment("web", 0).unwrap();
    let marks = parked("x", "abc").metadata;
    let template = web.spec.as_mut().unwrap().template.metadata.as_mut().unwrap();
    let labels = marks.labels.unwrap_or_default().into_iter();
    let ours = labels.filter(|(key, _)| key.starts_with("spillway.dev/"));
    template.labels.get_or_insert_default().extend(ours);
    template.annotations = marks.annotations;
    workloads::create(&ground.admin, SHOP, &web).await.unwrap();
    until_published(&ground.admin, SHOP, "web").await;
    ground.scale(30).await;
    let seen = settled(&witness, 30).await;
    assert_exact(&seen, 30, 10);
    policy.remove(&ground.admin).await.unwrap();
}

/// A pod of 1.2 MB with our label, behind no gate.
fn large(name: &str) -> Pod {
    let env: Vec<Value> = (0..12)
        .map(|number| json!({"name": format!("V{number}"), "value": "x".repeat(100_000)}))
        .collect();
    let mut pod = parked(name, "abc");
    let spec = pod.spec.as_mut().unwrap();
    spec.containers[0].env = Some(
        env.into_iter()
            .map(|it| serde_json::from_value(it).unwrap())
            .collect(),
    );
    pod
}

async fn stays_small(many: usize) {
    let ground = Ground::exact(3).await;
    workloads::namespace(&ground.admin, EVIL).await.unwrap();
    create(
        &ground,
        EVIL,
        (0..many).map(|number| large(&format!("large-{number}"))),
    )
    .await;
    let (mut sidecar, policy, witness) = ground.served().await;
    ground.scale(5).await;
    let seen = settled(&witness, 5).await;
    assert_exact(&seen, 5, 3);
    let most = sidecar.process().most_resident_kib().unwrap();
    assert!(most <= 100 << 10, "{most} KiB for {many} pods of 1.2 MB");
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn large_pods_of_strangers_do_not_make_the_sidecar_large() {
    stays_small(150).await;
}

#[tokio::test]
async fn long_a_thousand_large_pods_of_strangers_do_not_make_the_sidecar_large() {
    stays_small(1000).await;
}
