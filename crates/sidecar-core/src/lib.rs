//! The sidecar's loop without its input and output: a state machine that is told what happened and what time it is, and says
//! what to do.
//!
//! ```text
//!  the Lease as it was read, what became of a write --> Campaign --> read, write, wake me at; Standing
//! ```
//!
//! The sidecar drives it by tokio and kube, the simulator by a virtual clock. This crate knows no client, no clock and no
//! randomness: time, and shares between 0 and 1 that spread pauses, are arguments.

pub mod lease;
mod time;

pub use time::Moment;
