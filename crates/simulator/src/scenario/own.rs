//! A scenario of the user's own manifests: there is no `scenario.yaml`, so that what it would say comes in parts.

use std::collections::BTreeMap;

use rules::WorkloadKind;
use serde_json::Value;

use super::manifests::{self, Unplayed};
use super::own_nodes::{nodes_of, read_node_file};
use super::reader::{At, Fault, Faults};
use super::script::Demand;
use super::tree::{Node, below, list, map, number, text};
use super::{Scenario, SourceFile, Workload, documents, only_document, script_reader, settings};
use crate::json;
use crate::load::{Cpu, MICRO, Service, Shape, Traffic};
use crate::time::Millis;

/// How long is played after the last change.
const AFTERWARDS: Millis = Millis(60_000);
/// What a pod serves where nobody says it.
const USUAL_RATE: u64 = 100 * MICRO;

/// The parts. Files are named as the user named them.
#[derive(Debug, Clone, Default)]
pub struct OwnCase {
    /// What to call it.
    pub name: String,
    /// The manifests; what is not played is named in the notes and left out.
    pub manifests: Vec<SourceFile>,
    /// The policy's settings, or a policy object with them; without it, the policy among the manifests.
    pub settings: Option<SourceFile>,
    /// The nodes, as in `scenario.yaml` or as `kubectl get nodes -o yaml` prints them; without it, one for each subset.
    pub nodes: Option<SourceFile>,
    /// Requests over time, lines of `seconds,rps`.
    pub traffic: Option<SourceFile>,
    /// Millionths of a request per second that a pod serves; 100 requests where nothing is said.
    pub requests_per_second: Option<u64>,
    /// How long to play.
    pub duration: Option<Millis>,
    /// When replicas are set.
    pub scales: Vec<OwnScale>,
}

/// Replicas are set at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnScale {
    /// The workload's name; where there is but one, it may go without.
    pub workload: Option<String>,
    /// To how many.
    pub replicas: u64,
    /// When.
    pub at: Millis,
}

impl Scenario {
    /// Makes a scenario of manifests: the workloads are created at 0 s, then scaled.
    ///
    /// # Errors
    /// Every fault found, in all parts.
    pub fn of_manifests(case: &OwnCase) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut manifests = manifests::read_with(&case.manifests, Unplayed::Noted, &mut faults);
        let settings = read_settings(case, &mut faults);
        let nodes = match (&case.nodes, &settings) {
            (Some(file), _) => read_node_file(file, &mut faults),
            (None, Some((node, _))) => {
                manifests.notes.push(
                    "no --nodes: each subset has one node with the labels and taints that it asks for, \
                     and room for every pod"
                        .to_owned(),
                );
                Some(nodes_of(&node.to_value()))
            }
            (None, None) => None,
        };
        let script = script_tree(
            case,
            &manifests.workloads,
            nodes.unwrap_or_else(|| list(Vec::new())),
            &mut faults,
        );
        let Some((settings, checked)) = settings else {
            return Err(faults);
        };
        for workload in &mut manifests.workloads {
            // They come to be at 0 s, by an event.
            if workload.kind == WorkloadKind::Job {
                let pods = Value::from(workload.replicas);
                json::put_default(&mut workload.manifest, &["spec", "completions"], pods);
            }
            workload.replicas = 0;
        }
        let demands = demands(case, &manifests.workloads, &mut faults);
        let sidecars = usize::from(checked.observe() == policy_settings::Observe::Ledger);
        let here = Faults::of(&case.name);
        let script =
            script_reader::read_script(&At::root(&script, &here), &manifests.workloads, sidecars, None);
        faults.extend(here.into_found().into_iter().map(of_its_flag));
        match script {
            Some(mut script) if faults.is_empty() => {
                script.demands = demands;
                Ok(Self::assemble(
                    &case.name,
                    manifests,
                    settings.to_value(),
                    &checked,
                    script,
                ))
            }
            _ => Err(faults),
        }
    }
}

/// A fault in what `scenario.yaml` would say names the flag that said it.
fn of_its_flag(mut fault: Fault) -> Fault {
    if fault.line.is_none() && !fault.path.starts_with("nodes") {
        let is_event = fault.path.starts_with("events");
        fault.file = if is_event { "--scale" } else { "--duration" }.to_owned();
        fault.path.clear();
    }
    fault
}

