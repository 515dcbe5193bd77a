//! Tests on a real control plane. One program, so that the control plane starts once; each test has namespaces of its own.
//!
//! `make e2e` runs them; a plain `cargo test` does not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod exact;
mod harness;
mod live;
mod placement;
mod support;
