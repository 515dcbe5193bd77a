//! Which subsets are closed, since and until when, and which are to be tried.

use placement_core::ladder::{Closed, Ladder};
use placement_core::spread::{Fill, Patience, Spread};
use placement_core::time::UnixMillis;
use placement_core::{Observation, SubsetIx};
use spread_api::ClosingStatus;

use crate::gates::needs_replicas;
use crate::ledger::replicas;
use crate::moments::is_recent;
use crate::plan::Planning;
use crate::reschedule::RECREATE_MILLIS;
use crate::step::Severity;
use crate::world::KnownPod;

/// A subset in which the scheduler found no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) subset: String,
    pub(crate) since: UnixMillis,
    pub(crate) until: UnixMillis,
}

/// What is closed at a moment.
#[derive(Debug, Default)]
pub(crate) struct Closings {
    /// All of them, in the order of the subsets.
    pub(crate) all: Vec<Closing>,
    /// No pod is sent there.
    pub(crate) closed: Closed,
    /// One pod is to be sent there.
    pub(crate) probing: Closed,
    /// Subsets that were closed a moment ago, or longer than was thought.
    pub(crate) newly: Vec<SubsetIx>,
    /// Names of subsets that are open again.
    pub(crate) reopened: Vec<String>,
}

/// What the pods of one subset tell.
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    /// One waits longer than it is left to.
    is_stuck: bool,
    /// One that can be moved, or that came after the subset was to be tried, waits longer than it is left to: it is
    /// still full.
    is_still_full: bool,
    /// One that can be moved waits longer than it is left to.
    is_to_move: bool,
    /// One that came after the subset was to be tried waits.
    is_tried: bool,
    /// One that came after the subset was to be tried has a node.
    has_place: bool,
}

