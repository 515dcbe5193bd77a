//! What a run says about itself.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::checks::CheckResult;
use crate::time::Millis;

/// The report, in the order and with the names of its JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The seed that repeats the run.
    pub seed: u64,
    /// How often the admission was called.
    pub admissions: u64,
    /// The workload over time.
    pub samples: Vec<Sample>,
    /// The most pods above each subset's maximum at any moment, terminating pods included, for subsets with a maximum.
    pub max_over: BTreeMap<String, u64>,
    /// The pods per subset at the end.
    pub final_split: BTreeMap<String, u64>,
    /// What scale-in did.
    pub scale_in: ScaleIn,
    /// Evictions that somebody asked for.
    #[serde(skip_serializing_if = "Evictions::is_none")]
    pub evictions: Evictions,
    /// How often the admission called each host operation.
    pub host_calls: BTreeMap<String, u64>,
    /// What the sidecars wrote, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub writes: BTreeMap<String, u64>,
    /// What happened, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Thousandths of an hour that pods of each subset had a node.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_hours: BTreeMap<String, u64>,
    /// Milliseconds that pods were pending, of all pods together.
    #[serde(skip_serializing_if = "is_none")]
    pub pending_millis: u64,
}

/// The workload at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// When.
    pub t: Millis,
    /// The replicas wanted.
    pub desired: u64,
    /// The pods of each subset that are not being deleted; pods of none count as [`UNPLACED`].
    pub subsets: BTreeMap<String, Counts>,
    /// The requests of all workloads together since the sample before; absent where nobody asks for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadSample>,
}

/// The requests in one interval, in whole requests; what is queued is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LoadSample {
    /// New ones.
    pub arriving: u64,
    /// Answered.
    pub served: u64,
    /// Given up.
    pub lost: u64,
    /// Waiting.
    pub queued: u64,
}

/// Something that a picture marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When.
    pub t: Millis,
    /// What sort of thing.
    pub kind: MarkKind,
    /// In a few words, such as `fixed closed` or `node-1 lost`.
    pub text: String,
}

/// What sort of thing is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MarkKind {
    /// An event of the scenario.
    Event,
    /// An autoscaler changed the replicas.
    Scaled,
    /// The scheduler found no node for a pod, for the first time since there was one.
    Unschedulable,
    /// A subset was closed or opened again.
    Subset,
}

/// The subset under which pods of no subset are counted, if there are any.
pub const UNPLACED: &str = "unplaced";

/// The pods of one subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Those that run and are ready.
    pub running: u64,
    /// The others.
    pub pending: u64,
    /// Of these, behind the gate of Spillway.
    #[serde(skip_serializing_if = "is_none")]
    pub gated: u64,
    /// Of these, those that the scheduler found no node for.
    #[serde(skip_serializing_if = "is_none")]
    pub unschedulable: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Counts {
    /// All of them.
    pub fn total(self) -> u64 {
        self.running + self.pending
    }
}

/// What scale-in did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleIn {
    /// How many pods it removed.
    pub removed: u64,
    /// How many ready pods it removed while a ready pod of lower cost stayed.
    pub out_of_order: u64,
}

/// Evictions, by what the PodDisruptionBudgets said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Evictions {
    /// Done.
    pub allowed: u64,
    /// Refused; whoever asked asks again.
    pub refused: u64,
}

impl Evictions {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A run: the report, and what is for people alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// The subsets in the order of the settings, then [`UNPLACED`] if there were any.
    pub subset_order: Vec<String>,
    /// Every warning of the admission, and every failure of it, with how often it came.
    pub warnings: BTreeMap<String, u64>,
    /// What came of each check of the scenario, in its order.
    pub checks: Vec<CheckResult>,
    /// What the run should not have done; none in a good run.
    pub violations: Vec<String>,
}
