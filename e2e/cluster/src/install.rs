//! What an administrator applies before the policy and the sidecar run: the shipped kinds and rights, nothing more.

use kube::Client;

use crate::apply;
use crate::error::ClusterError;
use crate::places;

/// Applies `deploy/`: the namespace, the kinds and the roles. Not the sidecar's own Deployment: here it is a process.
///
/// # Errors
/// When a manifest is missing, or the API server refuses it.
pub async fn install(client: &Client) -> Result<(), ClusterError> {
    let folder = places::repository().join("deploy");
    let failed = || ClusterError::path("read", &folder);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed())? {
        let file = entry.map_err(failed())?.path();
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".yaml")
            && ["crd-", "namespace", "rbac-"]
                .iter()
                .any(|start| name.starts_with(start))
        {
            files.push(file);
        }
    }
    // The namespace comes before the roles in it.
    files.sort();
    for file in files {
        apply::apply_path(client, &file).await?;
    }
    Ok(())
}
