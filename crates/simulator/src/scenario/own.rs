//! A scenario of the user's own manifests: there is no `scenario.yaml`, so that what it would say comes in parts.

use placement_core::spread::WorkloadKind;
use serde_json::Value;

use super::manifests::{self, Unplayed};
use super::nodes_reader::read_nodes;
use super::reader::{At, Fault, Faults};
use super::tree::{Node, Tree};
use super::{Scenario, SourceFile, Workload, documents, only_document, script_reader, settings};
use crate::json;
use crate::load::{Shape, Traffic};
use crate::time::Millis;

/// How long is played after the last change.
const AFTERWARDS: Millis = Millis(60_000);
/// A node that stands for a whole pool.
const ROOM: u64 = 100_000;

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
        let (mut workloads, mut notes) = manifests::read_with(&case.manifests, Unplayed::Noted, &mut faults);
        let settings = read_settings(case, &mut faults);
        let nodes = match (&case.nodes, &settings) {
            (Some(file), _) => read_node_file(file, &mut faults),
            (None, Some((node, _))) => {
                notes.push(
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
            &workloads,
            nodes.unwrap_or_else(|| list(Vec::new())),
            &mut faults,
        );
        let Some((settings, checked)) = settings else {
            return Err(faults);
        };
        for workload in &mut workloads {
            // They come to be at 0 s, by an event.
            if workload.kind == WorkloadKind::Job {
                let pods = Value::from(workload.replicas);
                json::put_default(&mut workload.manifest, &["spec", "completions"], pods);
            }
            workload.replicas = 0;
        }
        let sidecars = usize::from(checked.observe() == policy_settings::Observe::Ledger);
        let here = Faults::of(&case.name);
        let script = script_reader::read_script(&At::root(&script, &here), &workloads, sidecars);
        faults.extend(here.into_found());
        match script {
            Some(script) if faults.is_empty() => Ok(Self::assemble(
                &case.name,
                workloads,
                settings.to_value(),
                &checked,
                script,
                notes,
            )),
            _ => Err(faults),
        }
    }
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
                let here = Faults::of(&case.name);
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

/// A list as `scenario.yaml` has it, of either of the two forms; checked here, so that faults name this file.
fn read_node_file(file: &SourceFile, faults: &mut Vec<Fault>) -> Option<Node> {
    let before = faults.len();
    let found = documents(file, faults);
    if faults.len() > before {
        return None;
    }
    let is_object = |node: &Node| below(node, &["kind"]).is_some();
    let tree = match found.as_slice() {
        [one] if !is_object(one) => one.clone(),
        several => {
            let mut entries = Vec::new();
            for document in several {
                match below(document, &["items"]).map(|items| &items.tree) {
                    Some(Tree::List(items)) => entries.extend(items.iter().map(entry_of)),
                    _ => entries.push(entry_of(document)),
                }
            }
            list(entries)
        }
    };
    let here = Faults::of(&file.name);
    let nodes = read_nodes(&At::root(&tree, &here));
    let wrong = here.into_found();
    let sound = wrong.is_empty();
    if sound && nodes.is_empty() {
        let here = Faults::of(&file.name);
        here.add(None, "", "found no node; write at least one");
        faults.extend(here.into_found());
        return None;
    }
    faults.extend(wrong);
    sound.then_some(tree)
}

/// A Node object as an entry of `nodes`.
fn entry_of(node: &Node) -> Node {
    let mut fields: Vec<(&str, Node)> = Vec::new();
    let mut take = |name, path: &[&str]| {
        if let Some(found) = below(node, path) {
            fields.push((name, found.clone()));
        }
    };
    take("name", &["metadata", "name"]);
    take("labels", &["metadata", "labels"]);
    let room = ["allocatable", "capacity"].map(|room| below(node, &["status", room, "pods"]));
    if let Some(pods) = room.into_iter().flatten().next() {
        // A quantity, which Kubernetes writes as a text.
        let number = match &pods.tree {
            Tree::Text(text) => text.parse::<u64>().ok().map(|pods| Tree::Number(pods.into())),
            _ => None,
        };
        let tree = number.unwrap_or_else(|| pods.tree.clone());
        fields.push(("pods", Node { tree, ..*pods }));
    }
    let mut taints: Vec<Node> = Vec::new();
    if let Some(Tree::List(found)) = below(node, &["spec", "taints"]).map(|taints| &taints.tree) {
        let kept = |taint: &Node| {
            let fields = ["key", "value", "effect"].map(|name| Some((name, below(taint, &[name])?.clone())));
            map(taint.line, fields.into_iter().flatten().collect())
        };
        taints.extend(found.iter().map(kept));
    }
    if !taints.is_empty() {
        fields.push(("taints", list(taints)));
    }
    map(node.line, fields)
}

/// One node for each subset of the settings, with the labels that its required term asks for and the taints that its
/// tolerations name.
fn nodes_of(settings: &Value) -> Node {
    let all = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_array).cloned();
    let mut nodes = Vec::new();
    for spread in all(settings, "/spreads").unwrap_or_default() {
        for subset in all(&spread, "/subsets").unwrap_or_default() {
            let name = format!("{}-{}", nodes.len() + 1, word(&subset, "name").unwrap_or("node"));
            let mut labels: Vec<(String, Node)> = Vec::new();
            let wanted = all(&subset, "/requiredNodeSelectorTerm/matchExpressions");
            for expression in wanted.unwrap_or_default() {
                let value = expression
                    .pointer("/values/0")
                    .and_then(Value::as_str)
                    .unwrap_or("");
                if let (Some(key), Some("In" | "Exists")) =
                    (word(&expression, "key"), word(&expression, "operator"))
                {
                    labels.push((key.to_owned(), text(value)));
                }
            }
            let taints = all(&subset, "/tolerations").unwrap_or_default();
            let taints = taints.iter().filter_map(|toleration| {
                let field = |name: &str| word(toleration, name);
                let fields = vec![
                    ("key", text(field("key")?)),
                    ("effect", text(field("effect").unwrap_or("NoSchedule"))),
                ];
                let value = field("value").map(|value| ("value", text(value)));
                Some(map(0, fields.into_iter().chain(value).collect()))
            });
            let fields = vec![
                ("name", text(&name)),
                ("pods", number(ROOM)),
                ("taints", list(taints.collect())),
                (
                    "labels",
                    Node {
                        line: 0,
                        tree: Tree::Map(labels),
                    },
                ),
            ];
            nodes.push(map(0, fields));
        }
    }
    list(nodes)
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
    let duration = case.duration.unwrap_or(last + AFTERWARDS);
    let mut fields = vec![
        ("description", text("manifests of your own.")),
        ("duration", text(&duration.to_string())),
        ("nodes", nodes),
        ("events", list(events.collect())),
    ];
    fields.extend(traffic(case, faults));
    map(0, fields)
}