/// The settings of the file that was named, or of the one policy among the manifests that has spreads.
fn read_settings(case: &OwnCase, faults: &mut Vec<Fault>) -> Option<(Node, policy_settings::Settings)> {
    let (file, node) = if let Some(file) = &case.settings {
        let node = only_document(file, faults)?;
        let inner = below(&node, &["spec", "settings"]).filter(|_| is_policy(&node));
        (file, inner.cloned().unwrap_or(node))
    } else {
        let mut found = Vec::new();
        // Faults of these files are already told.
        let mut told = Vec::new();
        for file in &case.manifests {
            let policies = documents(file, &mut told).into_iter().filter(is_policy);
            let settings = policies.filter_map(|node| below(&node, &["spec", "settings"]).cloned());
            let ours = settings.filter(|settings| below(settings, &["spreads"]).is_some());
            found.extend(ours.map(|settings| (file, settings)));
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(one), None) => one,
            (None, _) => {
                let here = Faults::of("-f");
                here.add(
                    None,
                    "",
                    "no ClusterAdmissionPolicy with `spec.settings.spreads` among the manifests; write one, or name a file with --settings",
                );
                faults.extend(here.into_found());
                return None;
            }
            (Some(_), Some((file, second))) => {
                let here = Faults::of(&file.name);
                here.add(
                    Some(second.line),
                    "spec.settings",
                    "a second policy with spreads; leave one out, or name a file with --settings",
                );
                faults.extend(here.into_found());
                return None;
            }
        }
    };
    let checked = settings::check(&file.name, &node, faults)?;
    Some((node, checked))
}

fn is_policy(node: &Node) -> bool {
    let kind = below(node, &["kind"]).map(Node::to_value);
    kind.as_ref()
        .and_then(Value::as_str)
        .is_some_and(|kind| matches!(kind, "ClusterAdmissionPolicy" | "AdmissionPolicy"))
}

/// What `scenario.yaml` would say.
fn script_tree(case: &OwnCase, workloads: &[Workload], nodes: Node, faults: &mut Vec<Fault>) -> Node {
    let here = Faults::of("--scale");
    let mut scales: Vec<(Millis, String, u64)> = workloads
        .iter()
        .map(|workload| (Millis::ZERO, workload.name.clone(), workload.replicas))
        .collect();
    let names: Vec<String> = workloads
        .iter()
        .map(|workload| format!("`{}`", workload.name))
        .collect();
    for OwnScale {
        workload,
        replicas,
        at,
    } in &case.scales
    {
        let found = match (workload, workloads) {
            (Some(name), _) => workloads.iter().find(|workload| workload.name == *name),
            (None, [one]) => Some(one),
            (None, _) => None,
        };
        match found {
            Some(found) => scales.push((*at, found.name.clone(), *replicas)),
            None if workloads.is_empty() => {}
            None => {
                let seen = workload.as_deref().unwrap_or("");
                let wanted = names.join(" or ");
                here.add(
                    None,
                    "",
                    format!("found the workload `{seen}`; write {wanted} before `=`"),
                );
            }
        }
    }
    faults.extend(here.into_found());
    scales.sort_by_key(|(at, ..)| *at);
    let last = scales.last().map_or(Millis::ZERO, |(at, ..)| *at);
    let events = scales.into_iter().map(|(at, workload, replicas)| {
        let scale = map(
            0,
            vec![("workload", text(&workload)), ("replicas", number(replicas))],
        );
        map(0, vec![("at", text(&at.to_string())), ("scale", scale)])
    });
    let duration = case.duration.unwrap_or((last + AFTERWARDS).min(Millis::LONGEST));
    // Every second, unless that is too often.
    let sample_every = Millis(duration.0.div_ceil(script_reader::MOST_SAMPLES).max(1000));
    let fields = vec![
        ("description", text("manifests of your own.")),
        ("duration", text(&duration.to_string())),
        ("sampleEvery", text(&sample_every.to_string())),
        ("nodes", nodes),
        ("events", list(events.collect())),
    ];
    map(0, fields)
}

/// The traffic of the one workload.
fn demands(case: &OwnCase, workloads: &[Workload], faults: &mut Vec<Fault>) -> Vec<Demand> {
    let Some(file) = &case.traffic else {
        return Vec::new();
    };
    let here = Faults::of(&file.name);
    let mut demands = Vec::new();
    match Traffic::from_csv(&file.text, Shape::Linear) {
        Ok(_) if workloads.len() > 1 => here.add(
            None,
            "",
            "there are several workloads, and the file does not say whose requests these are; \
             write a scenario folder with `traffic`",
        ),
        Ok(traffic) => demands.push(Demand {
            workload: 0,
            traffic,
            service: Service {
                requests_per_second: case.requests_per_second.unwrap_or(USUAL_RATE),
                by_subset: BTreeMap::new(),
                timeout: Millis(5000),
                cpu: Cpu::default(),
            },
            scrape: Millis(5000),
        }),
        Err(found) => {
            for fault in found {
                here.add(Some(fault.line as u64), "", fault.message);
            }
        }
    }
    faults.extend(here.into_found());
    demands
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
