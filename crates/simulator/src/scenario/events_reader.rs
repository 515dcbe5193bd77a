//! Reads the events of `scenario.yaml`.

use super::Workload;
use super::reader::{At, Fields};
use super::revisions::{Revisions, read_pause, read_rollout, read_undo};
use super::script::{EventKind, NodeSpec, Revision, ScriptEvent};
use super::script_reader::{index, positive};
use crate::time::Millis;

/// What events may name.
pub(super) struct Known<'a> {
    pub(super) workloads: &'a [Workload],
    pub(super) nodes: &'a [NodeSpec],
    pub(super) sidecars: usize,
}

/// The words for what happens; an event has exactly one of them.
const WORDS: [&str; 14] = [
    "scale",
    "ramp",
    "rollout",
    "rolloutUndo",
    "pauseRollout",
    "resumeRollout",
    "loseNode",
    "failNode",
    "reclaimNode",
    "drainNode",
    "deletePods",
    "crashSidecar",
    "policyDown",
    "restartApi",
];

/// How long before it takes a machine back a cloud says so: 120 s on AWS, 30 s elsewhere.
const NOTICE: Millis = Millis(120_000);

/// How a workload stands as the events are read.
struct Standing {
    replicas: Vec<u64>,
    revisions: Vec<Revisions>,
}

/// The events, and the revisions that they bring to each workload.
pub(super) fn read_events(at: &At<'_>, known: &Known<'_>) -> (Vec<ScriptEvent>, Vec<Vec<Revision>>) {
    let mut events: Vec<ScriptEvent> = Vec::new();
    let mut standing = Standing {
        replicas: known.workloads.iter().map(|workload| workload.replicas).collect(),
        revisions: known.workloads.iter().map(Revisions::of).collect(),
    };
    for item in at.as_list("a list of events such as `{at: 10s, scale: {deployment: web, replicas: 30}}`") {
        let Some(added) = read_event(&item, known, &mut standing) else {
            continue;
        };
        if let (Some(last), Some(first)) = (events.last(), added.first())
            && first.at < last.at
        {
            item.fault(format!(
                "at {}, before the event above it at {}; write the events in order of time",
                first.at, last.at
            ));
        }
        events.extend(added);
    }
    let revisions = standing.revisions.into_iter();
    (events, revisions.map(|revisions| revisions.written).collect())
}

