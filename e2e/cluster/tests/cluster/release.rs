//! The day on which no sidecar is left: gates are opened by an account that may do nothing else.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::json;
use spillway_e2e::{Identity, workloads};

use crate::ground::{Ground, PATIENCE, SHOP};

#[tokio::test]
async fn when_every_sidecar_is_killed_gates_are_opened_by_the_account_that_is_left() {
    let ground = Ground::exact(10).await;
    let mut first = ground.sidecar("first", &[]).await;
    ground.until_held_by("first").await;
    let mut second = ground.sidecar("second", &[]).await;
    let (_policy, witness) = ground.open().await;
    let kubeconfig = ground.plane.kubeconfig(Identity::Release).display().to_string();
    let release = ["release", "--kubeconfig", &kubeconfig, "--if-nobody-leads"];
    let with = |more: &[&'static str]| [&release[..], more].concat();

    // A pod that no spread means is left alone by the sidecar for a while, and by everybody else while one leads.
    let mut stray = json!({"metadata": {"name": "stray"}});
    stray["spec"] = workloads::template("stray")["spec"].clone();
    stray["spec"]["schedulingGates"] = json!([{"name": "spillway.dev/placement"}]);
    let stray: Pod = workloads::read("a pod", stray).unwrap();
    workloads::create(&ground.admin, "default", &stray).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), "default");
    let is_gated = async || {
        let pod = pods.get("stray").await.unwrap();
        pod.spec
            .unwrap()
            .scheduling_gates
            .is_some_and(|gates| !gates.is_empty())
    };
    let said = ground.run("led", &with(&[])).await;
    assert_eq!(said.0, Some(0), "{}", said.1);
    assert!(
        said.1.contains("leads, nothing is opened") && said.1.contains("`first_"),
        "{}",
        said.1
    );
    assert!(is_gated().await);

    first.process().kill().unwrap();
    second.process().kill().unwrap();
    ground.scale(20).await;
    witness
        .until("20 gated pods", PATIENCE, |seen| seen.gated() == 20)
        .await
        .unwrap();
    let said = ground.run("young", &with(&["--older-than", "1h"])).await;
    assert!(
        said.0 == Some(0) && (said.1.contains("21 too young") || said.1.contains("nothing is opened")),
        "{}",
        said.1
    );
    // The Lease of the dead runs out, and then it does what it is for.
    let said = loop {
        let said = ground.run("left", &with(&["--older-than", "0s"])).await;
        assert_eq!(said.0, Some(0), "{}", said.1);
        // All runs of one name share a log.
        if said.1.contains("gates opened") {
            break said;
        }
    };
    assert!(
        said.1.contains("21 gates opened") && said.1.contains("0 failed"),
        "{}",
        said.1
    );
    assert!(!is_gated().await);
    let seen = witness
        .until("20 ready pods", PATIENCE, |seen| seen.settled_at(20))
        .await
        .unwrap();
    assert_eq!((seen.gated(), seen.unplaced()), (0, 20));
    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), SHOP);
    for pod in pods.list(&kube::api::ListParams::default()).await.unwrap() {
        assert_eq!(
            pod.annotations()["spillway.dev/decision"],
            "released: no sidecar leads"
        );
    }
}
