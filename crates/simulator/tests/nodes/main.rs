//! Nodes that come and go under a workload.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod autoscaler;
mod failure;
mod folder;
