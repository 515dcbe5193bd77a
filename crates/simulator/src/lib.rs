//! Plays a workload against an admission on a virtual clock.
//!
//! A scenario is scaled by its events; a Deployment and a ReplicaSet controller create and delete pods as those of
//! Kubernetes do; every creation asks the [`Admission`], which sees the cluster as late as a policy's watches would.
//!
//! ```text
//!   events --> Deployment --> ReplicaSet --create--> Admission --> stored pod --> scheduler, kubelet
//!                                 |                      ^             |
//!                                 +------delete----------|-------------+
//!                                                        |             |
//!                                                      watch <--lag----+
//! ```
//!
//! It must never read a clock, draw chance from anywhere but its seed, do I/O, or know the policy: the same scenario,
//! seed and answers give the same bytes.

mod admission;
pub mod autoscaler;
mod checks;
pub mod disruption;
mod fields;
pub mod hpa;
mod injector;
mod json;
mod judge;
pub mod keda;
pub mod load;
mod objects;
mod plane;
mod queue;
mod random;
mod ranking;
mod replicaset;
mod report;
mod scenario;
pub mod scheduling;
mod simulation;
mod time;
pub mod torture;

pub use admission::{Admission, AdmissionCall, AdmissionFailure, Answer, Change, Verdict, Write};
pub use checks::{Check, CheckResult};
pub use fields::FieldFault;
pub use injector::{Injection, Injector};
pub use kube_rules::nodes::Quantity;
pub use random::Random;
pub use ranking::{Phase, Ranked, deleted_before, deletion_cost, in_deletion_order, restarts};
pub use report::{Counts, Evictions, LoadSample, Mark, MarkKind, Outcome, Report, Sample, ScaleIn, UNPLACED};
pub use rules::names::SUBSET_LABEL;
pub use scenario::{
    Amount, Autoscaler, Bound, Cluster, ClusterAutoscaler, Demand, EventKind, Expectation, Fault,
    NodeGroupSpec, NodeSpec, OwnCase, OwnScale, Revision, SCRIPT_FILE, SETTINGS_FILE, Scenario, Script,
    ScriptEvent, SourceFile, Split, SubsetRule, Taint, Workload,
};
pub use simulation::{Moment, run};
pub use time::Millis;
