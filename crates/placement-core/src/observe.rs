//! What is known of a spread's pods at one moment: the one place that counts.

use rules::{Spread, Terminating};

use crate::closed::Closed;
use crate::cost::DeletionCost;
use crate::facts::PodFacts;
use crate::taken::Taken;

/// Counts of one revision, or of the whole workload where no revision has a ladder of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The workload's replicas, which percentages are taken of; 0 where it was not found.
    pub replicas: u32,
    /// Pods that are wanted in that scope; `None`: not known.
    pub desired: Option<u32>,
    /// Pods in that scope that are neither finished nor terminating.
    pub active: u32,
    /// Pods still to come, at least 1: the pod that asks is one of them.
    pub missing: u32,
    /// Whether nothing is missing although a pod arrives: what was seen of its owner is late.
    pub behind: bool,
    /// Whether pods have left a moment ago or are about to, so that a place that seems taken may be free.
    pub is_vacated: bool,
    /// Places that are taken in that scope, by subset.
    pub taken: Taken,
    /// Places that are taken by the pods of all revisions, by subset.
    pub filled: Taken,
    /// Active pods of the spread that are in none of its subsets yet.
    pub undecided: u32,
    /// Subsets to skip.
    pub closed: Closed,
    /// Subsets that were closed and are to be tried with one pod, which the binder chooses where there is one.
    pub probing: Closed,
    /// Whether somebody binds the pods that are gated.
    pub binder: Binder,
}

/// Whether a binder serves the spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binder {
    /// Nobody binds: a gate would stay shut.
    #[default]
    Absent,
    /// A gated pod is bound soon.
    Serving,
}

/// What a workload asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Replicas of the workload; `None`: not found.
    pub workload: Option<u32>,
    /// Replicas of the revision that the arriving pod belongs to; `None`: not found.
    pub revision: Option<u32>,
}

/// Counts the pods of one spread for a pod of one revision.
///
/// `pods` may hold pods of other spreads; they are left out. `revision` is the key of the arriving
/// pod, see [`revision_key`](crate::facts::revision_key). Finished pods hold no place, and terminating
/// pods hold theirs only where the spread counts them.
#[must_use]
pub fn observe<'p>(
    spread: &Spread,
    revision: Option<&str>,
    desired: Desired,
    pods: impl IntoIterator<Item = PodFacts<'p>>,
) -> Observation {
    let per_revision = spread.is_per_revision();
    let mut taken = Taken::none(spread.subsets().len());
    let mut filled = taken.clone();
    let (mut active, mut active_of_revision, mut undecided) = (0u32, 0u32, 0u32);
    for pod in pods {
        // Pods of a kind without revisions are all of one, whatever their labels say.
        let same_revision = revision.is_none() || pod.revision == revision;
        if pod.spread != Some(spread.name()) || pod.finished {
            continue;
        }
        let subset = pod.subset.and_then(|name| spread.subset_named(name));
        let is_held = !pod.terminating || spread.terminating() == Terminating::Counted;
        if let Some(subset) = subset.filter(|_| is_held) {
            let cost = pod.cost.filter(|_| pod.has_our_cost);
            let rung = cost.and_then(|cost| DeletionCost::rung(cost, subset, spread.fill()));
            let take = |places: &mut Taken| match rung {
                Some(rung) => places.add_on(rung),
                None => places.add(subset),
            };
            take(&mut filled);
            if same_revision || !per_revision {
                take(&mut taken);
            }
        }
        if per_revision && !same_revision {
            continue;
        }
        if !pod.terminating {
            active += 1;
            active_of_revision += u32::from(same_revision);
            undecided += u32::from(subset.is_none());
        }
    }
    let in_scope = if per_revision {
        // Of a kind without revisions, or of a revision that was not seen yet.
        desired.revision.or(desired.workload)
    } else {
        desired.workload
    };
    // A surge makes pods of one revision while the workload as a whole has enough.
    let missing = in_scope.map_or(0, |desired| desired.saturating_sub(active)).max(
        desired
            .revision
            .map_or(0, |desired| desired.saturating_sub(active_of_revision)),
    );
    Observation {
        replicas: desired.workload.unwrap_or(0),
        desired: in_scope,
        active,
        missing: missing.max(1),
        behind: missing == 0 && (desired.revision.is_some() || desired.workload.is_some()),
        is_vacated: false,
        taken,
        filled,
        undecided,
        closed: Closed::none(),
        probing: Closed::none(),
        binder: Binder::Absent,
    }
}
