//! Vectors through the compiled policy, in a host like the real one.

use std::path::Path;
use std::sync::Arc;

use placement_core::hash::{fnv1a64, reduce};
use policy_host::{Grants, Kubernetes, Module, Policy, Resource, Store};
use rules::WorkloadKind;
use rules::names::SPREAD_LABEL;
use serde_json::{Value, json};

use crate::fixture::text;
use crate::settings::{custom_kinds, namespace};

/// The longest window that the policy hashes into.
const LONGEST_WINDOW: u32 = placement_core::decide::LONGEST_WINDOW;

/// The compiled policy.
#[derive(Debug)]
pub(crate) struct Wasm {
    module: Module,
    uid: String,
}

/// What the policy did with a pod.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// It was changed.
    Placed {
        /// The spread, by the label that was written.
        spread: String,
        /// The pod as it is created.
        pod: Value,
    },
    /// The spread of this name concerns the pod and leaves it as it came.
    Left(String),
    /// It was created as it came, for another reason.
    Unchanged(Vec<String>),
    /// It was refused.
    Rejected(String),
}

/// Why the policy could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WasmError {
    /// The host failed.
    #[error(transparent)]
    Host(#[from] policy_host::HostError),
    /// The review is no review, or no instance could be started.
    #[error(transparent)]
    Admit(#[from] policy_host::AdmitError),
    /// An object of the vector cannot be stored.
    #[error(transparent)]
    Store(#[from] policy_host::StoreError),
    /// The change does not fit the pod that it was made for.
    #[error("the change does not fit the pod: {0}")]
    Patch(String),
}

impl Wasm {
    /// Compiles the policy.
    pub(crate) fn load(path: &Path) -> Result<Self, WasmError> {
        Ok(Self {
            module: Module::from_file(path)?,
            uid: first_fit_uid(),
        })
    }

    /// Whether the policy takes these settings.
    pub(crate) fn accepts(&self, settings: &str) -> Result<bool, WasmError> {
        Ok(self.module.validate_settings(settings.as_bytes(), None)?.valid)
    }

    /// Admits a pod beside what the store holds. The policy may read what its metadata names and
    /// the kinds that the settings name, and nothing else.
    pub(crate) fn admit(
        &self,
        pod: &Value,
        settings: &str,
        custom: &Value,
        store: &Store,
    ) -> Result<Admitted, WasmError> {
        let custom = custom_kinds(custom);
        let known = WorkloadKind::ALL.map(|known| Resource::new(known.api_version(), known.kind()));
        let named = custom
            .iter()
            .map(|custom| Resource::new(&custom.api_version, &custom.kind.kind));
        let resources = known.into_iter().chain([Resource::new("v1", "Pod")]).chain(named);
        let capabilities = Kubernetes::new(Arc::new(store.clone()), Arc::new(Grants::controller(resources)));
        let policy = Policy::new("conformance", self.module.clone(), settings)?.allowed_to_mutate(true);
        let response = policy.admit(
            review(pod, &self.uid).to_string().as_bytes(),
            Arc::new(capabilities),
        )?;
        if !response.allowed {
            return Ok(Admitted::Rejected(
                response
                    .status
                    .and_then(|status| status.message)
                    .unwrap_or_default(),
            ));
        }
        let mut admitted = pod.clone();
        response
            .apply(&mut admitted)
            .map_err(|error| WasmError::Patch(error.to_string()))?;
        let warnings = response.warnings.unwrap_or_default();
        let left = warnings.iter().find_map(|warning| {
            warning
                .strip_prefix("spillway: spread `")?
                .split_once("` leaves")
                .map(|(spread, _)| spread.to_owned())
        });
        Ok(match (left, response.patch) {
            (_, Some(_)) => {
                let labels = admitted.pointer("/metadata/labels");
                let spread = labels
                    .and_then(|labels| labels.get(SPREAD_LABEL))
                    .and_then(Value::as_str);
                Admitted::Placed {
                    spread: spread.unwrap_or_default().to_owned(),
                    pod: admitted,
                }
            }
            (Some(spread), None) => Admitted::Left(spread),
            (None, None) => Admitted::Unchanged(warnings),
        })
    }
}

fn review(pod: &Value, uid: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
            "requestResource": {"group": "", "version": "v1", "resource": "pods"},
            "name": text(pod, "/metadata/name"),
            "namespace": namespace(pod),
            "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
            "object": pod,
            "dryRun": false,
        },
    })
}

/// A uid whose hash picks the first place of every window: where a vector's workload has many pods
/// to come, the policy's answer is then first-fit all the same, which is what the vectors describe.
fn first_fit_uid() -> String {
    let uids = (0u32..).map(|number| format!("{number:08x}-0000-4000-8000-000000000000"));
    let picks_first = |uid: &String| reduce(fnv1a64(uid.as_bytes()), LONGEST_WINDOW) == 0;
    uids.into_iter().find(picks_first).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uid_picks_the_first_place_of_every_window() {
        let hash = fnv1a64(first_fit_uid().as_bytes());
        assert!((1..=LONGEST_WINDOW).all(|window| reduce(hash, window) == 0));
    }
}
