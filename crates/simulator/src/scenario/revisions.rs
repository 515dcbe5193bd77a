//! Reads what happens to the template of a workload: rollouts, and rollouts that are undone, held and let go on.

use kube_rules::smp;
use rules::WorkloadKind;
use serde_json::Value;

use super::Workload;
use super::events_reader::{Known, read_workload};
use super::reader::At;
use super::script::{EventKind, Revision};

/// The revisions of one workload, as the events are read.
#[derive(Debug)]
pub(super) struct Revisions {
    /// Beyond the first.
    pub(super) written: Vec<Revision>,
    /// The numbers of the templates that were rolled out, the newest last; each stands there once.
    history: Vec<u32>,
    is_paused: bool,
    /// Whether the newest came while the rollout is held: nobody knows of it yet.
    is_newest_held: bool,
}

impl Revisions {
    pub(super) fn of(workload: &Workload) -> Self {
        Self {
            written: Vec::new(),
            history: vec![0],
            is_paused: is_paused(workload),
            is_newest_held: false,
        }
    }

    fn roll_out(&mut self, template: u32) {
        if self.is_newest_held {
            self.history.pop();
        }
        self.history.retain(|number| *number != template);
        self.history.push(template);
        self.is_newest_held = self.is_paused;
    }

    /// The template before the newest.
    fn previous(&self) -> Option<u32> {
        self.history.iter().rev().nth(1).copied()
    }

    fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        self.is_newest_held &= is_paused;
    }
}

/// Whether a Deployment's manifest says that its rollout is held.
pub(crate) fn is_paused(workload: &Workload) -> bool {
    workload.kind == WorkloadKind::Deployment
        && workload.manifest.pointer("/spec/paused").and_then(Value::as_bool) == Some(true)
}

pub(super) fn read_rollout(at: &At<'_>, known: &Known<'_>, revisions: &mut [Revisions]) -> Option<EventKind> {
    let fields = at.as_map("`workload`")?;
    let workload = read_workload(&fields, known);
    let is_never_ready = fields
        .optional("neverReady")
        .map_or(Some(false), |at| at.as_bool());
    let patch = fields.optional("patch");
    fields.no_others();
    let workload = workload?;
    let patch = match patch {
        Some(at) => Some(read_patch(&at, known.workloads.get(workload)?)?),
        None => None,
    };
    let revisions = revisions.get_mut(workload)?;
    revisions.written.push(Revision {
        is_never_ready: is_never_ready?,
        patch,
    });
    let template = u32::try_from(revisions.written.len()).ok()?;
    revisions.roll_out(template);
    Some(EventKind::Rollout { workload, template })
}

/// A strategic merge patch of the pods' template.
fn read_patch(at: &At<'_>, workload: &Workload) -> Option<Value> {
    at.as_map("a patch of the pods' template, such as `{spec: {nodeSelector: {pool: a}}}`")?;
    let patch = at.value();
    let template = workload.manifest.pointer("/spec/template").cloned();
    match smp::merge_pod(template.unwrap_or_default(), &patch) {
        Ok(_) => Some(patch),
        Err(refused) => {
            at.fault(refused.to_string());
            None
        }
    }
}

pub(super) fn read_undo(at: &At<'_>, known: &Known<'_>, revisions: &mut [Revisions]) -> Option<EventKind> {
    let fields = at.as_map("`workload`")?;
    let workload = read_workload(&fields, known);
    fields.no_others();
    let workload = workload?;
    let revisions = revisions.get_mut(workload)?;
    if revisions.is_paused {
        at.fault("the rollout is held, and kubectl undoes none that is; write a `resumeRollout` before it");
        return None;
    }
    let Some(template) = revisions.previous() else {
        at.fault("there is no revision before this one; write a `rollout` before it");
        return None;
    };
    revisions.roll_out(template);
    Some(EventKind::Rollout { workload, template })
}

pub(super) fn read_pause(
    at: &At<'_>,
    known: &Known<'_>,
    revisions: &mut [Revisions],
    is_paused: bool,
) -> Option<EventKind> {
    let fields = at.as_map("`workload`")?;
    let workload = read_workload(&fields, known);
    fields.no_others();
    let workload = workload?;
    let kind = known.workloads.get(workload)?.kind;
    if kind != WorkloadKind::Deployment {
        at.fault(format!("a {} cannot be held; write a Deployment", kind.kind()));
        return None;
    }
    revisions.get_mut(workload)?.pause(is_paused);
    Some(EventKind::Pause { workload, is_paused })
}
