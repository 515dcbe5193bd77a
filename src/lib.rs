//! The policy: a stateless mutation of pods on CREATE, as a Kubewarden WebAssembly module.
//!
//! ```text
//!  payload -> envelope (raw text) -> review --cluster (trait)--> wapc (host calls)
//!                                       |  `observe: Ledger`: by ledger
//!                                       +--> response: Decision -> answer; fails open, once
//! ```
//!
//! It decides nothing itself: `placement-core` does. It holds no state, never blocks a pod unless
//! `onError: Reject` asks for it, and makes no host call for a pod that no spread concerns. The same
//! [`review`] runs natively in tests and fuzzing; only `wapc` speaks to a host.

pub mod cluster;
pub mod deadline;
pub mod envelope;
pub mod ledger;
pub mod owners;
pub mod response;
pub mod review;
mod strays;
#[cfg(target_arch = "wasm32")]
mod wapc;

pub use review::review;

/// Answers `validate_settings`: every fault, a line each, or what good settings will not do. Makes no
/// host call; the callback loop of the host does not run yet.
#[must_use]
pub fn validate_settings(payload: &[u8]) -> Vec<u8> {
    let (is_good, lines) = match core::str::from_utf8(payload) {
        Err(_) => (false, vec!["the settings are not UTF-8 text".to_owned()]),
        Ok(text) => match policy_settings::Settings::parse(text) {
            Ok(settings) => (true, settings.warnings()),
            Err(faults) => (false, faults.iter().map(ToString::to_string).collect()),
        },
    };
    let lines: Vec<String> = lines.iter().map(|line| response::one_line(line)).collect();
    let message = (!is_good || !lines.is_empty()).then(|| lines.join("\n"));
    response::settings(is_good, message)
}
