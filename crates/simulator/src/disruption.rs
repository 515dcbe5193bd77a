//! PodDisruptionBudgets: how many pods may be evicted now (pkg/controller/disruption), and whether one may be
//! (pkg/registry/core/pod/storage/eviction.go).

use std::fmt;

use kube_rules::labels::LabelSelector;
use rules::{Amount, Faults, Place, read_label_selector};
use serde_json::Value;

use crate::json;
use crate::ranking::Phase;
use crate::scheduling::{Labels, Unreadable};

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// Its name.
    pub name: String,
    namespace: String,
    /// `None` selects nothing.
    selector: Option<LabelSelector>,
    limit: Limit,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    always_allows_unhealthy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    MinAvailable(Amount),
    MaxUnavailable(Amount),
}

/// What the controller writes into the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Ready pods that are not being deleted.
    pub current_healthy: u32,
    /// How many of them there must be.
    pub desired_healthy: u32,
    /// How many pods there should be.
    pub expected_pods: u32,
    /// How many may be evicted.
    pub disruptions_allowed: u32,
}

/// A pod that is selected, to count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// Whether its Ready condition is true.
    pub is_ready: bool,
    /// Whether it is being deleted, or its eviction was allowed already.
    pub is_leaving: bool,
}

/// A pod that somebody wants to evict. Those that are finished need no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted {
    /// Its phase.
    pub phase: Phase,
    /// Whether its Ready condition is true.
    pub is_ready: bool,
    /// Whether it is being deleted already.
    pub is_terminating: bool,
}

/// The answer to an eviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// Yes, and one disruption fewer is allowed until the controller has looked again.
    Counted,
    /// Yes, at no cost to the budget.
    Free,
    /// Not now: it would violate the budget (429).
    Refused,
}

impl fmt::Display for DisruptionBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PodDisruptionBudget `{}/{}`", self.namespace, self.name)
    }
}

impl DisruptionBudget {
    /// Whether the API server would take it for the same object.
    pub(crate) fn is_named_as(&self, other: &Self) -> bool {
        (&self.namespace, &self.name) == (&other.namespace, &other.name)
    }

    /// Reads a PodDisruptionBudget. Without a limit nothing may be evicted, as in Kubernetes.
    ///
    /// # Errors
    /// At a selector, number or percentage that cannot be read, or with both limits.
    pub fn read(budget: &Value) -> Result<Self, Unreadable> {
        let spec = budget.get("spec").unwrap_or(&Value::Null);
        let field = |name: &str| spec.get(name).filter(|value| !value.is_null());
        let limit = match (field("minAvailable"), field("maxUnavailable")) {
            (Some(_), Some(both)) => {
                return Err(unreadable(
                    "spec.maxUnavailable",
                    both,
                    "write `minAvailable` or `maxUnavailable`, not both",
                ));
            }
            (Some(least), None) => Limit::MinAvailable(amount(least, "spec.minAvailable")?),
            (None, Some(most)) => Limit::MaxUnavailable(amount(most, "spec.maxUnavailable")?),
            (None, None) => Limit::MaxUnavailable(Amount::Count(0)),
        };
        let selector = field("selector").map(|selector| {
            let mut faults = Faults::default();
            let read = read_label_selector(selector, &Place::Root("spec.selector"), &mut faults);
            read.ok_or_else(|| unreadable("spec.selector", selector, "write a label selector"))
        });
        Ok(Self {
            name: json::text(budget, &["metadata", "name"])
                .unwrap_or_default()
                .to_owned(),
            namespace: json::text(budget, &["metadata", "namespace"])
                .unwrap_or("default")
                .to_owned(),
            selector: selector.transpose()?,
            limit,
            always_allows_unhealthy: json::text(spec, &["unhealthyPodEvictionPolicy"]) == Some("AlwaysAllow"),
        })
    }

    /// Whether the budget is about a pod.
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        namespace == self.namespace
            && self
                .selector
                .as_ref()
                .is_some_and(|selector| selector.matches(|key| labels.get(key).map(String::as_str)))
    }

    /// Counts the pods that are selected, finished ones aside. `scale` is what their controllers want together
    /// (`spec.replicas` of each, counted once); it is what percentages and `maxUnavailable` are of.
    pub fn status(&self, pods: impl IntoIterator<Item = Guarded>, scale: u32) -> BudgetStatus {
        let (mut count, mut current_healthy) = (0, 0);
        for pod in pods {
            count += 1;
            current_healthy += u32::from(pod.is_ready && !pod.is_leaving);
        }
        let (expected_pods, desired_healthy) = match self.limit {
            Limit::MaxUnavailable(most) => (scale, scale.saturating_sub(most.of(scale))),
            Limit::MinAvailable(least) if least.is_percent() => (scale, least.of(scale)),
            Limit::MinAvailable(least) => (count, least.of(count)),
        };
        let allowed = current_healthy.saturating_sub(desired_healthy);
        BudgetStatus {
            current_healthy,
            desired_healthy,
            expected_pods,
            disruptions_allowed: if expected_pods == 0 { 0 } else { allowed },
        }
    }

    /// Whether a pod may be evicted now. A pod that several budgets select may never be: the caller asks only where
    /// there is one.
    pub fn may_evict(&self, status: BudgetStatus, pod: Evicted) -> Eviction {
        if pod.is_terminating || pod.phase == Phase::Pending {
            return Eviction::Free;
        }
        let is_satisfied = status.current_healthy >= status.desired_healthy && status.desired_healthy > 0;
        if !pod.is_ready && (self.always_allows_unhealthy || is_satisfied) {
            return Eviction::Free;
        }
        if status.disruptions_allowed > 0 {
            Eviction::Counted
        } else {
            Eviction::Refused
        }
    }
}

