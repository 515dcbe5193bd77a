//! What the world remembers of pods that were moved home: how many, whether it helped, what else happened meanwhile.

use kube_rules::nodes::Resources;
use kube_rules::time::UnixMillis;

use super::World;
use crate::home::{HOUR_MILLIS, MINUTE_MILLIS};
use crate::moments::{ahead, is_recent};
use crate::record::PodRecord;
use crate::step::{Action, Outcome, Step, WhyMoved};

/// The first wait after an eviction was refused; each later one is twice as long.
const FIRST_WAIT_MILLIS: i64 = 10_000;
/// No wait is longer.
const LONGEST_WAIT_MILLIS: i64 = 600_000;

/// The moves of one spread.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// When something last happened to its pods that no move of ours explains.
    pub(crate) stirred: UnixMillis,
    /// When pods were evicted, within the last minute.
    pub(crate) begun: Vec<UnixMillis>,
    /// The last one.
    pub(crate) last: Option<Journey>,
    /// Subsets that a successor did not come to, and when its pod was evicted for that.
    in_vain: Vec<(String, UnixMillis)>,
    /// That evictions are refused.
    pub(crate) refused: Option<Refusal>,
}

/// A pod that was evicted so that its successor goes elsewhere.
#[derive(Debug)]
pub(crate) struct Journey {
    pub(crate) name: String,
    uid: String,
    successor: Option<String>,
    pub(crate) to: String,
    pub(crate) why: WhyMoved,
    /// A node on which there was room, and what is asked of it.
    pub(crate) node: String,
    pub(crate) requests: Resources,
    pub(crate) begun: UnixMillis,
    pub(crate) stage: Stage,
}

/// How far a journey is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The eviction is being asked for.
    Asked,
    /// It was granted.
    Left,
    /// The successor is ready, wherever.
    Over,
}

/// Evictions of a spread are refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) times: u32,
    until: UnixMillis,
    /// What the API server said.
    pub(crate) why: String,
}

/// Whether a pod was known before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    New,
    Known,
}

impl Moves {
    /// A pod is being evicted.
    pub(super) fn begin(&mut self, journey: Journey) {
        let now = journey.begun;
        self.begun.retain(|at| is_recent(*at, now, MINUTE_MILLIS));
        self.in_vain.retain(|(_, at)| is_recent(*at, now, HOUR_MILLIS));
        self.begun.push(now);
        self.last = Some(journey);
    }

    /// Another may have led meanwhile: what is on its way is nobody's move any more.
    pub(super) fn forget_attempts(&mut self) {
        self.last = None;
        self.refused = None;
    }

    /// The eviction was granted.
    pub(super) fn granted(&mut self) {
        self.refused = None;
        if let Some(journey) = self.last.as_mut().filter(|journey| journey.stage == Stage::Asked) {
            journey.stage = Stage::Left;
        }
    }

    /// The eviction was refused: nobody has moved.
    pub(super) fn refuse(&mut self, why: &str, now: UnixMillis) {
        let times = self.refused.as_ref().map_or(0, |refused| refused.times) + 1;
        let wait = FIRST_WAIT_MILLIS
            .checked_shl(times.min(16) - 1)
            .unwrap_or(LONGEST_WAIT_MILLIS)
            .min(LONGEST_WAIT_MILLIS);
        self.refused = Some(Refusal {
            times,
            until: now.plus(wait),
            why: why.to_owned(),
        });
        if let Some(journey) = self.last.take() {
            self.begun.retain(|at| *at != journey.begun);
        }
    }

