//! The shape of the settings as types, for the JSON schema that editors read.
//!
//! The schema says what a value looks like; the rules between fields are the reader's alone. These
//! types are never filled: settings are read field by field, so that every fault is found.

mod nodes;

use std::collections::BTreeMap;

pub use nodes::{
    EffectShape, FieldOperatorShape, FieldRequirementShape, NodeOperatorShape, NodeRequirementShape,
    NodeSelectorTermShape, PreferredTermShape, TolerationOperatorShape, TolerationShape,
};
use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::limits::MOST_SUBSETS;

/// The JSON schema of the settings.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(SettingsShape).to_value()
}

/// Settings of the Spillway policy: which pods go where.
#[derive(JsonSchema)]
#[schemars(
    title = "Spillway policy settings",
    rename_all = "camelCase",
    deny_unknown_fields
)]
pub struct SettingsShape {
    /// From where an admission learns what is placed already. Default: Pods.
    pub observe: Option<ObserveShape>,
    /// What happens to a pod when something is broken. Default: Accept.
    pub on_error: Option<OnErrorShape>,
    /// The namespace in which the sidecars keep their Lease. Default: spillway-system.
    #[schemars(length(min = 1, max = 63))]
    pub lease_namespace: Option<String>,
    /// The spreads. The first that matches a pod has it.
    pub spreads: Option<Vec<SpreadShape>>,
    /// Kinds of workload beyond Deployment, ReplicaSet, StatefulSet, CloneSet and Job.
    pub custom_workloads: Option<Vec<CustomWorkloadShape>>,
}

/// From where an admission learns what is placed already.
#[derive(JsonSchema)]
pub enum ObserveShape {
    /// From the pods themselves.
    Pods,
    /// From the ledgers that the sidecar publishes.
    Ledger,
}

/// What happens to a pod when something is broken.
#[derive(JsonSchema)]
pub enum OnErrorShape {
    /// It is accepted unchanged, with a warning.
    Accept,
    /// It is refused.
    Reject,
}

/// The rule for one workload, or for the pods with some labels.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpreadShape {
    /// Unique in its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The namespace of the pods.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The workload. Either this or `selector`.
    pub target_ref: Option<TargetRefShape>,
    /// The pods by label, whoever owns them. Either this or `targetRef`.
    pub selector: Option<LabelSelectorShape>,
    /// Which pods of the workload, and where its replicas stand.
    pub target_filter: Option<TargetFilterShape>,
    /// The subsets. Their order is the meaning: filled from the first, drained from the last.
    #[schemars(length(min = 1, max = MOST_SUBSETS))]
    pub subsets: Vec<SubsetShape>,
    /// Whether a pod may wait for its place. Default: Auto. `Exact` needs `observe: Ledger`.
    pub capacity: Option<CapacityShape>,
    /// When the subset of a waiting pod is decided. Default: worked out from the subsets.
    pub binding: Option<BindingShape>,
    /// After so many seconds a waiting pod for which there is no place is released. Default: 300.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub gate_timeout_seconds: Option<u32>,
    /// What a rollout does to the split. Default: Keep.
    pub rollout: Option<RolloutShape>,
    /// An older word: `Revision` is `rollout: Surge`, `Workload` one of the others.
    pub maximum_scope: Option<MaximumScopeShape>,
    /// Whether pods that are being deleted hold their place. Default: Ignored.
    pub terminating: Option<TerminatingShape>,
    /// What happens to pods that find no node. Default: they wait.
    pub schedule_strategy: Option<ScheduleStrategyShape>,
    /// When pods that run are moved home to an earlier subset.
    pub rebalance: Option<RebalanceShape>,
}

/// A workload.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetRefShape {
    /// `group/version`; the version never decides.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// Which pods of a workload.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetFilterShape {
    /// The pods by label. Default: all.
    pub selector: Option<LabelSelectorShape>,
    /// Dot paths to numbers of replicas, which are summed.
    pub replicas_path_list: Option<Vec<String>>,
}

/// A label selector, as in Kubernetes.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelectorShape {
    /// Labels that must be there with these values.
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Conditions that must hold.
    pub match_expressions: Option<Vec<LabelRequirementShape>>,
}

/// A condition on a label.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelRequirementShape {
    /// The label's key.
    pub key: String,
    /// The condition.
    pub operator: LabelOperatorShape,
    /// For In and NotIn.
    pub values: Option<Vec<String>>,
}

/// Conditions on a label.
#[derive(JsonSchema)]
pub enum LabelOperatorShape {
    /// One of the values.
    In,
    /// None of the values, or absent.
    NotIn,
    /// There.
    Exists,
    /// Absent.
    DoesNotExist,
}

