//! Several metrics: the largest proposal of those that can be read (`computeReplicasForMetrics`).

use super::metric::View;
use super::metric_spec::Metric;
use super::proposal::{MetricValue, Unreadable};

/// What all metrics together ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Computation {
    /// Each metric's value, in their order.
    pub(crate) current: Vec<Option<MetricValue>>,
    /// Those that cannot be read, in their order.
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Replicas {
        replicas: i32,
        /// The metric that asks for most.
        metric: String,
    },
    /// None can be read, or some cannot and the others ask for fewer pods.
    Nothing { error: String },
}

pub(crate) fn compute(view: &View<'_>, metrics: &[Metric]) -> Computation {
    let mut replicas = 0_i32;
    let mut metric = String::new();
    let mut current = Vec::with_capacity(metrics.len());
    let mut unreadable = Vec::new();
    for spec in metrics {
        match view.propose(spec) {
            Ok(proposal) => {
                current.push(Some(proposal.current));
                if replicas == 0 || proposal.replicas > replicas {
                    replicas = proposal.replicas;
                    metric = proposal.name;
                }
            }
            Err(found) => {
                current.push(None);
                unreadable.push(found);
            }
        }
    }
    let answer = match unreadable.first() {
        Some(first) if unreadable.len() == metrics.len() || replicas < view.replicas => Answer::Nothing {
            error: format!(
                "invalid metrics ({} invalid out of {}), first error is: {}",
                unreadable.len(),
                metrics.len(),
                first.error
            ),
        },
        _ => Answer::Replicas { replicas, metric },
    };
    Computation {
        current,
        unreadable,
        answer,
    }
}
