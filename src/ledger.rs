//! The steps of an admission that looks at ledgers: the rule and the counts come from the sidecar, so
//! that it costs the same at any number of pods.
//!
//! It lists ledgers, and the sidecars' Lease where a pod would be held back for them; no other kind.

use placement_core::decide::Order;
use placement_core::facts::{LeaseFacts, LedgerCounts, LedgerFacts, LedgerHead, PodHead, items, ordinal};
use placement_core::matching::{Owner, is_followed};
use placement_core::names::{POD_TEMPLATE_HASH, SYSTEM_NAMESPACES};
use placement_core::offer::{barred, decide_offered};
use placement_core::shard::{Shard, deployment_of};
use placement_core::spread::{Capacity, CustomKind, GroupKind, Spread, Target, WorkloadKind};
use placement_core::time::UnixMillis;
use placement_core::{Arrival, Binder, Decision};
use policy_settings::{SettingsText, read_spread_again};
use serde_json::value::RawValue;

use crate::cluster::{Cluster, EverywhereQuery, ListQuery, LogLine, shard_selector};
use crate::envelope::Request;
use crate::owners::owner;
use crate::response::{Outcome, Trouble};
use crate::review::{carry_out, is_placed, placed_in};

/// Places a pod by the ledger that has its workload.
pub(crate) fn place(
    request: &Request<'_>,
    settings: &SettingsText<'_>,
    cluster: &dyn Cluster,
    now: UnixMillis,
) -> Result<Outcome, Trouble> {
    let Some(object) = request.object else {
        return Ok(Outcome::Untouched);
    };
    let pod = PodHead::read(object.get()).map_err(|error| Trouble::Pod(error.to_string()))?;
    if !pod.is_active()
        || pod.foreign().is_some()
        || pod.is_held()
        || is_placed(&pod, settings, request.namespace())
    {
        return Ok(Outcome::Untouched);
    }
    let custom = settings.custom_kinds();
    let owners = Owners::of(&pod, &custom);
    let mut answers = Vec::new();
    for shard in owners
        .shard(request.namespace())
        .into_iter()
        .chain([Shard::Selector])
    {
        let selector = shard_selector(shard);
        let answer = cluster.list_everywhere(&EverywhereQuery::ledgers(&selector));
        answers.push(answer.map_err(|error| Trouble::Host { asked: ASKED, error })?);
    }
    let mut matched: Option<Matched<'_>> = None;
    for answer in &answers {
        for item in items(answer).map_err(unreadable)? {
            let ledger = LedgerFacts::of(item).map_err(unreadable)?;
            let Some(found) = Matched::of(ledger, request.namespace(), &pod, &owners, &custom)? else {
                continue;
            };
            // The first in the settings has the pod; the name decides where nobody numbered them.
            let precedes = |other: &Matched<'_>| {
                (found.counts.order(), found.spread.name()) < (other.counts.order(), other.spread.name())
            };
            if matched.as_ref().is_none_or(precedes) {
                matched = Some(found);
            }
        }
    }
    let Some(Matched {
        spread,
        counts,
        is_direct,
    }) = matched
    else {
        return Ok(Outcome::Untouched);
    };
    // A spread of the settings was recognised above; this one may have come from elsewhere.
    let is_of_ledger = |(name, subset)| name == spread.name() && spread.subset_named(subset).is_some();
    if placed_in(&pod).is_some_and(is_of_ledger) {
        return Ok(Outcome::Untouched);
    }
    let kind = owners.nearest.as_ref().and_then(|owner| owner.kind.known());
    let by_ordinal = is_direct && kind.is_some_and(WorkloadKind::has_ordinals);
    let order = if by_ordinal {
        pod.name()
            .and_then(ordinal)
            .map_or(Order::Ordinal(None), |ordinal| {
                let number = ordinal.checked_sub(counts.first_ordinal());
                let is_seen = number
                    .zip(counts.replicas())
                    .is_some_and(|(number, replicas)| number < replicas);
                if is_seen {
                    Order::Ordinal(number)
                } else {
                    Order::Late(number)
                }
            })
    } else {
        Order::None
    };
    let arrival = Arrival {
        uid: request.uid(),
        order,
        ranked: owners
            .nearest
            .as_ref()
            .is_some_and(|owner| owner.kind.honours_deletion_cost(&custom)),
        replaceable: kind.is_some_and(WorkloadKind::replaces_deleted_pods),
        may_wait: !SYSTEM_NAMESPACES.contains(&request.namespace())
            && request.namespace() != settings.lease_namespace(),
    };
    let decision = decision(&spread, &counts, &pod, arrival, || {
        is_served(request, settings, cluster, &counts, now)
    });
    carry_out(object, &spread, &decision)
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
    counts: &LedgerCounts<'_>,
    pod: &PodHead<'_>,
    arrival: Arrival<'_>,
    is_served: impl FnOnce() -> bool,
) -> Decision {
    let mut observation = counts.observation(spread, pod.revision());
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

/// Whether the binder that the ledger names is there. A Lease that cannot be read is none: rather exceed than wait.
fn is_served(
    request: &Request<'_>,
    settings: &SettingsText<'_>,
    cluster: &dyn Cluster,
    counts: &LedgerCounts<'_>,
    now: UnixMillis,
) -> bool {
    let Some(row) = counts.binder() else {
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

    /// The shard of the ledgers that can name one of them.
    fn shard(&self, namespace: &str) -> Option<Shard> {
        let owner = self.deployment.as_ref().or(self.nearest.as_ref())?;
        Some(Shard::of_workload(namespace, &owner.kind.kind, &owner.name))
    }

    fn any_is(&self, is_target: impl Fn(&Owner) -> bool) -> bool {
        self.nearest.iter().chain(&self.deployment).any(is_target)
    }
}

/// A ledger whose rule concerns the pod.
struct Matched<'a> {
    spread: Spread,
    counts: LedgerCounts<'a>,
    /// Whether the target is the pod's own controller.
    is_direct: bool,
}

impl<'a> Matched<'a> {
    fn of(
        ledger: LedgerFacts<'a>,
        namespace: &str,
        pod: &PodHead<'_>,
        owners: &Owners,
        custom: &[CustomKind],
    ) -> Result<Option<Self>, Trouble> {
        // A ledger that somebody wrote nonsense into must not stop the pods of all others in its shard.
        let Ok(head) = ledger.head() else { return Ok(None) };
        if head.namespace() != namespace || !may_concern(&head, owners) {
            return Ok(None);
        }
        let rule = ledger.rule().map_err(unreadable)?;
        let spread = read_spread_again(&rule, "ledger.spec", custom)
            .map_err(|faults| unreadable(faults.first().map_or_else(String::new, ToString::to_string)))?;
        if !spread.target().selects(|key| pod.label(key)) {
            return Ok(None);
        }
        let is_direct = match spread.target() {
            Target::Selector(_) => false,
            target => owners.nearest.as_ref().is_some_and(|owner| target.is(owner)),
        };
        let counts = ledger.counts().map_err(unreadable)?;
        Ok(Some(Self {
            spread,
            counts,
            is_direct,
        }))
    }
}

fn may_concern(head: &LedgerHead<'_>, owners: &Owners) -> bool {
    head.target().is_none_or(|target| {
        let kind = GroupKind::of(target.api_version.as_str(), target.kind.as_str());
        owners.any_is(|owner| kind.as_ref() == Some(&owner.kind) && target.name.as_str() == owner.name)
    })
}
