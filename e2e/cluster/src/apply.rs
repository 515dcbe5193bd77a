//! Applies manifests of any kind, by server-side apply.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::error::ClusterError;
use crate::wait;

/// The owner of the fields that the harness applies.
pub const FIELD_MANAGER: &str = "spillway-e2e";

/// How long a new kind may take.
const SERVED: Duration = Duration::from_secs(30);

/// Applies a file, or all the `.yaml` files of a folder in the order of their names.
///
/// # Errors
/// When anything cannot be read or applied.
pub async fn apply_path(client: &Client, path: &Path) -> Result<(), ClusterError> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files.clear();
        for entry in std::fs::read_dir(path).map_err(ClusterError::path("read", path))? {
            let file = entry.map_err(ClusterError::path("read", path))?.path();
            if file.extension().is_some_and(|end| end == "yaml") {
                files.push(file);
            }
        }
        files.sort();
    }
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(ClusterError::path("read", &file))?;
        apply_yaml(client, &text).await?;
    }
    Ok(())
}

/// Applies the objects of a YAML text in their order. A definition of a kind is waited for until the kind is served.
///
/// # Errors
/// When the text is no YAML of objects, or one cannot be applied.
pub async fn apply_yaml(client: &Client, text: &str) -> Result<Vec<DynamicObject>, ClusterError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(text).map_err(|error| unusable("the manifest", &error))?;
    let mut applied = Vec::new();
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        applied.push(apply(client, document).await?);
    }
    Ok(applied)
}

/// Applies one object.
///
/// # Errors
/// When it is no object, its kind is not served, or the API server refuses it.
pub async fn apply(client: &Client, object: Value) -> Result<DynamicObject, ClusterError> {
    let object: DynamicObject =
        serde_json::from_value(object).map_err(|error| unusable("an object", &error))?;
    let name = object.name_any();
    let types = object
        .types
        .as_ref()
        .ok_or_else(|| unusable(&format!("`{name}`"), &"it has no apiVersion and kind"))?;
    let kind = GroupVersionKind::try_from(types).map_err(|error| unusable(&format!("`{name}`"), &error))?;
    let doing = format!("apply {} `{name}`", kind.kind);
    let (resource, capabilities) = discovery::pinned_kind(client, &kind)
        .await
        .map_err(ClusterError::kube(&doing))?;
    let api: Api<DynamicObject> = match (capabilities.scope, object.namespace()) {
        (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(client.clone(), &namespace, &resource),
        (Scope::Namespaced, None) => Api::default_namespaced_with(client.clone(), &resource),
        (Scope::Cluster, _) => Api::all_with(client.clone(), &resource),
    };
    let applied = api
        .patch(
            &name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(&object),
        )
        .await
        .map_err(ClusterError::kube(&doing))?;
    if kind.kind == "CustomResourceDefinition" {
        until_served(client, &name).await?;
    }
    Ok(applied)
}

/// Discovery learns of a kind a little after its definition says that it is served.
async fn until_served(client: &Client, name: &str) -> Result<(), ClusterError> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let established = wait::until(
        &definitions,
        watcher::Config::default().fields(&format!("metadata.name={name}")),
        &format!("`{name}` to be served"),
        SERVED,
        |definitions| definitions.values().any(is_established),
    )
    .await?;
    for definition in established.values() {
        let spec = &definition.spec;
        for version in spec.versions.iter().filter(|version| version.served) {
            let kind = GroupVersionKind::gvk(&spec.group, &version.name, &spec.names.kind);
            let found = async {
                while discovery::pinned_kind(client, &kind).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            if tokio::time::timeout(SERVED, found).await.is_err() {
                return Err(ClusterError::Late {
                    what: format!("`{name}` to be discovered"),
                    after: SERVED,
                    seen: "it is established".to_owned(),
                });
            }
        }
    }
    Ok(())
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    definition
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .any(|condition| condition.type_ == "Established" && condition.status == "True")
}

/// The one document of a YAML or JSON text.
///
/// # Errors
/// When the text is neither.
pub fn yaml(text: &str) -> Result<Value, ClusterError> {
    serde_saphyr::from_str(text).map_err(|error| unusable("the text", &error))
}

fn unusable(what: &str, error: &dyn std::fmt::Display) -> ClusterError {
    ClusterError::Text {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}
