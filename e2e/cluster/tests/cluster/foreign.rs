//! Pods that are not ours to place, gates that are not ours to open, and terms that select nothing.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use spillway_e2e::{Seen, workloads};

use crate::ground::{Ground, PATIENCE, SHOP};
use crate::support::fixed_then_elastic;

/// The pods with `app=web`, whoever owns them: three in `fixed`.
fn selected() -> Value {
    let mut settings = fixed_then_elastic(SHOP, "web", 3);
    settings["observe"] = "Ledger".into();
    let spread = settings["spreads"][0].as_object_mut().unwrap();
    spread.remove("targetRef");
    spread.insert("selector".to_owned(), json!({"matchLabels": {"app": "web"}}));
    settings
}

fn named(seen: &Seen, start: &str) -> impl Fn(&str) -> usize {
    let of: Vec<Option<String>> = seen
        .pods
        .iter()
        .filter(|(name, pod)| name.starts_with(start) && pod.ready)
        .map(|(_, pod)| pod.subset.clone())
        .collect();
    move |subset: &str| {
        of.iter()
            .filter(|of| of.as_deref().unwrap_or_default() == subset)
            .count()
    }
}

#[tokio::test]
async fn pods_of_a_daemon_set_and_pods_with_a_node_run_where_they_are_told_and_take_no_place() {
    let ground = Ground::new(selected()).await;
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let (policy, witness) = ground.open().await;

    // Its own label keeps it from taking the pinned pod for one of its own.
    let mut template = workloads::template("web");
    template["metadata"]["labels"]["role"] = "agent".into();
    let agent = json!({
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"role": "agent"}}, "template": template},
    });
    let agent: DaemonSet = workloads::read("a daemon set", agent).unwrap();
    workloads::create(&ground.admin, SHOP, &agent).await.unwrap();
    let mut pinned = workloads::template("web");
    pinned["metadata"]["name"] = "pinned".into();
    pinned["spec"]["nodeName"] = "fixed-0".into();
    let pinned: Pod = workloads::read("a pod", pinned).unwrap();
    workloads::create(&ground.admin, SHOP, &pinned).await.unwrap();
    // One for each node that it tolerates.
    let seen = witness
        .until("20 agents and the pinned pod", PATIENCE, |seen| {
            named(seen, "agent-")("") == 20 && named(seen, "pinned")("") == 1
        })
        .await
        .unwrap();
    assert_eq!(seen.most_gated(), 0);

    ground.scale(5).await;
    let seen = witness
        .until("26 ready pods", PATIENCE, |seen| seen.settled_at(26))
        .await
        .unwrap();
    let web = named(&seen, "web-");
    assert_eq!((web("fixed"), web("elastic")), (3, 2));
    assert_eq!(seen.most_placed("fixed"), 3);
    let of_others = seen.pods.iter().filter(|(name, _)| !name.starts_with("web-"));
    for (name, pod) in of_others {
        assert!(
            pod.spread.is_none() && pod.subset.is_none() && pod.cost == 0,
            "{name}: {pod:?}"
        );
    }
    policy.remove(&ground.admin).await.unwrap();
}

#[tokio::test]
async fn an_empty_term_does_not_keep_a_pod_from_being_bound_and_gates_of_others_stay() {
    let mut settings = fixed_then_elastic(SHOP, "web", 4);
    settings["observe"] = "Ledger".into();
    settings["spreads"][0]["capacity"] = "Exact".into();
    let ground = Ground::new(settings).await;
    let _sidecar = ground.sidecar("sidecar", &[]).await;
    ground.until_held_by("sidecar").await;
    let (policy, witness) = ground.open().await;
    let terms = json!([{}, {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]);
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    let template = json!({"spec": {
        "affinity": {"nodeAffinity": required},
        "schedulingGates": [{"name": "example.org/quota"}],
    }});
    let deployments: Api<k8s_openapi::api::apps::v1::Deployment> =
        Api::namespaced(ground.admin.clone(), SHOP);
    let patch = json!({"spec": {"replicas": 8, "template": template}});
    deployments
        .patch("web", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    // Bound, and waiting for somebody else alone.
    witness
        .until("8 bound pods", PATIENCE, |seen| {
            seen.pods.len() == 8 && (seen.placed("fixed"), seen.placed("elastic")) == (4, 4)
        })
        .await
        .unwrap();
    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), SHOP);
    for pod in pods.list(&kube::api::ListParams::default()).await.unwrap() {
        let spec = serde_json::to_value(pod.spec.unwrap()).unwrap();
        assert_eq!(spec["schedulingGates"], json!([{"name": "example.org/quota"}]));
        let terms = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        assert_eq!(terms[0], json!({}));
        assert_eq!(
            terms[1]["matchExpressions"].as_array().map(Vec::len),
            Some(2),
            "{terms}"
        );
        let open = Patch::Merge(json!({"spec": {"schedulingGates": []}}));
        pods.patch(&pod.metadata.name.unwrap(), &PatchParams::default(), &open)
            .await
            .unwrap();
    }
    let seen = witness
        .until("8 ready pods", PATIENCE, |seen| seen.settled_at(8))
        .await
        .unwrap();
    assert_eq!(
        (seen.placed("fixed"), seen.placed("elastic"), seen.unplaced()),
        (4, 4, 0)
    );
    policy.remove(&ground.admin).await.unwrap();
}
