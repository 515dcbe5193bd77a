//! The operations that a Kubewarden host calls, and the cluster behind its callbacks.

use std::time::{Duration, Instant, SystemTime};

use admission_core::cluster::{Cluster, EverywhereQuery, HostError, ListQuery, LogLine, ObjectQuery};
use admission_core::deadline::Clock;
use kube_rules::time::UnixMillis;
use kubewarden_policy_sdk::protocol_version_guest;
use wapc_guest::{CallResult, host_call, register_function};

/// What simulations and tests have in the environment, and no real host: there the answer must not hang on the machine.
const UNTIMED: &str = "POLICY_HOST_UNTIMED";

/// The host calls this once in each instance.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "waPC finds the function by its name")]
pub(crate) extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let start = Instant::now();
    let is_timed = std::env::var_os(UNTIMED).is_none();
    let elapsed = || if is_timed { start.elapsed() } else { Duration::ZERO };
    Ok(admission_core::review(
        payload,
        &Host,
        &Clock::new(now(), &elapsed),
    ))
}

fn validate_settings(payload: &[u8]) -> CallResult {
    Ok(admission_core::validate_settings(payload))
}

/// The clock of the host, before 1970 where it is broken.
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixMillis(since.map_or(-1, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// The host that runs this instance.
struct Host;

impl Cluster for Host {
    fn list(&self, query: &ListQuery<'_>) -> Result<Vec<u8>, HostError> {
        call("kubernetes", "list_resources_by_namespace", query)
    }

    fn list_everywhere(&self, query: &EverywhereQuery<'_>) -> Result<Vec<u8>, HostError> {
        call("kubernetes", "list_resources_all", query)
    }

    fn object(&self, query: &ObjectQuery<'_>) -> Result<Vec<u8>, HostError> {
        call("kubernetes", "get_resource", query)
    }

    fn log(&self, line: &LogLine<'_>) {
        // A line that cannot be written is no reason to do anything else.
        let _ = call("tracing", "log", line);
    }
}

fn call(namespace: &str, operation: &str, query: &impl serde::Serialize) -> Result<Vec<u8>, HostError> {
    let payload = serde_json::to_vec(query).map_err(|error| HostError(error.to_string()))?;
    host_call("kubewarden", namespace, operation, &payload).map_err(|error| HostError(error.to_string()))
}
