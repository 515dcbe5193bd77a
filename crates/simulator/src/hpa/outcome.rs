//! What the HPA controller is given beside the HPA, and what comes of a look.

use super::proposal::MetricValue;
use crate::time::Millis;

/// The flags of kube-controller-manager that concern HPAs, by their defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flags {
    /// How often it looks; for the caller.
    pub sync_period: Millis,
    /// How long a higher recommendation holds back a scale-down.
    pub downscale_stabilization: Millis,
    /// How far from the target is near enough.
    pub tolerance: f64,
    /// How long after a pod's start its CPU counts only when it is ready.
    pub cpu_initialization_period: Millis,
    /// How long a pod may take to become ready for the first time.
    pub initial_readiness_delay: Millis,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            sync_period: Millis(15_000),
            downscale_stabilization: Millis(300_000),
            tolerance: 0.1,
            cpu_initialization_period: Millis(300_000),
            initial_readiness_delay: Millis(30_000),
        }
    }
}

/// The scale subresource of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale<'a> {
    /// `spec.replicas`.
    pub spec: u32,
    /// `status.replicas`.
    pub status: u32,
    /// `status.selector`.
    pub selector: &'a str,
    /// The keys of all HPAs whose selectors match a pod of this one; more than one is ambiguous.
    pub claimed_by: &'a [String],
}

/// A condition of the HPA's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub kind: ConditionType,
    /// True or false.
    pub status: bool,
    /// One word.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
    /// `lastTransitionTime`.
    pub since: Millis,
}

/// The types of condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionType {
    /// The scale can be read and written.
    AbleToScale,
    /// The metrics can be read.
    ScalingActive,
    /// A bound held the count back.
    ScalingLimited,
    /// The HPA itself scaled to zero (`HPAScaleToZero`).
    ScaledToZero,
}

/// An Event about the HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Such as `SuccessfulRescale`.
    pub reason: &'static str,
    /// As Kubernetes words it.
    pub message: String,
}

/// What came of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What to write to `spec.replicas`; `None`: nothing.
    pub desired: Option<u32>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// The status' conditions after it.
    pub conditions: Vec<Condition>,
    /// Each metric's value; `None` for one that cannot be read; empty when none was looked at.
    pub current: Vec<Option<MetricValue>>,
}

/// What is kept for the user, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The scale was written.
    Scaled {
        /// When.
        at: Millis,
        /// Why, as in the event.
        reason: String,
        /// Replicas before.
        from: u32,
        /// Replicas after.
        to: u32,
    },
    /// A metric could not be read; looks that met the same in a row are one record.
    Failed {
        /// The first look.
        at: Millis,
        /// The last one.
        last: Millis,
        /// How many.
        count: u32,
        /// Such as `FailedGetResourceMetric`.
        reason: &'static str,
        /// As in the event.
        message: String,
    },
}
