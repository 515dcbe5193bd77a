//! What the policy asks of the cluster, and every watch that it may cause.
//!
//! A list is a watch that the host keeps for ever, one for each distinct kind, namespace, selector
//! and mask: so all of these but the namespace are constant here, never made from a pod.

use core::fmt;

use placement_core::shard::Shard;
use rules::names::{SHARD_LABEL, SPREAD_LABEL};
use rules::{CustomKind, GroupKind, WorkloadKind};
use serde::Serialize;

/// Selects the Lease of the sidecars, [`LEASE_NAME`](rules::names::LEASE_NAME).
const LEASE_FIELD_SELECTOR: &str = "metadata.name=spillway-sidecar";

/// The cluster, as far as an admission may look.
pub trait Cluster {
    /// Lists the objects of one kind in one namespace; the answer is a `List` as JSON.
    ///
    /// # Errors
    /// What the host says: no permission, no connection.
    fn list(&self, query: &ListQuery<'_>) -> Result<Vec<u8>, HostError>;

    /// Lists the objects of one kind in all namespaces; the answer is a `List` as JSON.
    ///
    /// # Errors
    /// What the host says: no permission, no connection.
    fn list_everywhere(&self, query: &EverywhereQuery<'_>) -> Result<Vec<u8>, HostError>;

    /// One object as JSON.
    ///
    /// # Errors
    /// What the host says: not found, no permission, no connection.
    fn object(&self, query: &ObjectQuery<'_>) -> Result<Vec<u8>, HostError>;

    /// Writes a line to the host's log. Callers go on whether or not it was written.
    fn log(&self, line: &LogLine<'_>);
}

/// The payload of `tracing/log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine<'a> {
    /// `warn` or `error`.
    pub level: &'a str,
    /// What happened.
    pub message: &'a str,
    /// The namespace of the pod.
    pub namespace: &'a str,
    /// The uid of the request.
    pub request_uid: &'a str,
}

/// What a host said instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(pub String);

/// The payload of `kubernetes/list_resources_by_namespace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListQuery<'a> {
    /// `v1`, `apps/v1`.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// Which objects.
    pub label_selector: Option<&'a str>,
    /// Which objects, by their fields.
    pub field_selector: Option<&'a str>,
    /// Which fields beside `metadata`; absent: all.
    pub field_masks: Option<&'a [&'a str]>,
}

/// The payload of `kubernetes/list_resources_all`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EverywhereQuery<'a> {
    /// `spillway.dev/v1alpha1`.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// Which objects.
    pub label_selector: Option<&'a str>,
    /// Always absent.
    pub field_selector: Option<&'a str>,
    /// Which fields beside `metadata`; absent: all.
    pub field_masks: Option<&'a [&'a str]>,
}

/// The payload of `kubernetes/get_resource`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectQuery<'a> {
    /// `apps/v1`.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The name.
    pub name: &'a str,
    /// The namespace.
    pub namespace: Option<&'a str>,
    /// Answers may be five seconds old unless this is set, and wait for each other.
    pub disable_cache: bool,
    /// Which fields beside `metadata`; absent: all.
    pub field_masks: Option<&'a [&'a str]>,
}

impl<'a> ListQuery<'a> {
    /// The pods of a namespace that carry a spread's label.
    #[must_use]
    pub fn placed_pods(namespace: &'a str) -> Self {
        Self {
            api_version: "v1",
            kind: "Pod",
            namespace,
            label_selector: Some(SPREAD_LABEL),
            field_selector: None,
            field_masks: Some(&["status.phase"]),
        }
    }

    /// The objects of a known kind of workload.
    #[must_use]
    pub fn workloads(kind: WorkloadKind, namespace: &'a str) -> Self {
        Self {
            api_version: kind.api_version(),
            kind: kind.kind(),
            namespace,
            label_selector: None,
            field_selector: None,
            field_masks: Some(workload_fields(kind)),
        }
    }

    /// The objects of a kind that the settings name. They come whole: a path to their replicas can
    /// lead anywhere.
    #[must_use]
    pub fn custom(kind: &'a CustomKind, namespace: &'a str) -> Self {
        Self {
            api_version: &kind.api_version,
            kind: &kind.kind.kind,
            namespace,
            label_selector: None,
            field_selector: None,
            field_masks: None,
        }
    }

    /// The list of a followed kind; `None` for kinds that must not be asked for.
    #[must_use]
    pub fn of(kind: &GroupKind, custom: &'a [CustomKind], namespace: &'a str) -> Option<Self> {
        match kind.known() {
            // Pods belong to ReplicaSets, which carry all that is read of their Deployment.
            Some(WorkloadKind::Deployment) => None,
            Some(known) => Some(Self::workloads(known, namespace)),
            None => custom
                .iter()
                .find(|custom| custom.kind == *kind)
                .map(|kind| Self::custom(kind, namespace)),
        }
    }
}

impl<'a> ListQuery<'a> {
    /// The Lease of the sidecars, as a list of one: a list is watched, an object is asked for anew every five seconds.
    #[must_use]
    pub fn lease(namespace: &'a str) -> Self {
        Self {
            api_version: "coordination.k8s.io/v1",
            kind: "Lease",
            namespace,
            label_selector: None,
            field_selector: Some(LEASE_FIELD_SELECTOR),
            field_masks: None,
        }
    }
}

impl<'a> EverywhereQuery<'a> {
    /// The ledgers of one shard; `selector` is what [`shard_selector`] makes of it.
    #[must_use]
    pub fn ledgers(selector: &'a str) -> Self {
        Self {
            api_version: "spillway.dev/v1alpha1",
            kind: "SpreadLedger",
            label_selector: Some(selector),
            field_selector: None,
            field_masks: None,
        }
    }
}

/// The label selector of a shard's ledgers: one of 65 texts.
#[must_use]
pub fn shard_selector(shard: Shard) -> String {
    format!("{SHARD_LABEL}={shard}")
}

impl<'a> ObjectQuery<'a> {
    /// One object of a followed kind, past every cache: it is asked for only where the list is
    /// known to be late. `None` for kinds that must not be asked for.
    #[must_use]
    pub fn of(kind: &GroupKind, custom: &'a [CustomKind], namespace: &'a str, name: &'a str) -> Option<Self> {
        ListQuery::of(kind, custom, namespace).map(|list| Self {
            api_version: list.api_version,
            kind: list.kind,
            name,
            namespace: Some(namespace),
            disable_cache: true,
            field_masks: list.field_masks,
        })
    }
}

const fn workload_fields(kind: WorkloadKind) -> &'static [&'static str] {
    match kind {
        WorkloadKind::Job => &["spec.parallelism"],
        WorkloadKind::StatefulSet | WorkloadKind::AdvancedStatefulSet => {
            &["spec.ordinals.start", "spec.replicas"]
        }
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::CloneSet => &["spec.replicas"],
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
