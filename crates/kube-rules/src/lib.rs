//! What Kubernetes does with pods, nodes and labels, so far as Spillway has to do the same.
//!
//! Nothing here is Spillway's to decide: where a function differs from the API server or the scheduler, it is wrong, and
//! the oracle in `oracle/` asks Kubernetes' own code. Everything is an argument; this crate knows no cluster, no clock
//! and no rule of Spillway's, and must never learn of one.
//!
//! ```text
//!  smp     pod + strategic merge patch -> pod          labels  label selectors
//!  nodes   node terms, affinity, taints, requests      syntax  names, keys, values
//!  time    RFC 3339 <-> milliseconds
//! ```

pub mod labels;
pub mod nodes;
pub mod smp;
pub mod syntax;
pub mod time;
