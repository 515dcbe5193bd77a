//! Failure drills, each with pods arriving: what Spillway needs of a cluster is taken away, and comes back.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota};
use k8s_openapi::api::flowcontrol::v1::FlowSchema;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::json;
use spillway_e2e::{Identity, Witness, apply, places, wait, workloads};

use crate::ground::{Ground, PATIENCE, SHOP, SYSTEM, assert_exact, settled};
use crate::support::until_published;

#[tokio::test]
async fn the_kind_of_the_ledgers_is_deleted_and_comes_back() {
    let ground = Ground::exact(10).await;
    let (mut sidecar, policy, witness) = ground.served().await;
    ground.scale(15).await;
    let seen = settled(&witness, 15).await;
    assert_exact(&seen, 15, 10);

    let kinds: Api<CustomResourceDefinition> = Api::all(ground.admin.clone());
    let name = "spreadledgers.spillway.dev";
    kinds.delete(name, &DeleteParams::default()).await.unwrap();
    ground.scale(25).await;
    // Each is there, with a place or without, and none waits.
    let seen = witness
        .until("25 ready pods", PATIENCE, |seen| {
            seen.ready() == 25 && seen.gated() == 0
        })
        .await
        .unwrap();
    assert!(
        seen.most_placed("fixed") <= 10 + seen.unplaced(),
        "{:?}",
        seen.split()
    );

    let file = places::repository().join("deploy/crd-spreadledger.yaml");
    apply::apply_path(&ground.admin, &file).await.unwrap();
    until_published(&ground.admin, SHOP, "web").await;
    ground.scale(5).await;
    settled(&witness, 5).await;
    sidecar.process().check().unwrap();
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_nobody_can_write_any_more_leaves_a_burst_exact() {
    let ground = Ground::exact(10).await;
    let (mut sidecar, policy, witness) = ground.served().await;
    let group = "admissionregistration.k8s.io";
    let guard = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "frozen"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["spillway.dev"], "apiVersions": ["*"], "resources": ["spreadledgers"],
                "operations": ["CREATE", "UPDATE"],
            }]},
            "validations": [{"expression": "false", "message": "frozen"}],
        },
    });
    apply::apply(&ground.admin, guard).await.unwrap();
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "frozen"}, "spec": {"policyName": "frozen", "validationActions": ["Deny"]},
    });
    apply::apply(&ground.admin, binding).await.unwrap();
    until_frozen(&ground).await;

    ground.scale(30).await;
    let seen = settled(&witness, 30).await;
    assert_exact(&seen, 30, 10);
    let events: Api<k8s_openapi::api::events::v1::Event> = Api::namespaced(ground.admin.clone(), SHOP);
    wait::until(
        &events,
        watcher::Config::default(),
        "an Event about it",
        PATIENCE,
        |events| {
            events
                .values()
                .any(|event| event.reason.as_deref() == Some("LedgerRefused"))
        },
    )
    .await
    .unwrap();
    sidecar.process().check().unwrap();
    policy.remove(&ground.admin).await.unwrap();
}

/// Waits until the API server goes by the policy, which no event tells.
async fn until_frozen(ground: &Ground) {
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let patch = Patch::Merge(json!({"metadata": {"labels": {"frozen": "yes"}}}));
    let is_frozen = async {
        while ground.ledgers().patch("web", &dry_run, &patch).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_frozen).await.unwrap();
}

#[tokio::test]
async fn a_quota_that_is_used_up_costs_no_place() {
    let ground = Ground::exact(4).await;
    let mut sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let quota: ResourceQuota = workloads::read(
        "a quota",
        json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "6"}}}),
    )
    .unwrap();
    workloads::create(&ground.admin, SHOP, &quota).await.unwrap();
    let (policy, witness) = ground.open().await;
    ground.scale(12).await;
    let seen = settled(&witness, 6).await;
    assert_exact(&seen, 6, 4);
    let quotas: Api<ResourceQuota> = Api::namespaced(ground.admin.clone(), SHOP);
    let more = Patch::Merge(json!({"spec": {"hard": {"pods": "20"}}}));
    quotas.patch("few", &PatchParams::default(), &more).await.unwrap();
    // The controller tries again ever more rarely: a change makes it try at once.
    ground.scale(11).await;
    let seen = settled(&witness, 11).await;
    assert_exact(&seen, 11, 4);
    sidecar.process().check().unwrap();
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn a_namespace_goes_with_the_pods_that_wait_in_it() {
    let ground = Ground::exact(4).await;
    let mut sidecar = ground.sidecar("sidecar", &["--lease-duration", "60"]).await;
    ground.until_held_by("sidecar").await;
    let (policy, witness) = ground.open().await;
    sidecar.process().freeze().unwrap();
    ground.scale(10).await;
    witness
        .until("10 gated pods", PATIENCE, |seen| seen.gated() == 10)
        .await
        .unwrap();
    let namespaces: Api<Namespace> = Api::all(ground.admin.clone());
    namespaces.delete(SHOP, &DeleteParams::default()).await.unwrap();
    sidecar.process().thaw().unwrap();
    wait::until(
        &namespaces,
        watcher::Config::default(),
        "the namespace to go",
        PATIENCE,
        |found| !found.values().any(|namespace| namespace.name_any() == SHOP),
    )
    .await
    .unwrap();
    let pods: Api<Pod> = Api::all(ground.admin.clone());
    let left = pods.list(&ListParams::default()).await.unwrap();
    assert!(
        left.items
            .iter()
            .all(|pod| pod.namespace().as_deref() != Some(SHOP))
    );
    sidecar.process().check().unwrap();
    drop(policy);
}

