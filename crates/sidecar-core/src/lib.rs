//! The sidecar's loop without its input and output: two state machines that are told what happened and what time it is, and
//! say what to do.
//!
//! ```text
//!  the Lease as it was read, what became of a write --> Campaign ----> read, write, wake me at
//!                                                          |
//!                                                      Standing
//!                                                          v
//!  settings, what watches show, answers ------------> Reconciler ----> watch, send, look, wake me at
//!                                                     World, plan
//! ```
//!
//! The sidecar drives them by tokio and kube, the simulator by a virtual clock. This crate knows no client, no clock and no
//! randomness: time, and shares between 0 and 1 that spread pauses, are arguments.

pub mod lease;
pub mod opening;
pub mod reconciler;
mod settings;
mod time;
pub mod watches;

pub use settings::{Settings, settings_hash};
pub use time::{Moment, Now};
