//! One admission: a request comes in, the cluster is asked, an answer goes out.
//!
//! ```text
//!  payload -> envelope (raw text) -> review --matched: which rule?--> by_pods | by_ledger
//!                                      |                                   |  Cluster (trait)
//!                                      |<------ one Observation -----------'
//!                                      '--decide, inject--> response: the answer; fails open, once
//! ```
//!
//! It decides nothing itself: `placement-core` does. It knows no host, no SDK and no clock of its own: [`cluster::Cluster`]
//! answers and [`deadline::Clock`] tells the time, in the policy, in the simulator and in a test. It holds no state, never
//! blocks a pod unless `onError: Reject` asks for it, and asks nothing about a pod that no spread concerns.

mod arriving;
mod by_ledger;
mod by_pods;
mod case;
pub mod cluster;
pub mod deadline;
mod envelope;
mod matched;
mod owners;
mod response;
mod review;
mod settings;
mod strays;

pub use review::review;
pub use settings::validate_settings;