impl Planning<'_> {
    /// What is closed now, by what was remembered and what the pods tell.
    pub(crate) fn closings(&mut self, spread: &Spread) -> Closings {
        let remembered = self.world.closings.get(self.id).map_or(&[][..], Vec::as_slice);
        let Some(patience) = spread.patience() else {
            return Closings {
                reopened: remembered.iter().map(|closing| closing.subset.clone()).collect(),
                ..Closings::default()
            };
        };
        let remembered: Vec<Closing> = remembered
            .iter()
            .map(|closing| closing.within(patience, self.now))
            .collect();
        let remembered = remembered.as_slice();
        let replicas = replicas(self.world, spread);
        let is_known = replicas.is_some() || !needs_replicas(spread);
        let observation = self.observe(spread, None, replicas);
        let signs = self.signs(spread, remembered, patience);
        let is_moving = self.is_recreating() || signs.iter().any(|signs| signs.is_to_move);
        let mut now = Closings::default();
        let mut skipped: Closed = remembered
            .iter()
            .filter_map(|closing| spread.subset_named(&closing.subset))
            .collect();
        for (ix, (subset, signs)) in spread.subsets().iter().zip(signs).enumerate() {
            let ix = SubsetIx::new(ix);
            let known = remembered.iter().find(|closing| closing.subset == subset.name());
            let may_close = is_known && has_elsewhere(spread, &observation, &skipped.with(ix), ix);
            let anew = || Closing {
                subset: subset.name().to_owned(),
                since: self.now,
                until: self.now.plus(patience.closed_millis),
            };
            let is_probing = match known {
                None if signs.is_stuck && may_close => {
                    now.all.push(anew());
                    now.newly.push(ix);
                    skipped = skipped.with(ix);
                    false
                }
                None => continue,
                Some(closing) if closing.until > self.now => {
                    now.all.push(closing.clone());
                    false
                }
                Some(_) if signs.is_still_full && may_close => {
                    now.all.push(anew());
                    now.newly.push(ix);
                    false
                }
                Some(closing) if signs.has_place => {
                    now.reopened.push(closing.subset.clone());
                    continue;
                }
                Some(closing) => {
                    now.all.push(closing.clone());
                    !signs.is_tried
                }
            };
            let which = if is_probing {
                &mut now.probing
            } else {
                &mut now.closed
            };
            *which = which.with(ix);
        }
        let gone = remembered
            .iter()
            .filter(|closing| spread.subset_named(&closing.subset).is_none());
        now.reopened.extend(gone.map(|closing| closing.subset.clone()));
        self.try_none_while_pods_move(spread, &observation, is_moving, &mut now);
        // Where nothing else is left, a pod without a subset would be worse off than one that waits.
        let ladder = Ladder::new(spread, observation.replicas, &now.closed);
        if ladder.free(&observation.taken).next().is_none() {
            now.closed = Closed::none();
        }
        for closing in &now.all {
            if closing.until > self.now {
                self.wake(closing.until);
            }
        }
        now
    }

    /// No subset is tried while pods move on, as long as there is a place elsewhere: the pod that is made in place of a
    /// stuck one would be the one that tries, and could go from one full pool to the other for ever.
    fn try_none_while_pods_move(
        &mut self,
        spread: &Spread,
        observation: &Observation,
        is_moving: bool,
        now: &mut Closings,
    ) {
        if !is_moving || now.probing == Closed::none() {
            return;
        }
        let skipped = now.skipped();
        let ladder = Ladder::new(spread, observation.replicas, &skipped);
        if ladder.free(&observation.taken).next().is_some() {
            now.closed = skipped;
            now.probing = Closed::none();
            if let Some(last) = self.last_recreated() {
                self.wake(last.plus(RECREATE_MILLIS));
            }
        }
    }

    /// When a pod was last deleted to be made anew, if its successor may still be on its way.
    fn last_recreated(&self) -> Option<UnixMillis> {
        let recreated = self.world.recreated.get(self.id)?.iter().max()?;
        is_recent(*recreated, self.now, RECREATE_MILLIS).then_some(*recreated)
    }

    fn is_recreating(&self) -> bool {
        self.last_recreated().is_some()
    }

    /// Tells what is closed or open from now on.
    pub(crate) fn tell_of(&mut self, spread: &Spread, closings: &Closings) {
        for subset in &closings.newly {
            let name = spread
                .subset(*subset)
                .map_or("?", placement_core::spread::Subset::name);
            let until = closings.named(name).map_or(self.now, |closing| closing.until);
            let seconds = until.since(self.now) / 1000;
            let text =
                format!("there is no node for pods of subset {name}: no more are sent there for {seconds} s");
            self.note(Severity::Warning, "SubsetClosed", text);
        }
        for name in &closings.reopened {
            let text = format!("pods are sent to subset {name} again");
            self.note(Severity::Normal, "SubsetReopened", text);
        }
    }

    fn signs(&mut self, spread: &Spread, remembered: &[Closing], patience: Patience) -> Vec<Signs> {
        let world = self.world;
        let mut signs = vec![Signs::default(); spread.subsets().len()];
        for pod in world.pods_of(self.id) {
            let subset = pod.facts().subset.and_then(|name| spread.subset_named(name));
            let Some((subset, signs)) =
                subset.and_then(|subset| Some((subset, signs.get_mut(subset.index())?)))
            else {
                continue;
            };
            let name = spread.subset(subset).map(placement_core::spread::Subset::name);
            let closing = remembered
                .iter()
                .find(|closing| Some(closing.subset.as_str()) == name);
            let is_probe = closing.is_some_and(|closing| {
                // What is bound at this moment has no annotation yet.
                closing.until <= self.now && (pod.record.gated || pod.started() >= closing.until)
            });
            if pod.record.node.is_some() {
                signs.has_place |= is_probe;
                continue;
            }
            signs.is_tried |=
                is_probe && pod.record.is_active() && !pod.facts().terminating && !pod.record.gated_by_others;
            if let Some(since) = self.waits_in(spread, pod, subset) {
                let due = since.plus(patience.critical_millis);
                if due <= self.now {
                    signs.is_stuck = true;
                    signs.is_to_move |= self.may_be_moved(spread, pod, subset);
                    signs.is_still_full |= is_probe || signs.is_to_move;
                } else {
                    self.wake(due);
                }
            }
        }
        signs
    }

    /// Since when a pod waits in its subset in vain. Whom a reopened subset still has no place for gets as long again;
    /// one that cannot be moved anyway is not let close it a second time, for it may fit nowhere.
    pub(super) fn waits_in(&self, spread: &Spread, pod: &KnownPod, subset: SubsetIx) -> Option<UnixMillis> {
        let since = pod.stuck_since()?;
        let name = spread.subset(subset)?.name();
        let reopened = self.world.reopened.get(&(self.id.clone(), name.to_owned()));
        let Some(reopened) = reopened else {
            return Some(since);
        };
        (pod.started() >= *reopened || self.may_be_moved(spread, pod, subset)).then(|| since.max(*reopened))
    }
}

/// Whether pods that are not sent to these subsets find a place. The last subset of an ordered fill is never closed: that
/// is what all others spill into.
fn has_elsewhere(spread: &Spread, observation: &Observation, closed: &Closed, subset: SubsetIx) -> bool {
    let is_last = matches!(spread.fill(), Fill::InOrder(_)) && subset.index() + 1 == spread.subsets().len();
    let ladder = Ladder::new(spread, observation.replicas, closed);
    !is_last && ladder.free(&observation.taken).next().is_some()
}

impl Closings {
    /// What pods other than a probe pass by.
    pub(crate) fn skipped(&self) -> Closed {
        self.probing
            .iter()
            .fold(self.closed.clone(), |closed, subset| closed.with(subset))
    }

    pub(crate) fn named(&self, subset: &str) -> Option<&Closing> {
        self.all.iter().find(|closing| closing.subset == subset)
    }
}

impl Closing {
    /// As it can be under a rule: anybody may write a ledger, and clocks differ.
    fn within(&self, patience: Patience, now: UnixMillis) -> Self {
        let since = self.since.min(now);
        Self {
            subset: self.subset.clone(),
            since,
            until: self.until.min(since.plus(patience.closed_millis)),
        }
    }

    /// As it is published; what cannot be read is none.
    pub(crate) fn read(status: &ClosingStatus) -> Option<Self> {
        Some(Self {
            subset: status.subset.clone(),
            since: UnixMillis::parse(&status.since)?,
            until: UnixMillis::parse(&status.until)?,
        })
    }

    pub(crate) fn status(&self) -> ClosingStatus {
        ClosingStatus {
            subset: self.subset.clone(),
            since: self.since.to_string(),
            until: self.until.to_string(),
        }
    }
}
