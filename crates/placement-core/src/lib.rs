//! Decides the subset of one pod.
//!
//! Everything is an argument: the spread, what was counted, the uid of the request. This crate
//! knows no cluster, no clock and no randomness, and must never learn of one: the policy, the
//! sidecar, the simulator and the command line call the same functions.
//!
//! ```text
//!  SpreadDraft --check--> Spread ----------+--> Ladder --.
//!  listed pods, workload --observe--> Observation -------+--decide--> Decision --inject--> pod
//! ```

pub mod cost;
pub mod decide;
pub mod facts;
pub mod fault;
mod free_shares;
pub mod hash;
pub mod inject;
mod keep;
pub mod ladder;
pub mod matching;
pub mod names;
pub mod observe;
pub mod offer;
pub mod reason;
mod rule_hash;
pub mod shard;
pub mod shares;
pub mod sizes;
pub mod spread;
pub mod taken;

pub use cost::DeletionCost;
pub use decide::{Arrival, Decision, Placement, decide};
pub use fault::{Fault, FaultCode};
pub use inject::{Refused, inject};
pub use ladder::{Closed, Ladder, Rung, SubsetIx, Taken, Tier};
pub use observe::{Binder, Observation, observe};
pub use reason::Reason;
pub use rule_hash::{is_same_rule, rule_hash};
pub use spread::{Spread, SpreadDraft};
