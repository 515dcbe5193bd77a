//! What a tenant or a broken cluster can send, through the compiled policy: it never traps, never refuses a pod where the
//! settings say `Accept`, and its work grows no faster than what it is given.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy knows test functions but not their helpers"
)]

mod answers;
mod calls;
mod foreign_marks;
mod growth;
mod guest;
mod kinds;
mod late;
#[path = "../policy/scratch.rs"]
#[allow(dead_code, reason = "its random numbers are what is needed of it here")]
mod scratch;
#[path = "../policy/support.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of the policy, which need all of it"
)]
mod support;
mod warnings;
