//! The HPA controller and KEDA's operator on the plane: when they look, what they see, and what they write.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::objects::{Object, Pod};
use super::setup::Scaler;
use super::{Event, Plane};
use crate::hpa::{
    ContainerUsage, Controller, Flags, Gates, PodPhase, PodRequests, PodSample, PodUsage, Readings, Ready,
    Record, Scale,
};
use crate::json;
use crate::keda::Operator;
use crate::time::Millis;

/// What scales one workload.
#[derive(Debug)]
pub(crate) struct Autoscaler {
    workload: usize,
    hpa: Option<Controller>,
    keda: Option<Operator>,
    /// How many records of the HPA were told.
    told: usize,
}

impl Plane<'_> {
    pub(super) fn begin_autoscaling(&mut self) {
        let gates = Gates::default();
        for (ix, scaler) in self.setup.scalers.iter().enumerate() {
            let (workload, hpa, keda) = match scaler {
                Scaler::Hpa { workload, hpa } => (*workload, Some(hpa.clone()), None),
                Scaler::Keda { workload, object } => {
                    let operator = Operator::new(object.clone(), self.setup.begin);
                    (*workload, object.hpa(), Some(operator))
                }
            };
            if let Some(operator) = &keda {
                let first = self.setup.begin + operator.object().polling_interval;
                self.queue.push(first, Event::Poll(ix));
            }
            if hpa.is_some() {
                self.queue.push(
                    self.setup.begin + Flags::default().sync_period,
                    Event::Autoscale(ix),
                );
            }
            self.autoscalers.push(Autoscaler {
                workload,
                hpa: hpa.map(|hpa| Controller::new(hpa, Flags::default(), gates)),
                keda,
                told: 0,
            });
        }
    }

    /// KEDA looks at its triggers.
    pub(super) fn poll(&mut self, ix: usize) {
        let Some(mut scaler) = self.autoscalers.get_mut(ix).map(Autoscaler::take) else {
            return;
        };
        if let Some(operator) = &mut scaler.keda {
            let current = self.replicas_of(scaler.workload);
            let activity = operator.object().ask(self.now - self.setup.begin, |_, window| {
                self.rate(scaler.workload, window)
            });
            let now = self.now;
            if let Some(switch) = operator.poll(now, current, &activity) {
                self.observer
                    .autoscaled(now, scaler.workload, switch.from, switch.to, switch.reason);
                self.scale(scaler.workload, switch.to);
            }
            let interval = operator.object().polling_interval;
            self.after(interval.max(Millis(1000)), Event::Poll(ix));
        }
        self.return_scaler(ix, scaler);
    }

    /// The HPA controller looks at its metrics.
    pub(super) fn autoscale(&mut self, ix: usize) {
        let Some(mut scaler) = self.autoscalers.get_mut(ix).map(Autoscaler::take) else {
            return;
        };
        let (now, workload) = (self.now, scaler.workload);
        if let Some(controller) = &mut scaler.hpa {
            let spec = self.replicas_of(workload);
            let pods: Vec<Rc<Pod>> = self.controllers.pods_of(workload).cloned().collect();
            let samples: Vec<PodSample> = pods.iter().map(|pod| self.sample_of(pod)).collect();
            let external = match &mut scaler.keda {
                Some(operator) => {
                    let activity = operator
                        .object()
                        .ask(now - self.setup.begin, |_, window| self.rate(workload, window));
                    operator.serve(&activity, spec)
                }
                None => BTreeMap::new(),
            };
            let readings = Readings {
                resources: self.usage(workload, &pods),
                pods: BTreeMap::new(),
                objects: BTreeMap::new(),
                external,
            };
            let status = u32::try_from(pods.iter().filter(|pod| pod.is_active()).count()).unwrap_or(u32::MAX);
            let claimed_by = [controller.hpa().key()];
            let scale = Scale {
                spec,
                status,
                selector: "app",
                claimed_by: &claimed_by,
            };
            let outcome = controller.reconcile(now, scale, &readings, &samples);
            for record in controller.records().iter().skip(scaler.told) {
                if let Record::Scaled { from, to, reason, .. } = record {
                    self.observer.autoscaled(now, workload, *from, *to, reason);
                }
            }
            scaler.told = controller.records().len();
            if let Some(desired) = outcome.desired {
                self.scale(workload, desired);
            }
            self.after(Flags::default().sync_period, Event::Autoscale(ix));
        }
        self.return_scaler(ix, scaler);
    }

    fn return_scaler(&mut self, ix: usize, scaler: Autoscaler) {
        if let Some(place) = self.autoscalers.get_mut(ix) {
            *place = scaler;
        }
    }

    fn rate(&self, workload: usize, window: Millis) -> Result<f64, String> {
        let traffic = self.traffic_of(workload);
        let traffic =
            traffic.ok_or_else(|| "nobody counts requests: the scenario has no traffic for it".to_owned())?;
        // A query without enough samples has an empty answer, which KEDA takes for none.
        Ok(traffic.rate(self.now, window).unwrap_or(0.0))
    }

    pub(super) fn replicas_of(&self, workload: usize) -> u32 {
        match self.workload(workload) {
            Some(Object::Deployment(deployment)) => deployment.replicas,
            Some(Object::StatefulSet(set)) => set.replicas,
            _ => 0,
        }
    }

    fn sample_of(&self, pod: &Pod) -> PodSample {
        let since = |at: Millis| Millis(at.whole_seconds() * 1000);
        let started = self.nodes.scheduled_at(pod.origin.number).map(since);
        let ready = pod.ready_since.map(|since| Ready { status: true, since });
        let not_ready = started.map(|since| Ready { status: false, since });
        PodSample {
            name: pod.name.clone(),
            phase: match (pod.finished, pod.failed, pod.ready_since) {
                (true, true, _) => PodPhase::Failed,
                (true, false, _) => PodPhase::Succeeded,
                (false, _, Some(_)) => PodPhase::Running,
                (false, _, None) => PodPhase::Pending,
            },
            deleting: pod.terminating,
            ready: ready.or(not_ready),
            started,
            requests: PodRequests::of(json::at(&pod.value, &["spec"]).unwrap_or(&serde_json::Value::Null)),
        }
    }

    /// What the metrics server knows of the pods: their CPU, put down to the first container.
    fn usage(&self, workload: usize, pods: &[Rc<Pod>]) -> Result<Vec<PodUsage>, String> {
        let traffic = self.traffic_of(workload);
        let Some((at, cpu)) = traffic.and_then(|traffic| traffic.cpu()) else {
            return Ok(Vec::new());
        };
        let usage = |pod: &Rc<Pod>| {
            let milli = *cpu.get(&pod.origin.number)?;
            let container = json::list(&pod.value, &["spec", "containers"]).first()?;
            Some(PodUsage {
                pod: pod.name.clone(),
                at: *at,
                window: Millis(15_000),
                containers: vec![ContainerUsage {
                    name: json::text(container, &["name"])?.to_owned(),
                    usage: BTreeMap::from([("cpu".to_owned(), i64::try_from(milli).ok()?)]),
                }],
            })
        };
        Ok(pods.iter().filter_map(usage).collect())
    }
}

impl Autoscaler {
    /// Its state, while the plane is looked at; it is put back.
    fn take(&mut self) -> Self {
        Self {
            workload: self.workload,
            hpa: self.hpa.take(),
            keda: self.keda.take(),
            told: self.told,
        }
    }
}
