//! Reads `scenario.yaml`.

use super::checks_reader::read_checks;
use super::events_reader::{Known, read_events};
use super::expectations_reader::read_expectations;
use super::injectors_reader::read_injectors;
use super::nodes_reader::{ReadNodes, read_nodes};
use super::reader::{At, Fault, Faults, Fields};
use super::script::{Cluster, ClusterAutoscaler, Expectation, Script, ScriptEvent};
use super::traffic_reader::read_traffic;
use super::{SCRIPT_FILE, SourceFile, Workload, only_document, required_file};
use crate::autoscaler::ScaleInSettings;
use crate::checks::Names;
use crate::time::Millis;

/// More samples than this no report and no picture needs.
pub(super) const MOST_SAMPLES: u64 = 1_000_000;

pub(super) fn read(
    files: &[SourceFile],
    workloads: &[Workload],
    sidecars: usize,
    names: Option<&Names>,
    faults: &mut Vec<Fault>,
) -> Option<Script> {
    let file = required_file(files, SCRIPT_FILE, "`duration`, `nodes` and `events`", faults)?;
    let node = only_document(file, faults)?;
    let here = Faults::of(SCRIPT_FILE);
    let script = read_script(&At::root(&node, &here), workloads, sidecars, names);
    let found = here.into_found();
    let sound = found.is_empty();
    faults.extend(found);
    script.filter(|_| sound)
}

