//! A scenario folder: manifests as a user has them, the policy's `settings.yaml`, and `scenario.yaml` with the nodes, the
//! times and the events. Reading is strict: what is not understood is a fault, and every fault is reported.

mod manifests;
mod reader;
mod script;
mod script_reader;
mod settings;
mod tree;

use policy_settings::Settings;
use serde_json::Value;

pub use manifests::Workload;
pub use placement_core::spread::Amount;
pub use reader::Fault;
pub use script::{Bound, Cluster, Expectation, NodeSpec, Scale, Script, Split, Taint};
pub use settings::SubsetRule;

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
    /// The Deployment that is played.
    pub workload: Workload,
    /// The policy's settings, as they are.
    pub settings: Value,
    /// The subsets of the spread that targets the workload.
    pub subsets: Vec<SubsetRule>,
    /// Nodes, times, events and expectations.
    pub script: Script,
    /// What a user should know about the reading.
    pub notes: Vec<String>,
}

impl Scenario {
    /// Reads the YAML files of a folder.
    ///
    /// # Errors
    /// Every fault found, in all files.
    pub fn read(name: &str, files: &[SourceFile]) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let settings = read_settings(files, &mut faults);
        let (workload, mut notes) = manifests::read(files, &mut faults);
        let script = script_reader::read(files, workload.as_ref(), &mut faults);
        match (settings, workload, script) {
            (Some(settings), Some(workload), Some(script)) if faults.is_empty() => {
                let (settings, checked) = settings;
                let subsets = settings::subsets_of(&checked, &workload);
                if subsets.is_empty() {
                    let Workload { namespace, name, .. } = &workload;
                    notes.push(format!(
                        "no spread in {SETTINGS_FILE} targets the Deployment `{namespace}/{name}`"
                    ));
                }
                let unknown = script_reader::unknown_subsets(&script, &subsets);
                if unknown.is_empty() {
                    Ok(Self {
                        name: name.to_owned(),
                        workload,
                        settings,
                        subsets,
                        script,
                        notes,
                    })
                } else {
                    Err(unknown)
                }
            }
            _ => Err(faults),
        }
    }
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
