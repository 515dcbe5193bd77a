//! Reads the settings of the policy into checked types, and reports every fault at once.
//!
//! Settings are checked when the policy is set up ([`Settings`]) and scanned at each admission
//! ([`SettingsText`]), where only the spread that matches is read. This crate must never stop at
//! the first fault, panic on any text, or decide what a spread means: rules between fields belong
//! to `rules`.
//!
//! ```text
//!  set-up:     text --serde_json--> Value --reader--> SpreadDraft --check--> Settings | [Fault]
//!  admission:  text --scan--> SettingsText --heads--> which spread? --reader, check--> Spread
//! ```

mod custom;
pub mod limits;
mod reader;
#[cfg(feature = "schema")]
pub mod schema;
mod settings;
mod target;
mod text;
mod written;

pub use reader::{read_spread, read_spread_again};
pub use rules::{Fault, FaultCode};
pub use settings::{LEASE_NAMESPACE, Observe, OnError, Settings};
pub use text::{SettingsText, SpreadHead, TargetHead, Unreadable};
pub use written::written_spreads;
