//! The steps of an admission that looks at ledgers: the counts come from the sidecar, so that it costs the same at any
//! number of pods. The rule is that of the settings: whoever can write a ledger can give pods nothing.
//!
//! It lists ledgers, and the sidecars' Lease where a pod would be held back for them; no other kind.

use kube_rules::time::UnixMillis;
use placement_core::decide::Order;
use placement_core::facts::{PodHead, items, ordinal};
use placement_core::ledger::{BinderRow, LeaseFacts, LedgerCounts, LedgerFacts};
use placement_core::offer::{barred, decide_offered};
use placement_core::shard::{Shard, deployment_of};
use placement_core::{Arrival, Binder, Decision, Observation, Reason};
use policy_settings::SettingsText;
use rules::names::POD_TEMPLATE_HASH;
use rules::{Binding, Capacity, CustomKind, GroupKind, Owner, Spread, WorkloadKind, is_followed};
use serde_json::value::RawValue;

use crate::cluster::{Cluster, EverywhereQuery, ListQuery, LogLine, shard_selector};
use crate::envelope::Request;
use crate::owners::owner;
use crate::response::{Outcome, Trouble};
use crate::review::{Arriving, Matched, in_namespace, is_sheltered, matching};

/// Places a pod by the first rule of the settings that concerns it, and by what its ledger counts.
pub(crate) fn place(
    arriving: &Arriving<'_>,
    settings: &SettingsText<'_>,
    cluster: &dyn Cluster,
) -> Result<Outcome, Trouble> {
    let request = arriving.request;
    let namespace = request.namespace();
    if in_namespace(settings, namespace).next().is_none() {
        return Ok(Outcome::Untouched);
    }
    let pod = arriving.head()?;
    if !pod.is_active() || pod.foreign().is_some() || pod.is_held() || arriving.is_placed(&pod, settings) {
        return Ok(Outcome::Untouched);
    }
    let custom = settings.custom_kinds();
    let owners = Owners::of(&pod, &custom);
    let found = matching(&pod, namespace, settings, |kind, name| {
        let is_target = |owner: &Owner| owner.kind == *kind && owner.name == name;
        Ok(owners.any_is(is_target).then_some(()))
    })?;
    let Some(Matched { index, spread, level }) = found else {
        return Ok(Outcome::Untouched);
    };
    let is_nearest = |owner: &Owner| spread.target().is(owner);
    let is_direct = level.is_some() && owners.nearest.as_ref().is_some_and(is_nearest);
    let selector = shard_selector(Shard::of(&spread));
    let answer = cluster.list_everywhere(&EverywhereQuery::ledgers(&selector));
    let answer = answer.map_err(|error| Trouble::Host { asked: ASKED, error })?;
    let ledger = ledger_of(&spread, &answer)?;
    let counts = ledger.as_ref().map(LedgerFacts::counts).transpose();
    let counts = counts.map_err(unreadable)?;
    let may_wait = !is_sheltered(request, settings);
    let now = arriving.clock.now();
    let is_served = |row: Option<&BinderRow>| is_served(request, settings, cluster, row, now);
    let (Some(ledger), Some(counts)) = (ledger, counts) else {
        // Nobody has counted yet: whoever is there to count will bind it.
        return match may_wait && may_be_held(&spread) && is_served(Some(&BinderRow::of_any_term())) {
            true => arriving.carry_out(&spread, &UNCOUNTED),
            false => Ok(Outcome::Untouched),
        };
    };
    let kind = owners.nearest.as_ref().and_then(|owner| owner.kind.known());
    let by_ordinal = is_direct && kind.is_some_and(WorkloadKind::has_ordinals);
    let arrival = Arrival {
        uid: request.uid(),
        order: match by_ordinal {
            true => order(&pod, &counts),
            false => Order::None,
        },
        ranked: owners
            .nearest
            .as_ref()
            .is_some_and(|owner| owner.kind.honours_deletion_cost(&custom)),
        replaceable: kind.is_some_and(WorkloadKind::replaces_deleted_pods),
        may_wait,
    };
    let mut observation = counts.observation(&spread, pod.revision(), &ledger.subset_names());
    // The sidecar has another version of the rule: what would be beyond the end by one of them may have a place by the other.
    observation.is_vacated |= !ledger
        .spec()
        .is_some_and(|rule| settings.is_written_as(index, rule));
    let decision = decision(&spread, observation, &pod, arrival, || is_served(counts.binder()));
    arriving.carry_out(&spread, &decision)
}

