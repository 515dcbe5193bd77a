//! Fake nodes: the scheduler respects their room, labels and taints; KWOK plays their kubelets.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Node;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::error::ClusterError;
use crate::identity::Identity;
use crate::wait;

/// The label that names a node's pool.
pub const POOL_LABEL: &str = "pool";

/// Nodes that are all alike, `NAME-0` and so on.
#[derive(Clone, Debug)]
pub struct NodePool {
    name: String,
    count: usize,
    pods_per_node: usize,
    labels: BTreeMap<String, String>,
    taints: Vec<(String, String, String)>,
}

impl NodePool {
    /// So many nodes with room for so many pods each, labelled `pool=NAME`.
    #[must_use]
    pub fn new(name: &str, count: usize, pods_per_node: usize) -> Self {
        Self {
            name: name.to_owned(),
            count,
            pods_per_node,
            labels: BTreeMap::from([(POOL_LABEL.to_owned(), name.to_owned())]),
            taints: Vec::new(),
        }
    }

    /// With another label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a taint; the effect is `NoSchedule` or `NoExecute`.
    #[must_use]
    pub fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        self.taints
            .push((key.to_owned(), value.to_owned(), effect.to_owned()));
        self
    }

    fn node(&self, number: usize) -> Result<Node, ClusterError> {
        let name = format!("{}-{number}", self.name);
        let mut labels = self.labels.clone();
        labels.insert("kubernetes.io/hostname".to_owned(), name.clone());
        let taints: Vec<_> = self
            .taints
            .iter()
            .map(|(key, value, effect)| json!({"key": key, "value": value, "effect": effect}))
            .collect();
        let room = json!({"cpu": "1000", "memory": "4000Gi", "pods": self.pods_per_node.to_string()});
        let node = json!({
            "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "spec": {"taints": taints},
            "status": {"allocatable": room, "capacity": room},
        });
        serde_json::from_value(node).map_err(|error| ClusterError::Text {
            what: format!("the node `{name}`"),
            reason: error.to_string(),
        })
    }
}

impl ControlPlane {
    /// Adds the nodes and waits until they are ready.
    ///
    /// # Errors
    /// When they cannot be made, or do not become ready.
    pub async fn add_nodes(&self, pool: &NodePool) -> Result<(), ClusterError> {
        let nodes: Api<Node> = Api::all(self.client(Identity::Admin).await?);
        let made = (0..pool.count).map(|number| {
            let nodes = &nodes;
            async move {
                let node = pool.node(number)?;
                let made = nodes.create(&PostParams::default(), &node).await;
                made.map_err(ClusterError::kube("make a node"))
            }
        });
        stream::iter(made)
            .buffer_unordered(16)
            .try_collect::<Vec<_>>()
            .await?;
        wait::until(
            &nodes,
            watcher::Config::default().labels(&format!("{POOL_LABEL}={}", pool.name)),
            &format!("the nodes of `{}` to be ready", pool.name),
            Duration::from_secs(60),
            |nodes| nodes.len() == pool.count && nodes.values().all(is_ready),
        )
        .await?;
        Ok(())
    }

    /// Removes the nodes again; what runs on them goes some time later.
    ///
    /// # Errors
    /// When they cannot be deleted.
    pub async fn remove_nodes(&self, pool: &NodePool) -> Result<(), ClusterError> {
        let nodes: Api<Node> = Api::all(self.client(Identity::Admin).await?);
        let of_pool = ListParams::default().labels(&format!("{POOL_LABEL}={}", pool.name));
        nodes
            .delete_collection(&DeleteParams::default(), &of_pool)
            .await
            .map_err(ClusterError::kube("delete nodes"))?;
        Ok(())
    }
}

/// Loses a node: its pods are deleted, and no pod comes to it.
///
/// # Errors
/// When there is no such node.
pub async fn lose(client: &Client, node: &str) -> Result<(), ClusterError> {
    let taints = json!([{"key": "spillway.dev/lost", "effect": "NoExecute"}]);
    set(client, node, json!({"spec": {"taints": taints}})).await
}

/// Takes a lost node back, with the taints of its pool.
///
/// # Errors
/// When there is no such node.
pub async fn restore(client: &Client, pool: &NodePool, number: usize) -> Result<(), ClusterError> {
    let node = pool.node(number)?;
    let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    let name = node.metadata.name.unwrap_or_default();
    set(client, &name, json!({"spec": {"taints": taints}})).await
}

async fn set(client: &Client, node: &str, patch: Value) -> Result<(), ClusterError> {
    let nodes: Api<Node> = Api::all(client.clone());
    nodes
        .patch(node, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map_err(ClusterError::kube(format!("change the node `{node}`")))?;
    Ok(())
}

/// Whether pods can be scheduled to it: it says so, and no taint of the node controller is left on it.
fn is_ready(node: &Node) -> bool {
    let says_so = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let shunned = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .any(|taint| taint.key.starts_with("node.kubernetes.io/"));
    says_so && !shunned
}
