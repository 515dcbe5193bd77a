//! Decides the subset of one pod.
//!
//! Everything is an argument: the rule, what was counted, the uid of the request. This crate
//! knows no cluster, no clock and no randomness, and must never learn of one: the policy, the
//! sidecar, the simulator and the command line call the same functions.
//!
//! ```text
//!  rules::Spread --------------------------+--> Ladder --.
//!  listed pods, workload --observe--> Observation -------+--decide--> Decision --inject--> pod
//! ```

mod closed;
pub mod cost;
pub mod decide;
pub mod facts;
mod free_shares;
pub mod hash;
pub mod inject;
mod keep;
pub mod ladder;
pub mod ledger;
pub mod observe;
pub mod offer;
pub mod reason;
mod rung;
pub mod shard;
pub mod shares;
pub mod sizes;
mod taken;

pub use closed::Closed;
pub use cost::DeletionCost;
pub use decide::{Arrival, Decision, Placement, decide};
pub use inject::{Refused, inject};
pub use ladder::Ladder;
pub use observe::{Binder, Observation, observe};
pub use reason::Reason;
pub use rung::{Run, Rung, Tier};
pub use taken::Taken;
