//! A real cluster, seen as policy-server sees it.
//!
//! A list starts a watch at its first use, which is then kept for ever and serves every later list of the same kind,
//! namespace, selectors and mask. A single object is read from the API server; the answer is kept five seconds unless the
//! policy says otherwise, and meanwhile other such reads wait. The error texts are policy-server's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::{DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::{ApiResource, GroupVersion};
use kube::discovery::{Scope, pinned_kind};
use kube::runtime::watcher;
use kube::{Api, Client, Config};
use policy_host::{CanI, Cluster, FieldMask, GetResource, ListAll, ListByNamespace, Query};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::watched::Watched;

/// How long the answer to a read is used again.
const KEPT: Duration = Duration::from_secs(5);

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig `{path}`: {source}")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<KubeconfigError>,
    },
    /// No client can be made of it.
    #[error("cannot make a client: {0}")]
    Client(#[from] Box<kube::Error>),
}

/// A cluster behind an API server. Its answers block: they must not be asked for in an asynchronous task.
pub struct Live {
    runtime: Handle,
    client: Client,
    lag: Duration,
    kinds: Mutex<BTreeMap<(String, String), (ApiResource, Scope)>>,
    watches: Mutex<BTreeMap<String, Arc<Watched>>>,
    reads: tokio::sync::Mutex<BTreeMap<String, (Instant, Vec<u8>)>>,
}

/// A list of either sort.
struct List<'a> {
    api_version: &'a str,
    kind: &'a str,
    /// None is all of them.
    namespace: Option<&'a str>,
    labels: Option<&'a str>,
    fields: Option<&'a str>,
    mask: FieldMask,
    key: String,
}

impl Live {
    /// Connects as the kubeconfig says, within the current runtime. Lists learn of changes `lag` late.
    ///
    /// # Errors
    /// When the kubeconfig is none.
    pub async fn connect(kubeconfig: &Path, lag: Duration) -> Result<Self, LiveError> {
        let unusable = |source| LiveError::Kubeconfig {
            path: kubeconfig.to_owned(),
            source: Box::new(source),
        };
        let file = Kubeconfig::read_from(kubeconfig).map_err(unusable)?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .map_err(unusable)?;
        Ok(Self {
            runtime: Handle::current(),
            client: Client::try_from(config).map_err(Box::new)?,
            lag,
            kinds: Mutex::default(),
            watches: Mutex::default(),
            reads: tokio::sync::Mutex::default(),
        })
    }

    async fn ask(&self, query: &Query) -> Result<Vec<u8>, String> {
        match query {
            Query::ListByNamespace(list) => self.list(List::of_namespace(list)).await,
            Query::ListAll(list) => self.list(List::of_all(list)).await,
            Query::GetResource(get) if get.disable_cache => self.get(get).await,
            Query::GetResource(get) => self.kept(format!("{get:?}"), self.get(get)).await,
            Query::CanI(review) if review.disable_cache => self.can_i(review).await,
            Query::CanI(review) => self.kept(format!("{review:?}"), self.can_i(review)).await,
        }
    }

    async fn list(&self, list: List<'_>) -> Result<Vec<u8>, String> {
        let known = self.watch(&list.key, || None);
        let watched = match known {
            Some(watched) => watched,
            None => {
                let (resource, scope) = self.kind(list.api_version, list.kind).await?;
                if scope == Scope::Cluster && list.namespace.is_some() {
                    return Err(format!(
                        "resource {}/{} is cluster wide. Cannot search for it inside of a namespace",
                        list.api_version, list.kind
                    ));
                }
                let start = || {
                    let api = match list.namespace {
                        Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
                        None => Api::all_with(self.client.clone(), &resource),
                    };
                    let types = (list.api_version, list.kind);
                    let watched = Watched::start(api, types, list.config(), list.mask.clone(), self.lag);
                    Some(Arc::new(watched))
                };
                self.watch(&list.key, start)
                    .ok_or_else(|| "the watch has not started".to_owned())?
            }
        };
        watched.answer().await
    }

    /// The watch of a key, or else a new one.
    fn watch(&self, key: &str, start: impl FnOnce() -> Option<Arc<Watched>>) -> Option<Arc<Watched>> {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = watches.get(key) {
            return Some(watched.clone());
        }
        let watched = start()?;
        watches.insert(key.to_owned(), watched.clone());
        Some(watched)
    }

