//! What sort of workload each is, and what only that sort has: what its manifest says of how pods are replaced.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::time::Millis;

/// What sort of workload it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Deployment(Rc<DeploymentKind>),
    StatefulSet(Rc<StatefulSetKind>),
    Job {
        completions: u32,
        /// How long a pod runs.
        run: Millis,
        backoff_limit: u32,
    },
}

/// A Deployment's way of replacing its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeploymentKind {
    pub(crate) strategy: Strategy,
    /// So long a pod is ready before it counts as available.
    pub(crate) min_ready: Millis,
}

/// `spec.strategy` of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// All old pods go, and only once they are gone new ones come.
    Recreate,
    /// Both such as `25%` or `1`.
    Rolling {
        max_surge: String,
        max_unavailable: String,
    },
}

/// A StatefulSet's way of making and replacing its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatefulSetKind {
    pub(crate) first_ordinal: u32,
    pub(crate) is_parallel: bool,
    pub(crate) update: Update,
    /// So long a pod is ready before it counts as available.
    pub(crate) min_ready: Millis,
}

/// `spec.updateStrategy` of a StatefulSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// A pod is replaced when somebody deletes it.
    OnDelete,
    /// From the highest ordinal down to the one of this number, counted from the first.
    Rolling { partition: u32 },
}

impl Kind {
    pub(crate) fn api_version(&self) -> &'static str {
        match self {
            Self::Deployment(_) | Self::StatefulSet(_) => "apps/v1",
            Self::Job { .. } => "batch/v1",
        }
    }

    /// How long a pod is ready before it counts as available.
    pub(crate) fn min_ready(&self) -> Millis {
        match self {
            Self::Deployment(kind) => kind.min_ready,
            Self::StatefulSet(kind) => kind.min_ready,
            Self::Job { .. } => Millis::ZERO,
        }
    }
}

impl Default for Strategy {
    fn default() -> Self {
        Self::rolling("25%", "25%")
    }
}

impl Strategy {
    pub(crate) fn rolling(max_surge: &str, max_unavailable: &str) -> Self {
        Self::Rolling {
            max_surge: max_surge.to_owned(),
            max_unavailable: max_unavailable.to_owned(),
        }
    }

    /// As the API server shows it.
    pub(crate) fn value(&self) -> Value {
        // A whole number is one there, a percentage a text.
        let amount = |text: &str| {
            text.parse::<u32>()
                .map_or_else(|_| json!(text), |number| json!(number))
        };
        match self {
            Self::Recreate => json!({"type": "Recreate"}),
            Self::Rolling {
                max_surge,
                max_unavailable,
            } => json!({
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": amount(max_surge), "maxUnavailable": amount(max_unavailable)},
            }),
        }
    }
}

impl Update {
    /// As the API server shows it.
    pub(crate) fn value(self) -> Value {
        match self {
            Self::OnDelete => json!({"type": "OnDelete"}),
            Self::Rolling { partition } => {
                json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}})
            }
        }
    }
}
