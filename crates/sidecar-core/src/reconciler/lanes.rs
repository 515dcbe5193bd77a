//! The order of writes: the spreads take turns, the steps of one kind of a spread go one after the other, so many at a
//! time; no kind waits for another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use reconcile_core::{Action, SpreadId, Step};

/// A kind of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Gates that are opened and pods that are deleted: somebody waits for each.
    Gates,
    /// Marks on pods that run: costs, adoption.
    Marks,
    /// Ledgers: admissions read them, so they never wait for 1,500 pods.
    Ledgers,
    /// Events for people.
    Notes,
}

impl Lane {
    const ALL: [Self; 4] = [Self::Gates, Self::Ledgers, Self::Marks, Self::Notes];

    /// The lane of a step.
    pub(super) fn of(step: &Step) -> Self {
        match step.action {
            Action::Bind { .. } | Action::Release { .. } | Action::DeletePod { .. } => Self::Gates,
            Action::Move { .. } | Action::Recreate { .. } | Action::Evict { .. } => Self::Gates,
            Action::PatchCost { .. } | Action::Adopt { .. } => Self::Marks,
            Action::PublishLedger(_) | Action::RemoveLedger => Self::Ledgers,
            Action::Note(_) => Self::Notes,
        }
    }
}

/// A write, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub(super) u64);

/// A step that waits for its turn, and the number of its write.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: WriteId,
    /// Without its patch, which whoever sends it holds.
    pub(super) step: Arc<Step>,
}

/// How many writes of a lane are on their way at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of gates and, a quarter of it, of marks.
    pub pods: usize,
    /// Of ledgers.
    pub ledgers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pods: 64, ledgers: 8 }
    }
}

/// More Events than this are not kept waiting: people read the first ones.
const MOST_NOTES: usize = 200;

/// The queues.
#[derive(Debug)]
pub(super) struct Lanes {
    limits: Limits,
    gates: Queue,
    marks: Queue,
    ledgers: Queue,
    notes: Queue,
}

/// What waits in a lane. A burst of one spread keeps another's single pod waiting for one turn, not for all of it.
#[derive(Debug, Default)]
struct Queue {
    /// No queue in it is empty.
    waiting: BTreeMap<SpreadId, VecDeque<Job>>,
    /// The spreads that have something waiting, each once; the next to be served first.
    turns: VecDeque<SpreadId>,
    on_their_way: usize,
}

impl Queue {
    fn push(&mut self, job: Job) {
        if let Some(waiting) = self.waiting.get_mut(&job.step.spread) {
            waiting.push_back(job);
        } else {
            let spread = job.step.spread.clone();
            self.turns.push_back(spread.clone());
            self.waiting.insert(spread, VecDeque::from([job]));
        }
    }

    fn pop(&mut self) -> Option<Job> {
        let spread = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&spread)?;
        let job = waiting.pop_front();
        if waiting.is_empty() {
            // A burst is over: its room is given back.
            self.waiting.remove(&spread);
        } else {
            self.turns.push_back(spread);
        }
        job
    }

    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    fn clear(&mut self) {
        self.waiting.clear();
        self.turns.clear();
    }
}

impl Lanes {
    /// Empty ones.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            gates: Queue::default(),
            marks: Queue::default(),
            ledgers: Queue::default(),
            notes: Queue::default(),
        }
    }

    /// Whether a step would be kept waiting: not one more Event where very many wait.
    pub(super) fn has_room_for(&mut self, step: &Step) -> bool {
        let lane = Lane::of(step);
        lane != Lane::Notes || self.queue(lane).len() < MOST_NOTES
    }

    /// Adds a step behind those of its kind and spread.
    pub(super) fn push(&mut self, job: Job) {
        let lane = Lane::of(&job.step);
        self.queue(lane).push(job);
    }

    /// The next step that may be written now. It counts as on its way until [`Lanes::ended`].
    pub(super) fn next_job(&mut self) -> Option<Job> {
        Lane::ALL.into_iter().find_map(|lane| {
            let limit = self.limit(lane);
            let queue = self.queue(lane);
            let job = (queue.on_their_way < limit).then(|| queue.pop()).flatten()?;
            queue.on_their_way += 1;
            Some(job)
        })
    }

    /// A step of a lane ended.
    pub(super) fn ended(&mut self, lane: Lane) {
        let queue = self.queue(lane);
        queue.on_their_way = queue.on_their_way.saturating_sub(1);
    }

    /// Drops what waits; what that was.
    pub(super) fn clear(&mut self) -> Vec<WriteId> {
        let mut dropped = Vec::new();
        for lane in Lane::ALL {
            let queue = self.queue(lane);
            dropped.extend(queue.waiting.values().flatten().map(|job| job.id));
            queue.clear();
        }
        dropped
    }

    /// Whether nothing waits and nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        let all = [&self.gates, &self.marks, &self.ledgers, &self.notes];
        self.on_their_way() == 0 && all.iter().all(|queue| queue.waiting.is_empty())
    }

    /// How many writes are on their way.
    pub(super) fn on_their_way(&self) -> usize {
        [&self.gates, &self.marks, &self.ledgers, &self.notes]
            .iter()
            .map(|queue| queue.on_their_way)
            .sum()
    }

    fn limit(&self, lane: Lane) -> usize {
        let limit = match lane {
            Lane::Gates => self.limits.pods,
            Lane::Marks => self.limits.pods / 4,
            Lane::Ledgers => self.limits.ledgers,
            Lane::Notes => 2,
        };
        limit.max(1)
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Gates => &mut self.gates,
            Lane::Marks => &mut self.marks,
            Lane::Ledgers => &mut self.ledgers,
            Lane::Notes => &mut self.notes,
        }
    }
}

