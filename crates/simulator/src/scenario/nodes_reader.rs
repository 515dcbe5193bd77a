//! Reads the nodes of `scenario.yaml`.

use std::collections::BTreeMap;

use super::reader::At;
use super::script::{NodeSpec, Taint};
use crate::scheduling::Quantity;

pub(super) fn read_nodes(at: &At<'_>) -> Vec<NodeSpec> {
    let mut nodes: Vec<NodeSpec> = Vec::new();
    for item in at.as_list("a list of nodes") {
        for node in read_node(&item).unwrap_or_default() {
            if nodes.iter().any(|other| other.name == node.name) {
                item.fault(format!("a second node `{}`; write another name", node.name));
            }
            nodes.push(node);
        }
    }
    nodes
}

/// One entry stands for `count` nodes, numbered from 1 where they are several.
fn read_node(at: &At<'_>) -> Option<Vec<NodeSpec>> {
    let fields = at.as_map("a node with `name` and `pods`")?;
    let name = fields
        .required("name", "the node's name")
        .and_then(|at| at.as_text("the node's name"));
    let count = fields
        .optional("count")
        .map_or(Some(1), |at| at.as_number(1, 10_000));
    let pods = fields
        .required("pods", "how many pods it takes")
        .and_then(|at| at.as_number(0, 1_000_000));
    let labels = fields
        .optional("labels")
        .map(|at| at.as_texts("a map of labels"))
        .unwrap_or_default();
    let taints = fields
        .optional("taints")
        .map(|at| at.as_list("a list of taints"))
        .unwrap_or_default();
    let taints: Vec<Taint> = taints.iter().filter_map(read_taint).collect();
    let mut allocatable = BTreeMap::new();
    for name in ["cpu", "memory"] {
        allocatable.extend(
            fields
                .optional(name)
                .and_then(|at| Some((name.to_owned(), read_amount(&at)?))),
        );
    }
    let others = fields
        .optional("resources")
        .map(|at| at.as_entries("a map from resource to amount"));
    for (name, at) in others.into_iter().flatten() {
        allocatable.extend(read_amount(&at).map(|amount| (name.to_owned(), amount)));
    }
    let startup = fields.optional("startup").map(|at| at.as_span());
    fields.no_others();
    let (name, count, pods) = (name?, count?, pods?);
    let named = |number: u64| {
        if count == 1 {
            name.to_owned()
        } else {
            format!("{name}-{number}")
        }
    };
    let node = |number| {
        let mut labels = labels.clone();
        labels
            .entry("kubernetes.io/hostname".to_owned())
            .or_insert_with(|| named(number));
        NodeSpec {
            name: named(number),
            labels,
            taints: taints.clone(),
            pods,
            allocatable: allocatable.clone(),
            startup: startup.flatten(),
        }
    };
    Some((1..=count).map(node).collect())
}

/// An amount that Kubernetes reads.
fn read_amount(at: &At<'_>) -> Option<String> {
    let written = at.as_written()?;
    if Quantity::parse(&written).is_none() {
        at.fault(format!(
            "found `{written}`; write an amount such as `2500m`, `4` or `16Gi`"
        ));
        return None;
    }
    Some(written)
}

fn read_taint(at: &At<'_>) -> Option<Taint> {
    const EFFECTS: [(&str, &str); 3] = [
        ("NoSchedule", "NoSchedule"),
        ("PreferNoSchedule", "PreferNoSchedule"),
        ("NoExecute", "NoExecute"),
    ];
    let fields = at.as_map("a taint with `key` and `effect`")?;
    let key = fields
        .required("key", "the taint's key")
        .and_then(|at| at.as_text("the taint's key"));
    let value = fields
        .optional("value")
        .map_or(Some(""), |at| at.as_text("the taint's value, or leave it out"));
    let effect = fields
        .required("effect", "the taint's effect")
        .and_then(|at| at.as_one_of(&EFFECTS));
    fields.no_others();
    Some(Taint {
        key: key?.to_owned(),
        value: value?.to_owned(),
        effect: effect?,
    })
}
