//! A case: a small cluster, a spread and what happens to them. Data alone: it is saved, read back and shrunk.
//!
//! Times are whole milliseconds of virtual time. Every event ends by itself (a crash says when the process is back), so
//! that any of them can be left out and the rest still makes sense.

use rules::Spread;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plane::setup::{ClusterSpec, PolicySpec, SidecarSpec};

/// The namespace of the workload.
pub const NAMESPACE: &str = "shop";
/// The workload's name.
pub const WORKLOAD: &str = "web";

/// What is played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What it is about, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Fixes every draw of chance while it is played.
    pub seed: u64,
    /// The rule, as it stands in settings.
    pub spread: Value,
    /// Whose pods are placed.
    pub workload: WorkloadCase,
    /// So many thousandths of a CPU each pod asks for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub request_millis: u32,
    /// The nodes.
    pub pools: Vec<PoolCase>,
    /// So many of the pods, such as `50%` or `1`, must stay available when somebody evicts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<String>,
    /// The requests that the pods serve, and the HPA that scales them for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadCase>,
    /// How fast and how reliable the cluster is.
    pub cluster: ClusterSpec,
    /// The replicas of the policy.
    pub policies: Vec<PolicySpec>,
    /// The sidecars.
    pub sidecars: Vec<SidecarSpec>,
    /// What happens, in any order.
    pub events: Vec<EventCase>,
    /// It is about ordinary days: so many milliseconds after an event everything is at rest, and the split is as promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_millis: Option<u64>,
}

/// Whose pods are placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum WorkloadCase {
    /// A Deployment.
    Deployment {
        /// Its replicas at the beginning.
        replicas: u32,
        /// Such as `25%` or `1`.
        max_surge: String,
        /// Such as `25%` or `1`.
        max_unavailable: String,
        /// Old pods go before new ones come: neither of the two matters.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        is_recreated: bool,
    },
    /// A Job whose pods run for a while. Every pod that is deleted is a failure.
    Job {
        /// Pods at the same time, at the beginning.
        parallelism: u32,
        /// Pods that must succeed.
        completions: u32,
        /// How long a pod runs.
        run_millis: u64,
        /// So many failures end the Job.
        backoff_limit: u32,
    },
}

/// Nodes that are alike. Their label `pool` is the pool's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolCase {
    /// The pool's name.
    pub name: String,
    /// How many nodes.
    pub nodes: u32,
    /// How many pods each of them takes.
    pub pods: u32,
    /// How many thousandths of a CPU each of them has; as many as anybody asks for, if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
    /// The key of a `NoSchedule` taint on each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taint: Option<String>,
}

/// Requests, and the HPA that follows them: it wants ten requests a second for each pod, and a pod serves twenty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadCase {
    /// Of the HPA.
    pub min_replicas: u32,
    /// Of the HPA.
    pub max_replicas: u32,
    /// For so many seconds the HPA waits before it scales in.
    pub calm_seconds: u32,
    /// From a moment on so many requests a second, in the order of time.
    pub rates: Vec<(u64, u32)>,
}

/// Something happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCase {
    /// When.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub happening: Happening,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all_fields = "camelCase")]
