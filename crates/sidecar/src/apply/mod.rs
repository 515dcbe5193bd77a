//! Sends what the loop says: one request at a time for each write, never once the lease may be another's.
//!
//! Every write names the uid of what it changes, so that doing it twice, or too late, is refused.

mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kube::Client;
use reconcile_core::{Action, Outcome, PodPatch, PodRecord, PodRef, Step};
use rules::GroupKind;
use sidecar_core::reconciler::Answer;
use tracing::{info, warn};

pub use request::{Draft, FIELD_MANAGER};

use crate::clock;
use crate::fence::Fence;
use crate::metrics::Metrics;
use crate::observe::{PodFields, Seen};
use crate::said::Said;

/// Sends writes.
#[derive(Clone)]
pub struct Writer {
    /// Behind the fence.
    writing: Client,
    reading: Client,
    fence: Fence,
    identity: Arc<str>,
    metrics: Metrics,
    api_versions: Arc<RwLock<BTreeMap<GroupKind, String>>>,
}

impl Writer {
    /// Writes with the first client, which stands behind the fence, and looks with the second.
    #[must_use]
    pub fn new(writing: Client, reading: Client, fence: Fence, identity: &str, metrics: Metrics) -> Self {
        Self {
            writing,
            reading,
            fence,
            identity: identity.into(),
            metrics,
            api_versions: Arc::default(),
        }
    }

    /// Under which version further kinds are served.
    pub fn set_api_versions(&self, versions: BTreeMap<GroupKind, String>) {
        *self.api_versions.write().unwrap_or_else(PoisonError::into_inner) = versions;
    }

    /// The request of a step, to be sent when its turn comes.
    #[must_use]
    pub fn draft(&self, step: &Step, patch: Option<&PodPatch>) -> Draft {
        let api_version = |kind: &GroupKind| {
            let versions = self.api_versions.read().unwrap_or_else(PoisonError::into_inner);
            versions.get(kind).cloned()
        };
        let speaker = request::Speaker {
            identity: &self.identity,
            now: clock::now(),
            api_version: &api_version,
        };
        request::draft(step, patch, &speaker)
    }

    /// Sends a request once.
    pub async fn send(self, step: Arc<Step>, draft: Arc<Draft>, patience: Duration) -> Answer {
        if !self.fence.is_open() {
            return Answer::Fenced;
        }
        let request = match draft.request() {
            Ok(request) => request,
            Err(error) => return Answer::Unsendable(error.to_string()),
        };
        match tokio::time::timeout(patience, self.writing.request_text(request)).await {
            Ok(Ok(text)) => {
                let pod = step.action.pod().and_then(|_| record(&text));
                Answer::Done(pod.map(Box::new))
            }
            Ok(Err(kube::Error::Api(status))) => Answer::Refused {
                code: status.code,
                message: status.message.clone(),
            },
            Ok(Err(error)) => Answer::Unreached(Said(&error).to_string()),
            Err(_) => Answer::Late,
        }
    }

    /// Reads the pod of a step that was refused.
    pub async fn look(self, step: Arc<Step>, patience: Duration) -> Answer {
        let Some(pod) = step.action.pod() else {
            return Answer::Looked(Ok(None));
        };
        match tokio::time::timeout(patience, self.pod(pod)).await {
            Ok(pod) => Answer::Looked(pod.map(|pod| pod.map(Box::new))),
            Err(_) => Answer::Late,
        }
    }

    async fn pod(&self, pod: &PodRef) -> Result<Option<PodRecord>, String> {
        let request = request::look(pod).request().map_err(|error| error.to_string())?;
        match self.reading.request_text(request).await {
            Ok(text) => record(&text)
                .map(Some)
                .ok_or_else(|| "it has not the shape of a pod".to_owned()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(Said(&error).to_string()),
        }
    }

    /// Tells how a write ended: in the log, and in the metrics.
    pub fn tell(&self, step: &Step, subset: Option<&str>, outcome: &Outcome, took: Duration) {
        let result = word(outcome);
        self.metrics.wrote(step.action.word(), result);
        if let (Action::Bind { .. }, Outcome::Done(Some(pod))) = (&step.action, outcome) {
            let after = u64::try_from(clock::now().since(pod.created)).unwrap_or(0);
            self.metrics.bound(Duration::from_millis(after));
        }
        if let (Some(way), Outcome::Done(_)) = (way(&step.action), outcome) {
            self.metrics.moved(&step.spread, way);
        }
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let line = Line::of(step, subset);
        let Line { pod, detail } = &line;
        let (spread, action) = (&step.spread, step.action.word());
        match outcome {
            Outcome::Done(_) | Outcome::Gone => info!(%spread, action, pod, detail, outcome = result, millis),
            Outcome::Refused(why) | Outcome::Unknown(why) => {
                warn!(%spread, action, pod, detail, outcome = result, why, millis);
            }
        }
    }
}

/// What is told of a step, in the log and by `--dry-run`.
pub(crate) struct Line {
    /// The pod, where there is one.
    pub(crate) pod: String,
    /// What is done and why.
    pub(crate) detail: String,
}

impl Line {
    pub(crate) fn of(step: &Step, subset: Option<&str>) -> Self {
        let subset = subset.unwrap_or("?");
        let cost = |cost: &Option<placement_core::DeletionCost>| {
            cost.map_or_else(String::new, |cost| format!(", cost {}", cost.value()))
        };
        let detail = match &step.action {
            Action::Bind { cost: of, .. } => format!("subset {subset}{}", cost(of)),
            Action::Release { why, .. } => why.to_string(),
            Action::DeletePod { .. } => "its subset has no place for it, and it can have no other".to_owned(),
            Action::Move { to, .. } => format!("subset {to}"),
            Action::Recreate { .. } => "there is no node for it in its subset".to_owned(),
            Action::Evict { node, why, .. } => format!("{why}, there is room on {node}"),
            Action::PatchCost { cost, .. } => format!("cost {cost}"),
            Action::Adopt { .. } => format!("subset {subset}"),
            Action::PublishLedger(ledger) => {
                let status = ledger.status.as_ref();
                status.map_or_else(String::new, |status| {
                    format!("{}; {} gated", status.summary, status.gated)
                })
            }
            Action::RemoveLedger => "no spread has this name any more".to_owned(),
            Action::Note(note) => format!("{} {}: {}", note.severity, note.reason, note.text),
        };
        Self {
            pod: step.action.pod().map_or_else(String::new, ToString::to_string),
            detail,
        }
    }
}

/// How a pod gets to another subset, if this is what a step does.
fn way(action: &Action) -> Option<&'static str> {
    match action {
        Action::Move { from, subset, .. } if subset < from => Some("back"),
        Action::Move { .. } => Some("in_place"),
        Action::Recreate { .. } => Some("recreate"),
        Action::Evict { why, .. } => Some(why.word()),
        _ => None,
    }
}

/// A word for logs and metrics.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Gone => "gone",
        Outcome::Refused(_) => "refused",
        Outcome::Unknown(_) => "unknown",
    }
}

fn record(text: &str) -> Option<PodRecord> {
    let seen: Seen<PodFields> = serde_json::from_str(text).ok()?;
    PodRecord::read(&seen.object).ok()
}
