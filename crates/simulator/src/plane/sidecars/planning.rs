//! When a sidecar plans, and what it takes on.

use std::rc::Rc;

use kube_rules::time::UnixMillis;
use reconcile_core::{Action, Outcome, SpreadId, Step, plan};

use super::super::observer::Chosen;
use super::super::store::Store;
use super::super::{Event, Plane};
use super::shown::{bound_to, describe};
use super::{Planned, SidecarEvent, lane_of};
use crate::time::Millis;

impl Plane<'_> {
    pub(super) fn plan_soon(&mut self, ix: usize) {
        let Some(sidecar) = self.sidecars.get_mut(ix).filter(|sidecar| sidecar.leads()) else {
            return;
        };
        let think = Millis(sidecar.spec.think_millis.max(1));
        let dirty = (!sidecar.dirty.is_empty()).then_some(self.now + think);
        let wake = sidecar
            .wakes
            .values()
            .min()
            .map(|at| (*at).max(self.now + Millis(1)));
        let Some(at) = dirty.into_iter().chain(wake).min() else {
            return;
        };
        if sidecar
            .planning
            .is_none_or(|planned| at < planned || planned < self.now)
        {
            sidecar.planning = Some(at);
            let event = Event::Sidecar {
                sidecar: ix,
                life: sidecar.life,
                event: SidecarEvent::Plan,
            };
            self.queue.push(at, event);
        }
    }

    pub(super) fn plan(&mut self, ix: usize) {
        let now = self.now;
        let Some(sidecar) = self
            .sidecars
            .get_mut(ix)
            .filter(|sidecar| sidecar.planning.is_some_and(|at| at <= now))
        else {
            return;
        };
        sidecar.planning = None;
        if !sidecar.leads() {
            return;
        }
        let clock = UnixMillis(sidecar.clock(now));
        let mut told = Vec::new();
        let mut due = std::mem::take(&mut sidecar.dirty);
        due.extend(
            sidecar
                .wakes
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(id, _)| id.clone()),
        );
        for id in due {
            let plan = plan(&sidecar.world, &id, clock);
            self.tally.planned(plan.steps.len());
            self.observer.planned(
                now,
                plan.steps.is_empty() && plan.wake.is_some_and(|at| at <= clock),
            );
            match plan.wake {
                Some(at) => sidecar.wakes.insert(
                    id.clone(),
                    now + Millis(u64::try_from(at.since(clock)).unwrap_or(0)),
                ),
                None => sidecar.wakes.remove(&id),
            };
            let binds: Vec<usize> = plan.steps.iter().filter_map(bound_to).collect();
            let bound = plan.steps.iter().filter(|step| bound_to(step).is_some());
            let pods: Vec<&str> = bound
                .filter_map(|step| step.action.pod())
                .map(|pod| pod.uid.as_str())
                .collect();
            if !binds.is_empty() {
                let rule = self
                    .setup
                    .rules
                    .iter()
                    .find(|rule| SpreadId::of(&rule.spread) == id);
                let subsets = rule.map_or(0, |rule| rule.spread.subsets().len());
                let pending = sidecar.pending().filter(|step| step.spread == id);
                let chosen = Chosen {
                    spread: &id,
                    binds: &binds,
                    pods: &pods,
                    pending: &not_landed(pending, &self.store, subsets),
                    late: sidecar.latest(),
                };
                self.observer.chosen(now, &self.store, &chosen);
            }
            if self.trace.is_some() {
                told.push(describe(&plan.steps, plan.wake.map(|at| at.since(clock))));
            }
            for step in plan.steps {
                sidecar.world.assume(&step, clock);
                let pod = step.action.pod().and_then(|pod| self.store.meant(pod));
                let workload = pod.map(|pod| pod.origin.maker.workload());
                let known = workload.and_then(|workload| sidecar.known.get(&workload).copied());
                if matches!(step.action, Action::Note(_)) {
                    sidecar.world.settle(&step, Outcome::Done(None), clock);
                } else if let Some(lane) = sidecar.lanes.get_mut(lane_of(&step)) {
                    lane.waiting.push_back(Planned {
                        step: Rc::new(step),
                        pod: pod.map(|pod| pod.origin.number),
                        known: known.unwrap_or(0),
                    });
                }
            }
        }
        for told in told {
            self.tell(|| format!("sidecar {ix} plans {told}"));
        }
        self.advance(ix);
    }
}

/// How many binds to each subset are on their way and not done yet.
fn not_landed<'s>(steps: impl Iterator<Item = &'s Step>, store: &Store, subsets: usize) -> Vec<u32> {
    let mut pending = vec![0; subsets];
    for step in steps {
        let pod = step
            .action
            .pod()
            .and_then(|pod| store.pod_named(&pod.namespace, &pod.name));
        if let Some(count) = bound_to(step).and_then(|subset| pending.get_mut(subset))
            && pod.is_some_and(|pod| pod.gated)
        {
            *count += 1;
        }
    }
    pending
}
