//! Reads the nodes of `scenario.yaml`.

use std::collections::BTreeMap;

use kube_rules::nodes::Quantity;

use super::reader::At;
use super::script::{NodeGroupSpec, NodeSpec, Taint};
use super::script_reader::index;
use crate::time::Millis;

/// How long a cloud takes for a machine, from the order until its node is ready.
const DELAY: Millis = Millis(120_000);

/// The nodes that are there at the beginning, and the groups that come and go.
#[derive(Debug, Default)]
pub(super) struct ReadNodes {
    pub(super) nodes: Vec<NodeSpec>,
    pub(super) groups: Vec<NodeGroupSpec>,
}

pub(super) fn read_nodes(at: &At<'_>) -> ReadNodes {
    let mut read = ReadNodes::default();
    for item in at.as_list("a list of nodes") {
        let Some((found, group)) = read_node(&item) else {
            continue;
        };
        let (nodes, groups) = (read.nodes.len(), read.groups.len());
        if let Some(group) = group {
            if read.groups.iter().any(|other| other.name == group.name) {
                item.fault(format!("a second group `{}`; write another name", group.name));
            }
            read.groups.push(group);
        }
        for node in found {
            if read.nodes.iter().any(|other| other.name == node.name) {
                item.fault(format!("a second node `{}`; write another name", node.name));
            }
            read.nodes.push(node);
        }
        let taken = |(place, group): (usize, &NodeGroupSpec)| {
            let from = if place < groups { nodes } else { 0 };
            let mut there = read.nodes.iter().skip(from);
            let node = there.find(|node| group.will_name(&node.name))?;
            Some((group.name.clone(), node.name.clone()))
        };
        if let Some((group, node)) = read.groups.iter().enumerate().find_map(taken) {
            item.fault(format!(
                "a node of the group `{group}` would be a second `{node}`; write another name"
            ));
        }
    }
    read
}

/// How many nodes a group has, and how long one takes to come.
#[derive(Debug, Clone, Copy)]
struct Autoscale {
    min: u64,
    max: u64,
    delay: Millis,
}

fn read_autoscale(at: &At<'_>) -> Option<Autoscale> {
    let fields = at.as_map("`min`, `max` and `delay`")?;
    let min = fields
        .optional("min")
        .map_or(Some(0), |at| at.as_number(0, 10_000));
    let max = fields.required("max", "how many nodes it has at the most");
    let max = max.and_then(|at| at.as_number(min.unwrap_or(0), 10_000));
    let delay = fields.optional("delay").map_or(Some(DELAY), |at| at.as_span());
    fields.no_others();
    Some(Autoscale {
        min: min?,
        max: max?,
        delay: delay?,
    })
}

/// One entry stands for `count` nodes, numbered from 1 where they are several.
fn read_node(at: &At<'_>) -> Option<(Vec<NodeSpec>, Option<NodeGroupSpec>)> {
    let fields = at.as_map("a node with `name` and `pods`")?;
    let name = fields
        .required("name", "the node's name")
        .and_then(|at| at.as_text("the node's name"));
    let autoscale = fields.optional("autoscale").map(|at| read_autoscale(&at));
    let is_group = autoscale.is_some();
    let (least, usual) = match autoscale.flatten() {
        Some(autoscale) => (autoscale.min, autoscale.min),
        None => (u64::from(!is_group), 1),
    };
    let most = autoscale.flatten().map_or(10_000, |autoscale| autoscale.max);
    let count = fields
        .optional("count")
        .map_or(Some(usual), |at| at.as_number(least, most));
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
    let termination = fields.optional("termination").map(|at| at.as_span());
    fields.no_others();
    let (name, count, pods) = (name?, count?, pods?);
    let named = |number: u64| {
        if count == 1 && !is_group {
            name.to_owned()
        } else {
            format!("{name}-{number}")
        }
    };
    let template = NodeSpec {
        name: name.to_owned(),
        labels,
        taints,
        pods,
        allocatable,
        startup: startup.flatten(),
        termination: termination.flatten(),
    };
    let node = |number| {
        let mut node = template.clone();
        node.name = named(number);
        let hostname = node.labels.entry("kubernetes.io/hostname".to_owned());
        hostname.or_insert_with(|| named(number));
        node
    };
    let nodes = (1..=count).map(node).collect();
    let group = autoscale.flatten().map(|autoscale| NodeGroupSpec {
        name: name.to_owned(),
        template: template.clone(),
        count: index(count),
        min: index(autoscale.min),
        max: index(autoscale.max),
        delay: autoscale.delay,
    });
    Some((nodes, group))
}

/// An amount that Kubernetes reads.
fn read_amount(at: &At<'_>) -> Option<String> {
    let written = at.as_written()?;
    if Quantity::parse(&written).is_none_or(Quantity::is_negative) {
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
