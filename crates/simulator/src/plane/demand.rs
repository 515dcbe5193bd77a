//! Requests that come in, and the pods that serve them: every second they are shared out among the ready pods of a
//! workload. What metrics servers would show of it is kept here.

use std::collections::BTreeMap;

use super::objects::Pod;
use super::setup::Demand;
use super::{Event, Plane};
use crate::load::{Counter, Queue};
use crate::time::Millis;

/// How often requests are shared out.
const STEP: Millis = Millis(1000);

/// The requests of one workload.
#[derive(Debug)]
pub(crate) struct Traffic {
    queue: Queue,
    counter: Counter,
    /// Millicores of each ready pod in the last step.
    cpu: BTreeMap<u64, u64>,
    /// What the metrics server scraped last, and when.
    scraped: Option<(Millis, BTreeMap<u64, u64>)>,
}

impl Traffic {
    pub(crate) fn new(demand: &Demand) -> Self {
        Self {
            queue: Queue::default(),
            counter: Counter::new(demand.longest_window.max(Millis(60_000))),
            cpu: BTreeMap::new(),
            scraped: None,
        }
    }

    /// Requests per second over a window, as Prometheus answers.
    pub(crate) fn rate(&self, now: Millis, window: Millis) -> Option<f64> {
        self.counter.rate(now, window)
    }

    /// Millicores of each pod as the metrics server saw them last, and when that was.
    pub(crate) fn cpu(&self) -> Option<&(Millis, BTreeMap<u64, u64>)> {
        self.scraped.as_ref()
    }
}

impl Plane<'_> {
    pub(super) fn begin_demand(&mut self) {
        for (ix, demand) in self.setup.demands.iter().enumerate() {
            self.traffic.push(Traffic::new(demand));
            self.queue.push(demand.begin, Event::Demand(ix));
        }
    }

    pub(super) fn serve(&mut self, ix: usize) {
        let now = self.now;
        let (Some(demand), Some(traffic)) = (self.setup.demands.get(ix), self.traffic.get_mut(ix)) else {
            return;
        };
        // To whom nothing comes back, nothing is sent: proxies turn to the others at once.
        let nodes = &self.nodes;
        let serves = |pod: &&std::rc::Rc<Pod>| {
            pod.origin.maker.workload() == demand.workload
                && pod.is_active()
                && pod.ready_since.is_some()
                && nodes.is_up(pod)
        };
        let pods: Vec<_> = self.store.pods().filter(serves).collect();
        let subsets: Vec<Option<&str>> = pods.iter().map(|pod| pod.subset.as_deref()).collect();
        let (from, to) = (now - demand.begin, now + STEP - demand.begin);
        let arriving = demand.traffic.arrived(from, to);
        let step = traffic.queue.step(&demand.service, from, to, arriving, &subsets);
        traffic.cpu = pods
            .iter()
            .zip(&step.pods)
            .map(|(pod, load)| (pod.origin.number, load.cpu))
            .collect();
        // An ingress counts what it answered, well or badly.
        let answered = traffic.queue.served() + traffic.queue.lost();
        let second = from.whole_seconds();
        if second.is_multiple_of(demand.scrape.whole_seconds().max(1)) {
            traffic.counter.scrape(now, answered);
        }
        if second.is_multiple_of(15) {
            traffic.scraped = Some((now, traffic.cpu.clone()));
        }
        self.observer.served(demand.workload, &step);
        self.after(STEP, Event::Demand(ix));
    }

    /// The traffic of a workload.
    pub(super) fn traffic_of(&self, workload: usize) -> Option<&Traffic> {
        let place = self
            .setup
            .demands
            .iter()
            .position(|demand| demand.workload == workload)?;
        self.traffic.get(place)
    }
}
