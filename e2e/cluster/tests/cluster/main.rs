//! Tests on a real control plane. One program, so that the control plane starts once; each test has namespaces of its own.
//!
//! `make e2e` runs them; a plain `cargo test` does not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod adaptive;
mod adoption;
mod daily;
mod drills;
mod exact;
mod failover;
mod foreign;
mod ground;
mod guard;
mod harness;
mod home;
mod hostile;
mod kinds;
mod live;
mod loss;
mod placement;
mod reinvoked;
mod release;
mod restart;
mod rights;
mod rollouts;
mod scaling;
mod scene;
mod settings;
mod support;
mod tenants;
mod trouble;
mod views;
