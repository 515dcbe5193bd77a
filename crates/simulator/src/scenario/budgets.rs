//! Reads the PodDisruptionBudgets of a folder.

use serde_json::Value;

use super::reader::At;
use super::tree::{Node, below};
use crate::disruption::DisruptionBudget;

/// A budget that is not understood is a fault at the line of the field.
pub(super) fn read_budget(at: &At<'_>, node: &Node, value: &Value) -> Option<DisruptionBudget> {
    let fields = at.as_map("a PodDisruptionBudget")?;
    fields
        .required("apiVersion", "`policy/v1`")?
        .as_one_of(&[("policy/v1", ())])?;
    let metadata = fields
        .required("metadata", "`name` and `namespace`")?
        .as_map("`name` and `namespace`")?;
    metadata
        .required("name", "the budget's name")?
        .as_text("the budget's name")?;
    let read = DisruptionBudget::read(value);
    let unreadable = read.as_ref().err().cloned();
    if let Some(unreadable) = unreadable {
        let steps: Vec<&str> = unreadable.path.split('.').collect();
        let found = below(node, &steps).unwrap_or(node);
        at.fault_at(
            found,
            &unreadable.path,
            format!("found `{}`; {}", unreadable.seen, unreadable.fix),
        );
    }
    read.ok()
}
