//! What the simulated API server asks on every pod CREATE, what it wants to hear, and what it shows to whoever watches.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::time::Millis;

/// Something that admits pods: the compiled policy in a host, or a double in a test.
pub trait Admission {
    /// Takes a change of the cluster, in order, as it is written. A list made for the admission must not show it before
    /// [`Change::seen`]: until then the watches behind the list have not delivered it.
    fn watch(&mut self, change: Change);

    /// Takes a write the moment it is done, whoever sees it when: what a read past every cache shows from now on.
    fn written(&mut self, _write: Write) {}

    /// Judges one pod.
    ///
    /// # Errors
    /// When no answer came: the webhook's `failurePolicy` is Ignore, so the pod is then created unchanged.
    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure>;
}

impl<A: Admission + ?Sized> Admission for &mut A {
    fn watch(&mut self, change: Change) {
        (**self).watch(change);
    }

    fn written(&mut self, write: Write) {
        (**self).written(write);
    }

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        (**self).admit(call)
    }
}

/// A write to the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When the policy's watches deliver it; never before that of an earlier change.
    pub seen: Millis,
    /// What was written.
    pub write: Write,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// An object was created or replaced: the whole of it.
    Stored(Value),
    /// An object is gone.
    Removed {
        /// Such as `v1`.
        api_version: &'static str,
        /// Such as `Pod`.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// One call of the admission webhook.
#[derive(Debug, Clone, Copy)]
pub struct AdmissionCall<'a> {
    /// The uid of the request, fresh for every call.
    pub uid: &'a str,
    /// The AdmissionReview (v1) as the API server sends it; the request is under `request`.
    pub review: &'a Value,
    /// The virtual time of the call.
    pub now: Millis,
    /// What the admission's own clock shows, in milliseconds since 1970: it may go wrong.
    pub clock: i64,
}

/// What the admission answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// What becomes of the pod.
    pub verdict: Verdict,
    /// Warnings that the API server would hand to the caller.
    pub warnings: Vec<String>,
    /// How often the admission called each host operation.
    pub host_calls: BTreeMap<String, u64>,
}

/// What becomes of the pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Verdict {
    /// Created as it came.
    #[default]
    Unchanged,
    /// Created like this.
    Changed(Value),
    /// Refused, with the reason.
    Refused(String),
}

/// The admission gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the admission gave no answer: {reason}")]
pub struct AdmissionFailure {
    /// What went wrong.
    pub reason: String,
}
