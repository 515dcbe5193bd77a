//! Who leads: one Lease, renewed while it is held, watched over by the others.
//!
//! Whoever drives this must never write while [`Campaign::standing`] does not say that it leads.

mod campaign;
mod elector;
mod onlooker;

pub use campaign::{Campaign, Failure, KnownLease, LeaseWrite, OtherSettings, Turn};
pub use elector::{Act, Elector, LeaseView, Standing, Timing};
pub use onlooker::{believed, has_led, is_held};

/// With what a sidecar stands for leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidacy {
    /// The hash of its settings.
    pub settings: String,
    /// The highest epoch that a ledger names: there was a Lease then, and if there is none now its holder may not know yet.
    pub led: Option<u64>,
}
