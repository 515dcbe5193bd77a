//! A policy that accepts everything: the base that measurements are compared with.
//!
//! It is built as the policy is, with the same SDK and profile, and must never read what it is given: what it costs is
//! what any policy costs.

use kubewarden_policy_sdk::{accept_request, protocol_version_guest};
use wapc_guest::{CallResult, register_function};

/// Registers the three operations; the host calls it once per instance.
#[expect(unsafe_code, reason = "the host finds the function by its name")]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(_payload: &[u8]) -> CallResult {
    accept_request()
}

fn validate_settings(_payload: &[u8]) -> CallResult {
    Ok(br#"{"valid":true,"message":null}"#.to_vec())
}
