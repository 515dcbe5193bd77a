//! The compiled policy as an admission of the simulator: a host around the module, and a store that its watches fill.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use kube_rules::time::UnixMillis;
use policy_host::{
    Cluster, Counted, Grants, HostError, Kubernetes, Module, ObjectId, Policy, Query, Resource, Store, View,
};
use serde_json::Value;
use simulator::{Admission, AdmissionCall, AdmissionFailure, Answer, Change, Millis, Verdict, Write};

/// Where the module is looked for, after the argument and the environment.
const PLACES: [&str; 2] = ["policy.wasm", "target/wasm32-wasip1/release/spillway_policy.wasm"];
/// The environment variable that names the module.
pub(crate) const VARIABLE: &str = "SPILLWAY_POLICY_WASM";
/// What the simulator shows; the policy may read all of it.
const KINDS: [(&str, &str); 9] = [
    ("v1", "Pod"),
    ("v1", "Node"),
    ("v1", "Namespace"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("spillway.dev/v1alpha1", "SpreadLedger"),
    ("coordination.k8s.io/v1", "Lease"),
];
/// Versions that nobody can see any more are dropped after so many changes.
const CHANGES_KEPT: u32 = 512;

/// Why the policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("no policy module: `{}` and `{}` do not exist; run `make policy.wasm`, or name a module with --policy-wasm or {VARIABLE}", PLACES[0], PLACES[1])]
    Absent,
    #[error("no policy module at `{}`; run `make policy.wasm`, or name another with --policy-wasm", .0.display())]
    NotThere(PathBuf),
    #[error("policy module `{}`: {source}", path.display())]
    Module { path: PathBuf, source: HostError },
    #[error("the settings cannot be given to the policy: {0}")]
    Settings(#[from] policy_host::AdmitError),
    #[error("the policy cannot judge its settings: {0}")]
    Judge(#[from] HostError),
    #[error("settings.yaml: the policy refuses these settings: {0}")]
    Refused(String),
}

/// The file of the module: the one named, or the first that exists.
pub(crate) fn find(named: Option<PathBuf>) -> Result<PathBuf, PolicyError> {
    match named {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(PolicyError::NotThere(path)),
        None => PLACES
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
            .ok_or(PolicyError::Absent),
    }
}

/// Compiles the module.
pub(crate) fn load(path: &Path) -> Result<Module, PolicyError> {
    Module::from_file(path).map_err(|source| PolicyError::Module {
        path: path.to_owned(),
        source,
    })
}

/// The policy in its host.
pub(crate) struct PolicyAdmission {
    policy: Policy,
    grants: Arc<Grants>,
    /// What the watches have delivered.
    store: Store,
    /// What is, for reads that pass the caches by.
    written: Store,
    changes: u32,
    lease: Option<Value>,
}

/// Lists as the watches show them; a single read that wants no cache is answered by the API server itself.
struct Seen {
    lists: View,
    written: Store,
}

impl Cluster for Seen {
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        match query {
            Query::GetResource(get) if get.disable_cache => self.written.answer(query),
            _ => self.lists.answer(query),
        }
    }
}

impl PolicyAdmission {
    /// Has the module judge its settings. No time limit is set: how fast this machine is must not change a simulation.
    pub(crate) fn new(module: Module, settings: &Value) -> Result<Self, PolicyError> {
        let policy = Policy::new("spillway", module, &settings.to_string())?.allowed_to_mutate(true);
        let judged = policy.validate_settings()?;
        if !judged.valid {
            return Err(PolicyError::Refused(
                judged.message.unwrap_or_else(|| "it does not say why".to_owned()),
            ));
        }
        let grants = Grants::controller(KINDS.map(|(api_version, kind)| Resource::new(api_version, kind)));
        Ok(Self {
            policy,
            grants: Arc::new(grants),
            store: Store::new(),
            written: Store::new(),
            changes: 0,
            lease: None,
        })
    }

    fn answer(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, String> {
        let review = serde_json::to_vec(call.review).map_err(|error| error.to_string())?;
        self.forget(call.now);
        self.date_lease(call)?;
        let cluster = Arc::new(Seen {
            lists: self.store.as_of(call.now.0),
            written: self.written.clone(),
        });
        let host = Arc::new(Counted::new(Arc::new(Kubernetes::new(
            cluster,
            Arc::clone(&self.grants),
        ))));
        let response = self
            .policy
            .admit(&review, Arc::clone(&host) as _)
            .map_err(|error| error.to_string())?;
        let verdict = if !response.allowed {
            let message = response.status.and_then(|status| status.message);
            Verdict::Refused(message.unwrap_or_else(|| "without a message".to_owned()))
        } else if response.patch.is_some() {
            let mut pod = call
                .review
                .pointer("/request/object")
                .cloned()
                .unwrap_or_default();
            response
                .apply(&mut pod)
                .map_err(|error| format!("the patch does not fit the pod: {error}"))?;
            Verdict::Changed(pod)
        } else {
            Verdict::Unchanged
        };
        let host_calls = host
            .calls()
            .iter()
            .map(|(operation, calls)| (operation.to_owned(), calls))
            .collect();
        Ok(Answer {
            verdict,
            warnings: response.warnings.unwrap_or_default(),
            host_calls,
        })
    }

    /// The module reads the clock of this machine, so that its Lease is dated by that: as old as it is on the virtual clock.
    fn date_lease(&mut self, call: &AdmissionCall<'_>) -> Result<(), String> {
        let Some(lease) = &self.lease else { return Ok(()) };
        let renewed = lease.pointer("/spec/renewTime").and_then(Value::as_str);
        let Some(renewed) = renewed.and_then(UnixMillis::parse) else {
            return Ok(());
        };
        let here = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_err(|error| error.to_string())?;
        let here = i64::try_from(here.as_millis()).map_err(|error| error.to_string())?;
        let dated = UnixMillis(here - (call.clock - renewed.0));
        let mut lease = lease.clone();
        if let Some(time) = lease.pointer_mut("/spec/renewTime") {
            *time = dated.to_string().into();
        }
        self.store
            .put(call.now.0, lease)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn forget(&mut self, now: Millis) {
        if self.changes > CHANGES_KEPT {
            self.changes = 0;
            self.store.forget_before(now.0);
            self.written.forget_before(0);
        }
    }
}

/// Does a write.
fn put(store: &Store, at: u64, write: Write) {
    let stored = match write {
        Write::Stored(object) => store.put(at, object).map(drop),
        Write::Removed {
            api_version,
            kind,
            namespace,
            name,
        } => {
            let id = ObjectId {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                namespace,
                name,
            };
            store.remove(at, &id)
        }
    };
    // INVARIANT: every object of the simulator has a name, and changes come in order.
    debug_assert!(stored.is_ok(), "{stored:?}");
}

impl Admission for PolicyAdmission {
    fn watch(&mut self, change: Change) {
        self.changes += 1;
        match change.write {
            Write::Stored(object) if object.get("kind").and_then(Value::as_str) == Some("Lease") => {
                self.lease = Some(object);
            }
            write => put(&self.store, change.seen.0, write),
        }
    }

    fn written(&mut self, write: Write) {
        // Nobody looks at its past.
        put(&self.written, 0, write);
    }

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        self.answer(call).map_err(|reason| AdmissionFailure { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_not_there_is_named_with_the_way_to_make_it() {
        let error = find(Some("no/such.wasm".into())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no policy module at `no/such.wasm`; run `make policy.wasm`, or name another with --policy-wasm"
        );
        assert!(PolicyError::Absent.to_string().contains("make policy.wasm"));
    }

    #[test]
    fn a_single_read_past_the_cache_shows_what_no_watch_has_delivered() {
        let deployment = |replicas: u32| {
            serde_json::json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": replicas},
            })
        };
        let (lagging, written) = (Store::new(), Store::new());
        put(&lagging, 5, Write::Stored(deployment(0)));
        put(&written, 0, Write::Stored(deployment(0)));
        put(&written, 0, Write::Stored(deployment(300)));
        let seen = Seen {
            lists: lagging.as_of(10),
            written,
        };
        let replicas = |disable_cache| {
            let query = Query::GetResource(policy_host::GetResource {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name: "web".to_owned(),
                namespace: Some("shop".to_owned()),
                disable_cache,
                field_masks: None,
            });
            let found: Value = serde_json::from_slice(&seen.answer(&query).unwrap()).unwrap();
            found["spec"]["replicas"].as_u64()
        };
        assert_eq!((replicas(true), replicas(false)), (Some(300), Some(0)));
    }

    #[test]
    fn a_file_that_is_no_module_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.wasm");
        std::fs::write(&path, "not wasm").unwrap();
        let error = load(&path).map(drop).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("policy module `{}`: ", path.display())),
            "{error}"
        );
    }
}
