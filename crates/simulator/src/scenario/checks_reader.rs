//! Reads the checks of `scenario.yaml`.

use super::reader::At;
use crate::checks::{Check, Names};
use crate::time::Millis;

const MEANING: &str = "a check such as `at 120s: fixed.running == 10`";

/// `names`: what checks may name; `None` where that is not known, because of faults elsewhere.
pub(super) fn read_checks(at: &At<'_>, names: Option<&Names>, end: Millis) -> Vec<Check> {
    let items = at.as_list("a list of checks such as `at 120s: fixed.running == 10`");
    let checks = items.iter().filter_map(|item| {
        let text = item.as_statement(MEANING)?;
        let read = Check::read(&text, names, end);
        read.map_err(|fault| item.fault(fault.to_string())).ok().flatten()
    });
    checks.collect()
}