/// The decision about a pod of which no ledger tells.
const UNCOUNTED: Decision = Decision::Gate {
    hint: None,
    reason: Reason::MustBeExact,
};

/// Whether pods of a spread that are not counted may be given their subset later.
fn may_be_held(spread: &Spread) -> bool {
    spread.capacity() != Capacity::BestEffort && spread.binding() == Binding::Late
}

fn order(pod: &PodHead<'_>, counts: &LedgerCounts<'_>) -> Order {
    let Some(ordinal) = pod.name().and_then(ordinal) else {
        return Order::Ordinal(None);
    };
    let number = ordinal.checked_sub(counts.first_ordinal());
    let is_seen = number
        .zip(counts.replicas())
        .is_some_and(|(number, replicas)| number < replicas);
    match is_seen {
        true => Order::Ordinal(number),
        false => Order::Late(number),
    }
}

/// The ledger of a spread among those of its shard: one of the pods' own namespace, which says so itself.
fn ledger_of<'a>(spread: &Spread, answer: &'a [u8]) -> Result<Option<LedgerFacts<'a>>, Trouble> {
    for item in items(answer).map_err(unreadable)? {
        let ledger = LedgerFacts::of(item).map_err(unreadable)?;
        if ledger.is_of(spread) {
            return Ok(Some(ledger));
        }
    }
    Ok(None)
}

const ASKED: &str = "the ledgers";

fn unreadable(error: impl core::fmt::Display) -> Trouble {
    Trouble::Answer {
        asked: ASKED,
        error: error.to_string(),
    }
}

/// Decides as if a binder served the spread; whether one does is only asked where the pod would wait for it.
fn decision(
    spread: &Spread,
    mut observation: Observation,
    pod: &PodHead<'_>,
    arrival: Arrival<'_>,
    is_served: impl FnOnce() -> bool,
) -> Decision {
    observation.binder = Binder::Serving;
    let barred = barred(spread, &pod.wishes());
    let decision = decide_offered(spread, &observation, arrival, &barred);
    let waits = matches!(decision, Decision::Gate { .. } | Decision::Hold(_));
    if !waits || spread.capacity() == Capacity::Exact || is_served() {
        return decision;
    }
    observation.binder = Binder::Absent;
    decide_offered(spread, &observation, arrival, &barred)
}

/// Whether a binder of this term, or of a later one, is there. A Lease that cannot be read is none: rather exceed than wait.
fn is_served(
    request: &Request<'_>,
    settings: &SettingsText<'_>,
    cluster: &dyn Cluster,
    row: Option<&BinderRow>,
    now: UnixMillis,
) -> bool {
    let Some(row) = row else {
        return false;
    };
    let namespace = settings.lease_namespace();
    let answer = match cluster.list(&ListQuery::lease(&namespace)) {
        Ok(answer) => answer,
        Err(error) => {
            cluster.log(&LogLine {
                level: "warn",
                message: &format!(
                    "spillway: the Lease of the sidecars cannot be read, nothing is held back: {error}"
                ),
                namespace: request.namespace(),
                request_uid: request.uid(),
            });
            return false;
        }
    };
    let serves = |item: &RawValue| LeaseFacts::of(item).is_ok_and(|lease| lease.serves(row, now));
    items(&answer).is_ok_and(|leases| leases.into_iter().any(serves))
}

/// The owners of a pod, as far as its own fields tell them.
struct Owners {
    nearest: Option<Owner>,
    deployment: Option<Owner>,
}

impl Owners {
    fn of(pod: &PodHead<'_>, custom: &[CustomKind]) -> Self {
        let nearest = pod
            .controller()
            .and_then(owner)
            .filter(|owner| is_followed(&owner.kind, custom));
        let deployment = nearest.as_ref().and_then(|owner| {
            let name = deployment_of(owner.kind.known()?, &owner.name, pod.label(POD_TEMPLATE_HASH))?;
            let kind = WorkloadKind::Deployment;
            Some(Owner {
                kind: GroupKind {
                    group: kind.group().to_owned(),
                    kind: kind.kind().to_owned(),
                },
                name: name.to_owned(),
            })
        });
        Self { nearest, deployment }
    }

    fn any_is(&self, is_target: impl Fn(&Owner) -> bool) -> bool {
        self.nearest.iter().chain(&self.deployment).any(is_target)
    }
}