/// Faults for expectations that name a subset which the settings do not have.
pub(super) fn unknown_subsets(script: &Script, subsets: &[String]) -> Vec<Fault> {
    let here = Faults::of(SCRIPT_FILE);
    let known: Vec<String> = subsets.iter().map(|name| format!("`{name}`")).collect();
    let named = script
        .expectations
        .iter()
        .flat_map(|expectation| match expectation {
            Expectation::MaxOver(bound) => vec![("expect.maxOver", &bound.subset)],
            Expectation::Split(split) => split.subsets.keys().map(|name| ("expect.splits", name)).collect(),
        });
    for (path, name) in named {
        if !subsets.contains(name) {
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

pub(super) fn read_script(
    root: &At<'_>,
    workloads: &[Workload],
    sidecars: usize,
    names: Option<&Names>,
) -> Option<Script> {
    let fields = root.as_map("`duration`, `nodes` and `events`")?;
    let description = fields
        .optional("description")
        .map_or(Some(""), |at| at.as_text("a line of text"));
    let seed = fields
        .optional("seed")
        .map_or(Some(1), |at| at.as_number(0, u64::MAX));
    let (duration, sample_every) = read_times(&fields);
    let cluster = fields.optional("cluster");
    let cluster = cluster.map_or(Some(Cluster::default()), |at| read_cluster(&at));
    let nodes = fields
        .required("nodes", "a list of nodes")
        .map(|at| read_nodes(&at));
    let policies = fields
        .optional("policies")
        .map_or(Some(1), |at| at.as_number(1, 100));
    let sidecars = fields
        .optional("sidecars")
        .map_or(Some(sidecars as u64), |at| at.as_number(0, 100));
    let scale_in = fields.optional("clusterAutoscaler");
    let scale_in = scale_in.map_or(Some(ScaleInSettings::default()), |at| {
        if nodes.as_ref().is_some_and(|read| read.groups.is_empty()) {
            at.fault("no nodes come and go; write `autoscale: {max: 5}` at an entry of `nodes`");
        }
        read_scale_in(&at)
    });
    let (policies, sidecars) = (index(policies?), index(sidecars?));
    let known = Known {
        workloads,
        nodes: nodes.as_ref().map_or(&[], |read| &read.nodes),
        sidecars,
    };
    let events = fields
        .required("events", "a list of events")
        .map(|at| read_events(&at, &known));
    let demands = fields
        .optional("traffic")
        .map(|at| read_traffic(&at, &known, names))
        .unwrap_or_default();
    let injectors = fields
        .optional("injectors")
        .map(|at| read_injectors(&at))
        .unwrap_or_default();
    let expectations = fields
        .optional("expect")
        .map(|at| read_expectations(&at))
        .unwrap_or_default();
    let end = duration.unwrap_or(Millis(u64::MAX));
    let checks = fields
        .optional("checks")
        .map(|at| read_checks(&at, names, end))
        .unwrap_or_default();
    fields.no_others();
    let (duration, (events, revisions)) = (duration?, events?);
    check_times(root, duration, &events, &expectations);
    let ReadNodes { nodes, groups } = nodes?;
    let cluster_autoscaler = (!groups.is_empty()).then_some(ClusterAutoscaler {
        groups,
        scale_in: scale_in?,
    });
    Some(Script {
        description: description?.to_owned(),
        seed: seed?,
        duration,
        sample_every: sample_every?,
        cluster: cluster?,
        nodes,
        cluster_autoscaler,
        policies,
        sidecars,
        injectors,
        demands,
        events,
        revisions,
        expectations,
        checks,
    })
}

/// How long is played, and how often a sample is taken.
fn read_times(fields: &Fields<'_>) -> (Option<Millis>, Option<Millis>) {
    let at = fields.required("duration", "a time span such as `2m`");
    let duration = at.as_ref().and_then(positive);
    let sampled = fields.optional("sampleEvery");
    let every = sampled.as_ref().map_or(Some(Millis(1000)), positive);
    if let (Some(Millis(millis)), Some(every), Some(at)) = (duration, every, sampled.as_ref().or(at.as_ref()))
        && millis / every.0 > MOST_SAMPLES
    {
        let found = if sampled.is_some() {
            format!("found `{every}`")
        } else {
            format!("found no `sampleEvery`, so `{every}`")
        };
        at.fault(format!(
            "{found}, which makes {} samples in {}; write at least `{}`, for at most {MOST_SAMPLES} of them",
            millis / every.0,
            Millis(millis),
            Millis(millis.div_ceil(MOST_SAMPLES))
        ));
    }
    (duration, every)
}

fn check_times(root: &At<'_>, duration: Millis, events: &[ScriptEvent], expectations: &[Expectation]) {
    if let Some(last) = events.last().filter(|last| last.at >= duration) {
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
        span("startupJitter", default.startup_jitter),
        span("termination", default.termination),
        span("terminationJitter", default.termination_jitter),
    );
    fields.no_others();
    Some(Cluster {
        watch_lag: cluster.0?,
        watch_jitter: cluster.1?,
        controller_lag: cluster.2?,
        writes_per_second: cluster.3?,
        admission_time: cluster.4?,
        startup: cluster.5?,
        startup_jitter: cluster.6?,
        termination: cluster.7?,
        termination_jitter: cluster.8?,
    })
}

fn read_scale_in(at: &At<'_>) -> Option<ScaleInSettings> {
    let fields = at.as_map("when nodes go")?;
    let default = ScaleInSettings::default();
    let span = |name, fallback| {
        let at: Option<At<'_>> = fields.optional(name);
        at.map_or(Some(fallback), |at| at.as_span())
    };
    let unneeded = span("scaleDownUnneededTime", default.unneeded);
    let after_add = span("scaleDownDelayAfterAdd", default.after_add);
    let percent = fields.optional("scaleDownUtilizationPercent");
    let percent = percent.map_or(Some(u64::from(default.utilisation_percent)), |at| {
        at.as_number(0, 100)
    });
    fields.no_others();
    Some(ScaleInSettings {
        utilisation_percent: u8::try_from(percent?).ok()?,
        unneeded: unneeded?,
        after_add: after_add?,
    })
}

pub(super) fn positive(at: &At<'_>) -> Option<Millis> {
    let span = at.as_span()?;
    if span == Millis::ZERO {
        at.fault("found `0s`; write a span longer than nothing");
        return None;
    }
    Some(span)
}

pub(super) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
