//! The sidecar: watches, binds gated pods, corrects deletion costs, publishes the ledgers.
//!
//! ```text
//!  settings_source -> config --.
//!  observe (watches) ----------+--> actor (drives the loop of sidecar_core) --> apply --fence--> API server
//!  lease (who leads) ----------'                                             http: probes, metrics
//! ```
//!
//! What is done is decided by `reconcile_core`, when and in which order by `sidecar_core`; this crate brings them what the cluster
//! shows, the time, and its hands. It must never write while another sidecar may lead, hold a pod back for ever, or keep more of
//! an object than a plan looks at.

pub mod actor;
pub mod apply;
mod backoff;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod events;
pub mod fence;
pub mod health;
pub mod http;
pub mod lease;
pub mod metrics;
pub mod observe;
mod pages;
pub mod release;
pub mod run;
mod said;
pub mod settings_source;
