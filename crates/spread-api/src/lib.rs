//! The objects that Spillway publishes, as the API server stores them: wire types alone.
//!
//! This crate knows no client and no rule. What an admission reads of a ledger is read by
//! `placement_core::facts`, field by field; a test holds the two to each other.

mod ledger;

pub use ledger::{
    API_VERSION, BinderStatus, ClosingStatus, LEDGER_KIND, LEDGER_PLURAL, LedgerMetadata, LedgerStatus,
    RevisionStatus, SpreadLedger,
};
