//! What a Deployment's controller may do next, by its strategy: `pkg/controller/deployment/rolling.go` of Kubernetes.

use rules::WorkloadKind;
use serde_json::Value;

use crate::record::WorkloadRecord;

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strategy {
    way: Way,
    /// So long a pod is ready before it counts as available.
    pub(crate) ready_millis: i64,
    /// Whether the rollout is held by hand.
    pub(crate) is_paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Recreate,
    /// So many pods of a Deployment with as many replicas as were asked for may be unavailable.
    Rolling {
        unavailable: u32,
    },
}

/// A ReplicaSet of a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) is_new: bool,
    pub(crate) replicas: u32,
    pub(crate) available: u32,
}

impl Strategy {
    /// That of a Deployment; `None` for other kinds.
    pub(crate) fn read(workload: &WorkloadRecord) -> Option<Self> {
        if workload.id.kind.known() != Some(WorkloadKind::Deployment) {
            return None;
        }
        let spec = &workload.spec;
        let seconds = spec.get("minReadySeconds").and_then(Value::as_i64).unwrap_or(0);
        let strategy = spec.get("strategy");
        let kind = strategy.and_then(|strategy| strategy.get("type")?.as_str());
        let rolling = strategy.and_then(|strategy| strategy.get("rollingUpdate"));
        let amount = |field: &str, is_rounded_up: bool| {
            let written = rolling.and_then(|rolling| rolling.get(field));
            resolved(written, workload.replicas, is_rounded_up)
        };
        let (surge, unavailable) = (amount("maxSurge", true), amount("maxUnavailable", false));
        // The API server refuses two noughts, but percentages may come to that.
        let unavailable = if surge == 0 {
            unavailable.max(1)
        } else {
            unavailable
        };
        Some(Self {
            way: match kind {
                Some("Recreate") => Way::Recreate,
                _ => Way::Rolling {
                    unavailable: unavailable.min(workload.replicas),
                },
            },
            ready_millis: seconds.saturating_mul(1000),
            is_paused: spec.get("paused").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Whether the controller takes a pod of an old ReplicaSet as things are.
    pub(crate) fn may_take_an_old_pod(self, replicas: u32, sets: &[Set]) -> bool {
        let sum = |of: fn(&Set) -> u32, which: fn(&Set) -> bool| -> u32 {
            sets.iter().filter(|set| which(set)).map(of).sum()
        };
        let is_old = |set: &Set| !set.is_new;
        let old = sum(|set| set.replicas, is_old);
        let Way::Rolling { unavailable } = self.way else {
            return old > 0;
        };
        let least = replicas.saturating_sub(unavailable);
        let all = sum(|set| set.replicas, |_| true);
        let missing = sum(|set| set.replicas.saturating_sub(set.available), |set| set.is_new);
        let may_go = all.saturating_sub(least).saturating_sub(missing);
        let is_unhealthy = sum(|set| set.replicas.saturating_sub(set.available), is_old) > 0;
        old > 0 && may_go > 0 && (is_unhealthy || sum(|set| set.available, |_| true) > least)
    }
}

/// A number, or a percentage of the replicas; a quarter where nothing is written.
fn resolved(written: Option<&Value>, replicas: u32, is_rounded_up: bool) -> u32 {
    let percent = |percent: u64| {
        let part = u64::from(replicas).saturating_mul(percent);
        u32::try_from(if is_rounded_up {
            part.div_ceil(100)
        } else {
            part / 100
        })
        .unwrap_or(u32::MAX)
    };
    let Some(written) = written else {
        return percent(25);
    };
    let number = || written.as_u64().and_then(|number| u32::try_from(number).ok());
    let text = || written.as_str()?.strip_suffix('%')?.parse().ok().map(percent);
    number().or_else(text).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strategy(replicas: u32, strategy: Value) -> Strategy {
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop", "uid": "d"},
            "spec": {"replicas": replicas, "strategy": strategy, "minReadySeconds": 2},
        });
        let record = WorkloadRecord::read(&deployment).expect("a Deployment");
        Strategy::read(&record).expect("its strategy")
    }

    fn sets(old: (u32, u32), new: (u32, u32)) -> [Set; 2] {
        [(false, old), (true, new)].map(|(is_new, (replicas, available))| Set {
            is_new,
            replicas,
            available,
        })
    }

    #[test]
    fn an_old_pod_goes_only_where_enough_are_available() {
        let quarter = strategy(10, json!({}));
        assert_eq!(quarter.ready_millis, 2_000);
        assert!(
            quarter.may_take_an_old_pod(10, &sets((10, 10), (0, 0))),
            "two may be unavailable"
        );
        assert!(
            !quarter.may_take_an_old_pod(10, &sets((8, 8), (5, 0))),
            "five new ones start"
        );
        assert!(
            quarter.may_take_an_old_pod(10, &sets((8, 8), (5, 2))),
            "two of them are there"
        );
        assert!(
            quarter.may_take_an_old_pod(10, &sets((9, 5), (3, 0))),
            "old ones that never were ready"
        );
        let none = strategy(
            10,
            json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}),
        );
        assert!(!none.may_take_an_old_pod(10, &sets((10, 10), (3, 0))));
        assert!(none.may_take_an_old_pod(10, &sets((10, 10), (3, 1))));
    }

    #[test]
    fn recreate_takes_all_and_percentages_of_few_pods_take_one() {
        let recreate = strategy(3, json!({"type": "Recreate"}));
        assert!(recreate.may_take_an_old_pod(3, &sets((3, 3), (0, 0))));
        assert!(!recreate.may_take_an_old_pod(3, &sets((0, 0), (3, 0))));
        let one = strategy(
            3,
            json!({"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "25%"}}),
        );
        assert!(one.may_take_an_old_pod(3, &sets((3, 3), (0, 0))));
    }
}
