//! Whether a pod may run on a node and how much it likes to: node selectors, node affinity, taints, requests.
//!
//! The rules are those of k8s.io/component-helpers/scheduling/corev1 1.36. What Kubernetes cannot read selects nothing
//! there, so it selects nothing here; only unreadable preferences are an error, as they keep a pod from being scheduled.

mod affinity;
mod contradiction;
mod quantity;
mod requests;
mod resources;
mod taint;
mod term;
mod unreadable;

use std::collections::BTreeMap;

pub use affinity::{NodeAffinity, PreferredTerms, UnreadablePreference};
pub use quantity::Quantity;
pub use requests::Requests;
pub use resources::{Resources, pods};
pub use taint::{Taint, TaintEffect, Toleration, untolerated};
pub use term::Term;
pub use unreadable::Unreadable;

/// What terms look at in a node.
#[derive(Clone, Copy, Debug)]
pub struct NodeFacts<'n> {
    /// Its name.
    pub name: &'n str,
    /// Its labels.
    pub labels: &'n BTreeMap<String, String>,
}

fn text<'v>(object: &'v serde_json::Value, field: &str) -> &'v str {
    object
        .get(field)
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
}

fn list<'v>(object: &'v serde_json::Value, field: &str) -> &'v [serde_json::Value] {
    object
        .get(field)
        .and_then(serde_json::Value::as_array)
        .map_or(&[], Vec::as_slice)
}
