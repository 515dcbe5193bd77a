//! Another mutator that changes pods after the policy did, so that the API server asks the policy again.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use spillway_e2e::{PolicyHost, Witness, apply};

use crate::exact::exact;
use crate::ground::{Ground, PATIENCE, SHOP, assert_exact, settled};

/// The pods with `app=web`, whoever owns them: ten in `fixed`, all counted by the binder.
fn selected() -> Value {
    let mut settings = exact(SHOP, 10);
    let spread = settings["spreads"][0].as_object_mut().unwrap();
    spread.remove("targetRef");
    spread.insert("selector".to_owned(), json!({"matchLabels": {"app": "web"}}));
    settings
}

/// Gives a container to every pod that carries our label, as service meshes do by theirs.
async fn inject_by_label(ground: &Ground) {
    let group = "admissionregistration.k8s.io";
    let policy = json!({
        "apiVersion": format!("{group}/v1"), "kind": "MutatingAdmissionPolicy", "metadata": {"name": "proxy"},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"],
            }]},
            // No match condition: who was not asked before is not asked again.
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
                "has(object.metadata.labels) && 'spillway.dev/spread' in object.metadata.labels \
                    && !object.spec.containers.exists(container, container.name == 'proxy') \
                    ? [JSONPatch{op: 'add', path: '/spec/containers/-', \
                        value: Object.spec.containers{name: 'proxy', image: 'example.org/proxy'}}] \
                    : []"}}],
        },
    });
    apply::apply(&ground.admin, policy).await.unwrap();
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "proxy"}, "spec": {"policyName": "proxy"},
    });
    apply::apply(&ground.admin, binding).await.unwrap();
}

/// Has the policy asked again where others change a pod after it, which Kubewarden does not do by itself, and waits
/// until that happens: no event tells.
async fn until_reinvoked(ground: &Ground, policy: &PolicyHost, witness: &Witness) {
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(ground.admin.clone());
    let name = format!("clusterwide-spillway-{SHOP}");
    let ask_again = json!({"webhooks": [
        {"name": format!("{name}.kubewarden.admission"), "reinvocationPolicy": "IfNeeded"},
    ]});
    configurations
        .patch(&name, &PatchParams::default(), &Patch::Strategic(ask_again))
        .await
        .unwrap();
    let is_asked_again = async {
        loop {
            let before = policy.reviews().unwrap();
            ground.scale(1).await;
            settled(witness, 1).await;
            let asked = policy.reviews().unwrap() - before;
            ground.scale(0).await;
            settled(witness, 0).await;
            if asked == 2 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, is_asked_again).await.unwrap();
}

#[tokio::test]
async fn a_mutator_that_injects_by_our_label_costs_no_place_and_nothing_is_done_twice() {
    let ground = Ground::new(selected()).await;
    let (mut sidecar, policy, witness) = ground.served().await;
    inject_by_label(&ground).await;
    until_reinvoked(&ground, &policy, &witness).await;
    let witness = Witness::start(&ground.admin, SHOP, "").await.unwrap();
    let before = policy.reviews().unwrap();
    ground.scale(25).await;
    let seen = settled(&witness, 25).await;
    assert_exact(&seen, 25, 10);
    assert_eq!(policy.reviews().unwrap(), before + 50, "twice for each pod");

    let pods: Api<Pod> = Api::namespaced(ground.admin.clone(), SHOP);
    for pod in pods.list(&ListParams::default()).await.unwrap() {
        let spec = serde_json::to_value(pod.spec.unwrap()).unwrap();
        let names: Vec<&str> = spec["containers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|container| container["name"].as_str())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let terms = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        assert_eq!(terms.as_array().map(Vec::len), Some(1), "{terms}");
        assert_eq!(
            terms[0]["matchExpressions"].as_array().map(Vec::len),
            Some(1),
            "{terms}"
        );
    }
    sidecar.process().check().unwrap();
    policy.remove(&ground.admin).await.unwrap();
}
