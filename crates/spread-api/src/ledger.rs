//! `SpreadLedger`: the rule of one spread and the counts of its pods, published by the sidecar.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Group and version.
pub const API_VERSION: &str = "spillway.dev/v1alpha1";
/// The kind.
pub const LEDGER_KIND: &str = "SpreadLedger";
/// The name under which the API server serves the kind.
pub const LEDGER_PLURAL: &str = "spreadledgers";

/// A published observation. One per spread, written by the sidecar's leader alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpreadLedger {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`LEDGER_KIND`].
    pub kind: String,
    /// Name, namespace and the shard label.
    pub metadata: LedgerMetadata,
    /// The checked rule, as it is written in settings.
    pub spec: Value,
    /// The counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<LedgerStatus>,
}

/// The part of the metadata that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerMetadata {
    /// The spread's name.
    pub name: String,
    /// The spread's namespace.
    pub namespace: String,
    /// `spillway.dev/shard`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The counts of a spread. Pods that are bound but not yet seen to be count as taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerStatus {
    /// The subsets and how full they are, for people: `fixed 10/10, elastic 4`.
    pub summary: String,
    /// Replicas of the workload; absent: not found, or pods are chosen by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Pods of all revisions that are neither finished nor terminating.
    pub active: u32,
    /// Active pods that wait for their place.
    pub gated: u32,
    /// Taken places by subset, all revisions.
    pub taken: Vec<u32>,
    /// The same for each revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<RevisionStatus>,
    /// Names of the subsets that are skipped for now: by all pods, or by those that a row of `closings` is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<String>,
    /// Names of the subsets that were closed and are being tried: the binder knows with how many pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probing: Vec<String>,
    /// The subsets in which the scheduler found no node, until when. What follows from it for admissions stands in
    /// `closed` and `probing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closings: Vec<ClosingStatus>,
    /// The first ordinal of a StatefulSet; absent: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ordinal: Option<u32>,
    /// The place of the spread in its settings: of two that match a pod, the lower has it.
    pub order: u32,
    /// Whether pods have left a moment ago, or a rollout is under way: no pod is placed ungated on counts that may be late.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub vacating: bool,
    /// Who binds; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binder: Option<BinderStatus>,
}

/// A subset in which the scheduler found no node for a pod. That tells of pods like it: of the same template, or of any that
/// asks for at least as much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosingStatus {
    /// The subset's name.
    pub subset: String,
    /// When it was closed, RFC 3339.
    pub since: String,
    /// No such pod is sent there before, RFC 3339; after that it is tried with one, with two, with four.
    pub until: String,
    /// How often in a row it was tried in vain.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u32,
    /// The revision of the pod, or its controller's name where its kind has none; absent: all pods are meant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// What the pod asks of a node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, String>,
    /// Whether it asks for nothing else.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub plain: bool,
}

/// The counts of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// The revision's key; absent for kinds whose pods share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Replicas of the revision; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
    /// Pods that are neither finished nor terminating.
    pub active: u32,
    /// Active pods that wait for their place.
    pub gated: u32,
    /// Taken places by subset.
    pub taken: Vec<u32>,
}

/// Who binds the pods of a spread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BinderStatus {
    /// `leaseTransitions` of the Lease under which this was published.
    pub epoch: u64,
    /// The hash of the rule that the binder acts on.
    #[serde(default)]
    pub rule: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
