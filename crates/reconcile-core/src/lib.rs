//! Decides over time what an admission cannot: which gated pod is bound where, whose deletion cost is
//! wrong, which pods are adopted, what the ledger says.
//!
//! ```text
//!  watches --Event--> World --plan(now)--> Plan {steps, wake} --apply--> API server
//!                       ^                        |
//!                       +---- assume, settle ----+
//! ```
//!
//! Everything is an argument, the time included: the sidecar and the simulator run the same code.
//! This crate knows no client, no clock and no randomness. A step that was handed out is assumed to
//! happen, as in the scheduler's cache, so that no place is given away twice while a write is on its way.

pub mod adopt;
mod bind;
mod cost;
mod cost_of_old;
mod free;
mod gates;
mod generation;
mod held;
mod home;
mod ledger;
mod moments;
mod ordinals;
mod plan;
pub mod record;
mod reschedule;
mod rollout;
mod step;
mod strategy;
mod world;

pub use plan::{LEDGER_INTERVAL_MILLIS, Plan, plan};
pub use record::{NodeRecord, OwnerRecord, PodRecord, WorkloadId, WorkloadRecord};
pub use step::{
    Action, Note, Outcome, PodPatch, PodRef, Severity, Step, WhyMoved, WhyRecreated, WhyReleased,
};
pub use world::{Event, Leader, Rule, SpreadCounts, SpreadId, World};
