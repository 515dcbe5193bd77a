//! The control plane that tests share.

use std::time::Duration;

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use spillway_e2e::{ControlPlane, Folder, Identity, NodePool, Options, install, places, workloads};
use tokio::sync::OnceCell;

/// How long anything may take; what is awaited comes as an event, so only a failure waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The shared control plane: quick controllers, a pool `fixed` and a tainted pool `elastic`, with room for thousands of
/// pods each. A test that disturbs it starts its own, see [`start`].
pub(crate) async fn plane() -> &'static ControlPlane {
    static PLANE: OnceCell<ControlPlane> = OnceCell::const_new();
    let options = Options {
        controller_qps: 2000,
        ..Options::default()
    };
    PLANE.get_or_init(|| start(options)).await
}

/// A control plane with both pools and what `deploy/` gives the policy and the sidecar.
pub(crate) async fn start(options: Options) -> ControlPlane {
    let folder = Folder::temporary(&places::repository().join("target/e2e")).unwrap();
    let plane = ControlPlane::start(folder, options).await.unwrap();
    plane.add_nodes(&NodePool::new("fixed", 20, 250)).await.unwrap();
    let elastic =
        NodePool::new("elastic", 4, 2000).taint("virtual-kubelet.io/provider", "example", "NoSchedule");
    plane.add_nodes(&elastic).await.unwrap();
    let admin = plane.client(Identity::Admin).await.unwrap();
    install(&admin).await.unwrap();
    plane
}

/// A new namespace, and a client that may do everything.
pub(crate) async fn namespace(plane: &ControlPlane, name: &str) -> Client {
    let admin = plane.client(Identity::Admin).await.unwrap();
    workloads::namespace(&admin, name).await.unwrap();
    admin
}

/// Settings with one spread for the Deployment of this name: `fixed` up to a maximum, then `elastic`.
pub(crate) fn fixed_then_elastic(namespace: &str, name: &str, maximum: usize) -> Value {
    let pool =
        |pool: &str| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]});
    json!({"spreads": [{
        "name": name,
        "namespace": namespace,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "subsets": [
            {"name": "fixed", "maxReplicas": maximum, "requiredNodeSelectorTerm": pool("fixed")},
            {
                "name": "elastic",
                "requiredNodeSelectorTerm": pool("elastic"),
                "tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}],
            },
        ],
    }]})
}

/// Waits until the ledger of a spread says who binds its pods.
pub(crate) async fn until_published(client: &Client, namespace: &str, spread: &str) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("spillway.dev", "v1alpha1", "SpreadLedger"));
    let ledgers: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let watched = watcher(
        ledgers,
        watcher::Config::default().fields(&format!("metadata.name={spread}")),
    );
    let published = watched
        .applied_objects()
        .any(|ledger| async { ledger.is_ok_and(|ledger| ledger.data.pointer("/status/binder").is_some()) });
    assert!(tokio::time::timeout(PATIENCE, published).await.unwrap());
}
