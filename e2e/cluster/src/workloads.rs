//! Namespaces and workloads for tests.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::ClusterError;
use crate::wait;

/// Makes a namespace.
///
/// # Errors
/// When there is one of that name.
pub async fn namespace(client: &Client, name: &str) -> Result<(), ClusterError> {
    let namespace = read::<Namespace>("a namespace", json!({"metadata": {"name": name}}))?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .map_err(ClusterError::kube(format!("make the namespace `{name}`")))?;
    Ok(())
}

/// A pod template: one container, no requests, one second to end. The labels are `app=APP`.
#[must_use]
pub fn template(app: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "main", "image": "registry.example.org/app:1"}],
        },
    })
}

/// A Deployment of [`template`]; change the fields that a test is about.
///
/// # Errors
/// Never, unless Kubernetes' types change.
pub fn deployment(name: &str, replicas: i32) -> Result<Deployment, ClusterError> {
    let deployment = json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
        },
    });
    read("a deployment", deployment)
}

/// A StatefulSet of [`template`] that makes its pods all at once.
///
/// # Errors
/// Never, unless Kubernetes' types change.
pub fn stateful_set(name: &str, replicas: i32) -> Result<StatefulSet, ClusterError> {
    let set = json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
        },
    });
    read("a stateful set", set)
}

/// A Job of [`template`]. Its pods complete as soon as they run.
///
/// # Errors
/// Never, unless Kubernetes' types change.
pub fn job(name: &str, parallelism: i32, completions: i32) -> Result<Job, ClusterError> {
    let mut template = template(name);
    if let Some(spec) = template.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.insert("restartPolicy".to_owned(), json!("Never"));
    }
    let job = json!({
        "metadata": {"name": name},
        "spec": {"parallelism": parallelism, "completions": completions, "template": template},
    });
    read("a job", job)
}

/// Makes a workload, or anything else of a namespace.
///
/// # Errors
/// When the API server refuses it.
pub async fn create<K>(client: &Client, namespace: &str, object: &K) -> Result<K, ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), object)
        .await
        .map_err(ClusterError::kube(format!("make a {}", K::kind(&()))))
}

/// Changes the image of a Deployment, which rolls it out.
///
/// # Errors
/// When the API server refuses it.
pub async fn roll_out(client: &Client, namespace: &str, name: &str, image: &str) -> Result<(), ClusterError> {
    let containers = json!([{"name": "main", "image": image}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    deployments
        .patch(name, &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .map_err(ClusterError::kube(format!("roll out `{name}`")))?;
    Ok(())
}

/// Sets the replicas of a Deployment.
///
/// # Errors
/// When the API server refuses it.
pub async fn scale(client: &Client, namespace: &str, name: &str, replicas: i32) -> Result<(), ClusterError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments
        .patch_scale(name, &PatchParams::default(), &patch)
        .await
        .map_err(ClusterError::kube(format!("scale `{name}` to {replicas}")))?;
    Ok(())
}

/// Deletes a namespace and waits until its pods are gone, so that their room is free.
///
/// # Errors
/// When that does not come about.
pub async fn delete_namespace(client: &Client, name: &str) -> Result<(), ClusterError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces
        .delete(name, &DeleteParams::default())
        .await
        .map_err(ClusterError::kube(format!("delete the namespace `{name}`")))?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), name);
    wait::until(
        &pods,
        watcher::Config::default(),
        &format!("the pods of `{name}` to go"),
        Duration::from_secs(300),
        |pods| pods.is_empty(),
    )
    .await?;
    Ok(())
}

/// A typed object from JSON.
///
/// # Errors
/// When the JSON is none of that type.
pub fn read<T: DeserializeOwned>(what: &str, object: Value) -> Result<T, ClusterError> {
    serde_json::from_value(object).map_err(|error| ClusterError::Text {
        what: what.to_owned(),
        reason: error.to_string(),
    })
}
