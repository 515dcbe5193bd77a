//! Which watches there are, what each lets through, and what they have shown.

mod filter;
mod shown;
mod source;

use reconcile_core::Event;

pub use filter::Filter;
pub(crate) use shown::Shown;
pub use shown::{Key, LONGEST_PAUSE, State};
pub use source::{Source, What, sources};

/// What a watch tells.
#[derive(Debug)]
pub struct Watched {
    /// Which watch.
    pub source: Source,
    /// Which time that it was started: a stopped watch may have told something that is still on its way.
    pub generation: u64,
    /// What.
    pub change: Change,
}

/// What happened.
#[derive(Debug)]
pub enum Change {
    /// A listing begins.
    Began,
    /// An object is there.
    There(Key, Box<Event>),
    /// An object is not there; whether it was being deleted when it was last seen.
    Away(Key, bool),
    /// The listing is complete.
    Listed,
    /// The watch broke and is tried again.
    Broke,
    /// The watch cannot be had.
    Failed(State),
}
