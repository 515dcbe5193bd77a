//! The steps of one admission. Callable natively; nothing here knows a host.

use placement_core::decide::Order;
use placement_core::facts::{ListedPod, PodHead, is_decided, listed_pods, ordinal, replicas_in};
use placement_core::observe::Desired;
use placement_core::offer::{barred, decide_offered};
use placement_core::{Arrival, Decision, inject, observe};
use policy_settings::{Observe, OnError, SettingsText, SpreadHead};
use rules::names::{DECISION_ANNOTATION, SPREAD_LABEL, SUBSET_LABEL, SYSTEM_NAMESPACES};
use rules::{CustomKind, GroupKind, Spread, Target, WorkloadKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cluster::{Cluster, ListQuery, LogLine};
use crate::deadline::{Clock, Timed};
use crate::envelope::{Envelope, Request};
use crate::ledger;
use crate::owners::{Object, Owners};
use crate::response::{Cleaned, Outcome, Trouble, respond};
use crate::strays::Strays;

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
    let arriving = Arriving {
        request,
        object,
        strays: Strays::of(object),
        clock,
    };
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

/// A pod that is to be created.
pub(crate) struct Arriving<'a> {
    pub(crate) request: &'a Request<'a>,
    object: &'a RawValue,
    strays: Strays,
    pub(crate) clock: &'a Clock<'a>,
}

impl<'a> Arriving<'a> {
    /// The fields that tell whether a spread concerns it.
    pub(crate) fn head(&self) -> Result<PodHead<'a>, Trouble> {
        PodHead::read(self.object.get()).map_err(|error| Trouble::Pod(error.to_string()))
    }

    /// The spread and the subset that it was placed in a moment ago.
    pub(crate) fn placed_in<'p>(&self, pod: &'p PodHead<'_>) -> Option<(&'p str, &'p str)> {
        placed_in(pod).filter(|_| self.strays.is_none())
    }

    /// A second pass over a pod changes nothing: its labels name a spread and a subset of these
    /// settings, and the decision is that subset's.
    pub(crate) fn is_placed(&self, pod: &PodHead<'_>, settings: &SettingsText<'_>) -> bool {
        let Some((spread, subset)) = self.placed_in(pod) else {
            return false;
        };
        let mut named = in_namespace(settings, self.request.namespace())
            .filter(|(_, head)| head.name().as_deref() == Some(spread));
        named.any(|(index, _)| {
            settings
                .spread(index)
                .is_ok_and(|spread| spread.subset_named(subset).is_some())
        })
    }

    /// The pod as the decision has it.
    pub(crate) fn carry_out(&self, spread: &Spread, decision: &Decision) -> Result<Outcome, Trouble> {
        if let Decision::Leave { reason } = *decision {
            return Ok(Outcome::Left {
                spread: spread.name().to_owned(),
                reason,
            });
        }
        self.clock.check()?;
        let placed = inject(self.value()?, spread, decision).map_err(Trouble::Inject)?;
        self.clock.check()?;
        Ok(Outcome::Placed(placed))
    }

    /// The whole pod, without what strayed onto it.
    fn value(&self) -> Result<Value, Trouble> {
        let mut pod =
            serde_json::from_str(self.object.get()).map_err(|error| Trouble::Pod(error.to_string()))?;
        self.strays.remove_from(&mut pod);
        Ok(pod)
    }

    /// What strayed goes whatever else becomes of the pod.
    fn cleaned(&self, outcome: &Outcome) -> Cleaned {
        let is_rewritten = matches!(outcome, Outcome::Placed(_));
        Cleaned {
            pod: (!is_rewritten && !self.strays.is_none())
                .then(|| self.value().ok())
                .flatten(),
            explanation: self.strays.explanation(),
        }
    }
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
    let placed = match settings.observe() {
        Observe::Pods => place(arriving, &settings, cluster),
        Observe::Ledger => ledger::place(arriving, &settings, cluster),
    };
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
pub(crate) fn is_sheltered(request: &Request<'_>, settings: &SettingsText<'_>) -> bool {
    SYSTEM_NAMESPACES.contains(&request.namespace()) || request.namespace() == settings.lease_namespace()
}

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
    let pod = arriving.head()?;
    if !pod.is_active() || pod.foreign().is_some() || arriving.is_placed(&pod, settings) {
        return Ok(Outcome::Untouched);
    }
    let custom = settings.custom_kinds();
    let mut owners = Owners::of(&pod, namespace, &custom, cluster);
    let found = matching(&pod, namespace, settings, |kind, name| owners.find(kind, name))?;
    let Some(Matched { spread, level, .. }) = found else {
        return Ok(Outcome::Untouched);
    };
    // Where nobody but the policy looks, no pod is moved on.
    let spread = spread.unmoved();
    let decision = decision(
        request,
        &pod,
        namespace,
        &spread,
        level,
        &custom,
        &mut owners,
        cluster,
    )?;
    arriving.carry_out(&spread, &decision)
}

