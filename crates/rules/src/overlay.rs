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

    /// Whether all of it can still be given to a pod that exists and waits behind a gate: node
    /// affinity can be tightened, tolerations added, labels and annotations set. Everything else
    /// is fixed at creation (KEP-3838, ValidatePodUpdate).
    #[must_use]
    pub fn fits_a_gated_pod(&self) -> bool {
        let fields = |value: &Value| value.as_object().map(serde_json::Map::len).unwrap_or_default();
        self.patch.as_ref().is_none_or(|patch| {
            let metadata = patch.get("metadata");
            let texts = ["labels", "annotations"]
                .iter()
                .filter(|key| metadata.and_then(|metadata| metadata.get(**key)).is_some())
                .count();
            fields(patch) == usize::from(metadata.is_some()) && metadata.map_or(0, fields) == texts
        })
    }
}
