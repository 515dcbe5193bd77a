//! Which pods a spread concerns.
//!
//! The rule is WorkloadSpread's: the pod's controller must be of a followed kind; it, or an owner
//! further up a chain of followed kinds, is the target by group, kind and name (version and uid are
//! ignored); and the target's filter selects the pod's labels. The first spread that matches wins.

use crate::target::{CustomKind, GroupKind, Target};

/// An owner in a pod's chain: its controller, that one's controller, and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Group and kind.
    pub kind: GroupKind,
    /// The name, in the pod's namespace.
    pub name: String,
}

/// Whether pods are followed through objects of this kind. A kind that nobody named is never
/// asked for: listing a kind that does not exist can hang the policy server.
#[must_use]
pub fn is_followed(kind: &GroupKind, custom: &[CustomKind]) -> bool {
    kind.known().is_some() || custom.iter().any(|custom| custom.kind == *kind)
}

impl Target {
    /// Whether this owner is the target itself.
    #[must_use]
    pub fn is(&self, owner: &Owner) -> bool {
        match self {
            Self::Workload { kind, name, .. } => *kind == owner.kind && *name == owner.name,
            Self::Selector(_) => false,
        }
    }

    /// Whether a pod is meant; `label` tells the value of one of its labels. A target without filter means all of its pods; so
    /// does a filter without a selector.
    #[must_use]
    pub fn selects<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        match self {
            Self::Workload { filter, .. } => filter.as_ref().is_none_or(|filter| filter.matches(label)),
            Self::Selector(selector) => selector.matches(label),
        }
    }
}
