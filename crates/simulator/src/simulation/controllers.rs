//! The Deployment and the ReplicaSet controller.

use std::collections::BTreeMap;

use super::{Event, PodId, Simulation};
use crate::admission::Write;
use crate::pod::Pod;
use crate::ranking::{Ranked, in_deletion_order};
use crate::replicaset::{BURST, Progress, SlowStart};
use crate::time::Millis;

impl Simulation<'_> {
    pub(super) fn scale(&mut self, replicas: u64) {
        self.desired = replicas;
        let version = self.next_version();
        let deployment = self.owners.deployment(self.desired, self.population(), version);
        self.publish(Write::Stored(deployment));
        self.after(self.scenario.script.cluster.controller_lag, Event::SyncDeployment);
    }

    pub(super) fn sync_deployment(&mut self) {
        if self.told != self.desired {
            self.told = self.desired;
            self.publish_replica_set();
            self.after(self.scenario.script.cluster.controller_lag, Event::SyncReplicaSet);
        }
    }

    pub(super) fn sync_replica_set(&mut self) {
        if self.batches.is_some() || !self.expectations.fulfilled() {
            return;
        }
        let active = self.population().active;
        let (missing, surplus) = (self.told.saturating_sub(active), active.saturating_sub(self.told));
        let at_most_burst = |pods: u64| usize::try_from(pods).unwrap_or(BURST).min(BURST);
        if missing > 0 {
            let total = at_most_burst(missing);
            self.expectations.expect(total);
            let mut batches = SlowStart::new(total);
            let progress = batches.begin();
            self.batches = Some(batches);
            self.go_on(progress);
        } else if surplus > 0 {
            self.give_up(at_most_burst(surplus));
        } else {
            self.publish_replica_set();
        }
    }

    pub(super) fn go_on(&mut self, progress: Progress) {
        match progress {
            Progress::Waiting => {}
            Progress::Next(calls) => {
                for _ in 0..calls {
                    let slot = self.limiter.slot(self.now);
                    self.queue.push(slot, Event::RequestPod);
                }
            }
            Progress::Done => {
                self.batches = None;
                self.failed_syncs = 0;
                self.sync_replica_set();
            }
            Progress::Aborted(unasked) => {
                self.batches = None;
                self.expectations.lower(unasked);
                // The work queue waits 5 ms, then twice as long each time, 1,000 s at most.
                let wait = Millis((5_u64 << self.failed_syncs.min(18)).min(1_000_000));
                self.failed_syncs += 1;
                self.after(wait, Event::SyncReplicaSet);
            }
        }
    }

    fn give_up(&mut self, surplus: usize) {
        let mut ids: Vec<PodId> = self.active().map(|(id, _)| id).collect();
        // The controller's cache has no order, and its sort is not stable.
        self.chance.ties.shuffle(&mut ids);
        let mut on_node: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        for (_, pod) in self.active() {
            *on_node.entry(pod.node).or_default() += 1;
        }
        let pods: Vec<(PodId, &Pod)> = ids
            .iter()
            .filter_map(|id| Some((*id, self.pods.get(id)?)))
            .collect();
        let ranked: Vec<Ranked<'_>> = pods
            .iter()
            .map(|(_, pod)| Ranked {
                uid: &pod.uid,
                node: pod
                    .node
                    .and_then(|node| self.nodes.get(node))
                    .map(|node| node.spec.name.as_str()),
                phase: pod.phase(),
                ready_since: pod.ready_since,
                cost: pod.cost,
                rank: on_node.get(&pod.node).copied().unwrap_or_default(),
                restarts: 0,
                created: Millis(pod.created.whole_seconds() * 1000),
            })
            .collect();
        let order = in_deletion_order(&ranked, self.now);
        let ordered: Vec<(PodId, &Pod)> = order
            .iter()
            .filter_map(|&index| pods.get(index).copied())
            .collect();
        let (removed, kept) = ordered.split_at(surplus.min(ordered.len()));
        let only_pods = |pods: &[(PodId, &'_ Pod)]| pods.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        self.tally.scaled_in(
            &removed.iter().map(|(_, pod)| *pod).collect::<Vec<_>>(),
            &kept.iter().map(|(_, pod)| *pod).collect::<Vec<_>>(),
        );
        let removed = only_pods(removed);
        self.expectations.expect(removed.len());
        for id in removed {
            let slot = self.limiter.slot(self.now);
            self.queue.push(slot, Event::DeletePod(id));
        }
    }
}
