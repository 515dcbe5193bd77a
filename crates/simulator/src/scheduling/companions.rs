//! Affinity between pods: whether a node's company is right, and how much it is liked (`InterPodAffinity`).

use super::domains::{Domains, Topology};
use super::needs::Needs;
use super::node::NodeRoom;
use super::reason::Reason;
use super::score::spanned;
use super::tallies::{Counted, Tallies, Wish};

/// What is required, by the pod and by those that run.
pub(super) struct Required<'c> {
    together: Vec<InDomain<'c>>,
    apart: Vec<InDomain<'c>>,
    others_apart: Vec<InDomain<'c>>,
    /// The first of pods that want to be together may go anywhere.
    is_first: bool,
}

/// How many pods each domain of a key has.
struct InDomain<'c> {
    domains: &'c Domains,
    pods: Vec<i64>,
}

impl InDomain<'_> {
    fn pods_at(&self, slot: usize) -> Option<i64> {
        self.pods.get(self.domains.at(slot)?).copied()
    }

    fn has_pods_at(&self, slot: usize) -> bool {
        self.pods_at(slot).is_some_and(|pods| pods > 0)
    }
}

impl<'c> Required<'c> {
    pub(super) fn of(
        needs: &Needs,
        slots: &[Option<NodeRoom>],
        topology: &'c Topology,
        tallies: &mut Tallies,
    ) -> Self {
        let affinity = &needs.affinity;
        let in_domain = |key: &str, by_slot: &[u32]| {
            let domains = topology.of(key)?;
            Some(InDomain {
                domains,
                pods: domains.sums(by_slot),
            })
        };
        let others_apart = tallies
            .carried()
            .iter()
            .filter(|carried| carried.wish == Wish::Apart)
            .filter(|carried| carried.term.pods.selects(&needs.namespace, &needs.labels))
            .filter_map(|carried| in_domain(&carried.term.topology_key, &carried.by_slot))
            .collect();
        let apart = affinity.required_anti.iter().filter_map(|term| {
            let by_slot = tallies.by_slot(&seen(vec![term.pods.clone()]), slots);
            in_domain(&term.topology_key, &by_slot)
        });
        let apart = apart.collect();
        let mut together: Vec<InDomain<'_>> = Vec::new();
        if !affinity.required.is_empty() {
            // A pod is company only where every term selects it.
            let all = affinity.required.iter().map(|term| term.pods.clone()).collect();
            let by_slot = tallies.by_slot(&seen(all), slots);
            together.extend(
                affinity
                    .required
                    .iter()
                    .filter_map(|term| in_domain(&term.topology_key, &by_slot)),
            );
        }
        let is_alone = together.iter().all(|one| one.pods.iter().all(|pods| *pods == 0));
        let is_own_company = affinity
            .required
            .iter()
            .all(|term| term.pods.selects(&needs.namespace, &needs.labels));
        Self {
            together,
            apart,
            others_apart,
            is_first: is_alone && is_own_company,
        }
    }

    /// The first rule against a node.
    pub(super) fn against(&self, slot: usize) -> Option<Reason> {
        let has_keys = self.together.iter().all(|one| one.pods_at(slot).is_some());
        let has_company = self.is_first || self.together.iter().all(|one| one.has_pods_at(slot));
        if !has_keys || !has_company {
            Some(Reason::PodAffinity)
        } else if self.apart.iter().any(|one| one.has_pods_at(slot)) {
            Some(Reason::PodAntiAffinity)
        } else if self.others_apart.iter().any(|one| one.has_pods_at(slot)) {
            Some(Reason::OthersAntiAffinity)
        } else {
            None
        }
    }
}

/// The scores of the candidates, by what the pod prefers and what those that run would like; empty where nobody cares.
pub(super) fn scores(
    needs: &Needs,
    candidates: &[usize],
    slots: &[Option<NodeRoom>],
    topology: &Topology,
    tallies: &mut Tallies,
) -> Vec<i64> {
    let mut wishes: Vec<(i64, InDomain<'_>)> = Vec::new();
    for (weight, term) in &needs.affinity.preferred {
        let by_slot = tallies.by_slot(&seen(vec![term.pods.clone()]), slots);
        if let Some(domains) = topology.of(&term.topology_key) {
            let pods = domains.sums(&by_slot);
            wishes.push((*weight, InDomain { domains, pods }));
        }
    }
    for carried in tallies.carried() {
        if let Wish::Together(weight) = carried.wish
            && carried.term.pods.selects(&needs.namespace, &needs.labels)
            && let Some(domains) = topology.of(&carried.term.topology_key)
        {
            let pods = domains.sums(&carried.by_slot);
            wishes.push((weight, InDomain { domains, pods }));
        }
    }
    if wishes.is_empty() {
        return Vec::new();
    }
    let sum = |slot: &usize| -> i64 {
        let liked = wishes
            .iter()
            .map(|(weight, one)| weight * one.pods_at(*slot).unwrap_or_default());
        liked.sum()
    };
    let sums: Vec<i64> = candidates.iter().map(sum).collect();
    let lowest = sums.iter().copied().min().unwrap_or_default();
    let highest = sums.iter().copied().max().unwrap_or_default();
    sums.iter().map(|sum| spanned(*sum, lowest, highest)).collect()
}

/// Pods that are being deleted are company too.
fn seen(by: Vec<super::selector::PodSelector>) -> Counted {
    Counted {
        by,
        skips_terminating: false,
    }
}
