//! What is closed at a moment, for which pods, and what is being tried.

use kube_rules::time::UnixMillis;
use placement_core::ladder::Ladder;
use placement_core::{Closed, Observation};
use rules::{Patience, Spread, Subset, SubsetIx};

use super::shape::{self, Shape, both};
use super::{Closing, RECREATE_MILLIS};
use crate::gates::needs_replicas;
use crate::ledger::replicas;
use crate::moments::is_recent;
use crate::plan::Planning;
use crate::step::Severity;
use crate::world::{KnownLedger, KnownPod, Need};

/// After the last pod that got a node a subset is tried this much longer: a burst comes in parts.
const LINGER_MILLIS: i64 = 10_000;

/// So often in a row pods that are stuck elsewhere try a subset in vain for the sake of time alone. Room may come free that
/// nobody here sees, but two full pools must not send a pod to and fro for ever.
const MOST_FAILED: u32 = 2;

/// So many kinds of pods are told apart in one subset.
const MOST_SHAPES: usize = 4;

/// What is closed at a moment.
#[derive(Debug, Default)]
pub(crate) struct Closings {
    known: Vec<Known>,
    /// Subsets that were closed a moment ago, or longer than was thought.
    newly: Vec<Closing>,
    /// Names of subsets that are open again.
    reopened: Vec<String>,
    /// Pods without another place go where there is none now rather than nowhere.
    has_nothing_else: bool,
}

/// A closing and what follows from it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) subset: SubsetIx,
    pub(super) closing: Closing,
    pub(super) state: State,
    /// Whether it is tried with success.
    has_found: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No pod like it is sent there.
    Closed,
    /// So many more are sent there.
    Tried {
        left: usize,
        /// What becomes of the last ones is told soon: others wait.
        is_undecided: bool,
        /// There are signs of room, not only time has passed.
        is_evident: bool,
    },
}

impl<'w> Planning<'w> {
    /// What is closed now, by what was remembered and what the pods tell.
    pub(crate) fn closings(&mut self, spread: &Spread) -> Closings {
        let remembered = self.world.closings.get(self.id).map_or(&[][..], Vec::as_slice);
        let Some(patience) = spread.patience() else {
            return Closings {
                reopened: remembered.iter().map(|closing| closing.subset.clone()).collect(),
                ..Closings::default()
            };
        };
        let stuck = self.stuck(spread, patience);
        let mut now = Closings::default();
        for closing in remembered {
            let closing = closing.within(patience, self.now);
            match spread.subset_named(&closing.subset) {
                Some(subset) => self.look_at(spread, subset, closing, patience, !stuck.is_empty(), &mut now),
                None => now.reopened.push(closing.subset),
            }
        }
        let replicas = replicas(self.world, spread);
        let observation = self.observe(spread, None, replicas);
        if replicas.is_some() || !needs_replicas(spread) {
            self.close(spread, &observation, &stuck, patience, &mut now);
        }
        self.try_none_while_pods_move(spread, &observation, &stuck, &mut now);
        // Where nothing else is left, a pod without a subset would be worse off than one that waits.
        let closed = now.closed();
        let ladder = Ladder::new(spread, observation.replicas, &closed);
        now.has_nothing_else = ladder.free(&observation.taken).next().is_none();
        for known in &now.known {
            if known.closing.until > self.now {
                self.wake(known.closing.until);
            }
        }
        now
    }

    /// What is to be thought of a closing that was remembered.
    fn look_at(
        &mut self,
        spread: &Spread,
        subset: SubsetIx,
        mut closing: Closing,
        patience: Patience,
        is_sought: bool,
        now: &mut Closings,
    ) {
        let roomier = self.roomier_since(spread, subset, &closing, closing.since);
        let is_ahead = closing.until > self.now;
        if let Some(at) = roomier.filter(|_| is_ahead) {
            closing.until = at.min(self.now);
        }
        let is_early = closing.until.since(closing.since) < patience.closed_millis;
        let mut has_found = false;
        let state = if closing.until > self.now {
            State::Closed
        } else if is_early && !self.is_told(&closing) {
            // Nobody is sent there before everybody can know why.
            State::Tried {
                left: 0,
                is_undecided: !self.world.ledgers.get(self.id).is_some_and(KnownLedger::fails),
                is_evident: true,
            }
        } else {
            let tried = self.tried(spread, &closing);
            let settled = tried.last.plus(LINGER_MILLIS);
            has_found = tried.placed > 0;
            let is_settled = has_found && tried.waiting + tried.undecided == 0;
            if is_settled && settled <= self.now {
                now.reopened.push(closing.subset);
                return;
            }
            if is_settled {
                self.wake(settled);
            }
            State::Tried {
                left: match tried.waiting {
                    0 => (tried.placed + 1).saturating_sub(tried.undecided),
                    _ => 0,
                },
                is_undecided: tried.undecided > 0 && tried.waiting == 0,
                is_evident: is_early
                    || roomier.is_some()
                    || (is_sought && self.may_be_worth_a_try(spread, subset, &closing)),
            }
        };
        now.known.push(Known {
            subset,
            closing,
            state,
            has_found,
        });
    }

