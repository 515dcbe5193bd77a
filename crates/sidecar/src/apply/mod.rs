//! Does the steps: one request each, tried again while that can help, never once the lease may be another's.
//!
//! Every write names the uid of what it changes, so that doing it twice, or too late, is refused.

mod lanes;
mod outcome;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kube::Client;
use reconcile_core::{Action, Outcome, PodRecord, PodRef, Step};
use rules::GroupKind;
use tracing::{info, warn};

pub use lanes::{Job, Lane, Lanes, Limits};
pub(crate) use outcome::word;
use outcome::{Sight, Verdict, sight, verdict};
use request::Draft;
pub use request::FIELD_MANAGER;

use crate::client::REQUEST_TIMEOUT;
use crate::clock;
use crate::fence::Fence;
use crate::metrics::Metrics;
use crate::observe::{PodFields, Seen};
use crate::said::Said;

/// The first pause before a request is sent once more; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// No pause is longer: an API server that was restarted is asked soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Does steps.
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

/// What one attempt brought.
enum Attempt {
    Ended(Outcome),
    Again(String),
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

    /// Does a step, and tells how that ended; `subset` is the name of the subset that it is about.
    pub async fn apply(self, job: Job, subset: Option<String>) -> Outcome {
        let Job { step, draft } = job;
        let begun = Instant::now();
        let outcome = self.attempts(&step, &draft, begun).await;
        self.tell(&step, subset.as_deref(), &outcome, begun.elapsed());
        outcome
    }

    async fn attempts(&self, step: &Step, draft: &Draft, begun: Instant) -> Outcome {
        let deadline = begun + REQUEST_TIMEOUT;
        let mut pause = PAUSE;
        let mut why = String::from("nothing was heard before");
        loop {
            if !self.fence.is_open() {
                return Outcome::Unknown("the lease is not held any more".to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, self.attempt(step, draft)).await {
                Ok(Attempt::Ended(outcome)) => return outcome,
                Ok(Attempt::Again(reason)) => why = reason,
                Err(_) => return Outcome::Unknown(format!("no answer within {REQUEST_TIMEOUT:?}; {why}")),
            }
            // Between half and the whole: those that were refused together do not come again together.
            let pause_now = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            if begun.elapsed() + pause_now >= REQUEST_TIMEOUT {
                return Outcome::Unknown(why);
            }
            tokio::time::sleep(pause_now).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.metrics.retried();
        }
    }

    async fn attempt(&self, step: &Step, draft: &Draft) -> Attempt {
        let request = match draft.request() {
            Ok(request) => request,
            Err(error) => {
                return Attempt::Ended(Outcome::Refused(format!("the request cannot be made: {error}")));
            }
        };
        let (code, message) = match self.writing.request_text(request).await {
            Ok(text) => return Attempt::Ended(done(&step.action, &text)),
            Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
            Err(error) => return Attempt::Again(Said(&error).to_string()),
        };
        match verdict(&step.action, code, &message) {
            Verdict::Done => Attempt::Ended(Outcome::Done(None)),
            Verdict::Gone => Attempt::Ended(Outcome::Gone),
            Verdict::Again => Attempt::Again(format!("{code}: {message}")),
            Verdict::Refused => Attempt::Ended(Outcome::Refused(format!("{code}: {message}"))),
            Verdict::Look => self.look(step, code, &message).await,
        }
    }

    /// A step and its request, to be sent when its turn comes.
    #[must_use]
    pub fn job(&self, step: Step) -> Job {
        let api_version = |kind: &GroupKind| {
            let versions = self.api_versions.read().unwrap_or_else(PoisonError::into_inner);
            versions.get(kind).cloned()
        };
        let speaker = request::Speaker {
            identity: &self.identity,
            now: clock::now(),
            api_version: &api_version,
        };
        let draft = request::draft(&step, &speaker);
        Job::new(step, draft)
    }

    /// Looks at the pod of a step that was refused.
    async fn look(&self, step: &Step, code: u16, message: &str) -> Attempt {
        let Some(pod) = step.action.pod() else {
            return Attempt::Ended(Outcome::Refused(message.to_owned()));
        };
        match self.pod(pod).await {
            Ok(pod) => match sight(&step.action, code, message, pod) {
                Sight::Ended(outcome) => Attempt::Ended(outcome),
                Sight::Again => Attempt::Again(format!("{code}: {message}")),
            },
            Err(reason) => Attempt::Again(format!("{code}: {message}; and the pod cannot be read: {reason}")),
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

    fn tell(&self, step: &Step, subset: Option<&str>, outcome: &Outcome, took: Duration) {
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

/// A deleted pod is told to be gone by its watch, when it is.
fn done(action: &Action, text: &str) -> Outcome {
    let is_deletion = matches!(
        action,
        Action::DeletePod { .. } | Action::Recreate { .. } | Action::Evict { .. }
    );
    let is_patch = action.pod().is_some() && !is_deletion;
    Outcome::Done(if is_patch {
        record(text).map(Box::new)
    } else {
        None
    })
}

fn record(text: &str) -> Option<PodRecord> {
    let seen: Seen<PodFields> = serde_json::from_str(text).ok()?;
    PodRecord::read(&seen.object).ok()
}
