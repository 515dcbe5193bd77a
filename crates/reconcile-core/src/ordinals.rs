//! Gated pods of kinds that number their pods: each has its own rung, whoever was created first.
//!
//! **Invariant**: a maximum is kept by counting, as for every other pod. Where the first ordinal moves, pods of two sets of
//! ordinals are there together, and the number of a pod says where it belongs, not that the place is free.

use placement_core::facts::ordinal;
use placement_core::ladder::Ladder;
use placement_core::{Observation, Reason};
use rules::{Owner, Spread, SubsetIx, Terminating, WorkloadKind};
use serde_json::Value;

use crate::plan::Planning;
use crate::record::PodRecord;
use crate::world::{KnownPod, World};

/// The ordinals that a workload wants.
struct Ordinals {
    first: u32,
    /// `None`: some are left out, so that the last is not known.
    replicas: Option<u32>,
    /// Whether pods are made and deleted all at once. Where they are not, pods beyond the ordinals are only deleted once
    /// all others are ready.
    is_parallel: bool,
}

/// What becomes of a pod by its ordinal.
enum Found {
    /// This rung.
    Number(u32),
    /// Its subset is full, and stays so: the lowest free rung.
    Lowest,
    /// Its subset has a place soon, or it is not known yet what it is.
    Wait,
}

impl<'w> Planning<'w> {
    /// Binds the pods that have an ordinal; those of no ordinal, and those whose subset stays full, are answered.
    pub(crate) fn by_ordinal(
        &mut self,
        spread: &'w Spread,
        pods: Vec<&'w KnownPod>,
        ladder: &Ladder<'_>,
        observation: &mut Observation,
    ) -> Vec<&'w KnownPod> {
        let ordinals = Ordinals::of(self.world, spread);
        let mut others = Vec::new();
        for pod in pods {
            let Some(number) = ordinal_in(&pod.record, spread) else {
                others.push(pod);
                continue;
            };
            let found = match &ordinals {
                Some(ordinals) => self.found(spread, pod, number, ordinals, ladder, observation),
                None => Found::Wait,
            };
            match found {
                Found::Wait => self.wait_or_give_up(spread, pod),
                Found::Lowest => others.push(pod),
                Found::Number(number) => {
                    if let Some(rung) = ladder.rung(number) {
                        self.bind(spread, pod, rung, Reason::Ordinal(number), observation);
                    }
                }
            }
        }
        others
    }

    fn found(
        &self,
        spread: &Spread,
        pod: &KnownPod,
        ordinal: u32,
        ordinals: &Ordinals,
        ladder: &Ladder<'_>,
        observation: &Observation,
    ) -> Found {
        // What the workload does not want is about to be deleted, or the workload was seen late.
        let Some(number) = ordinals.number(ordinal) else {
            return Found::Wait;
        };
        let Some(rung) = ladder.rung(number) else {
            return Found::Lowest;
        };
        let maximum = ladder.maximum(rung.subset);
        if maximum.is_none_or(|maximum| observation.taken.of(rung.subset) < maximum) {
            return Found::Number(number);
        }
        let is_in_scope =
            |other: &&KnownPod| spread.has_shared_maximums() || other.record.revision == pod.record.revision;
        let mut holders = self.world.pods_of(self.id).filter(is_in_scope);
        match holders.any(|holder| ordinals.is_leaving(holder, spread, rung.subset)) {
            true => Found::Wait,
            false => Found::Lowest,
        }
    }
}

impl Ordinals {
    /// Those of a spread's workload, where it was seen.
    fn of(world: &World, spread: &Spread) -> Option<Self> {
        let workload = world.workload_of(spread)?;
        let left_out = workload.spec.get("reserveOrdinals").and_then(Value::as_array);
        let policy = workload.spec.get("podManagementPolicy").and_then(Value::as_str);
        Some(Self {
            first: first(&workload.spec).unwrap_or(0),
            replicas: left_out.is_none_or(Vec::is_empty).then_some(workload.replicas),
            is_parallel: policy == Some("Parallel"),
        })
    }

    /// The place of an ordinal among those that are wanted.
    fn number(&self, ordinal: u32) -> Option<u32> {
        let number = ordinal.checked_sub(self.first)?;
        self.replicas
            .is_none_or(|replicas| number < replicas)
            .then_some(number)
    }

    /// Whether a pod holds a place of a subset and gives it up without waiting for others.
    fn is_leaving(&self, pod: &KnownPod, spread: &Spread, subset: SubsetIx) -> bool {
        let facts = pod.facts();
        let holds =
            !facts.finished && facts.subset.and_then(|name| spread.subset_named(name)) == Some(subset);
        let is_unwanted = || {
            let ordinal = ordinal_in(&pod.record, spread);
            ordinal.is_some_and(|ordinal| self.number(ordinal).is_none())
        };
        let is_going = facts.terminating && spread.terminating() == Terminating::Counted;
        holds && (is_going || (!facts.terminating && self.is_parallel && is_unwanted()))
    }
}

/// Where the ordinals of a workload begin, if it says so.
pub(crate) fn first(spec: &Value) -> Option<u32> {
    let start = spec.get("ordinals")?.get("start")?.as_u64()?;
    u32::try_from(start).ok()
}

/// The ordinal of a pod whose own controller is the workload that a spread names, and numbers its pods.
fn ordinal_in(pod: &PodRecord, spread: &Spread) -> Option<u32> {
    let owner: &Owner = &pod.owner.as_ref()?.owner;
    let has_ordinals = owner.kind.known().is_some_and(WorkloadKind::has_ordinals);
    (has_ordinals && spread.target().is(owner))
        .then(|| ordinal(&pod.name))
        .flatten()
}