    async fn get(&self, get: &GetResource) -> Result<Vec<u8>, String> {
        let (resource, scope) = self.kind(&get.api_version, &get.kind).await?;
        let api: Api<DynamicObject> = match (scope, &get.namespace) {
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(self.client.clone(), &resource),
            (Scope::Cluster, _) => Api::all_with(self.client.clone(), &resource),
        };
        let found = api.get_opt(&get.name).await.map_err(|error| error.to_string())?;
        let object = found.ok_or_else(|| {
            format!(
                "Cannot find {}/{} named '{}' inside of namespace '{:?}'",
                get.api_version, get.kind, get.name, get.namespace
            )
        })?;
        let object = serde_json::to_value(&object).map_err(|error| error.to_string())?;
        let Value::Object(object) = object else {
            return Err("the API server's answer is no object".to_owned());
        };
        let mask = get.field_masks.as_ref().map(FieldMask::new).unwrap_or_default();
        serde_json::to_vec(&mask.object(&object)).map_err(|error| error.to_string())
    }

    async fn can_i(&self, asked: &CanI) -> Result<Vec<u8>, String> {
        let attributes = &asked.request.resource_attributes;
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                groups: asked.request.groups.clone(),
                user: Some(asked.request.user.clone()),
                resource_attributes: Some(ResourceAttributes {
                    group: attributes.group.clone(),
                    name: attributes.name.clone(),
                    namespace: attributes.namespace.clone(),
                    resource: Some(attributes.resource.clone()),
                    subresource: attributes.subresource.clone(),
                    verb: Some(attributes.verb.clone()),
                    version: attributes.version.clone(),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews
            .create(&PostParams::default(), &review)
            .await
            .map_err(|error| error.to_string())?;
        let status: SubjectAccessReviewStatus = answer.status.unwrap_or_default();
        serde_json::to_vec(&status).map_err(|error| error.to_string())
    }

    /// The answer of the last seconds, or a new one. All of these reads wait for each other.
    async fn kept(
        &self,
        key: String,
        ask: impl Future<Output = Result<Vec<u8>, String>>,
    ) -> Result<Vec<u8>, String> {
        let mut reads = self.reads.lock().await;
        if let Some((at, answer)) = reads.get(&key)
            && at.elapsed() < KEPT
        {
            return Ok(answer.clone());
        }
        reads.retain(|_, (at, _)| at.elapsed() < KEPT);
        let answer = ask.await?;
        reads.insert(key, (Instant::now(), answer.clone()));
        Ok(answer)
    }

    /// What the API server calls a kind. A kind that it does not have is asked for each time.
    async fn kind(&self, api_version: &str, kind: &str) -> Result<(ApiResource, Scope), String> {
        let key = (api_version.to_owned(), kind.to_owned());
        let lock = || self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Ok(known.clone());
        }
        let version: GroupVersion = api_version
            .parse()
            .map_err(|_| format!("Cannot find resource {api_version}/{kind}"))?;
        let (resource, capabilities) = pinned_kind(&self.client, &version.with_kind(kind))
            .await
            .map_err(|error| format!("Cannot find resource {api_version}/{kind}: {error}"))?;
        let found = (resource, capabilities.scope);
        lock().insert(key, found.clone());
        Ok(found)
    }
}

impl Cluster for Live {
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        self.runtime.block_on(self.ask(query))
    }
}

impl<'a> List<'a> {
    fn of_namespace(list: &'a ListByNamespace) -> Self {
        Self {
            api_version: &list.api_version,
            kind: &list.kind,
            namespace: Some(&list.namespace),
            labels: list.label_selector.as_deref(),
            fields: list.field_selector.as_deref(),
            mask: list.field_masks.as_ref().map(FieldMask::new).unwrap_or_default(),
            key: format!("{list:?}"),
        }
    }

    fn of_all(list: &'a ListAll) -> Self {
        Self {
            api_version: &list.api_version,
            kind: &list.kind,
            namespace: None,
            labels: list.label_selector.as_deref(),
            fields: list.field_selector.as_deref(),
            mask: list.field_masks.as_ref().map(FieldMask::new).unwrap_or_default(),
            key: format!("{list:?}"),
        }
    }

    fn config(&self) -> watcher::Config {
        let mut config = watcher::Config::default();
        if let Some(labels) = self.labels {
            config = config.labels(labels);
        }
        if let Some(fields) = self.fields {
            config = config.fields(fields);
        }
        config
    }
}