/// The spread and the subset that a pod carries the labels of, where its decision is that subset's.
fn placed_in<'p>(pod: &'p PodHead<'_>) -> Option<(&'p str, &'p str)> {
    let (spread, subset) = (pod.label(SPREAD_LABEL)?, pod.label(SUBSET_LABEL)?);
    is_decided(pod.annotation(DECISION_ANNOTATION), Some(subset)).then_some((spread, subset))
}

/// The spreads of the settings that can concern pods of a namespace, in order.
pub(crate) fn in_namespace<'s, 't>(
    settings: &'s SettingsText<'t>,
    namespace: &'s str,
) -> impl Iterator<Item = (usize, SpreadHead<'s, 't>)> {
    settings
        .heads()
        .filter(move |(_, head)| head.namespace().as_deref() == Some(namespace))
}

/// The spread of a pod.
pub(crate) struct Matched<L> {
    /// Its place in the settings.
    pub(crate) index: usize,
    pub(crate) spread: Spread,
    /// Where above the pod the target is; `None`: pods are chosen by label.
    pub(crate) level: Option<L>,
}

/// The first spread that concerns the pod; `find` tells where among its owners one is.
pub(crate) fn matching<L>(
    pod: &PodHead<'_>,
    namespace: &str,
    settings: &SettingsText<'_>,
    mut find: impl FnMut(&GroupKind, &str) -> Result<Option<L>, Trouble>,
) -> Result<Option<Matched<L>>, Trouble> {
    for (index, head) in in_namespace(settings, namespace) {
        let level = match head.target_ref() {
            None if head.has_selector() => None,
            None => continue,
            Some(target) => {
                let Some(kind) = GroupKind::of(&target.api_version, &target.kind) else {
                    continue;
                };
                match find(&kind, &target.name)? {
                    None => continue,
                    level => level,
                }
            }
        };
        let spread = settings.spread(index).map_err(|faults| {
            Trouble::Settings(faults.first().map_or_else(String::new, ToString::to_string))
        })?;
        if spread.target().selects(|key| pod.label(key)) {
            return Ok(Some(Matched { index, spread, level }));
        }
    }
    Ok(None)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one step of the review, with all that it may look at"
)]
fn decision(
    request: &Request<'_>,
    pod: &PodHead<'_>,
    namespace: &str,
    spread: &Spread,
    level: Option<usize>,
    custom: &[CustomKind],
    owners: &mut Owners<'_>,
    cluster: &dyn Cluster,
) -> Result<Decision, Trouble> {
    let nearest = owners.nearest().and_then(|owner| owner.kind.known());
    let by_ordinal = level == Some(0) && nearest.is_some_and(WorkloadKind::has_ordinals);
    let order = if by_ordinal {
        let start = owners.object(0)?.map_or(0, |object| object.first_ordinal);
        let name = pod.name().unwrap_or_default();
        Order::Ordinal(ordinal(name).map(|ordinal| ordinal.saturating_sub(start)))
    } else {
        Order::None
    };
    // An ordinal names its rung, and the only subset takes every pod: nothing is counted for them.
    let is_counted = !by_ordinal && !spread.has_only_one_endless_subset();
    let desired = if is_counted {
        desired(spread, level, custom, owners)?
    } else {
        Desired::default()
    };
    let answer;
    let listed: Vec<ListedPod<'_>> = if is_counted {
        let asked = "the placed pods";
        answer = cluster
            .list(&ListQuery::placed_pods(namespace))
            .map_err(|error| Trouble::Host { asked, error })?;
        listed_pods(&answer).map_err(|error| Trouble::Answer {
            asked,
            error: error.to_string(),
        })?
    } else {
        Vec::new()
    };
    let count = |desired| {
        observe(
            spread,
            pod.revision(),
            desired,
            listed.iter().map(ListedPod::facts),
        )
    };
    let mut observation = count(desired);
    if observation.behind {
        // A pod arrives although nothing is missing: the list shows its owner as it was before.
        owners.refresh(counted_level(spread, level));
        observation = count(self::desired(spread, level, custom, owners)?);
    }
    let arrival = Arrival {
        uid: request.uid(),
        order,
        ranked: owners
            .nearest()
            .is_some_and(|owner| owner.kind.honours_deletion_cost(custom)),
        replaceable: nearest.is_some_and(WorkloadKind::replaces_deleted_pods),
        may_wait: true,
    };
    let barred = barred(spread, &pod.wishes());
    Ok(decide_offered(spread, &observation, arrival, &barred))
}

