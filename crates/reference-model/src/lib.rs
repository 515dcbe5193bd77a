//! The naive model of a spread: a second opinion for tests.
//!
//! Everything is laid out rung by rung and counted one by one, by the definitions alone: no runs,
//! no rounds, no jumps. It shares no code with the core that it judges and must never do so; its
//! inputs are plain numbers and names. It is written to be read, not to be fast.
//!
//! ```text
//!  plain numbers --> ladder, free, counts, decision   (what should come out)
//!  what came out --> invariant                        (what must hold of it)
//! ```

pub mod counts;
pub mod decision;
pub mod fraction;
pub mod invariant;
pub mod ladder;
pub mod shares;

pub use counts::{Counts, Pod, Scope, Terminating, Wanted, count};
pub use decision::{Bind, Outcome, best_effort, window, with_binder};
pub use fraction::Fraction;
pub use ladder::{Amount, Bounds, Fill, Kind, Rung, free, ladder};