/// The traffic as `scenario.yaml` says it; nothing is served yet, so that a file is checked and then refused.
fn traffic(case: &OwnCase, faults: &mut Vec<Fault>) -> Option<(&'static str, Node)> {
    let file = case.traffic.as_ref()?;
    let here = Faults::of(&file.name);
    match Traffic::from_csv(&file.text, Shape::Linear) {
        Ok(_) => here.add(
            None,
            "",
            "traffic is not played yet; leave --traffic out, and write --scale",
        ),
        Err(found) => {
            for fault in found {
                here.add(Some(fault.line as u64), "", fault.message);
            }
        }
    }
    faults.extend(here.into_found());
    None
}

fn below<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, name| match &node.tree {
        Tree::Map(fields) => fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, node)| node),
        _ => None,
    })
}

fn word<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn text(content: &str) -> Node {
    let tree = Tree::Text(content.to_owned());
    Node { line: 0, tree }
}

fn number(number: u64) -> Node {
    let tree = Tree::Number(number.into());
    Node { line: 0, tree }
}

fn list(items: Vec<Node>) -> Node {
    let tree = Tree::List(items);
    Node { line: 0, tree }
}

fn map(line: u64, fields: Vec<(&str, Node)>) -> Node {
    let fields = fields.into_iter().map(|(name, node)| (name.to_owned(), node));
    let tree = Tree::Map(fields.collect());
    Node { line, tree }
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