    /// When a node that may take such a pod last got roomier, if that was after a moment.
    fn roomier_since(
        &self,
        spread: &Spread,
        subset: SubsetIx,
        closing: &Closing,
        after: UnixMillis,
    ) -> Option<UnixMillis> {
        let waits = |pod: &&KnownPod| pod.record.outline.is_some() && closing.shape.is_like(spread, pod);
        let waiting = self.world.pods_of(self.id).find(waits);
        let tolerations = waiting.map(shape::tolerations).unwrap_or_default();
        let need = Need {
            requests: &closing.shape.requests,
            tolerations: &tolerations,
        };
        self.world.roomier(spread.subset(subset)?, &need, after)
    }

    /// Whether there may be room that came free unseen, once the time is over.
    fn may_be_worth_a_try(&self, spread: &Spread, subset: SubsetIx, closing: &Closing) -> bool {
        let ever = UnixMillis(i64::MIN);
        closing.failed < MOST_FAILED && self.roomier_since(spread, subset, closing, ever).is_some()
    }

    /// Whether the stored ledger tells of a closing as it is now.
    pub(super) fn is_told(&self, closing: &Closing) -> bool {
        let status = closing.status();
        let stored = self.world.stored_status(self.id);
        stored.is_some_and(|stored| stored.closings.contains(&status))
    }

    /// Closes the subsets in which pods are stuck that could go elsewhere.
    fn close(
        &mut self,
        spread: &Spread,
        observation: &Observation,
        stuck: &[(SubsetIx, &KnownPod)],
        patience: Patience,
        now: &mut Closings,
    ) {
        for (subset, pod) in stuck {
            let known = now.about(spread, pod).find(|known| known.subset == *subset);
            let is_news = known.is_none_or(|known| {
                known.state != State::Closed
                    && (pod.started() >= known.closing.until || self.may_be_moved(spread, pod, *subset))
            });
            if !is_news || self.elsewhere(spread, observation, now, pod, *subset).is_none() {
                continue;
            }
            let Some(name) = spread.subset(*subset).map(Subset::name) else {
                continue;
            };
            let failed = match known {
                Some(known) if !known.has_found => known.closing.failed.saturating_add(1),
                _ => 0,
            };
            let closing = Closing {
                failed,
                subset: name.to_owned(),
                since: self.now,
                until: self.now.plus(patience.closed_millis),
                shape: Shape::of(spread, pod),
            };
            now.add(*subset, closing);
        }
    }

    /// The subsets that a pod which has its subset cannot go to from there: of those that are tried it can go where there
    /// are signs of room. That time has passed is none: two full pools would send it to and fro for ever.
    pub(super) fn impassable(
        &self,
        spread: &Spread,
        now: &Closings,
        pod: &KnownPod,
        from: SubsetIx,
    ) -> Closed {
        let is_passable = |known: &&Known| {
            let State::Tried {
                left,
                is_undecided,
                is_evident,
            } = known.state
            else {
                return false;
            };
            is_evident && (left > 0 || is_undecided)
        };
        let closed = now.about(spread, pod).filter(|known| !is_passable(known));
        both(
            &self.barred_elsewhere(spread, pod),
            closed.map(|known| known.subset).chain([from]),
        )
    }

    /// Where a pod that is stuck could go.
    fn elsewhere(
        &self,
        spread: &Spread,
        observation: &Observation,
        now: &Closings,
        pod: &KnownPod,
        from: SubsetIx,
    ) -> Option<SubsetIx> {
        let skipped = self.impassable(spread, now, pod, from);
        let ladder = Ladder::new(spread, observation.replicas, &skipped);
        ladder.free(&observation.taken).next().map(|run| run.rung.subset)
    }

