//! The compiled policy in the real host library: one test program for all of it, so that the
//! module is compiled once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod corpus;
mod golden;
mod packaging;
mod promises;
mod scratch;
mod settings;
mod supply_chain;
mod support;
mod trouble;
