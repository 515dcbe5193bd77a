//! What a pod gets when it is placed in a subset.

use serde_json::Value;

/// The change that a subset makes to its pods. The values were checked when the spread was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay {
    /// A node selector term that is ANDed into every required term of the pod.
    pub(crate) required: Option<Value>,
    /// Preferred scheduling terms, appended.
    pub(crate) preferred: Vec<Value>,
    /// Tolerations, appended.
    pub(crate) tolerations: Vec<Value>,
    /// A strategic merge patch, applied last; always an object.
    pub(crate) patch: Option<Value>,
}

impl Overlay {
    /// The node selector term that the subset requires.
    #[must_use]
    pub fn required(&self) -> Option<&Value> {
        self.required.as_ref()
    }

    /// The preferred scheduling terms.
    #[must_use]
    pub fn preferred(&self) -> &[Value] {
        &self.preferred
    }

    /// The tolerations.
    #[must_use]
    pub fn tolerations(&self) -> &[Value] {
        &self.tolerations
    }

    /// The strategic merge patch.
    #[must_use]
    pub fn patch(&self) -> Option<&Value> {
        self.patch.as_ref()
    }
}
