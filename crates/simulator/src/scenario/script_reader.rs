//! Reads `scenario.yaml`.

use super::reader::{At, Fault, Faults, Fields};
use super::script::{Bound, Cluster, Expectation, NodeSpec, Scale, Script, Split, Taint};
use super::settings::SubsetRule;
use super::{SCRIPT_FILE, SourceFile, Workload, only_document, required_file};
use crate::time::Millis;

pub(super) fn read(
    files: &[SourceFile],
    workload: Option<&Workload>,
    faults: &mut Vec<Fault>,
) -> Option<Script> {
    let file = required_file(files, SCRIPT_FILE, "`duration`, `nodes` and `events`", faults)?;
    let node = only_document(file, faults)?;
    let here = Faults::of(SCRIPT_FILE);
    let script = read_script(&At::root(&node, &here), workload);
    let found = here.into_found();
    let sound = found.is_empty();
    faults.extend(found);
    script.filter(|_| sound)
}

/// Faults for expectations that name a subset which the settings do not have.
pub(super) fn unknown_subsets(script: &Script, subsets: &[SubsetRule]) -> Vec<Fault> {
    let here = Faults::of(SCRIPT_FILE);
    let known: Vec<String> = subsets.iter().map(|rule| format!("`{}`", rule.name)).collect();
    let named = script
        .expectations
        .iter()
        .flat_map(|expectation| match expectation {
            Expectation::MaxOver(bound) => vec![("expect.maxOver", &bound.subset)],
            Expectation::Split(split) => split.subsets.keys().map(|name| ("expect.splits", name)).collect(),
        });
    for (path, name) in named {
        if !subsets.iter().any(|rule| rule.name == *name) {
            here.add(
                None,
                path,
                format!(
                    "no subset `{name}` in the settings; write one of {}",
                    known.join(", ")
                ),
            );
        }
    }
    here.into_found()
}

fn read_script(root: &At<'_>, workload: Option<&Workload>) -> Option<Script> {
    let fields = root.as_map("`duration`, `nodes` and `events`")?;
    let description = fields
        .optional("description")
        .map_or(Some(""), |at| at.as_text("a line of text"));
    let seed = fields
        .optional("seed")
        .map_or(Some(1), |at| at.as_number(0, u64::MAX));
    let duration = fields
        .required("duration", "a time span such as `2m`")
        .and_then(|at| positive(&at));
    let sample_every = fields
        .optional("sampleEvery")
        .map_or(Some(Millis(1000)), |at| positive(&at));
    let cluster = fields.optional("cluster");
    let cluster = cluster.map_or(Some(Cluster::default()), |at| read_cluster(&at));
    let nodes = fields
        .required("nodes", "a list of nodes")
        .map(|at| read_nodes(&at));
    let events = fields
        .required("events", "a list of events")
        .map(|at| read_events(&at, workload));
    let expectations = fields
        .optional("expect")
        .map(|at| read_expectations(&at))
        .unwrap_or_default();
    fields.no_others();
    let (duration, scales) = (duration?, events?);
    check_times(root, duration, &scales, &expectations);
    Some(Script {
        description: description?.to_owned(),
        seed: seed?,
        duration,
        sample_every: sample_every?,
        cluster: cluster?,
        nodes: nodes?,
        scales,
        expectations,
    })
}

fn check_times(root: &At<'_>, duration: Millis, scales: &[Scale], expectations: &[Expectation]) {
    if let Some(last) = scales.last().filter(|last| last.at >= duration) {
        root.fault(format!(
            "the last event is at {}, the run ends at {duration}; write a longer `duration`",
            last.at
        ));
    }
    for expectation in expectations {
        if let Expectation::Split(split) = expectation
            && split.at > duration
        {
            root.fault(format!(
                "a split is expected at {}, the run ends at {duration}; write a longer `duration`",
                split.at
            ));
        }
    }
}

fn read_cluster(at: &At<'_>) -> Option<Cluster> {
    let fields = at.as_map("the cluster's times")?;
    let default = Cluster::default();
    let span = |name, fallback| {
        fields
            .optional(name)
            .map_or(Some(fallback), |at: At<'_>| at.as_span())
    };
    let cluster = (
        span("watchLag", default.watch_lag),
        span("watchJitter", default.watch_jitter),
        span("controllerLag", default.controller_lag),
        fields
            .optional("writesPerSecond")
            .map_or(Some(default.writes_per_second), |at| at.as_number(1, 1_000_000)),
        span("admissionTime", default.admission_time),
        span("startup", default.startup),
        span("termination", default.termination),
    );
    fields.no_others();
    Some(Cluster {
        watch_lag: cluster.0?,
        watch_jitter: cluster.1?,
        controller_lag: cluster.2?,
        writes_per_second: cluster.3?,
        admission_time: cluster.4?,
        startup: cluster.5?,
        termination: cluster.6?,
    })
}

fn read_nodes(at: &At<'_>) -> Vec<NodeSpec> {
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
            startup: startup.flatten(),
        }
    };
    Some((1..=count).map(node).collect())
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

