//! Where the settings come from: a file, read again on SIGHUP, or a ClusterAdmissionPolicy, watched.
//!
//! Settings with faults are never taken: those before them stay.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Config, Event};
use kube::{Api, Client};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::backoff::Backoff;
use crate::config::{Loaded, SettingsError, check, read};
use crate::events::{About, Teller};
use crate::metrics::Metrics;
use crate::observe::{PolicyFields, Seen};
use crate::said::{Said, of_watch};

/// Where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A YAML or JSON file.
    File(PathBuf),
    /// `spec.settings` of the ClusterAdmissionPolicy of this name.
    Policy(String),
}

/// The group of Kubewarden's objects.
const GROUP: &str = "policies.kubewarden.io";

/// Reads a file.
///
/// # Errors
/// When it cannot be read, or has faults.
pub fn file(path: &Path) -> Result<Loaded, SettingsError> {
    let from = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| SettingsError::Unreadable {
        from: from.clone(),
        reason: error.to_string(),
    })?;
    read(&text, &from)
}

/// How the policies of Kubewarden are served.
#[must_use]
pub fn policy_resource() -> ApiResource {
    let kind = GroupVersionKind::gvk(GROUP, "v1", "ClusterAdmissionPolicy");
    ApiResource::from_gvk_with_plural(&kind, "clusteradmissionpolicies")
}

/// Reads the settings of a policy once.
///
/// # Errors
/// When the policy cannot be read, or its settings have faults.
pub async fn policy(client: &Client, name: &str) -> Result<Loaded, SettingsError> {
    let api: Api<Seen<PolicyFields>> = Api::all_with(client.clone(), &policy_resource());
    let policy = api.get(name).await.map_err(|error| SettingsError::Unreadable {
        from: name.to_owned(),
        reason: Said(&error).to_string(),
    })?;
    check(settings_of(&policy.object), name)
}

/// Tells each new version of the settings; runs for as long as somebody listens.
pub struct SettingsTask {
    /// For policies.
    pub client: Client,
    /// Where they come from.
    pub origin: Origin,
    /// Where they go.
    pub tell: mpsc::Sender<Loaded>,
    /// What is counted.
    pub metrics: Metrics,
    /// For people.
    pub teller: Teller,
    /// Where the Lease is, to be compared with where the policy looks for it.
    pub lease_namespace: Option<String>,
}

impl SettingsTask {
    /// Runs.
    pub async fn run(self) {
        match &self.origin {
            Origin::File(path) => self.follow_file(path).await,
            Origin::Policy(name) => self.follow_policy(name).await,
        }
    }

    /// The first version was read before; each SIGHUP brings another.
    async fn follow_file(&self, path: &Path) {
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => {
                warn!(error = %error, "SIGHUP cannot be listened for: settings stay as they are");
                return;
            }
        };
        while hangups.recv().await.is_some() {
            if self.take(file(path)).await.is_none() {
                return;
            }
        }
    }

    async fn follow_policy(&self, name: &str) {
        let api: Api<Seen<PolicyFields>> = Api::all_with(self.client.clone(), &policy_resource());
        let only = Config::default().fields(&format!("metadata.name={name}"));
        let mut events = std::pin::pin!(watcher::watcher(api, only));
        let mut backoff = Backoff::default();
        let mut was_listed = false;
        let mut is_failing = false;
        while let Some(event) = events.next().await {
            let policy = match event {
                Ok(Event::Init) => {
                    was_listed = false;
                    continue;
                }
                Ok(Event::InitDone) => {
                    if !was_listed {
                        warn!(
                            policy = name,
                            "there is no such ClusterAdmissionPolicy: the settings before stay, if there were any"
                        );
                    }
                    is_failing = false;
                    backoff.worked();
                    continue;
                }
                Ok(Event::InitApply(policy) | Event::Apply(policy)) => policy,
                Ok(Event::Delete(_)) => {
                    // Removed and made again, more often than for good; spreads that end are taken out of the settings.
                    warn!(
                        policy = name,
                        "the ClusterAdmissionPolicy was removed: its last settings stay"
                    );
                    continue;
                }
                Err(error) => {
                    self.metrics.watch_failed("ClusterAdmissionPolicy");
                    if !core::mem::replace(&mut is_failing, true) {
                        warn!(
                            policy = name,
                            error = of_watch(&error).1,
                            "the ClusterAdmissionPolicy cannot be watched; tried again"
                        );
                    }
                    let is_refused = of_watch(&error).0.is_some();
                    tokio::time::sleep(backoff.failed(is_refused, fastrand::f64())).await;
                    continue;
                }
            };
            was_listed = true;
            let loaded = check(settings_of(&policy.object), name);
            if let Err(error) = &loaded {
                let uid = policy
                    .object
                    .pointer("/metadata/uid")
                    .and_then(Value::as_str)
                    .map(ToOwned::to_owned);
                self.teller.warn(
                    &About::Policy(name.to_owned(), uid),
                    "SettingsRefused",
                    &error.to_string(),
                );
            }
            if self.take(loaded).await.is_none() {
                return;
            }
        }
    }

    /// `None`: nobody listens any more.
    async fn take(&self, loaded: Result<Loaded, SettingsError>) -> Option<()> {
        match loaded {
            Ok(loaded) => {
                self.metrics.settings_faults(0);
                if self
                    .lease_namespace
                    .as_ref()
                    .is_some_and(|namespace| *namespace != loaded.lease_namespace)
                {
                    error!(
                        policy_looks_in = loaded.lease_namespace,
                        lease_is_in = self.lease_namespace,
                        "the settings and `--lease-namespace` name different namespaces: no admission will find the Lease"
                    );
                }
                self.tell.send(loaded).await.ok()
            }
            Err(error) => {
                self.metrics.settings_faults(error.count());
                warn!(error = %error, "the new settings are not taken, those before stay");
                Some(())
            }
        }
    }
}

fn settings_of(policy: &Value) -> &Value {
    policy.pointer("/spec/settings").unwrap_or(&Value::Null)
}
