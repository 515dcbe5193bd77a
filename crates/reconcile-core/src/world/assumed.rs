//! What is on its way: no place is given away twice while a write is not seen yet.

use kube_rules::time::UnixMillis;
use placement_core::Reason;

use super::{SpreadId, World};
use crate::moments::{ahead, is_recent};
use crate::record::PodRecord;
use crate::reschedule::RECREATE_MILLIS;
use crate::step::{Action, Outcome, Step, WhyRecreated};

/// What a pod is assumed to be once a write is done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Assumed {
    /// In a subset, its gate open.
    Bound {
        /// The subset's name.
        subset: String,
        /// Its deletion cost.
        cost: Option<i32>,
        /// Why it gets that.
        reason: Reason,
    },
    /// Its gate open, in no subset.
    Released,
    /// In a subset, as it stands.
    Adopted {
        /// The subset's name.
        subset: String,
    },
    /// In another subset.
    Moved {
        /// The subset's name.
        subset: String,
        /// Its deletion cost.
        cost: Option<i32>,
    },
    /// Being deleted, to be made anew.
    Recreated,
    /// Being evicted, to be made anew elsewhere.
    Evicted,
    /// Of another deletion cost.
    Costs(i32),
    /// Being deleted.
    Deleted,
}

/// When a write may be tried again, and how often it was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retry {
    pub(crate) at: UnixMillis,
    pub(crate) failures: u32,
}

/// The longest wait before a write is tried again.
pub(super) const LONGEST_WAIT_MILLIS: i64 = 30_000;

/// Twice as long each time, from 100 ms on.
pub(super) fn wait(failures: u32) -> i64 {
    100_i64
        .checked_shl(failures.min(16))
        .unwrap_or(LONGEST_WAIT_MILLIS)
        .min(LONGEST_WAIT_MILLIS)
}

impl Retry {
    /// When it may be, if not yet.
    pub(crate) fn waits_until(self, now: UnixMillis) -> Option<UnixMillis> {
        ahead(self.at, now, LONGEST_WAIT_MILLIS)
    }
}

impl Assumed {
    /// Whether a sight of the pod shows that it happened, or that it never will.
    pub(super) fn is_seen_in(&self, pod: &PodRecord) -> bool {
        match self {
            Self::Bound { .. } | Self::Released => !pod.gated || pod.terminating,
            Self::Adopted { subset } | Self::Moved { subset, .. } => {
                pod.subset.as_ref() == Some(subset) || pod.terminating
            }
            Self::Costs(cost) => pod.cost == Some(*cost),
            Self::Deleted | Self::Recreated | Self::Evicted => pod.terminating,
        }
    }
}

impl World {
    /// Takes it that a step is being done, until it is settled or seen.
    pub fn assume(&mut self, step: &Step, now: UnixMillis) {
        let subset_name = |subset: rules::SubsetIx| {
            let rule = self.rule(&step.spread)?;
            rule.spread.subset(subset).map(|subset| subset.name().to_owned())
        };
        let assumed = match &step.action {
            Action::Bind {
                subset, cost, reason, ..
            } => subset_name(*subset).map(|subset| Assumed::Bound {
                subset,
                cost: cost.map(|cost| cost.value()),
                reason: *reason,
            }),
            Action::Adopt { subset, .. } => subset_name(*subset).map(|subset| Assumed::Adopted { subset }),
            Action::Move { to, cost, .. } => Some(Assumed::Moved {
                subset: to.clone(),
                cost: *cost,
            }),
            Action::Recreate { why, .. } => {
                if *why == WhyRecreated::NoNodeBeside {
                    self.beside_failed.insert(step.spread.clone(), now);
                }
                let recreated = self.recreated.entry(step.spread.clone()).or_default();
                recreated.retain(|at| is_recent(*at, now, RECREATE_MILLIS));
                recreated.push(now);
                Some(Assumed::Recreated)
            }
            Action::Evict { .. } => {
                self.begin_move(step, now);
                Some(Assumed::Evicted)
            }
            Action::Release { .. } => Some(Assumed::Released),
            Action::PatchCost { cost, .. } => Some(Assumed::Costs(*cost)),
            Action::DeletePod { .. } => {
                let surplus = self.surplus.entry(step.spread.clone()).or_default();
                surplus.deleted = surplus.remembered(now) + 1;
                surplus.last = now;
                Some(Assumed::Deleted)
            }
            Action::PublishLedger(_) | Action::RemoveLedger => {
                if let Action::PublishLedger(ledger) = &step.action {
                    self.remember_closings(&step.spread, ledger, now);
                }
                let ledger = self.ledgers.entry(step.spread.clone()).or_default();
                ledger.writing = true;
                ledger.written_at = Some(now);
                None
            }
            Action::Note(note) => {
                self.noted.insert((step.spread.clone(), note.reason), now);
                None
            }
        };
        if let Some(pod) = step.action.pod()
            && let Some(known) = self.pods.named_mut(&pod.uid)
        {
            known.assumed = assumed;
            known.retry_at = None;
        }
    }