#[cfg(test)]
mod tests {
    use reconcile_core::{Note, PodRef, Severity};

    use super::*;

    fn job(action: Action) -> Job {
        job_of("web", action)
    }

    fn job_of(spread: &str, action: Action) -> Job {
        let spread = SpreadId {
            namespace: "shop".to_owned(),
            name: spread.to_owned(),
        };
        Job {
            id: WriteId(0),
            step: Arc::new(Step { spread, action }),
        }
    }

    fn pod(name: &str) -> Job {
        pod_of("web", name)
    }

    fn pod_of(spread: &str, name: &str) -> Job {
        let pod = PodRef {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: name.to_owned(),
        };
        job_of(spread, Action::DeletePod { pod, version: None })
    }

    fn note() -> Job {
        let note = Note {
            regarding: None,
            uid: None,
            severity: Severity::Normal,
            reason: "R",
            text: String::new(),
        };
        job(Action::Note(note))
    }

    fn drain(lanes: &mut Lanes) -> Vec<String> {
        core::iter::from_fn(|| lanes.next_job())
            .map(|job| {
                job.step
                    .action
                    .pod()
                    .map_or_else(|| job.step.action.word().to_owned(), |pod| pod.name.clone())
            })
            .collect()
    }

    #[test]
    fn pods_go_in_the_order_they_came_so_many_at_a_time() {
        let mut lanes = Lanes::new(Limits { pods: 2, ledgers: 1 });
        for name in ["a", "b", "c", "d"] {
            lanes.push(pod(name));
        }
        assert_eq!(drain(&mut lanes), ["a", "b"]);
        assert_eq!(drain(&mut lanes), [""; 0]);
        lanes.ended(Lane::Gates);
        assert_eq!(drain(&mut lanes), ["c"]);
        assert_eq!(lanes.on_their_way(), 2);
    }

    #[test]
    fn a_burst_of_one_spread_keeps_no_other_waiting() {
        let mut lanes = Lanes::new(Limits { pods: 2, ledgers: 1 });
        for number in 0..3000 {
            lanes.push(pod_of("web", &format!("web-{number}")));
        }
        assert_eq!(drain(&mut lanes), ["web-0", "web-1"]);
        for (spread, name) in [("db", "db-0"), ("db", "db-1"), ("api", "api-0")] {
            lanes.push(pod_of(spread, name));
        }
        let mut next = || {
            lanes.ended(Lane::Gates);
            drain(&mut lanes).join(" ")
        };
        let served: Vec<String> = (0..7).map(|_| next()).collect();
        assert_eq!(
            served,
            ["web-2", "db-0", "api-0", "web-3", "db-1", "web-4", "web-5"]
        );
    }

    #[test]
    fn every_step_is_served_once_in_the_order_of_its_spread() {
        let mut lanes = Lanes::new(Limits { pods: 64, ledgers: 1 });
        for number in 0..100 {
            let spread = ["a", "b", "c"][usize::from(number % 7 == 0) + usize::from(number % 3 == 0)];
            lanes.push(pod_of(spread, &format!("{spread}-{number:03}")));
        }
        let mut served = Vec::new();
        while let Some(job) = lanes.next_job() {
            served.push(job.step.action.pod().unwrap().name.clone());
            lanes.ended(Lane::Gates);
        }
        assert_eq!(served.len(), 100);
        let mut sorted = served.clone();
        sorted.sort();
        served.sort_by_key(|name| name.as_bytes()[0]);
        assert_eq!(served, sorted);
        assert!(lanes.gates.waiting.is_empty() && lanes.gates.turns.is_empty());
    }

    #[test]
    fn a_ledger_does_not_wait_for_pods() {
        let mut lanes = Lanes::new(Limits { pods: 1, ledgers: 1 });
        lanes.push(pod("a"));
        lanes.push(pod("b"));
        lanes.push(job(Action::RemoveLedger));
        lanes.push(note());
        assert_eq!(drain(&mut lanes), ["a", "unpublish", "event"]);
    }

    #[test]
    fn a_flood_of_events_is_cut() {
        let mut lanes = Lanes::new(Limits::default());
        let mut taken = 0;
        while lanes.has_room_for(&note().step) {
            lanes.push(note());
            taken += 1;
        }
        assert_eq!(taken, MOST_NOTES);
        assert!(lanes.has_room_for(&pod("a").step));
    }

    #[test]
    fn what_waits_can_be_dropped_what_is_on_its_way_cannot() {
        let mut lanes = Lanes::new(Limits { pods: 1, ledgers: 1 });
        lanes.push(pod("a"));
        lanes.push(pod("b"));
        assert_eq!(drain(&mut lanes), ["a"]);
        assert_eq!(lanes.clear().len(), 1);
        assert!(!lanes.is_idle());
        assert_eq!(lanes.on_their_way(), 1);
        lanes.ended(Lane::Gates);
        assert_eq!(drain(&mut lanes), [""; 0]);
        assert!(lanes.is_idle());
    }
}
