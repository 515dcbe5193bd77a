//! `policy-host-serve --kubeconfig`: what a policy sees of a cluster is what policy-server would show it.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use policy_host::{Cluster, Query};
use policy_host_serve::live::Live;
use serde_json::{Value, json};
use spillway_e2e::{ControlPlane, Identity, workloads};

use crate::support::{PATIENCE, namespace, plane};

/// Asks as a guest does, from a thread that may block.
struct Guest(Arc<Live>);

impl Guest {
    async fn new(plane: &ControlPlane, lag: Duration) -> Self {
        let kubeconfig = plane.kubeconfig(Identity::Admin);
        Self(Arc::new(Live::connect(&kubeconfig, lag).await.unwrap()))
    }

    async fn ask(&self, operation: &str, payload: Value) -> Result<Value, String> {
        let query = Query::parse(operation, payload.to_string().as_bytes()).unwrap();
        let live = self.0.clone();
        let answer = tokio::task::spawn_blocking(move || live.answer(&query))
            .await
            .unwrap();
        answer.map(|text| serde_json::from_slice(&text).unwrap())
    }

    async fn names(&self, namespace: &str) -> Vec<String> {
        let list = json!({"api_version": "v1", "kind": "ConfigMap", "namespace": namespace, "label_selector": "of=test",
            "field_masks": ["data.kept"]});
        let answer = self.ask("list_resources_by_namespace", list).await.unwrap();
        let items = answer["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// There is no event for what a watch in another client has seen.
    async fn until_names(&self, namespace: &str, names: &[&str]) {
        let seen = async {
            while self.names(namespace).await != names {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap();
    }
}

fn config_map(name: &str) -> ConfigMap {
    let object = json!({
        "metadata": {"name": name, "labels": {"of": "test"}},
        "data": {"kept": "a", "masked": "b"},
    });
    workloads::read("a config map", object).unwrap()
}

#[tokio::test]
async fn lists_follow_the_cluster() {
    let (plane, shop) = (plane().await, "live-lists");
    let admin = namespace(plane, shop).await;
    let guest = Guest::new(plane, Duration::ZERO).await;
    workloads::create(&admin, shop, &config_map("a")).await.unwrap();

    let list = json!({"api_version": "v1", "kind": "ConfigMap", "namespace": shop, "label_selector": "of=test", "field_masks": ["data.kept"]});
    let answer = guest.ask("list_resources_by_namespace", list).await.unwrap();
    assert_eq!(
        (&answer["apiVersion"], &answer["kind"], &answer["metadata"]),
        (&json!("v1"), &json!("ConfigMapList"), &json!({}))
    );
    assert_eq!(answer["items"][0]["data"], json!({"kept": "a"}));
    assert_eq!(answer["items"][0]["metadata"]["managedFields"], json!([]));

    workloads::create(&admin, shop, &config_map("b")).await.unwrap();
    guest.until_names(shop, &["a", "b"]).await;
    let maps: Api<ConfigMap> = Api::namespaced(admin.clone(), shop);
    let unlabelled = Patch::Merge(json!({"metadata": {"labels": {"of": null}}}));
    maps.patch("a", &PatchParams::default(), &unlabelled)
        .await
        .unwrap();
    guest.until_names(shop, &["b"]).await;
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    guest.until_names(shop, &[]).await;
}

#[tokio::test]
async fn a_late_view_is_late_and_comes_round() {
    let (plane, shop) = (plane().await, "live-late");
    let admin = namespace(plane, shop).await;
    let (now, late) = (
        Guest::new(plane, Duration::ZERO).await,
        Guest::new(plane, Duration::from_secs(3)).await,
    );
    assert_eq!((now.names(shop).await, late.names(shop).await), (vec![], vec![]));
    workloads::create(&admin, shop, &config_map("a")).await.unwrap();
    now.until_names(shop, &["a"]).await;
    assert_eq!(late.names(shop).await, Vec::<String>::new());
    late.until_names(shop, &["a"]).await;
}

#[tokio::test]
async fn objects_are_read_and_errors_are_those_of_policy_server() {
    let (plane, shop) = (plane().await, "live-reads");
    let admin = namespace(plane, shop).await;
    let guest = Guest::new(plane, Duration::ZERO).await;
    workloads::create(&admin, shop, &config_map("a")).await.unwrap();
    let get = |name: &str, disable_cache: bool| json!({"api_version": "v1", "kind": "ConfigMap", "name": name, "namespace": shop, "disable_cache": disable_cache});

    let read = guest.ask("get_resource", get("a", false)).await.unwrap();
    assert_eq!(
        (&read["kind"], &read["data"]["masked"]),
        (&json!("ConfigMap"), &json!("b"))
    );
    let maps: Api<ConfigMap> = Api::namespaced(admin.clone(), shop);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let kept = guest.ask("get_resource", get("a", false)).await;
    assert_eq!(kept, Ok(read), "a read is kept for five seconds");
    assert_eq!(
        guest.ask("get_resource", get("a", true)).await,
        Err(format!(
            "Cannot find v1/ConfigMap named 'a' inside of namespace 'Some(\"{shop}\")'"
        ))
    );

    let nodes = json!({"api_version": "v1", "kind": "Node", "namespace": shop});
    assert_eq!(
        guest.ask("list_resources_by_namespace", nodes).await,
        Err("resource v1/Node is cluster wide. Cannot search for it inside of a namespace".to_owned())
    );
    let absent = json!({"api_version": "example.org/v1", "kind": "Nothing"});
    let error = guest.ask("list_resources_all", absent).await.unwrap_err();
    assert!(
        error.starts_with("Cannot find resource example.org/v1/Nothing"),
        "{error}"
    );
    let nodes = json!({"api_version": "v1", "kind": "Node"});
    let nodes = guest.ask("list_resources_all", nodes).await.unwrap();
    assert_eq!(nodes["items"].as_array().unwrap().len(), 24);

    for (user, allowed) in [(Identity::PolicyHost, true), (Identity::Nobody, false)] {
        let review = json!({"disable_cache": false, "subject_access_review": {
            "user": user.user(), "groups": user.groups(),
            "resource_attributes": {"verb": "list", "resource": "pods", "namespace": shop},
        }});
        let answer = guest.ask("can_i", review).await.unwrap();
        assert_eq!(answer["allowed"], json!(allowed), "{user:?}: {answer}");
    }
}
