//! What is counted of a run, and how hostile it was.

use serde::Serialize;

use super::objects::Pod;
use super::observer::Landed;
use super::setup::Happening;

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Events that were played.
    pub events: u64,
    /// Calls of the admission.
    pub admissions: u64,
    /// Of these, by a replica that knew of a binder.
    pub served: u64,
    /// Pods that were stored.
    pub pods: u64,
    /// Of these, behind the gate.
    pub gated: u64,
    /// Requests of the sidecars.
    pub requests: u64,
    /// Of these, lost, unanswered, turned away or delayed.
    pub disturbed: u64,
    /// Writes that were refused.
    pub refused: u64,
    /// Plans that were made.
    pub plans: u64,
    /// Steps in them.
    pub steps: u64,
    /// Ledgers that were written.
    pub published: u64,
    /// Pods that were bound.
    pub bound: u64,
    /// Gates that were opened without a subset.
    pub released: u64,
    /// Pods that were adopted.
    pub adopted: u64,
    /// Costs that were corrected.
    pub costs: u64,
    /// Pods that were given another subset as they stand.
    pub moved: u64,
    /// Pods that were deleted because their subset had no place.
    pub surplus: u64,
    /// Pods that were deleted because there was no node for them, to be made anew.
    pub recreated: u64,
    /// Pods that were evicted to go home.
    pub evicted: u64,
    /// Times that the Lease changed hands.
    pub leaders: u64,
    /// Things that happened while pods were waiting behind their gate.
    pub overlapping: u64,
    /// Of these, to the sidecars or the API server.
    pub struck: u64,
}

impl Tally {
    pub(crate) fn admitted(&mut self, is_served: bool) {
        self.admissions += 1;
        self.served += u64::from(is_served);
    }

    pub(crate) fn stored(&mut self, pod: &Pod) {
        self.pods += 1;
        self.gated += u64::from(pod.gated);
    }

    pub(crate) fn request(&mut self, is_disturbed: bool) {
        self.requests += 1;
        self.disturbed += u64::from(is_disturbed);
    }

    pub(crate) fn refused(&mut self) {
        self.refused += 1;
    }

    pub(crate) fn planned(&mut self, steps: usize) {
        self.plans += 1;
        self.steps += steps as u64;
    }

    pub(crate) fn published(&mut self) {
        self.published += 1;
    }

    /// A sidecar's write was done.
    pub(crate) fn landed(&mut self, landed: &Landed) {
        *match landed {
            Landed::Bound(_) => &mut self.bound,
            Landed::Released => &mut self.released,
            Landed::Adopted => &mut self.adopted,
            Landed::Cost => &mut self.costs,
            Landed::Moved(_) => &mut self.moved,
            Landed::Deleted => &mut self.surplus,
            Landed::Recreated(_) => &mut self.recreated,
            Landed::Evicted { .. } => &mut self.evicted,
        } += 1;
    }

    pub(crate) fn taken_over(&mut self) {
        self.leaders += 1;
    }

    pub(crate) fn happened(&mut self, gated: usize, happening: &Happening) {
        if gated == 0 {
            return;
        }
        self.overlapping += 1;
        self.struck += u64::from(matches!(
            happening,
            Happening::Crash { .. }
                | Happening::Stop { .. }
                | Happening::Freeze { .. }
                | Happening::RestartApi { .. }
        ));
    }
}