pub enum Happening {
    /// The workload is scaled.
    Scale {
        /// To so many.
        replicas: u32,
    },
    /// The Deployment gets another template; an earlier number is a rollback.
    Rollout {
        /// The template's number; it begins with 0.
        template: u32,
    },
    /// A node is lost with its pods.
    LoseNode {
        /// Its place among all nodes.
        node: u32,
        /// After so many milliseconds it is back.
        back_after: u64,
    },
    /// A kubelet is no longer heard.
    FailNode {
        /// Its place among all nodes.
        node: u32,
        /// After so many milliseconds it is heard again.
        back_after: u64,
    },
    /// The cloud takes a machine back; before, its pods are evicted.
    ReclaimNode {
        /// Its place among all nodes.
        node: u32,
        /// So many milliseconds before it is gone the cloud says so.
        notice: u64,
        /// So many milliseconds after it is gone there is another.
        back_after: u64,
    },
    /// Somebody drains a node.
    DrainNode {
        /// Its place among all nodes.
        node: u32,
        /// After so many milliseconds it is uncordoned.
        back_after: u64,
    },
    /// Somebody deletes pods.
    DeletePods {
        /// So many, at random.
        count: u32,
    },
    /// Somebody gives waiting pods a toleration and an annotation.
    EditGated {
        /// So many at most, at random.
        count: u32,
    },
    /// SIGKILL, and a new process after a while.
    Crash {
        /// Which sidecar.
        sidecar: u32,
        /// After so many milliseconds it is back.
        back_after: u64,
    },
    /// SIGTERM: the writes in flight are finished, the Lease is given up; a new process after a while.
    Stop {
        /// Which sidecar.
        sidecar: u32,
        /// After so many milliseconds it is back.
        back_after: u64,
    },
    /// SIGSTOP, and SIGCONT after a while.
    Freeze {
        /// Which sidecar.
        sidecar: u32,
        /// After so many milliseconds it goes on.
        back_after: u64,
    },
    /// The API server is away; every watch breaks.
    RestartApi {
        /// For so many milliseconds.
        back_after: u64,
    },
    /// No replica of the policy answers: pods are created as they came.
    PolicyDown {
        /// For so many milliseconds.
        back_after: u64,
    },
}

/// Why a case cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// It is not the JSON of a case.
    #[error("not a case: {0}")]
    Unreadable(String),
    /// Its rule is refused.
    #[error("`spread`: {0}")]
    Spread(String),
    /// Something that must be there is not.
    #[error("`{field}`: {fix}")]
    Missing {
        /// Where.
        field: &'static str,
        /// What to write.
        fix: &'static str,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Case {
    /// Reads a saved case.
    ///
    /// # Errors
    /// When it cannot be read or played.
    pub fn read(text: &str) -> Result<Self, CaseError> {
        let case: Self =
            serde_json::from_str(text).map_err(|error| CaseError::Unreadable(error.to_string()))?;
        case.check()?;
        Ok(case)
    }

    /// The case as it is saved.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The rule, checked.
    ///
    /// # Errors
    /// Its first fault.
    pub fn rule(&self) -> Result<Spread, CaseError> {
        policy_settings::read_spread(&self.spread, "spread", &[]).map_err(|faults| {
            let first = faults.first().map(ToString::to_string);
            CaseError::Spread(first.unwrap_or_else(|| "it cannot be read".to_owned()))
        })
    }

    fn check(&self) -> Result<(), CaseError> {
        self.rule()?;
        let missing = |field, fix| Err(CaseError::Missing { field, fix });
        if self.policies.is_empty() {
            return missing("policies", "write at least one replica");
        }
        if self.pools.iter().all(|pool| pool.nodes == 0) {
            return missing("pools", "write at least one node");
        }
        if self.load.as_ref().is_some_and(|load| load.rates.is_empty()) {
            return missing("load.rates", "write at least one rate");
        }
        if self.min_available.is_some() && self.budget().is_none() {
            return missing("minAvailable", "write a number or a percentage");
        }
        if self.load.is_some() && self.scaler().is_none() {
            return missing(
                "load",
                "write bounds that an HPA may have, and rates in the order of time",
            );
        }
        if self.cluster.writes_per_second == 0 {
            return missing("cluster.writesPerSecond", "write at least 1");
        }
        Ok(())
    }

    /// When the last event has ended.
    #[must_use]
    pub fn end(&self) -> u64 {
        let ends = self.events.iter().map(|event| event.at + event.happening.lasts());
        ends.max().unwrap_or(0)
    }
}

impl Happening {
    /// For how long it goes on.
    #[must_use]
    pub fn lasts(&self) -> u64 {
        match self {
            Self::Scale { .. } | Self::Rollout { .. } | Self::DeletePods { .. } | Self::EditGated { .. } => 0,
            Self::ReclaimNode {
                notice, back_after, ..
            } => notice + back_after,
            Self::LoseNode { back_after, .. }
            | Self::FailNode { back_after, .. }
            | Self::DrainNode { back_after, .. }
            | Self::Crash { back_after, .. }
            | Self::Stop { back_after, .. }
            | Self::Freeze { back_after, .. }
            | Self::RestartApi { back_after }
            | Self::PolicyDown { back_after } => *back_after,
        }
    }
}