    /// Until when no eviction is tried, because the last ones were refused.
    pub(crate) fn refused_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        ahead(self.refused.as_ref()?.until, now, LONGEST_WAIT_MILLIS)
    }

    /// Whether a pod was evicted for a subset within the hour, and its successor did not come there.
    pub(crate) fn was_in_vain(&self, subset: &str, now: UnixMillis) -> bool {
        let mut in_vain = self.in_vain.iter();
        in_vain.any(|(known, at)| known == subset && is_recent(*at, now, HOUR_MILLIS))
    }

    /// Something happened to a pod.
    fn saw(&mut self, pod: &PodRecord, arrival: Arrival, now: UnixMillis) {
        if !self.explains(pod, arrival) {
            self.stirred = now;
        }
    }

    /// Whether what happens to a pod is part of the last move.
    fn explains(&mut self, pod: &PodRecord, arrival: Arrival) -> bool {
        let Some(journey) = &mut self.last else {
            return false;
        };
        if journey.uid == pod.uid {
            return true;
        }
        if journey.stage == Stage::Over {
            return false;
        }
        if journey.successor.is_none() && arrival == Arrival::New {
            journey.successor = Some(pod.uid.clone());
        }
        if journey.successor.as_ref() != Some(&pod.uid) {
            return false;
        }
        if pod.terminating {
            self.failed();
        } else if pod.ready_since.is_some() {
            if pod.subset.as_ref() == Some(&journey.to) {
                journey.stage = Stage::Over;
            } else {
                self.failed();
            }
        }
        true
    }

    /// A pod is no more.
    pub(super) fn lost(&mut self, uid: &str, now: UnixMillis) {
        match &self.last {
            Some(journey) if journey.uid == uid => {}
            Some(journey) if journey.stage != Stage::Over && journey.successor.as_deref() == Some(uid) => {
                self.failed();
                self.stirred = now;
            }
            _ => self.stirred = now,
        }
    }

    /// The successor did not come where it was to go.
    fn failed(&mut self) {
        if let Some(journey) = &mut self.last {
            journey.stage = Stage::Over;
            self.in_vain.push((journey.to.clone(), journey.begun));
        }
    }
}

impl World {
    /// Something happened to a pod of a spread that is not of the kind that only writes marks.
    pub(super) fn stirs(&mut self, place: usize, arrival: Arrival, now: UnixMillis) {
        let Some((pod, spread)) = self
            .pods
            .at(place)
            .and_then(|pod| Some((pod, pod.spread.as_ref()?)))
        else {
            return;
        };
        match self.moves.get_mut(spread) {
            Some(moves) => moves.saw(&pod.record, arrival, now),
            None => self.moves.entry(spread.clone()).or_default().stirred = now,
        }
    }

    /// A pod is being evicted for another subset.
    pub(super) fn begin_move(&mut self, step: &Step, now: UnixMillis) {
        let Action::Evict {
            pod, to, node, why, ..
        } = &step.action
        else {
            return;
        };
        let (to, why) = (*to, *why);
        let subset = self.rule(&step.spread).and_then(|rule| rule.spread.subset(to));
        let known = self.pods.place(&pod.uid).and_then(|place| self.pods.at(place));
        let (Some(to), Some(known)) = (subset, known) else {
            return;
        };
        let journey = Journey {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            successor: None,
            to: to.name().to_owned(),
            why,
            node: node.clone(),
            requests: known.record.requests.clone(),
            begun: now,
            stage: Stage::Asked,
        };
        self.moves.entry(step.spread.clone()).or_default().begin(journey);
    }

    /// What became of an eviction.
    pub(super) fn settle_move(&mut self, step: &Step, outcome: &Outcome, now: UnixMillis) {
        let (Action::Evict { .. }, Some(moves)) = (&step.action, self.moves.get_mut(&step.spread)) else {
            return;
        };
        match outcome {
            Outcome::Done(_) | Outcome::Gone => moves.granted(),
            Outcome::Refused(why) => moves.refuse(why, now),
            Outcome::Unknown(_) => {}
        }
    }
}

/// Whether a change of a pod is more than marks and costs.
pub(super) fn is_stir(before: &PodRecord, after: &PodRecord) -> bool {
    let looked_at = |pod: &PodRecord| {
        (
            pod.gated,
            pod.terminating,
            pod.phase,
            pod.ready_since,
            pod.unschedulable_since.is_some(),
        )
    };
    looked_at(before) != looked_at(after)
        || before.node != after.node
        || before.subset != after.subset
        || before.revision != after.revision
}
