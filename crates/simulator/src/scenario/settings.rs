//! What the simulator must know of the policy's settings: the subsets of the workload and their maximums, to judge the run by.

use policy_settings::{Settings, written_spreads};
use reconcile_core::Rule;
use rules::{Amount, Fill, Spread, Target};
use serde_json::Value;

use super::Workload;
use super::reader::{Fault, Faults};
use super::tree::Node;

/// A subset as the report counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubsetRule {
    /// Its name.
    pub name: String,
    /// Its maximum, if it has one.
    pub maximum: Option<Amount>,
}

/// Checks the settings as the policy does, and says where each fault stands in the file.
pub(super) fn check(file: &str, node: &Node, faults: &mut Vec<Fault>) -> Option<Settings> {
    match Settings::from_value(&node.to_value()) {
        Ok(settings) => Some(settings),
        Err(found) => {
            let here = Faults::of(file);
            for fault in found {
                let mut message = format!("{} ({})", fault.code.title(), fault.code);
                if !fault.seen.is_empty() {
                    message = format!("{message}, found `{}`", fault.seen);
                }
                here.add(
                    node.line_at(&fault.path),
                    &fault.path,
                    format!("{message}; {}", fault.fix),
                );
            }
            faults.extend(here.into_found());
            None
        }
    }
}

/// The spreads with what a ledger carries of them.
pub(super) fn rules(settings: &Settings, written: &Value) -> Vec<Rule> {
    let written = written_spreads(written);
    let rules = settings.spreads().iter().zip(written);
    rules
        .map(|(spread, written)| Rule::new(spread.clone(), written))
        .collect()
}

/// The subsets of the spread that targets the workload, in their order; none if no spread does.
pub(super) fn subsets_of(rules: &[Rule], workload: &Workload) -> Vec<SubsetRule> {
    let spreads = rules.iter().map(|rule| &rule.spread);
    let Some(spread) = spreads.into_iter().find(|spread| targets(spread, workload)) else {
        return Vec::new();
    };
    let maximum = |index: usize| match spread.fill() {
        Fill::InOrder(bounds) => bounds.get(index).and_then(|bounds| bounds.max),
        Fill::Shares(_) => None,
    };
    let subsets = spread.subsets().iter().enumerate();
    subsets
        .map(|(index, subset)| SubsetRule {
            name: subset.name().to_owned(),
            maximum: maximum(index),
        })
        .collect()
}

fn targets(spread: &Spread, workload: &Workload) -> bool {
    spread.namespace() == workload.namespace
        && match spread.target() {
            Target::Workload { kind, name, .. } => {
                kind.known() == Some(workload.kind) && *name == workload.name
            }
            Target::Selector(selector) => {
                selector.matches(|key: &str| workload.pod_labels.get(key).map(String::as_str))
            }
        }
}
