//! What the tests share: the module, a cluster in memory, and an admission.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use policy_host::{AdmissionResponse, Capabilities, Grants, Kubernetes, Module, Policy, Resource, Store};
use serde_json::{Value, json};

/// The module, compiled once.
pub(crate) static MODULE: LazyLock<Module> = LazyLock::new(|| {
    let path =
        std::env::var_os("SPILLWAY_POLICY_WASM").map_or_else(|| root().join("policy.wasm"), PathBuf::from);
    Module::from_file(&path).unwrap_or_else(|error| panic!("run `make policy.wasm` first: {error}"))
});

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of a folder with an ending, in order.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    assert!(!files.is_empty(), "{} has no *{ending}", folder.display());
    files
}

pub(crate) fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with a golden file, or writes it where `UPDATE_GOLDEN` is set.
pub(crate) fn assert_golden(path: &Path, seen: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, seen).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        wanted == seen,
        "{} differs; look, then run with UPDATE_GOLDEN=1\n{seen}",
        path.display()
    );
}

/// A review as the API server sends it: what a test does not say is as for a pod's CREATE.
pub(crate) fn review(request: &Value) -> Value {
    let mut whole = json!({
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "requestResource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "dryRun": false,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    });
    for (key, value) in request.as_object().unwrap() {
        whole[key] = value.clone();
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": whole})
}

/// Every kind that the shipped metadata grants.
pub(crate) fn granted() -> Vec<Resource> {
    let metadata = yaml(&root().join("metadata.yml"));
    let resources = metadata["contextAwareResources"].as_array().unwrap();
    resources
        .iter()
        .map(|r| Resource::new(r["apiVersion"].as_str().unwrap(), r["kind"].as_str().unwrap()))
        .collect()
}

/// What the guest asked its host, in order: the path of the operation and the payload.
pub(crate) type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// Notes each call, then passes it on.
pub(crate) fn noting(inner: Arc<dyn Capabilities>) -> (Arc<dyn Capabilities>, Calls) {
    let calls = Calls::default();
    let notes = calls.clone();
    let noting = move |binding: &str, namespace: &str, operation: &str, payload: &[u8]| {
        let seen = serde_json::from_slice(payload).unwrap();
        notes
            .lock()
            .unwrap()
            .push((format!("{namespace}/{operation}"), seen));
        inner.call(binding, namespace, operation, payload)
    };
    (Arc::new(noting), calls)
}

/// A host with these objects and the shipped grants, and more where a case asks for them.
pub(crate) fn host(objects: &[Value], more: Vec<Resource>) -> Arc<dyn Capabilities> {
    let store = Store::new();
    for object in objects {
        store.put(0, object.clone()).unwrap();
    }
    let grants = Grants::controller(granted().into_iter().chain(more));
    Arc::new(Kubernetes::new(Arc::new(store.as_of(0)), Arc::new(grants)))
}

/// One admission through the compiled module.
pub(crate) fn admit(settings: &Value, request: &Value, host: Arc<dyn Capabilities>) -> AdmissionResponse {
    let policy = Policy::new("placement", MODULE.clone(), &settings.to_string())
        .unwrap()
        .allowed_to_mutate(true);
    policy
        .admit(review(request).to_string().as_bytes(), host)
        .unwrap()
}

/// Gives a pod what the API server puts into `metadata.managedFields` before any webhook is called: the labels and
/// annotations that the client sent.
pub(crate) fn with_managed_fields(pod: &mut Value, sent: &Value) {
    let keys = |field: &str| -> Value {
        let texts = sent["metadata"][field].as_object();
        let keys = texts
            .into_iter()
            .flatten()
            .map(|(key, _)| (format!("f:{key}"), json!({})));
        Value::Object(keys.collect())
    };
    pod["metadata"]["managedFields"] = json!([{
        "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": keys("labels"), "f:annotations": keys("annotations")}},
    }]);
}
