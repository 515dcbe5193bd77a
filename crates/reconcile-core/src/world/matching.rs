//! Which spread has a pod, by the rule that admission goes by.

use core::cell::OnceCell;
use std::collections::BTreeSet;

use placement_core::shard::deployment_of;
use rules::{GroupKind, Owner, Target, WorkloadKind};

use super::{Rule, SpreadId, World};
use crate::record::{OwnerRecord, PodRecord, WorkloadId};

/// No chain of owners is longer; what is read could say that one owns itself.
const LONGEST_CHAIN: usize = 8;

impl World {
    /// The spread that has a pod; none where it is not ours to place.
    ///
    /// Its label is no proof: whoever may create pods can write it. It counts for the spread that it names if its controllers
    /// lead to the target of that one, or if the target is a selector, and for a spread that is no more.
    pub(super) fn spread_of(&self, pod: &PodRecord) -> Option<SpreadId> {
        if pod.foreign.is_some() {
            return None;
        }
        let named = pod.spread.as_ref().map(|name| SpreadId {
            namespace: pod.namespace.clone(),
            name: name.clone(),
        });
        let chain = OnceCell::new();
        let reaches = |target: &Target| {
            let chain = chain.get_or_init(|| self.chain(pod));
            chain.iter().any(|owner| target.is(owner))
        };
        if let Some(named) = named {
            let is_its = |rule: &Rule| match rule.spread.target() {
                Target::Selector(_) => true,
                target => reaches(target),
            };
            if self.rule(&named).is_none_or(is_its) {
                return Some(named);
            }
        }
        let mut here = self.rules.of_namespace(&pod.namespace).peekable();
        here.peek()?;
        let labels = OnceCell::new();
        let label = |key: &str| labels.get_or_init(|| pod.labels()).get(key).copied();
        here.find(|(_, rule)| {
            let target = rule.spread.target();
            let is_target = matches!(target, Target::Selector(_)) || reaches(target);
            is_target && target.selects(label)
        })
        .map(|(id, _)| id.clone())
    }

    /// The owners above a pod, nearest first, as far as they were seen.
    fn chain(&self, pod: &PodRecord) -> Vec<Owner> {
        let mut chain = Vec::new();
        let mut next = pod.owner.clone();
        while let Some(OwnerRecord { owner, uid }) = next {
            let seen = self.workloads.get(&WorkloadId {
                namespace: pod.namespace.clone(),
                kind: owner.kind.clone(),
                name: owner.name.clone(),
            });
            // One of the same name that was there before, or never was.
            if seen.is_some_and(|seen| !uid.is_empty() && seen.uid != uid) {
                break;
            }
            next = match seen {
                Some(workload) => workload.owner.clone(),
                // The ReplicaSet is younger than what the watch shows: its name must do.
                None => owner.kind.known().and_then(|kind| {
                    let name = deployment_of(kind, &owner.name, pod.revision.as_deref())?;
                    let kind = WorkloadKind::Deployment;
                    Some(OwnerRecord {
                        owner: Owner {
                            kind: GroupKind {
                                group: kind.group().to_owned(),
                                kind: kind.kind().to_owned(),
                            },
                            name: name.to_owned(),
                        },
                        uid: String::new(),
                    })
                }),
            };
            if chain.len() == LONGEST_CHAIN || chain.contains(&owner) {
                break;
            }
            chain.push(owner);
        }
        chain
    }

    /// The spreads that a workload's change concerns, after strangers that it owns were looked at again.
    pub(super) fn touched_by(&mut self, id: &WorkloadId) -> Vec<SpreadId> {
        let owned = self.strangers.of(id);
        let mut dirty: BTreeSet<SpreadId> = owned.into_iter().flat_map(|place| self.assign(place)).collect();
        let owner = self
            .workloads
            .get(id)
            .and_then(|workload| workload.owner.as_ref())
            .map(|owner| owner.owner.clone());
        let this = Owner {
            kind: id.kind.clone(),
            name: id.name.clone(),
        };
        let touched = self.rules.of_namespace(&id.namespace).filter(|(_, rule)| {
            let target = rule.spread.target();
            let is_target = target.is(&this) || owner.as_ref().is_some_and(|owner| target.is(owner));
            is_target || matches!(target, Target::Selector(_))
        });
        dirty.extend(touched.map(|(spread, _)| spread.clone()));
        dirty.into_iter().collect()
    }
}
