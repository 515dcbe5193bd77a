//! What the loop of a sidecar says, done on the plane.

use std::rc::Rc;

use core::time::Duration;

use reconcile_core::Step;
use sidecar_core::reconciler::{self, Effect, NewWrite, Planned, WriteId};
use sidecar_core::watches::{Change, Filter, Source, State as SourceState, Watched};

use super::shown::{bound_to, describe, watched_kind};
use super::{Sidecar, Write};
use crate::plane::Plane;
use crate::plane::observer::Chosen;
use crate::plane::requests::Asked;
use crate::plane::sabotage::Sabotage;
use crate::plane::store::{Store, Viewer};
use crate::time::Millis;

impl Plane<'_> {
    pub(super) fn perform(&mut self, ix: usize, effect: Effect) {
        match effect {
            Effect::Watch {
                source,
                generation,
                filter,
            } => self.watch_for(ix, source, generation, filter),
            Effect::Unwatch(source) => {
                let watch = self.watches.iter_mut().find(|watch| watch.is_of(ix, &source));
                if let Some(watch) = watch {
                    watch.break_off();
                }
            }
            Effect::Stand(candidacy) => {
                if let Some(sidecar) = self.sidecars.get_mut(ix) {
                    sidecar.candidate.campaign.stand(candidacy);
                    self.turn(ix);
                }
            }
            Effect::TookSettings { .. } | Effect::CachesFilled | Effect::Leads { .. } => {}
            Effect::LeadsNoMore { dropped } | Effect::Stopping { dropped, .. } => {
                if let Some(sidecar) = self.sidecars.get_mut(ix) {
                    for write in dropped {
                        sidecar.writes.remove(&write);
                    }
                }
            }
            Effect::Planned(planned) => self.planned(ix, planned),
            Effect::Send { write, patience, .. } => self.send_write(ix, write, patience),
            Effect::Look {
                write,
                step,
                patience,
            } => {
                self.tally.refused();
                self.send(ix, Asked::Look { write, step }, Millis::of(patience));
            }
            Effect::Ended { write, .. } => {
                if let Some(sidecar) = self.sidecars.get_mut(ix) {
                    sidecar.writes.remove(&write);
                }
            }
            Effect::Stopped => {
                self.give_back(ix);
                self.kill_sidecar(ix);
            }
        }
    }

    /// Lists and watches, as late as a request for the list and its answer.
    fn watch_for(&mut self, ix: usize, source: Source, generation: u64, filter: Filter) {
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let (spec, requests) = (sidecar.spec, sidecar.spec.requests);
        let wait = sidecar.drawn(requests) + sidecar.drawn(requests);
        let Some((kind, lag)) = watched_kind(&source.what, &spec) else {
            let change = Change::Failed(SourceState::Absent);
            self.handle(
                ix,
                reconciler::Event::Watched(Watched {
                    source,
                    generation,
                    change,
                }),
            );
            return;
        };
        let watch = self.watches.iter().position(|watch| watch.is_of(ix, &source));
        let watch = watch.unwrap_or_else(|| {
            self.watch_of(Viewer::Sidecar(ix), kind, lag, Some(source));
            self.watches.len() - 1
        });
        if let Some(watch) = self.watches.get_mut(watch) {
            watch.break_off();
            watch.begin(generation, filter);
        }
        self.list_after(watch, wait);
    }

    fn planned(&mut self, ix: usize, planned: Planned) {
        let now = self.now;
        let Planned { spread, writes, wake } = planned;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let clock = sidecar.now(now).clock;
        self.tally.planned(writes.len());
        let is_idle = writes.is_empty() && wake.is_some_and(|at| at <= clock);
        self.observer.planned(now, is_idle);
        let steps: Vec<&Step> = writes.iter().map(|write| write.step.as_ref()).collect();
        let binds: Vec<usize> = steps.iter().filter_map(|step| bound_to(step)).collect();
        let bound = steps.iter().filter(|step| bound_to(step).is_some());
        let pods: Vec<&str> = bound
            .filter_map(|step| step.action.pod())
            .map(|pod| pod.uid.as_str())
            .collect();
        if !binds.is_empty() {
            let subsets = self
                .setup
                .rules
                .iter()
                .find(|rule| reconcile_core::SpreadId::of(&rule.spread) == spread)
                .map_or(0, |rule| rule.spread.subsets().len());
            let pending = sidecar.pending().filter(|step| step.spread == spread);
            let chosen = Chosen {
                spread: &spread,
                binds: &binds,
                pods: &pods,
                pending: &not_landed(pending, &self.store, subsets),
                late: sidecar.latest(),
            };
            self.observer.chosen(now, &self.store, &chosen);
        }
        let told = self
            .trace
            .is_some()
            .then(|| describe(&steps, wake.map(|at| at.since(clock))));
        for NewWrite { id, step, patch } in writes {
            let pod = step.action.pod().and_then(|pod| self.store.meant(pod));
            let workload = pod.map(|pod| pod.origin.maker.workload());
            let known = workload.and_then(|workload| sidecar.known.get(&workload).copied());
            let known = known.unwrap_or(0);
            sidecar.writes.insert(id, Rc::new(Write { step, patch, known }));
        }
        if let Some(told) = told {
            self.tell(|| format!("sidecar {ix} plans {told}"));
        }
    }

    /// Sends a write while the Lease is young.
    fn send_write(&mut self, ix: usize, id: WriteId, patience: Duration) {
        let now = self.now;
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        let Some(write) = sidecar.writes.get(&id).map(Rc::clone) else {
            return;
        };
        match leads(sidecar, now, self.sabotage) {
            Some(epoch) => {
                let asked = Asked::Step { id, write, epoch };
                self.send(ix, asked, Millis::of(patience));
            }
            None => self.answer_at_once(ix, id, reconciler::Answer::Fenced),
        }
    }
}

/// The epoch with which a sidecar may write.
fn leads(sidecar: &Sidecar, now: Millis, sabotage: Sabotage) -> Option<u64> {
    match sabotage {
        Sabotage::NoFence => sidecar.candidate.campaign.holds(),
        _ => sidecar.candidate.leads(now),
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
