//! Counts the placed pods of the namespace, which the cluster lists beside the pod's owners.

use placement_core::decide::Order;
use placement_core::facts::{ListedPod, listed_pods, ordinal, replicas_in};
use placement_core::observe;
use placement_core::observe::Desired;
use rules::{GroupKind, ReplicasPath, Spread, Target, WorkloadKind};

use crate::case::{Case, Counted};
use crate::cluster::ListQuery;
use crate::owners::{Object, Owners};
use crate::response::Trouble;

/// What the pods themselves tell. Nobody is there to bind.
pub(crate) fn count(case: &Case<'_>, owners: &mut Owners<'_>) -> Result<Counted, Trouble> {
    let spread = case.spread();
    let is_by_ordinal = case.is_by_ordinal(owners);
    let order = match is_by_ordinal {
        true => order(case, owners)?,
        false => Order::None,
    };
    // An ordinal names its rung, and the only subset takes every pod: nothing is counted for them.
    let is_counted = !is_by_ordinal && !spread.has_only_one_endless_subset();
    let wanted = match is_counted {
        true => desired(case, owners)?,
        false => Desired::default(),
    };
    let answer = match is_counted {
        true => case
            .cluster
            .list(&ListQuery::placed_pods(case.request.namespace()))
            .map_err(|error| Trouble::Host { asked: ASKED, error })?,
        false => Vec::new(),
    };
    let listed: Vec<ListedPod<'_>> = match is_counted {
        true => listed_pods(&answer).map_err(|error| Trouble::Answer {
            asked: ASKED,
            error: error.to_string(),
        })?,
        false => Vec::new(),
    };
    let count = |desired| {
        let pods = listed.iter().map(ListedPod::facts);
        observe(spread, case.pod.revision(), desired, pods)
    };
    let mut observation = count(wanted);
    if observation.behind {
        // A pod arrives although nothing is missing: the list shows its owner as it was before.
        owners.refresh(counted_level(spread, case.matched.level));
        observation = count(desired(case, owners)?);
    }
    Ok(Counted {
        observation,
        order,
        binder: None,
    })
}

const ASKED: &str = "the placed pods";

/// The number of the pod, less the first ordinal of its workload.
fn order(case: &Case<'_>, owners: &mut Owners<'_>) -> Result<Order, Trouble> {
    let start = owners.object(0)?.map_or(0, |object| object.first_ordinal);
    let number = ordinal(case.pod.name().unwrap_or_default());
    Ok(Order::Ordinal(number.map(|number| number.saturating_sub(start))))
}

/// Which owner tells how many pods are wanted: a Deployment's stands on its ReplicaSet.
fn counted_level(spread: &Spread, level: Option<usize>) -> usize {
    match spread.target() {
        Target::Workload { kind, .. } if kind.known() == Some(WorkloadKind::Deployment) => 0,
        _ => level.unwrap_or(0),
    }
}

/// What the workload asks for, as far as it can be seen.
fn desired(case: &Case<'_>, owners: &mut Owners<'_>) -> Result<Desired, Trouble> {
    let is_replica_set = owners.nearest_known() == Some(WorkloadKind::ReplicaSet);
    let of_replica_set = |owners: &mut Owners<'_>| match is_replica_set {
        true => Ok(owners.object(0)?.map(|object| object.replicas)),
        false => Ok(None),
    };
    let (Target::Workload { kind, replicas, .. }, Some(level)) = (case.spread().target(), case.matched.level)
    else {
        // Of pods chosen by labels only the ReplicaSet is known to be there to be asked for.
        return Ok(Desired {
            workload: None,
            revision: of_replica_set(owners)?,
        });
    };
    let revision = match level {
        0 | 1 => of_replica_set(owners)?,
        _ => None,
    };
    let workload = match (kind.known(), replicas.as_slice()) {
        // The ReplicaSet carries its Deployment's replicas, and nothing else of it.
        (Some(WorkloadKind::Deployment), _) => owners
            .object(0)?
            .map(|object| object.desired_by_owner.unwrap_or(object.replicas)),
        (Some(_), []) => owners.object(level)?.map(|object| object.replicas),
        (_, paths) => {
            let paths = if paths.is_empty() {
                own_path(case, kind)
            } else {
                paths
            };
            let sum = owners.object(level)?.map(|object| sum(object, paths)).transpose();
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

/// Where the settings say that the replicas of a kind of theirs stand.
fn own_path<'c>(case: &Case<'c>, kind: &GroupKind) -> &'c [ReplicasPath] {
    let own = case.custom.iter().find(|custom| custom.kind == *kind);
    let path = own.and_then(|custom| custom.replicas.as_ref());
    path.map_or(&[], core::slice::from_ref)
}

fn sum(object: &Object, paths: &[ReplicasPath]) -> Result<u32, String> {
    let object = serde_json::from_str(&object.text).map_err(|error| error.to_string())?;
    replicas_in(&object, paths).map_err(|error| error.to_string())
}