/// Which owner tells how many pods are wanted: a Deployment's stands on its ReplicaSet.
fn counted_level(spread: &Spread, level: Option<usize>) -> usize {
    match spread.target() {
        Target::Workload { kind, .. } if kind.known() == Some(WorkloadKind::Deployment) => 0,
        _ => level.unwrap_or(0),
    }
}

/// What the workload asks for, as far as it can be seen.
fn desired(
    spread: &Spread,
    level: Option<usize>,
    custom: &[CustomKind],
    owners: &mut Owners<'_>,
) -> Result<Desired, Trouble> {
    let nearest = owners.nearest().and_then(|owner| owner.kind.known());
    let is_replica_set = nearest == Some(WorkloadKind::ReplicaSet);
    let (
        Target::Workload {
            kind,
            replicas: paths,
            ..
        },
        Some(level),
    ) = (spread.target(), level)
    else {
        // Of pods chosen by labels only the ReplicaSet is known to be there to be asked for.
        let revision = if is_replica_set {
            owners.object(0)?.map(|object| object.replicas)
        } else {
            None
        };
        return Ok(Desired {
            workload: None,
            revision,
        });
    };
    let revision = if is_replica_set && level <= 1 {
        owners.object(0)?.map(|object| object.replicas)
    } else {
        None
    };
    let workload = match (kind.known(), paths.as_slice()) {
        // The ReplicaSet carries its Deployment's replicas, and nothing else of it.
        (Some(WorkloadKind::Deployment), _) => owners
            .object(0)?
            .map(|object| object.desired_by_owner.unwrap_or(object.replicas)),
        (Some(_), []) => owners.object(level)?.map(|object| object.replicas),
        (known, paths) => {
            let own = custom
                .iter()
                .find(|custom| known.is_none() && custom.kind == *kind);
            let own = own
                .and_then(|custom| custom.replicas.as_ref())
                .map_or(&[][..], core::slice::from_ref);
            let paths = if paths.is_empty() { own } else { paths };
            let sum = |object: &Object| {
                let object = serde_json::from_str(&object.text).map_err(|error| error.to_string())?;
                replicas_in(&object, paths).map_err(|error| error.to_string())
            };
            let sum = owners.object(level)?.map(sum).transpose();
            sum.map_err(|error| Trouble::Answer {
                asked: "the workload's replicas",
                error,
            })?
        }
    };
    Ok(Desired {
        workload,
        revision: revision.or(workload),
    })
}
