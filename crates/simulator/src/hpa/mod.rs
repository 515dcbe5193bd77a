//! HorizontalPodAutoscaler (`autoscaling/v2`) as kube-controller-manager 1.36 runs it.
//!
//! ```text
//!   manifest --spec--> Hpa --+
//!                            |        metric        several            behaviour
//!   Readings, PodSample -----+--> a proposal each --> the largest --> stabilised, limited --> Outcome
//! ```
//!
//! [`Controller`] keeps what the real one keeps between two looks: recommendations, scale events, conditions. The caller
//! brings the time, the scale, the pods and the metrics, and writes what comes out. The arithmetic is that of Go to the
//! bit; `oracle/run.sh` compares both. Source: `pkg/controller/podautoscaler`.

mod behaviour;
mod controller;
mod metric;
mod metric_spec;
mod outcome;
mod pods;
mod proposal;
mod readings;
mod several;
mod spec;

pub use controller::Controller;
pub use outcome::{Condition, ConditionType, Event, Flags, Outcome, Record, Scale};
pub use pods::{PodPhase, PodRequests, PodSample, Ready};
pub use proposal::MetricValue;
pub use readings::{ContainerUsage, PodUsage, Readings};
pub use spec::{
    Behavior, Gates, Hpa, Metric, MetricId, Policy, PolicyAmount, ResourceTarget, Rules, SelectPolicy,
    Selector, TargetRef, ValueTarget,
};

pub(crate) use spec::{MOST, MOST_REPLICAS, behavior as read_behavior};

#[cfg(test)]
mod tests;
