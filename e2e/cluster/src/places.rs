//! Where things that are built lie.

use std::path::{Path, PathBuf};

use crate::error::ClusterError;

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let this = Path::new(env!("CARGO_MANIFEST_DIR"));
    this.ancestors().nth(2).unwrap_or(this).to_owned()
}

/// A program of the control plane.
///
/// # Errors
/// When it is not built.
pub fn control_plane_program(name: &str) -> Result<PathBuf, ClusterError> {
    let path = repository().join("target/control-plane/bin").join(name);
    built(path, "e2e/cluster/build.sh")
}

/// What KWOK plays.
///
/// # Errors
/// When it is not there.
pub fn kwok_stages() -> Result<Vec<PathBuf>, ClusterError> {
    let folder = repository().join("target/control-plane/kwok-stages");
    let folder = built(folder, "e2e/cluster/build.sh")?;
    let failed = || ClusterError::path("read", &folder);
    let mut stages = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed())? {
        stages.push(entry.map_err(failed())?.path());
    }
    stages.sort();
    Ok(stages)
}

/// A program of this repository: from `SPILLWAY_BIN_DIR`, or beside the program that asks.
///
/// # Errors
/// When it is not built.
pub fn own_program(name: &str) -> Result<PathBuf, ClusterError> {
    let folder = match std::env::var_os("SPILLWAY_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let this = std::env::current_exe().map_err(ClusterError::io("find this program"))?;
            // Tests lie one folder below the programs.
            this.ancestors()
                .skip(1)
                .find(|folder| !folder.ends_with("deps"))
                .unwrap_or(Path::new("."))
                .to_owned()
        }
    };
    built(folder.join(name), "`make e2e`")
}

/// The policy, as wasm: from `SPILLWAY_POLICY_WASM`, or at the root.
///
/// # Errors
/// When it is not built.
pub fn policy_module() -> Result<PathBuf, ClusterError> {
    let path = std::env::var_os("SPILLWAY_POLICY_WASM")
        .map_or_else(|| repository().join("policy.wasm"), PathBuf::from);
    built(path, "`make policy.wasm`")
}

fn built(path: PathBuf, run: &'static str) -> Result<PathBuf, ClusterError> {
    if path.exists() {
        Ok(path)
    } else {
        Err(ClusterError::NotBuilt { path, run })
    }
}