/// Refuses every request of the sidecar, as an API server does whose share for it is used up.
async fn starve(ground: &Ground) {
    let group = "flowcontrol.apiserver.k8s.io";
    let level = json!({
        "apiVersion": format!("{group}/v1"), "kind": "PriorityLevelConfiguration", "metadata": {"name": "starved"},
        "spec": {"type": "Limited", "limited": {
            "nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0,
            "limitResponse": {"type": "Reject"},
        }},
    });
    apply::apply(&ground.admin, level).await.unwrap();
    let schema = json!({
        "apiVersion": format!("{group}/v1"), "kind": "FlowSchema", "metadata": {"name": "starved"},
        "spec": {
            "priorityLevelConfiguration": {"name": "starved"}, "matchingPrecedence": 2,
            "rules": [{
                "subjects": [{"kind": "User", "user": {"name": Identity::Sidecar.user()}}],
                "resourceRules": [{
                    "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                    "clusterScope": true, "namespaces": ["*"],
                }],
            }],
        },
    });
    apply::apply(&ground.admin, schema).await.unwrap();
}

/// Opens gates by this command, again and again, until so many pods are ready.
async fn open_until_ready(ground: &Ground, witness: &Witness, pods: usize, command: &[&str]) {
    let is_served = async {
        while witness.seen().ready() < pods {
            let (status, said) = ground.run("release", command).await;
            assert_eq!(status, Some(0), "{said}");
        }
    };
    tokio::time::timeout(PATIENCE, is_served).await.unwrap();
}

#[tokio::test]
async fn an_api_server_that_starves_the_sidecar_lets_pods_go_and_is_forgiven() {
    let ground = Ground::exact(10).await;
    let (mut sidecar, policy, witness) = ground.served().await;
    ground.scale(5).await;
    settled(&witness, 5).await;
    starve(&ground).await;
    ground.scale(25).await;
    // What is gated by then is opened by the account that is left, once the Lease has run out.
    let kubeconfig = ground.plane.kubeconfig(Identity::Release).display().to_string();
    let release = [
        "release",
        "--kubeconfig",
        &kubeconfig,
        "--if-nobody-leads",
        "--older-than",
        "0s",
    ];
    open_until_ready(&ground, &witness, 25, &release).await;
    sidecar.process().check().unwrap();

    let schemas: Api<FlowSchema> = Api::all(ground.admin.clone());
    schemas.delete("starved", &DeleteParams::default()).await.unwrap();
    ground.until_held_by("sidecar").await;
    until_published(&ground.admin, SHOP, "web").await;
    ground.scale(0).await;
    settled(&witness, 0).await;
    let witness = Witness::start(&ground.admin, SHOP, "").await.unwrap();
    ground.scale(25).await;
    let seen = settled(&witness, 25).await;
    assert_exact(&seen, 25, 10);
    sidecar.process().check().unwrap();
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn uninstalled_in_the_wrong_order_no_pod_waits() {
    let ground = Ground::exact(10).await;
    let (mut sidecar, policy, witness) = ground.served().await;
    ground.scale(5).await;
    settled(&witness, 5).await;
    // The sidecar first, and all that it needs, while the policy still is asked.
    sidecar.process().kill().unwrap();
    ground.scale(15).await;
    witness
        .until("10 gated pods", PATIENCE, |seen| seen.gated() == 10)
        .await
        .unwrap();
    let kinds: Api<CustomResourceDefinition> = Api::all(ground.admin.clone());
    kinds
        .delete("spreadledgers.spillway.dev", &DeleteParams::default())
        .await
        .unwrap();
    let leases: Api<Lease> = Api::namespaced(ground.admin.clone(), SYSTEM);
    leases
        .delete("spillway-sidecar", &DeleteParams::default())
        .await
        .unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(ground.admin.clone());
    for binding in bindings.list(&ListParams::default()).await.unwrap() {
        if binding.name_any().starts_with("spillway") {
            bindings
                .delete(&binding.name_any(), &DeleteParams::default())
                .await
                .unwrap();
        }
    }
    ground.scale(25).await;
    // A policy that may read nothing any more believes the Lease that it saw last for two minutes. Whoever may do everything
    // can open what is gated by then, without a sidecar, an account or a kind of ours.
    let kubeconfig = ground.plane.kubeconfig(Identity::Admin).display().to_string();
    open_until_ready(&ground, &witness, 25, &["release", "--kubeconfig", &kubeconfig]).await;
    policy.remove(&ground.admin).await.unwrap();
    ground.scale(30).await;
    settled(&witness, 30).await;
}
