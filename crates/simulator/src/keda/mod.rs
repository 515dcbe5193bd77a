//! KEDA 2.21's ScaledObject: the HPA it creates, the metrics it serves to it, and its own step between none and one.
//!
//! ```text
//!   ScaledObject --hpa_manifest--> hpa::Hpa       1 <-> N, by the HPA controller
//!        |
//!        +-- triggers --read--> Metrics ---serve---> hpa::Readings
//!        |                         |
//!        +-- Operator::poll <------+              0 <-> 1, every pollingInterval
//! ```
//!
//! The caller keeps the clock and answers the queries. Understood are the triggers `prometheus` and `cron`; anything else
//! is a fault. Sources: docs of KEDA 2.21; `pkg/scaling/executor`, `pkg/fallback`, `pkg/scalers` of kedacore/keda.

mod activity;
mod cron;
mod operator;
mod promql;
mod scaled_object;
mod trigger;

pub use activity::{Activity, Served};
pub use cron::{CronFault, Schedule};
pub use operator::{Operator, Switch};
pub use promql::{Query, QueryFault};
pub use scaled_object::{Fallback, FallbackBehavior, Pause, ScaledObject};
pub use trigger::{CronTrigger, MetricType, PrometheusTrigger, Trigger, TriggerKind};

#[cfg(test)]
mod tests;
