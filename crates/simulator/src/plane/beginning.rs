//! What is there at the beginning, and who looks at it.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::objects::{Deployment, Job, Kind, Object, StatefulSet};
use super::policies::Replica;
use super::setup::{Kind as WorkloadKind, Observe, Workload};
use super::sidecars::Sidecar;
use super::store::Viewer;
use super::{Event, Plane};
use crate::admission::Admission;
use crate::objects;
use crate::random::Random;
use crate::time::Millis;

impl<'a> Plane<'a> {
    /// What is there at the beginning, and who looks at it.
    pub(super) fn found(&mut self, admissions: Vec<Box<dyn Admission + 'a>>) {
        let setup = self.setup;
        let controllers = setup.cluster.controllers;
        for kind in [
            Kind::Pod,
            Kind::Deployment,
            Kind::ReplicaSet,
            Kind::StatefulSet,
            Kind::Job,
        ] {
            self.watch(Viewer::Controllers, kind, controllers);
        }
        self.watch(Viewer::Scheduler, Kind::Pod, setup.cluster.scheduler);
        for (ix, (spec, admission)) in setup.policies.iter().zip(admissions).enumerate() {
            self.replicas.push(Replica::new(*spec, admission));
            match setup.observe {
                Observe::Ledger => {
                    self.watch(Viewer::Policy(ix), Kind::Ledger, spec.ledgers);
                    self.watch(Viewer::Policy(ix), Kind::Lease, spec.leases);
                }
                Observe::Pods => {
                    for kind in [
                        Kind::Pod,
                        Kind::Deployment,
                        Kind::ReplicaSet,
                        Kind::StatefulSet,
                        Kind::Job,
                        Kind::Node,
                        Kind::Namespace,
                    ] {
                        self.watch(Viewer::Policy(ix), kind, spec.ledgers);
                    }
                }
            }
        }
        for (ix, sidecar) in setup.sidecars.iter().enumerate() {
            let chance = Random::new(setup.seed, &format!("sidecar {ix}"));
            self.sidecars.push(Sidecar::new(ix, 0, *sidecar, setup, chance));
        }
        for (number, node) in (0..).zip(self.nodes.values()) {
            self.put(Object::Node(number, Rc::new(node)));
        }
        let namespaces: BTreeSet<&str> = setup
            .workloads
            .iter()
            .map(|workload| workload.id.namespace.as_str())
            .collect();
        for (number, namespace) in (0..).zip(namespaces) {
            self.put(Object::Namespace(number, Rc::new(objects::namespace(namespace))));
        }
        for (ix, workload) in setup.workloads.iter().enumerate() {
            self.put_workload(ix, workload);
        }
        for watch in 0..self.watches.len() {
            self.list_after(watch, Millis::ZERO);
        }
        for sidecar in 0..self.sidecars.len() {
            self.start_sidecar(sidecar);
        }
        self.begin_demand();
        self.begin_autoscaling();
        self.begin_cluster_autoscaler();
        self.begin_to_open_gates();
        for (ix, (at, _)) in setup.happenings.iter().enumerate() {
            self.queue.push(*at, Event::Happen(ix));
        }
    }

    fn put_workload(&mut self, workload: usize, spec: &Workload) {
        let version = self.store.next_version();
        let uid = self.chance.uids.uuid();
        let (id, replicas) = (Rc::clone(&spec.id), spec.replicas);
        self.observer.replicas(workload, version, self.now, replicas);
        self.put(match &spec.kind {
            WorkloadKind::Deployment(kind) => Object::Deployment(Rc::new(Deployment {
                workload,
                id,
                uid,
                version,
                replicas,
                template: 0,
                is_paused: false,
                kind: Rc::clone(kind),
                status_replicas: 0,
            })),
            WorkloadKind::StatefulSet(kind) => Object::StatefulSet(Rc::new(StatefulSet {
                workload,
                id,
                uid,
                version,
                replicas,
                template: 0,
                current: 0,
                kind: Rc::clone(kind),
                status_replicas: 0,
            })),
            WorkloadKind::Job { .. } => Object::Job(Rc::new(Job {
                workload,
                id,
                uid,
                version,
                parallelism: replicas,
                ended: false,
            })),
        });
    }
}