fn read_events(at: &At<'_>, workload: Option<&Workload>) -> Vec<Scale> {
    let mut scales: Vec<Scale> = Vec::new();
    let mut replicas = workload.map_or(0, |workload| workload.replicas);
    for item in at.as_list("a list of events such as `{at: 10s, scale: {deployment: web, replicas: 30}}`") {
        let Some(added) = read_event(&item, workload, replicas) else {
            continue;
        };
        if let (Some(last), Some(first)) = (scales.last(), added.first())
            && first.at < last.at
        {
            item.fault(format!(
                "at {}, before the event above it at {}; write the events in order of time",
                first.at, last.at
            ));
        }
        replicas = added.last().map_or(replicas, |scale| scale.replicas);
        scales.extend(added);
    }
    scales
}

fn read_event(at: &At<'_>, workload: Option<&Workload>, replicas: u64) -> Option<Vec<Scale>> {
    let fields = at.as_map("`at` and `scale` or `ramp`")?;
    let begin = fields
        .required("at", "a time such as `10s`")
        .and_then(|at| at.as_span());
    let (scale, ramp) = (fields.optional("scale"), fields.optional("ramp"));
    fields.no_others();
    match (scale, ramp) {
        (Some(scale), None) => read_scale(&scale, workload, begin?),
        (None, Some(ramp)) => read_ramp(&ramp, workload, begin?, replicas),
        _ => {
            at.fault("found neither or both of `scale` and `ramp`; write exactly one");
            None
        }
    }
}

fn read_scale(at: &At<'_>, workload: Option<&Workload>, begin: Millis) -> Option<Vec<Scale>> {
    let fields = at.as_map("`deployment` and `replicas`")?;
    let target = read_target(&fields, workload);
    fields.no_others();
    Some(vec![Scale {
        at: begin,
        replicas: target?,
    }])
}

/// A ramp is a scale in steps, from what it was to what it shall be.
fn read_ramp(at: &At<'_>, workload: Option<&Workload>, begin: Millis, replicas: u64) -> Option<Vec<Scale>> {
    let fields = at.as_map("`deployment`, `replicas`, `step` and `every`")?;
    let target = read_target(&fields, workload);
    let step = fields
        .optional("step")
        .map_or(Some(1), |at| at.as_number(1, 1_000_000));
    let every = fields
        .required("every", "a time span such as `1s`")
        .and_then(|at| positive(&at));
    fields.no_others();
    let (target, step, every) = (target?, step?, every?);
    let steps = replicas.abs_diff(target).div_ceil(step);
    let after = |number: u64| {
        let moved = step.saturating_mul(number);
        if target > replicas {
            target.min(replicas + moved)
        } else {
            target.max(replicas.saturating_sub(moved))
        }
    };
    let scale = |number| Scale {
        at: Millis(begin.0 + every.0 * (number - 1)),
        replicas: after(number),
    };
    Some((1..=steps).map(scale).collect())
}

fn read_target(fields: &Fields<'_>, workload: Option<&Workload>) -> Option<u64> {
    let name = fields.required("deployment", "the Deployment's name");
    if let (Some(at), Some(workload)) = (name, workload)
        && let Some(found) = at.as_text("the Deployment's name")
        && found != workload.name
    {
        at.fault(format!(
            "found `{found}`; write `{}`, the Deployment of this folder",
            workload.name
        ));
    }
    fields
        .required("replicas", "how many replicas")
        .and_then(|at| at.as_number(0, 1_000_000))
}

fn read_expectations(at: &At<'_>) -> Vec<Expectation> {
    let Some(fields) = at.as_map("`maxOver` and `splits`") else {
        return Vec::new();
    };
    let mut expectations = Vec::new();
    let over = fields
        .optional("maxOver")
        .map(|at| at.as_entries("a map from subset to pods"))
        .unwrap_or_default();
    for (subset, at) in over {
        let most = at.as_number(0, 1_000_000);
        expectations.extend(most.map(|most| {
            Expectation::MaxOver(Bound {
                subset: subset.to_owned(),
                most,
            })
        }));
    }
    let splits = fields
        .optional("splits")
        .map(|at| at.as_list("a list of splits"))
        .unwrap_or_default();
    expectations.extend(splits.iter().filter_map(read_split).map(Expectation::Split));
    fields.no_others();
    expectations
}

fn read_split(at: &At<'_>) -> Option<Split> {
    let fields = at.as_map("`at` and `subsets`")?;
    let moment = fields
        .required("at", "a time such as `10s`")
        .and_then(|at| at.as_span());
    let subsets = fields.required("subsets", "a map from subset to pods");
    let within = fields
        .optional("within")
        .map_or(Some(0), |at| at.as_number(0, 1_000_000));
    fields.no_others();
    let counts = subsets?.as_entries("a map from subset to pods").into_iter();
    let subsets = counts
        .filter_map(|(name, at)| Some((name.to_owned(), at.as_number(0, 1_000_000)?)))
        .collect();
    Some(Split {
        at: moment?,
        subsets,
        within: within?,
    })
}

fn positive(at: &At<'_>) -> Option<Millis> {
    let span = at.as_span()?;
    if span == Millis::ZERO {
        at.fault("found `0s`; write a span longer than nothing");
        return None;
    }
    Some(span)
}
