//! A scenario folder: manifests as a user has them, the policy's `settings.yaml`, and `scenario.yaml` with the nodes, the
//! times and the events. Reading is strict: what is not understood is a fault, and every fault is reported.

mod autoscalers;
mod budgets;
mod checks_reader;
mod events_reader;
mod expectations_reader;
mod injectors_reader;
mod manifests;
mod nodes_reader;
mod own;
mod own_nodes;
mod reader;
mod revisions;
mod script;
mod script_reader;
mod settings;
mod traffic_reader;
mod tree;
mod unplayed;

use policy_settings::{Observe, Settings};
use reconcile_core::Rule;
use serde_json::Value;

pub use autoscalers::Autoscaler;
pub use manifests::Workload;
pub use own::{OwnCase, OwnScale};
pub use reader::Fault;
pub(crate) use revisions::is_paused;
pub use rules::Amount;
pub use script::{
    Bound, Cluster, ClusterAutoscaler, Demand, EventKind, Expectation, NodeGroupSpec, NodeSpec, Revision,
    Script, ScriptEvent, Split, Taint,
};
pub use settings::SubsetRule;

use crate::checks::Names;
use crate::disruption::DisruptionBudget;
use manifests::Manifests;
use reader::Faults;
use tree::Node;

/// The file that says what happens.
pub const SCRIPT_FILE: &str = "scenario.yaml";
/// The file with what a ClusterAdmissionPolicy has under `spec.settings`.
pub const SETTINGS_FILE: &str = "settings.yaml";

/// One file of the folder.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its name in the folder.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// A checked scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The folder's name.
    pub name: String,
    /// The workloads that are played.
    pub workloads: Vec<Workload>,
    /// What scales them.
    pub autoscalers: Vec<Autoscaler>,
    /// What evictions must keep to.
    pub budgets: Vec<DisruptionBudget>,
    /// The policy's settings, as they are.
    pub settings: Value,
    /// What the policy looks at.
    pub observe: Observe,
    /// The spreads of the settings.
    pub rules: Vec<Rule>,
    /// The subsets of the spread that targets each workload.
    pub subsets: Vec<Vec<SubsetRule>>,
    /// Nodes, times, events and expectations.
    pub script: Script,
    /// What a user should know about the reading.
    pub notes: Vec<String>,
}

/// Whose subsets a folder's expectations name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// Those of the settings that are read with them.
    OfThese,
    /// Those of other settings.
    OfOthers,
}

impl Scenario {
    /// Reads the YAML files of a folder.
    ///
    /// # Errors
    /// Every fault found, in all files.
    pub fn read(name: &str, files: &[SourceFile]) -> Result<Self, Vec<Fault>> {
        let scenario = Self::read_parts(name, files, Expected::OfThese)?;
        let unknown = script_reader::unknown_subsets(&scenario.script, &scenario.labels());
        if unknown.is_empty() {
            Ok(scenario)
        } else {
            Err(unknown)
        }
    }

    /// Reads the YAML files of a folder under other settings than its own: what the folder expects is not expected of them.
    ///
    /// # Errors
    /// Every fault found, in all files.
    pub fn read_under_others(name: &str, files: &[SourceFile]) -> Result<Self, Vec<Fault>> {
        let mut scenario = Self::read_parts(name, files, Expected::OfOthers)?;
        scenario.script.expectations.clear();
        scenario.script.checks.clear();
        Ok(scenario)
    }

