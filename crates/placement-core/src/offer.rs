//! Which subsets are offered to a pod: none whose required term contradicts what the pod itself requires of a node, for
//! no node would ever take it there.

use kube_rules::nodes::{NodeAffinity, Term};
use rules::{Overlay, Spread, SubsetIx};

use crate::closed::Closed;
use crate::decide::{Arrival, Decision, decide};
use crate::observe::Observation;
use crate::reason::Reason;

/// The subsets that a pod with these wishes of its own is not offered.
#[must_use]
pub fn barred(spread: &Spread, wishes: &NodeAffinity) -> Closed {
    if wishes.is_empty() {
        return Closed::none();
    }
    let subsets = spread.subsets().iter().enumerate();
    subsets
        .filter(|(_, subset)| !is_offered(subset.overlay(), wishes))
        .map(|(ix, _)| SubsetIx::new(ix))
        .collect()
}

/// Whether every subset is barred: then the pod is none of the spread's.
#[must_use]
pub fn is_offered_nothing(spread: &Spread, barred: &Closed) -> bool {
    barred.iter().count() == spread.subsets().len()
}

/// Decides where a pod goes among the subsets that are offered to it.
#[must_use]
pub fn decide_offered(
    spread: &Spread,
    observation: &Observation,
    arrival: Arrival<'_>,
    barred: &Closed,
) -> Decision {
    if barred.is_empty() {
        return decide(spread, observation, arrival);
    }
    if is_offered_nothing(spread, barred) {
        return Decision::Leave {
            reason: Reason::NotOffered,
        };
    }
    let mut offered = observation.clone();
    offered.closed = barred
        .iter()
        .fold(offered.closed, |closed, subset| closed.with(subset));
    decide(spread, &offered, arrival)
}

fn is_offered(overlay: &Overlay, wishes: &NodeAffinity) -> bool {
    // A patch of the same fields may replace what the pod wishes.
    let replaces = |field: &str| {
        let spec = overlay.patch().and_then(|patch| patch.get("spec"));
        spec.is_some_and(|spec| spec.get(field).is_some())
    };
    overlay
        .required()
        .is_none_or(|term| wishes.allows(&Term::read(term)))
        || replaces("nodeSelector")
        || replaces("affinity")
}
