//! The policy: a stateless mutation of pods on CREATE, as a Kubewarden WebAssembly module.
//!
//! ```text
//!  host --validate, validate_settings--> wapc --> admission-core --Cluster--> wapc --host calls--> host
//! ```
//!
//! What an admission does is `admission-core`, which runs natively in tests, in fuzzing and in the simulator; only `wapc`
//! speaks to a host, and only there is the SDK known. Natively this crate is empty.

#[cfg(target_arch = "wasm32")]
mod wapc;
