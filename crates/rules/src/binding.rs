//! When the overlay of a gated pod is applied.

use crate::draft::Field;
use crate::fault::{FaultCode, Faults, Place};
use crate::spread::{Binding, Subset};

/// What the rest of the spread says that matters here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Whether the target is a Job.
    pub(crate) is_job: bool,
    /// Whether its pods must wait rather than exceed a maximum.
    pub(crate) is_exact: bool,
}

/// Works out the binding, or checks the one that was written.
pub(crate) fn check(
    written: &Field<Binding>,
    asked: Asked,
    subsets: &[Subset],
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<Binding> {
    let early = subsets
        .iter()
        .position(|subset| !subset.overlay.fits_a_gated_pod());
    let binding = match (written, early) {
        (Field::Faulty, _) => return None,
        (Field::Set(Binding::Late), Some(subset)) => {
            let at = at.field("subsets");
            let at = at.item(subset);
            let fix = "write `binding: Admission`, or leave it out: what this patch sets cannot be given to a pod \
                       that exists, but for labels and annotations";
            faults.lacks(FaultCode::LateCannotPatch, &at.field("patch"), fix);
            return None;
        }
        (Field::Set(binding), _) => *binding,
        (Field::Absent, Some(_)) => Binding::Admission,
        (Field::Absent, None) => Binding::Late,
    };
    if binding == Binding::Admission && asked.is_job && asked.is_exact {
        let fix = "write `capacity: Auto`, or leave out of the patches what only admission can give: a pod that \
                   got one place too many is deleted, which a Job counts as a failure";
        faults.lacks(FaultCode::JobBoundAtAdmission, &at.field("binding"), fix);
        return None;
    }
    Some(binding)
}