fn read_event(at: &At<'_>, known: &Known<'_>, standing: &mut Standing) -> Option<Vec<ScriptEvent>> {
    let fields = at.as_map("`at` and what happens")?;
    let begin = fields
        .required("at", "a time such as `10s`")
        .and_then(|at| at.as_span());
    let found: Vec<(&str, At<'_>)> = WORDS
        .iter()
        .filter_map(|word| Some((*word, fields.optional(word)?)))
        .collect();
    fields.no_others();
    let [(word, what)] = found.as_slice() else {
        let words = WORDS.map(|word| format!("`{word}`")).join(", ");
        at.fault(format!(
            "found {} things that happen; write exactly one of {words}",
            found.len()
        ));
        return None;
    };
    let begin = begin?;
    let one = |kind: EventKind| vec![ScriptEvent { at: begin, kind }];
    match *word {
        "scale" => read_scale(what, known, standing).map(one),
        "ramp" => read_ramp(what, known, standing, begin),
        "rollout" => read_rollout(what, known, &mut standing.revisions).map(one),
        "rolloutUndo" => read_undo(what, known, &mut standing.revisions).map(one),
        "pauseRollout" => read_pause(what, known, &mut standing.revisions, true).map(one),
        "resumeRollout" => read_pause(what, known, &mut standing.revisions, false).map(one),
        "loseNode" => {
            let (node, back_after) = read_node_event(what, known, None)?;
            Some(one(EventKind::LoseNode { node, back_after }))
        }
        "failNode" => {
            let (node, back_after) = read_node_event(what, known, None)?;
            Some(one(EventKind::FailNode { node, back_after }))
        }
        "drainNode" => {
            let (node, back_after) = read_node_event(what, known, None)?;
            Some(one(EventKind::DrainNode { node, back_after }))
        }
        "reclaimNode" => {
            let mut notice = NOTICE;
            let (node, back_after) = read_node_event(what, known, Some(&mut notice))?;
            Some(one(EventKind::ReclaimNode {
                node,
                notice,
                back_after,
            }))
        }
        "deletePods" => {
            let fields = what.as_map("`deployment` and `pods`")?;
            let workload = read_workload(&fields, known);
            let pods = fields
                .required("pods", "how many")
                .and_then(|at| at.as_number(1, 1_000_000));
            fields.no_others();
            Some(one(EventKind::DeletePods {
                workload: workload?,
                pods: pods?,
            }))
        }
        "crashSidecar" => {
            let fields = what.as_map("`sidecar` and `backAfter`")?;
            let last = known.sidecars.saturating_sub(1) as u64;
            let sidecar = fields
                .optional("sidecar")
                .map_or(Some(0), |at| at.as_number(0, last));
            let back_after = read_back_after(&fields);
            fields.no_others();
            if known.sidecars == 0 {
                what.fault("there is no sidecar; write `sidecars: 1`, or `observe: Ledger` in the settings");
            }
            Some(one(EventKind::Crash {
                sidecar: index(sidecar?),
                back_after: back_after?,
            }))
        }
        "policyDown" => read_span(what).map(|back_after| one(EventKind::PolicyDown { back_after })),
        _ => read_span(what).map(|back_after| one(EventKind::RestartApi { back_after })),
    }
}

fn read_scale(at: &At<'_>, known: &Known<'_>, standing: &mut Standing) -> Option<EventKind> {
    let fields = at.as_map("`deployment` and `replicas`")?;
    let (workload, replicas) = read_target(&fields, known);
    fields.no_others();
    let (workload, replicas) = (workload?, replicas?);
    if let Some(stands) = standing.replicas.get_mut(workload) {
        *stands = replicas;
    }
    Some(EventKind::Scale { workload, replicas })
}

/// A ramp is a scale in steps, from what it was to what it shall be.
fn read_ramp(
    at: &At<'_>,
    known: &Known<'_>,
    standing: &mut Standing,
    begin: Millis,
) -> Option<Vec<ScriptEvent>> {
    let fields = at.as_map("`deployment`, `replicas`, `step` and `every`")?;
    let (workload, target) = read_target(&fields, known);
    let step = fields
        .optional("step")
        .map_or(Some(1), |at| at.as_number(1, 1_000_000));
    let every = fields
        .required("every", "a time span such as `1s`")
        .and_then(|at| positive(&at));
    fields.no_others();
    let (workload, target, step, every) = (workload?, target?, step?, every?);
    let replicas = standing.replicas.get(workload).copied().unwrap_or(0);
    let steps = replicas.abs_diff(target).div_ceil(step);
    let after = |number: u64| {
        let moved = step.saturating_mul(number);
        if target > replicas {
            target.min(replicas + moved)
        } else {
            target.max(replicas.saturating_sub(moved))
        }
    };
    let scale = |number| ScriptEvent {
        at: Millis(begin.0 + every.0 * (number - 1)),
        kind: EventKind::Scale {
            workload,
            replicas: after(number),
        },
    };
    if let Some(stands) = standing.replicas.get_mut(workload) {
        *stands = target;
    }
    Some((1..=steps).map(scale).collect())
}

/// What happens to a node; `notice`: read too, where the event has one.
fn read_node_event(
    at: &At<'_>,
    known: &Known<'_>,
    notice: Option<&mut Millis>,
) -> Option<(usize, Option<Millis>)> {
    let fields = at.as_map("`node`, and `backAfter` if it comes back")?;
    let named = fields.required("node", "the node's name");
    let back_after = fields.optional("backAfter").map(|at| at.as_span());
    if let Some(notice) = notice
        && let Some(at) = fields.optional("notice")
    {
        *notice = at.as_span()?;
    }
    fields.no_others();
    let named = named?;
    let name = named.as_text("the node's name")?;
    let Some(node) = known.nodes.iter().position(|node| node.name == name) else {
        let names: Vec<String> = known
            .nodes
            .iter()
            .take(10)
            .map(|node| format!("`{}`", node.name))
            .collect();
        named.fault(format!("no node `{name}`; write one of {}", names.join(", ")));
        return None;
    };
    let back_after = back_after.map_or(Some(None), |back_after| back_after.map(Some))?;
    Some((node, back_after))
}

fn read_span(at: &At<'_>) -> Option<Millis> {
    let fields = at.as_map("`backAfter`")?;
    let back_after = read_back_after(&fields);
    fields.no_others();
    back_after
}

fn read_back_after(fields: &Fields<'_>) -> Option<Millis> {
    let at = fields.required("backAfter", "a time span such as `10s`")?;
    positive(&at)
}

fn read_target(fields: &Fields<'_>, known: &Known<'_>) -> (Option<usize>, Option<u64>) {
    let workload = read_workload(fields, known);
    let replicas = fields
        .required("replicas", "how many replicas")
        .and_then(|at| at.as_number(0, 1_000_000));
    (workload, replicas)
}

/// The workload that an event names; it may go without where there is but one.
pub(super) fn read_workload(fields: &Fields<'_>, known: &Known<'_>) -> Option<usize> {
    let named = fields
        .optional("deployment")
        .or_else(|| fields.optional("workload"));
    let names: Vec<String> = known
        .workloads
        .iter()
        .map(|workload| format!("`{}`", workload.name))
        .collect();
    let Some(named) = named else {
        return match known.workloads {
            [_] => Some(0),
            _ => {
                fields.required("workload", &format!("one of {}", names.join(", ")));
                None
            }
        };
    };
    let name = named.as_text("the workload's name")?;
    let found = known.workloads.iter().position(|workload| workload.name == name);
    // A folder without any is a fault of its own.
    if found.is_none() && !names.is_empty() {
        named.fault(format!(
            "found `{name}`; write {}, a workload of this folder",
            names.join(" or ")
        ));
    }
    found
}
