//! Faults built in on purpose, by tests alone: a judge that finds nothing in a broken cluster finds nothing at all.

use reconcile_core::PodPatch;

/// What is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests break anything"))]
pub(crate) enum Sabotage {
    /// Nothing.
    #[default]
    Nothing,
    /// Every pod is bound to the first of the subsets `fixed` and `elastic`.
    BindsToTheFirst,
    /// A sidecar writes whether or not its Lease is young.
    NoFence,
    /// The API server does not look at the version that a delete names.
    NoPrecondition,
    /// The API server evicts whomever it is asked to, whatever the budgets say.
    NoBudget,
    /// A sidecar deletes what it is to bind.
    DeletesWhatWaits,
}

/// The patch that binds to the first subset in place of the second.
pub(super) fn to_the_first(patch: &PodPatch) -> PodPatch {
    match patch {
        PodPatch::Json(patch) => {
            let text = serde_json::to_string(patch)
                .unwrap_or_default()
                .replace("elastic", "fixed");
            PodPatch::Json(serde_json::from_str(&text).unwrap_or_default())
        }
        merge => merge.clone(),
    }
}