    /// Takes what became of a step; the spreads to plan again.
    pub fn settle(&mut self, step: &Step, outcome: Outcome, now: UnixMillis) -> Vec<SpreadId> {
        match &step.action {
            Action::PublishLedger(ledger) => {
                self.settle_ledger(step, Some(ledger.as_ref().clone()), &outcome, now)
            }
            Action::RemoveLedger => self.settle_ledger(step, None, &outcome, now),
            Action::Note(_) => return Vec::new(),
            _ => {
                let Some(pod) = step.action.pod() else {
                    return Vec::new();
                };
                self.settle_move(step, &outcome, now);
                match outcome {
                    Outcome::Done(Some(record)) => {
                        let mut dirty = self.take_pod(*record, now);
                        dirty.push(step.spread.clone());
                        return dirty;
                    }
                    Outcome::Done(None) => {}
                    Outcome::Gone => {
                        let mut dirty = self.forget_pod(&pod.uid, now);
                        dirty.push(step.spread.clone());
                        return dirty;
                    }
                    Outcome::Refused(_) => {
                        if let Some(known) = self.pods.named_mut(&pod.uid) {
                            known.assumed = None;
                            known.refusals += 1;
                            known.retry_at = Some(now.plus(wait(known.refusals)));
                        }
                    }
                    Outcome::Unknown(_) => {
                        if let Some(known) = self.pods.named_mut(&pod.uid) {
                            // A bound pod's place stays held: the same write is planned again, and refused if it was
                            // done. Marks, costs and moves can be written twice, and a pod can be deleted but once: planned anew.
                            if matches!(
                                known.assumed,
                                Some(
                                    Assumed::Adopted { .. }
                                        | Assumed::Costs(_)
                                        | Assumed::Moved { .. }
                                        | Assumed::Recreated
                                        | Assumed::Evicted
                                )
                            ) {
                                known.assumed = None;
                            }
                            known.unknowns += 1;
                            known.retry_at = Some(now.plus(wait(known.unknowns)));
                        }
                    }
                }
            }
        }
        vec![step.spread.clone()]
    }

    fn settle_ledger(
        &mut self,
        step: &Step,
        written: Option<spread_api::SpreadLedger>,
        outcome: &Outcome,
        now: UnixMillis,
    ) {
        let ledger = self.ledgers.entry(step.spread.clone()).or_default();
        ledger.writing = false;
        match outcome {
            Outcome::Done(_) | Outcome::Gone => {
                ledger.retry = None;
                let status = written.as_ref().and_then(|written| written.status.as_ref());
                // Who takes the binder out of another's ledger does not make it younger.
                if status.is_none_or(|status| status.binder.is_some()) {
                    ledger.seen_at = now;
                }
                ledger.stored = if matches!(outcome, Outcome::Done(_)) {
                    written
                } else {
                    None
                };
                self.forget_if_gone(&step.spread);
            }
            Outcome::Refused(_) | Outcome::Unknown(_) => {
                if let Outcome::Refused(why) = outcome {
                    ledger.refused = Some((why.clone(), now));
                }
                let failures = ledger.retry.map_or(0, |retry| retry.failures) + 1;
                ledger.retry = Some(Retry {
                    at: now.plus(wait(failures)),
                    failures,
                });
            }
        }
    }
}
