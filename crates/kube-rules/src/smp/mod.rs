//! Strategic merge patch of a whole Pod, with the API server's semantics.
//!
//! ```text
//!   pod ──┐
//!         ├─ merge (objects) ─ lists (merge keys, sets) ─ order (who stands where) ─▶ pod
//!   patch ┘      │                 │
//!                └── directives    ├── keyed, numbers (each list is gone through once)
//!                                  └── schema ── table (the type tree, generated)
//! ```
//!
//! The result is what Kubernetes 1.36 makes of the same pod and patch, or both refuse; the oracle in
//! `oracle/` holds this to it. Where Go's answer depends on the order in which it walks a map, the keys
//! are taken in sorted order here. It must never panic, and never drop what it does not know: a field
//! outside the type tree survives, and only a patch that would have to merge inside it is refused.

mod directives;
mod keyed;
mod lists;
mod merge;
mod numbers;
mod order;
mod refused;
mod schema;
mod table;
mod value;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use refused::Refused;

/// Merges a patch into a pod.
///
/// The pod is moved, not copied; of the patch only the parts that end up in the pod are.
pub fn merge_pod(pod: Value, patch: &Value) -> Result<Value, Refused> {
    let Value::Object(pod) = pod else {
        return Err(Refused::NotAnObject { what: "pod" });
    };
    let Value::Object(patch) = patch else {
        return Err(Refused::NotAnObject { what: "patch" });
    };
    merge::merge_object(pod, patch, schema::Schema::pod(), &refused::Path::Root).map(Value::Object)
}
