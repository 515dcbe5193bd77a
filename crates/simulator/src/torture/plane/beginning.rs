//! What is there at the beginning, and who looks at it.

use std::rc::Rc;

use super::objects::{Deployment, Job, Kind, Object};
use super::policies::Replica;
use super::sidecars::Sidecar;
use super::store::Viewer;
use super::{Event, Plane, Policies};
use crate::random::Random;
use crate::time::Millis;
use crate::torture::case::WorkloadCase;

impl Plane<'_> {
    /// What is there at the beginning, and who looks at it.
    pub(super) fn found(&mut self, policies: &mut Policies<'_>) {
        let case = self.case;
        let controllers = case.cluster.controllers;
        for kind in [Kind::Pod, Kind::Deployment, Kind::ReplicaSet, Kind::Job] {
            self.watch(Viewer::Controllers, kind, controllers);
        }
        self.watch(Viewer::Scheduler, Kind::Pod, case.cluster.scheduler);
        for (ix, policy) in case.policies.iter().enumerate() {
            self.replicas.push(Replica::new(*policy, policies(case)));
            self.watch(Viewer::Policy(ix), Kind::Ledger, policy.ledgers);
            self.watch(Viewer::Policy(ix), Kind::Lease, policy.leases);
        }
        for (ix, sidecar) in case.sidecars.iter().enumerate() {
            self.sidecars.push(Sidecar::new(
                ix,
                *sidecar,
                Random::new(case.seed, &format!("sidecar {ix}")),
            ));
            self.watch(Viewer::Sidecar(ix), Kind::Pod, sidecar.pods);
            for kind in [Kind::Deployment, Kind::ReplicaSet, Kind::Job] {
                self.watch(Viewer::Sidecar(ix), kind, sidecar.workloads);
            }
            for kind in [Kind::Node, Kind::Ledger] {
                self.watch(Viewer::Sidecar(ix), kind, sidecar.others);
            }
        }
        for (number, node) in (0..).zip(self.nodes.values()) {
            self.put(Object::Node(number, Rc::new(node)));
        }
        let version = self.store.next_version();
        match case.workload {
            WorkloadCase::Deployment { replicas, .. } => {
                let uid = self.chance.uids.uuid();
                self.judge.replicas(version, self.now, replicas);
                self.put(Object::Deployment(Rc::new(Deployment {
                    uid,
                    version,
                    replicas,
                    template: 0,
                    status_replicas: 0,
                })));
            }
            WorkloadCase::Job { parallelism, .. } => {
                let uid = self.chance.uids.uuid();
                self.judge.replicas(version, self.now, parallelism);
                self.put(Object::Job(Rc::new(Job {
                    uid,
                    version,
                    parallelism,
                    ended: false,
                })));
            }
        }
        for watch in 0..self.watches.len() {
            self.list_after(watch, Millis::ZERO);
        }
        for sidecar in 0..self.sidecars.len() {
            self.start_sidecar(sidecar);
        }
        for (ix, event) in case.events.iter().enumerate() {
            self.queue.push(Millis(event.at), Event::Happen(ix));
        }
    }
}
