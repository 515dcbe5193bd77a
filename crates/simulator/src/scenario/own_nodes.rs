//! The nodes of a user's own case: a list as `scenario.yaml` has it, Node objects, or one node for each subset.

use serde_json::Value;

use super::nodes_reader::read_nodes;
use super::reader::{At, Fault, Faults};
use super::tree::{Node, Tree, below, list, map, number, text};
use super::{SourceFile, documents};

/// A node that stands for a whole pool.
const ROOM: u64 = 100_000;

/// A list as `scenario.yaml` has it, of either of the two forms; checked here, so that faults name this file.
pub(super) fn read_node_file(file: &SourceFile, faults: &mut Vec<Fault>) -> Option<Node> {
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
    if sound && nodes.nodes.is_empty() && nodes.groups.is_empty() {
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
    for resource in ["cpu", "memory"] {
        let amount = below(node, &["status", "allocatable", resource]);
        fields.extend(amount.map(|amount| (resource, amount.clone())));
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
pub(super) fn nodes_of(settings: &Value) -> Node {
    let all = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_array).cloned();
    let mut nodes = Vec::new();
    for spread in all(settings, "/spreads").unwrap_or_default() {
        for subset in all(&spread, "/subsets").unwrap_or_default() {
            let name = format!(
                "{}-{}",
                nodes.len() + 1,
                subset.get("name").and_then(Value::as_str).unwrap_or("node")
            );
            let mut labels: Vec<(String, Node)> = Vec::new();
            let wanted = all(&subset, "/requiredNodeSelectorTerm/matchExpressions");
            for expression in wanted.unwrap_or_default() {
                let value = expression
                    .pointer("/values/0")
                    .and_then(Value::as_str)
                    .unwrap_or("");
                if let (Some(key), Some("In" | "Exists")) =
                    (field(&expression, "key"), field(&expression, "operator"))
                {
                    labels.push((key.to_owned(), text(value)));
                }
            }
            let taints = all(&subset, "/tolerations").unwrap_or_default();
            let taints = taints.iter().filter_map(|toleration| {
                let of = |name| field(toleration, name).filter(|text| !text.is_empty());
                let fields = vec![
                    ("key", text(of("key")?)),
                    ("effect", text(of("effect").unwrap_or("NoSchedule"))),
                ];
                let value = of("value").map(|value| ("value", text(value)));
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

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}