    /// No subset is tried for the sake of time alone while pods move on, as long as there is a place elsewhere: the pod
    /// that is made in place of a stuck one would be the one that tries, and could go from one full pool to the other for
    /// ever.
    fn try_none_while_pods_move(
        &mut self,
        spread: &Spread,
        observation: &Observation,
        stuck: &[(SubsetIx, &KnownPod)],
        now: &mut Closings,
    ) {
        let is_late = |known: &Known| {
            matches!(
                known.state,
                State::Tried {
                    is_evident: false,
                    ..
                }
            )
        };
        if !now.known.iter().any(is_late) {
            return;
        }
        let last = self.last_recreated();
        let moves = |(subset, pod): &(SubsetIx, &KnownPod)| {
            self.may_be_moved(spread, pod, *subset)
                && self.elsewhere(spread, observation, now, pod, *subset).is_some()
        };
        if last.is_none() && !stuck.iter().any(moves) {
            return;
        }
        let skipped = now.known.iter().map(|known| known.subset).collect();
        let ladder = Ladder::new(spread, observation.replicas, &skipped);
        if ladder.free(&observation.taken).next().is_none() {
            return;
        }
        for known in now.known.iter_mut().filter(|known| is_late(known)) {
            known.state = State::Closed;
        }
        if let Some(last) = last {
            self.wake(last.plus(RECREATE_MILLIS));
        }
    }

    /// When a pod was last deleted to be made anew, if its successor may still be on its way.
    fn last_recreated(&self) -> Option<UnixMillis> {
        let recreated = self.world.recreated.get(self.id)?.iter().max()?;
        is_recent(*recreated, self.now, RECREATE_MILLIS).then_some(*recreated)
    }

    /// Tells what is closed or open from now on.
    pub(crate) fn tell_of(&mut self, closings: &Closings) {
        for closing in &closings.newly {
            let seconds = closing.until.since(self.now) / 1000;
            let name = &closing.subset;
            let text = format!(
                "there is no node for pods of subset {name}: no more of that size are sent there for {seconds} s"
            );
            self.note(Severity::Warning, "SubsetClosed", text);
        }
        for name in &closings.reopened {
            let text = format!("pods are sent to subset {name} again");
            self.note(Severity::Normal, "SubsetReopened", text);
        }
    }
}

impl Closings {
    /// Whether every subset is open to every pod.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// All of them, as they are to be published.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Closing> {
        self.known.iter().map(|known| &known.closing)
    }

    /// Subsets that some pods are not sent to.
    pub(crate) fn closed(&self) -> Closed {
        self.of_state(|state| *state == State::Closed)
    }

    /// What admissions skip.
    pub(crate) fn skipped(&self) -> Closed {
        match self.has_nothing_else {
            true => Closed::none(),
            false => self.closed(),
        }
    }

    /// Subsets that pods are sent to by the binder alone.
    pub(crate) fn probing(&self) -> Closed {
        self.of_state(|state| *state != State::Closed)
    }

    fn of_state(&self, is_meant: impl Fn(&State) -> bool) -> Closed {
        let known = self.known.iter().filter(|known| is_meant(&known.state));
        both(&Closed::none(), known.map(|known| known.subset))
    }

    /// The closings that tell of a pod.
    pub(super) fn about<'c>(
        &'c self,
        spread: &'c Spread,
        pod: &'c KnownPod,
    ) -> impl Iterator<Item = &'c Known> {
        self.known
            .iter()
            .filter(|known| known.closing.shape.is_like(spread, pod))
    }

    pub(super) fn known(&self) -> &[Known] {
        &self.known
    }

    /// One more, in place of those that it says all of. Of too many the oldest is forgotten.
    fn add(&mut self, subset: SubsetIx, closing: Closing) {
        self.known.retain(|known| !known.closing.is_followed_by(&closing));
        let same = || self.known.iter().filter(|known| known.subset == subset);
        if same().count() >= MOST_SHAPES
            && let Some(oldest) = same().map(|known| known.closing.since).min()
        {
            self.known
                .retain(|known| known.subset != subset || known.closing.since != oldest);
        }
        self.newly.push(closing.clone());
        self.known.push(Known {
            subset,
            closing,
            state: State::Closed,
            has_found: false,
        });
        self.known.sort_by_key(|known| known.subset);
    }
}