fn amount(value: &Value, path: &str) -> Result<Amount, Unreadable> {
    let read = match value {
        Value::String(text) => Amount::parse_percent(text).ok(),
        _ => value
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .map(Amount::Count),
    };
    read.ok_or_else(|| {
        unreadable(
            path,
            value,
            "write a number of pods or a percentage, such as `1` or `\"25%\"`",
        )
    })
}

fn unreadable(path: &str, seen: &Value, fix: &str) -> Unreadable {
    Unreadable {
        path: path.to_owned(),
        seen: seen.to_string(),
        fix: fix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const READY: Guarded = Guarded {
        is_ready: true,
        is_leaving: false,
    };

    fn budget(spec: Value) -> DisruptionBudget {
        DisruptionBudget::read(&json!({"metadata": {"name": "b", "namespace": "shop"}, "spec": spec}))
            .unwrap()
    }

    fn allowed(spec: Value, ready: usize, scale: u32) -> u32 {
        budget(spec)
            .status(std::iter::repeat_n(READY, ready), scale)
            .disruptions_allowed
    }

    #[test]
    fn what_is_allowed_is_what_is_healthy_above_what_must_be() {
        assert_eq!(allowed(json!({"minAvailable": 2}), 3, 9), 1);
        assert_eq!(allowed(json!({"minAvailable": 4}), 3, 9), 0);
        assert_eq!(allowed(json!({"minAvailable": "50%"}), 4, 5), 1);
        assert_eq!(allowed(json!({"maxUnavailable": 1}), 4, 4), 1);
        assert_eq!(allowed(json!({"maxUnavailable": 1}), 4, 5), 0);
        assert_eq!(allowed(json!({"maxUnavailable": "30%"}), 5, 5), 2);
        assert_eq!(allowed(json!({"maxUnavailable": 9}), 3, 5), 3);
        assert_eq!(allowed(json!({"maxUnavailable": 1}), 0, 0), 0);
        assert_eq!(allowed(json!({}), 5, 5), 0);
    }

    #[test]
    fn pods_that_leave_or_are_not_ready_are_not_healthy() {
        let leaving = Guarded {
            is_leaving: true,
            ..READY
        };
        let unready = Guarded {
            is_ready: false,
            ..READY
        };
        let status = budget(json!({"minAvailable": 1})).status([READY, leaving, unready], 3);
        assert_eq!(
            (
                status.current_healthy,
                status.expected_pods,
                status.disruptions_allowed
            ),
            (1, 3, 0)
        );
    }

    #[test]
    fn evictions_follow_the_policy_for_unhealthy_pods() {
        let pod = |phase, is_ready, is_terminating| Evicted {
            phase,
            is_ready,
            is_terminating,
        };
        let status = |healthy, desired| BudgetStatus {
            current_healthy: healthy,
            desired_healthy: desired,
            expected_pods: 9,
            disruptions_allowed: u32::saturating_sub(healthy, desired),
        };
        let usual = budget(json!({"minAvailable": 2}));
        let always = budget(json!({"minAvailable": 2, "unhealthyPodEvictionPolicy": "AlwaysAllow"}));
        let running = pod(Phase::Running, true, false);
        let unready = pod(Phase::Running, false, false);
        assert_eq!(usual.may_evict(status(3, 2), running), Eviction::Counted);
        assert_eq!(usual.may_evict(status(2, 2), running), Eviction::Refused);
        assert_eq!(usual.may_evict(status(2, 2), unready), Eviction::Free);
        assert_eq!(usual.may_evict(status(1, 2), unready), Eviction::Refused);
        assert_eq!(usual.may_evict(status(1, 0), unready), Eviction::Counted);
        assert_eq!(always.may_evict(status(1, 2), unready), Eviction::Free);
        assert_eq!(
            usual.may_evict(status(0, 2), pod(Phase::Pending, false, false)),
            Eviction::Free
        );
        assert_eq!(
            usual.may_evict(status(0, 2), pod(Phase::Running, true, true)),
            Eviction::Free
        );
    }

    #[test]
    fn a_budget_is_about_its_namespace_and_labels() {
        let web: Labels = [("app".to_owned(), "web".to_owned())].into();
        let selecting = budget(json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}));
        assert!(selecting.selects("shop", &web));
        assert!(!selecting.selects("other", &web));
        assert!(!budget(json!({"minAvailable": 1})).selects("shop", &web));
        assert!(budget(json!({"minAvailable": 1, "selector": {}})).selects("shop", &web));
    }

    #[test]
    fn bad_budgets_are_refused_with_what_to_write() {
        let read = |spec: Value| DisruptionBudget::read(&json!({"spec": spec})).unwrap_err().path;
        assert_eq!(read(json!({"minAvailable": "2"})), "spec.minAvailable");
        assert_eq!(read(json!({"maxUnavailable": -1})), "spec.maxUnavailable");
        assert_eq!(
            read(json!({"minAvailable": 1, "maxUnavailable": 1})),
            "spec.maxUnavailable"
        );
        assert_eq!(read(json!({"selector": 5})), "spec.selector");
    }
}
