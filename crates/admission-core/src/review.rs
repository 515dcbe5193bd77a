//! The steps of one admission.

use placement_core::ledger::BinderRow;
use placement_core::offer::{barred, decide_offered};
use placement_core::{Arrival, Binder, Decision, Reason};
use policy_settings::{Observe, OnError, SettingsText};
use rules::names::SYSTEM_NAMESPACES;
use rules::{Binding, Capacity, WorkloadKind};

use crate::arriving::Arriving;
use crate::case::{Case, Counted};
use crate::cluster::{Cluster, LogLine};
use crate::deadline::{Clock, Timed};
use crate::envelope::{Envelope, Request};
use crate::matched::{Matched, in_namespace};
use crate::owners::Owners;
use crate::response::{Cleaned, Outcome, Trouble, respond};
use crate::{by_ledger, by_pods};

/// Answers one `validate` call. It never fails: what cannot be read or asked becomes an answer.
#[must_use]
pub fn review(payload: &[u8], cluster: &dyn Cluster, clock: &Clock<'_>) -> Vec<u8> {
    let payload = core::str::from_utf8(payload).map_err(|error| error.to_string());
    let envelope = match payload.and_then(Envelope::read) {
        Ok(envelope) => envelope,
        Err(error) => return respond(open(Trouble::Payload(error)), Cleaned::default()),
    };
    let request = &envelope.request;
    let Some(object) = request.object.filter(|_| request.creates_a_pod()) else {
        return respond(Outcome::Untouched, Cleaned::default());
    };
    let arriving = Arriving::new(request, object, clock);
    let outcome = outcome(&arriving, envelope.settings, &Timed { cluster, clock });
    let cleaned = arriving.cleaned(&outcome);
    for message in outcome.explanation().iter().chain(&cleaned.explanation) {
        // A warning reaches only whoever made the pod, which is a controller; this reaches the administrator.
        cluster.log(&LogLine {
            level: "warn",
            message,
            namespace: request.namespace(),
            request_uid: request.uid(),
        });
    }
    respond(outcome, cleaned)
}

fn open(trouble: Trouble) -> Outcome {
    Outcome::Failed {
        trouble,
        on_error: OnError::Accept,
    }
}

fn outcome(arriving: &Arriving<'_>, settings: &str, cluster: &Timed<'_>) -> Outcome {
    let settings = match SettingsText::scan(settings) {
        Ok(settings) => settings,
        Err(fault) => return open(Trouble::Settings(fault.to_string())),
    };
    let placed = place(arriving, &settings, cluster);
    placed.unwrap_or_else(|trouble| Outcome::Failed {
        trouble,
        on_error: if is_sheltered(arriving.request, &settings) {
            OnError::Accept
        } else {
            settings.on_error()
        },
    })
}

/// Whether a pod is one of those that the cluster, or Spillway itself, needs to run: it is never held back and never refused.
fn is_sheltered(request: &Request<'_>, settings: &SettingsText<'_>) -> bool {
    SYSTEM_NAMESPACES.contains(&request.namespace()) || request.namespace() == settings.lease_namespace()
}

/// Places a pod by the first rule of the settings that concerns it.
fn place(
    arriving: &Arriving<'_>,
    settings: &SettingsText<'_>,
    cluster: &dyn Cluster,
) -> Result<Outcome, Trouble> {
    let request = arriving.request;
    let namespace = request.namespace();
    if in_namespace(settings, namespace).next().is_none() {
        return Ok(Outcome::Untouched);
    }
    let by_ledger = settings.observe() == Observe::Ledger;
    let pod = arriving.head()?;
    let is_ours = pod.is_active() && pod.foreign().is_none() && !(by_ledger && pod.is_held());
    if !is_ours || arriving.is_placed(&pod, settings) {
        return Ok(Outcome::Untouched);
    }
    let custom = settings.custom_kinds();
    // Where a ledger tells the counts, the pod's own fields tell its owners.
    let asked = (!by_ledger).then_some(cluster);
    let mut owners = Owners::of(&pod, namespace, &custom, asked);
    let found = Matched::first(&pod, namespace, settings, &mut owners)?;
    let Some(mut matched) = found else {
        return Ok(Outcome::Untouched);
    };
    if !by_ledger {
        // Where nobody but the policy looks, no pod is moved on.
        matched.spread = matched.spread.unmoved();
    }
    let case = Case {
        request,
        pod: &pod,
        settings,
        custom: &custom,
        cluster,
        now: arriving.clock.now(),
        matched: &matched,
    };
    let counted = match by_ledger {
        true => by_ledger::count(&case, &owners)?,
        false => Some(by_pods::count(&case, &mut owners)?),
    };
    let decision = match counted {
        Some(counted) => decision(&case, &owners, counted),
        None if waits_uncounted(&case) => UNCOUNTED,
        None => return Ok(Outcome::Untouched),
    };
    arriving.carry_out(case.spread(), &decision)
}

/// The decision about a pod of which no ledger tells: whoever is there to count will bind it.
const UNCOUNTED: Decision = Decision::Gate {
    hint: None,
    reason: Reason::MustBeExact,
};

/// Whether a pod that nobody has counted waits until somebody has.
fn waits_uncounted(case: &Case<'_>) -> bool {
    let spread = case.spread();
    // Its subset may be given to it later.
    let may_be_held = spread.capacity() != Capacity::BestEffort && spread.binding() == Binding::Late;
    !is_sheltered(case.request, case.settings)
        && may_be_held
        && by_ledger::is_served(case, Some(BinderRow::of_any_term()))
}

/// Where somebody may bind, it is decided as if they did; whether they are there is only asked where the pod would wait.
fn decision(case: &Case<'_>, owners: &Owners<'_>, counted: Counted) -> Decision {
    let Counted {
        mut observation,
        order,
        binder,
    } = counted;
    let spread = case.spread();
    let kind = owners.nearest_known();
    let arrival = Arrival {
        uid: case.request.uid(),
        order,
        ranked: owners
            .nearest()
            .is_some_and(|owner| owner.kind.honours_deletion_cost(case.custom)),
        replaceable: kind.is_some_and(WorkloadKind::replaces_deleted_pods),
        may_wait: !is_sheltered(case.request, case.settings),
    };
    let barred = barred(spread, &case.pod.wishes());
    let decision = decide_offered(spread, &observation, arrival, &barred);
    let is_assumed = observation.binder == Binder::Serving && spread.capacity() != Capacity::Exact;
    let waits = matches!(decision, Decision::Gate { .. } | Decision::Hold(_));
    if !waits || !is_assumed || by_ledger::is_served(case, binder) {
        return decision;
    }
    observation.binder = Binder::Absent;
    decide_offered(spread, &observation, arrival, &barred)
}