/// A named pool, and what its pods get.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubsetShape {
    /// Unique in its spread.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Filled before any subset goes beyond its minimum.
    pub min_replicas: Option<AmountShape>,
    /// Never exceeded. Default: no end.
    pub max_replicas: Option<AmountShape>,
    /// A share of all pods, in place of bounds. Subsets without one divide the remainder.
    pub replicas: Option<ShareShape>,
    /// Added to what the pod requires of its node.
    pub required_node_selector_term: Option<NodeSelectorTermShape>,
    /// Added to what the pod prefers of its node.
    pub preferred_node_selector_terms: Option<Vec<PreferredTermShape>>,
    /// Added to the pod's tolerations.
    pub tolerations: Option<Vec<TolerationShape>>,
    /// A strategic merge patch of the pod.
    pub patch: Option<Map<String, Value>>,
}

/// A number of pods, or a percentage of the workload's replicas, rounded up.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub enum AmountShape {
    /// So many pods.
    Count(#[schemars(range(min = 0, max = 2_147_483_647))] u32),
    /// So many of a hundred.
    Percent(#[schemars(regex(pattern = r"^0*(100|[0-9]{1,2})%$"))] String),
}

/// A percentage from 1% to 100%.
#[derive(JsonSchema)]
pub struct ShareShape(#[schemars(regex(pattern = r"^0*(100|[1-9][0-9]?)%$"))] pub String);

/// Whether a pod may wait for its place.
#[derive(JsonSchema)]
pub enum CapacityShape {
    /// Rather exceed than wait.
    Auto,
    /// Rather wait than exceed.
    Exact,
    /// Never wait.
    BestEffort,
}

/// When the subset of a waiting pod is decided.
#[derive(JsonSchema)]
pub enum BindingShape {
    /// When it is bound.
    Late,
    /// At admission.
    Admission,
}

/// What a rollout does to the split.
#[derive(JsonSchema)]
pub enum RolloutShape {
    /// All revisions fill a maximum together, and a new pod waits for its place: the split holds.
    Keep,
    /// Each revision by itself: the surge stands beside the old pods for a while.
    Surge,
    /// All together, and what finds no place goes on at once: the split is lost.
    Spill,
}

/// Whether pods that are being deleted hold their place.
#[derive(JsonSchema)]
pub enum TerminatingShape {
    /// The pod that replaces one takes its place.
    Ignored,
    /// They hold it until they are gone.
    Counted,
}

/// Which revisions fill a maximum together.
#[derive(JsonSchema)]
pub enum MaximumScopeShape {
    /// All.
    Workload,
    /// Each revision by itself, as WorkloadSpread counts.
    Revision,
}

/// What happens to pods that find no node.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleStrategyShape {
    /// Default: Fixed.
    #[schemars(rename = "type")]
    pub kind: Option<StrategyShape>,
    /// With `type: Adaptive`.
    pub adaptive: Option<AdaptiveShape>,
}

/// What happens to pods that find no node.
#[derive(JsonSchema)]
pub enum StrategyShape {
    /// They wait.
    Fixed,
    /// They are moved on.
    Adaptive,
}

/// When pods that find no node are moved on.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdaptiveShape {
    /// Seconds that a pod may be unschedulable before its subset is closed.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub reschedule_critical_seconds: Option<u32>,
    /// Seconds that a subset stays closed. Default: 300.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub unschedulable_last_seconds: Option<u32>,
}

/// When pods that run are moved home to an earlier subset.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct RebalanceShape {
    /// Default: OnScaleIn.
    pub when: Option<WhenShape>,
    /// So many pods of the spread are evicted within a minute at most, one after the other. Default: 6.
    #[schemars(range(min = 1, max = 600))]
    pub max_moves_per_minute: Option<u16>,
}

/// When pods that run are moved home to an earlier subset.
#[derive(JsonSchema)]
pub enum WhenShape {
    /// Never.
    Never,
    /// Who stands too late leaves first when the workload shrinks; evicted are only stepping stones of a rollout, and
    /// pods above a percent maximum for which there is no order of removal.
    OnScaleIn,
    /// Evicted is whoever stands later than a free place, while the workload is at rest.
    Continuous,
}

/// A kind of workload whose pods are followed.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomWorkloadShape {
    /// `group/version`, as the kind is listed.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Dot path to its number of replicas. Default: it has none.
    pub replicas_path: Option<String>,
    /// Whether it removes ready pods of lower deletion cost first, as a ReplicaSet does. Default: false.
    pub honours_deletion_cost: Option<bool>,
    /// Kinds between the workload and its pods.
    pub sub_resources: Option<Vec<SubResourceShape>>,
}

/// A kind between a workload and its pods.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubResourceShape {
    /// `group/version`, as the kind is listed.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Whether it removes ready pods of lower deletion cost first, as a ReplicaSet does. Default: false.
    pub honours_deletion_cost: Option<bool>,
}