    fn read_parts(name: &str, files: &[SourceFile], expected: Expected) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let settings = read_settings(files, &mut faults);
        let manifests = manifests::read(files, &mut faults);
        let observe = settings
            .as_ref()
            .map(|(_, checked)| checked.observe())
            .unwrap_or_default();
        let sidecars = usize::from(observe == Observe::Ledger);
        let is_named = expected == Expected::OfThese && faults.is_empty();
        let names = settings.as_ref().filter(|_| is_named);
        let names = names.map(|(settings, checked)| names_in(checked, settings, &manifests.workloads));
        let script = script_reader::read(files, &manifests.workloads, sidecars, names.as_ref(), &mut faults);
        let (Some((settings, checked)), Some(script)) = (settings, script) else {
            return Err(faults);
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self::assemble(name, manifests, settings, &checked, script))
    }

    /// Puts checked parts together.
    fn assemble(
        name: &str,
        manifests: Manifests,
        settings: Value,
        checked: &Settings,
        script: Script,
    ) -> Self {
        let Manifests {
            workloads,
            autoscalers,
            budgets,
            mut notes,
        } = manifests;
        let rules = settings::rules(checked, &settings);
        let subsets: Vec<Vec<SubsetRule>> = workloads
            .iter()
            .map(|workload| settings::subsets_of(&rules, workload))
            .collect();
        for (workload, subsets) in workloads.iter().zip(&subsets) {
            if subsets.is_empty() {
                let Workload { namespace, name, .. } = workload;
                let kind = workload.kind.kind();
                notes.push(format!(
                    "no spread in {SETTINGS_FILE} targets the {kind} `{namespace}/{name}`"
                ));
            }
        }
        Self {
            name: name.to_owned(),
            workloads,
            autoscalers,
            budgets,
            settings,
            observe: checked.observe(),
            rules,
            subsets,
            script,
            notes,
        }
    }

    /// The subsets of the spread that targets a workload.
    pub fn subsets_of(&self, workload: usize) -> impl Iterator<Item = &SubsetRule> {
        self.subsets.get(workload).into_iter().flatten()
    }

    /// What a subset of a workload is called in reports and expectations: its name, behind that of the workload where
    /// there are several.
    #[must_use]
    pub fn label(&self, workload: usize, subset: &str) -> String {
        match self.workloads.get(workload) {
            Some(spec) if self.workloads.len() > 1 => format!("{}/{subset}", spec.name),
            _ => subset.to_owned(),
        }
    }

    fn labels(&self) -> Vec<String> {
        let all = self.subsets.iter().enumerate();
        all.flat_map(|(workload, subsets)| subsets.iter().map(move |rule| self.label(workload, &rule.name)))
            .collect()
    }
}

/// What checks may name.
fn names_in(checked: &Settings, settings: &Value, workloads: &[Workload]) -> Names {
    let rules = settings::rules(checked, settings);
    let subsets_of = |workload: &Workload| {
        let subsets = settings::subsets_of(&rules, workload).into_iter();
        (workload.name.clone(), subsets.map(|rule| rule.name).collect())
    };
    Names::new(workloads.iter().map(subsets_of).collect())
}

fn read_settings(files: &[SourceFile], faults: &mut Vec<Fault>) -> Option<(Value, Settings)> {
    let meaning = "what a ClusterAdmissionPolicy has under `spec.settings`";
    let file = required_file(files, SETTINGS_FILE, meaning, faults)?;
    let node = only_document(file, faults)?;
    let checked = settings::check(&file.name, &node, faults)?;
    Some((node.to_value(), checked))
}

fn required_file<'a>(
    files: &'a [SourceFile],
    name: &str,
    meaning: &str,
    faults: &mut Vec<Fault>,
) -> Option<&'a SourceFile> {
    let found = files.iter().find(|file| file.name == name);
    if found.is_none() {
        let here = Faults::of(name);
        here.add(None, "", format!("the folder has no such file; write {meaning}"));
        faults.extend(here.into_found());
    }
    found
}

fn documents(file: &SourceFile, faults: &mut Vec<Fault>) -> Vec<Node> {
    serde_saphyr::from_multiple(&file.text).unwrap_or_else(|error| {
        let here = Faults::of(&file.name);
        let line = error.location().map(|location| location.line());
        let text = error.without_snippet().to_string();
        here.add(line, "", format!("not YAML: {text}"));
        faults.extend(here.into_found());
        Vec::new()
    })
}

fn only_document(file: &SourceFile, faults: &mut Vec<Fault>) -> Option<Node> {
    let before = faults.len();
    let mut found = documents(file, faults);
    if faults.len() > before {
        return None;
    }
    if found.len() != 1 {
        let here = Faults::of(&file.name);
        here.add(
            None,
            "",
            format!("found {} documents; write exactly one", found.len()),
        );
        faults.extend(here.into_found());
        return None;
    }
    found.pop()
}

#[cfg(test)]
mod tests;
