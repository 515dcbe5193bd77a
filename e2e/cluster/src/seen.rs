//! What a witness has seen: the pods there are, and the most that were ever in a subset.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;

/// The label that says which subset a pod is in.
pub const SUBSET_LABEL: &str = "spillway.dev/subset";
/// The label that says which spread a pod belongs to.
pub const SPREAD_LABEL: &str = "spillway.dev/spread";
/// The gate of pods that are bound later.
pub const GATE: &str = "spillway.dev/placement";

const REVISION_LABEL: &str = "pod-template-hash";
const COST_ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";
const DECISION_ANNOTATION: &str = "spillway.dev/decision";

/// A pod, as far as tests ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodState {
    /// Its uid.
    pub uid: String,
    /// The subset of its label, if it has one.
    pub subset: Option<String>,
    /// The spread of its label, if it has one.
    pub spread: Option<String>,
    /// The revision of its Deployment, empty elsewhere.
    pub revision: String,
    /// Whether it waits behind our gate.
    pub gated: bool,
    /// Whether it has succeeded or failed.
    pub finished: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The node it is on.
    pub node: Option<String>,
    /// Its deletion cost; 0 without one.
    pub cost: i64,
    /// Whether it was adopted where it ran already, or let go though there was no place: no maximum is kept for it.
    pub exempt: bool,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The pods there are, by name.
    pub pods: BTreeMap<String, PodState>,
    /// The events.
    pub events: usize,
    /// How often events may have been missed.
    pub gaps: usize,
    placed: Counts<String>,
    placed_by_revision: Counts<(String, String)>,
    standing: Counts<String>,
    bound: Counts<String>,
    bound_by_revision: Counts<(String, String)>,
    ever_placed: BTreeSet<String>,
    states: Counts<State>,
}

/// What a pod can be, beside its subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Active,
    Staying,
    Gated,
    Ready,
    Unplaced,
}

#[derive(Clone, Debug)]
struct Counts<K> {
    now: BTreeMap<K, usize>,
    most: BTreeMap<K, usize>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self {
            now: BTreeMap::new(),
            most: BTreeMap::new(),
        }
    }
}

impl PodState {
    /// Reads a pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let label = |key: &str| {
            pod.metadata
                .labels
                .as_ref()
                .and_then(|labels| labels.get(key))
                .cloned()
        };
        let annotation = |key: &str| {
            let annotations = pod.metadata.annotations.as_ref();
            annotations.and_then(|annotations| annotations.get(key))
        };
        let cost = annotation(COST_ANNOTATION);
        let decision = annotation(DECISION_ANNOTATION);
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let gates = pod
            .spec
            .iter()
            .flat_map(|spec| spec.scheduling_gates.iter().flatten());
        let mut conditions = pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten());
        Self {
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            subset: label(SUBSET_LABEL),
            spread: label(SPREAD_LABEL),
            revision: label(REVISION_LABEL).unwrap_or_default(),
            gated: gates.into_iter().any(|gate| gate.name == GATE),
            finished: matches!(phase, Some("Succeeded" | "Failed")),
            ready: conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True"),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            cost: cost.and_then(|cost| cost.parse().ok()).unwrap_or_default(),
            exempt: decision
                .is_some_and(|decision| decision.contains(": adopted") || decision.starts_with("released: ")),
        }
    }

    /// The subset that it takes a place of: a gated, finished or terminating pod takes none.
    #[must_use]
    pub fn placed(&self) -> Option<&str> {
        self.standing().filter(|_| !self.terminating)
    }

    /// The same where a pod that is going still takes its place (`terminating: Counted`).
    #[must_use]
    pub fn standing(&self) -> Option<&str> {
        if self.gated || self.finished {
            return None;
        }
        self.subset.as_deref()
    }
}

impl Seen {
    /// The pods that take a place of a subset now.
    #[must_use]
    pub fn placed(&self, subset: &str) -> usize {
        self.placed.now.get(subset).copied().unwrap_or_default()
    }

    /// The most pods that ever took a place of a subset at one moment.
    #[must_use]
    pub fn most_placed(&self, subset: &str) -> usize {
        self.placed.most.get(subset).copied().unwrap_or_default()
    }

    /// The most pods that ever stood in a subset at one moment, those on their way out included.
    #[must_use]
    pub fn most_standing(&self, subset: &str) -> usize {
        self.standing.most.get(subset).copied().unwrap_or_default()
    }

    /// The most pods of any one revision that ever took a place of a subset at one moment.
    #[must_use]
    pub fn most_placed_of_a_revision(&self, subset: &str) -> usize {
        self.placed_by_revision
            .most
            .iter()
            .filter(|((_, of), _)| of == subset)
            .map(|(_, most)| *most)
            .max()
            .unwrap_or_default()
    }

    /// The most pods that were placed or bound in a subset, exempt ones left out, at one moment: what a maximum of the
    /// workload is about.
    #[must_use]
    pub fn most_bound(&self, subset: &str) -> usize {
        self.bound.most.get(subset).copied().unwrap_or_default()
    }

    /// The same of any one revision: what a maximum of a revision is about.
    #[must_use]
    pub fn most_bound_of_a_revision(&self, subset: &str) -> usize {
        let of_subset = self.bound_by_revision.most.iter();
        of_subset
            .filter(|((_, of), _)| of == subset)
            .map(|(_, most)| *most)
            .max()
            .unwrap_or_default()
    }

    /// How many pods had a place and gave it up.
    #[must_use]
    pub fn given_up(&self) -> usize {
        let hold = self.pods.values().filter(|pod| pod.placed().is_some());
        self.ever_placed.len() - hold.count()
    }

    /// Of how many revisions there are pods that have not finished.
    #[must_use]
    pub fn revisions(&self) -> usize {
        let active = self.pods.values().filter(|pod| !pod.finished);
        active.map(|pod| &pod.revision).collect::<BTreeSet<_>>().len()
    }

    /// Pods by subset, now.
    #[must_use]
    pub fn split(&self) -> BTreeMap<String, usize> {
        self.placed.now.clone()
    }

    /// The pods behind our gate, now.
    #[must_use]
    pub fn gated(&self) -> usize {
        self.now(State::Gated)
    }

    /// The most pods that were ever behind our gate at one moment.
    #[must_use]
    pub fn most_gated(&self) -> usize {
        self.states.most.get(&State::Gated).copied().unwrap_or_default()
    }

    /// The pods that are not finished, gated and terminating ones included.
    #[must_use]
    pub fn active(&self) -> usize {
        self.now(State::Active)
    }

    /// The pods that are neither finished nor being deleted, gated ones included.
    #[must_use]
    pub fn staying(&self) -> usize {
        self.now(State::Staying)
    }

    /// The pods that are ready, not finished and not being deleted.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.now(State::Ready)
    }

    /// The pods that are neither placed nor gated nor finished.
    #[must_use]
    pub fn unplaced(&self) -> usize {
        self.now(State::Unplaced)
    }

    /// Whether there are exactly so many pods, all of them ready, none on its way out.
    #[must_use]
    pub fn settled_at(&self, pods: usize) -> bool {
        self.pods.len() == pods && self.ready() == pods
    }

    /// The same, whoever is still on its way out.
    #[must_use]
    pub fn replaced_at(&self, pods: usize) -> bool {
        self.staying() == pods && self.ready() == pods
    }

    fn now(&self, state: State) -> usize {
        self.states.now.get(&state).copied().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, name: String, pod: PodState) {
        // The counts must not see a pod twice, nor for a moment not at all.
        let old = self.pods.insert(name, pod.clone());
        if let Some(old) = old {
            self.count(&old, false);
        }
        self.count(&pod, true);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(old) = self.pods.remove(name) {
            self.count(&old, false);
        }
    }

    fn count(&mut self, pod: &PodState, there: bool) {
        let states = [
            (State::Active, !pod.finished),
            (State::Staying, !pod.finished && !pod.terminating),
            (State::Gated, pod.gated && !pod.finished),
            (State::Ready, pod.ready && !pod.terminating && !pod.finished),
            (
                State::Unplaced,
                !pod.finished && !pod.gated && pod.subset.is_none(),
            ),
        ];
        for (state, _) in states.into_iter().filter(|(_, is)| *is) {
            self.states.change(state, there);
        }
        if let Some(subset) = pod.standing() {
            self.standing.change(subset.to_owned(), there);
        }
        if let Some(subset) = pod.placed() {
            self.placed.change(subset.to_owned(), there);
            let of_revision = (pod.revision.clone(), subset.to_owned());
            self.placed_by_revision.change(of_revision.clone(), there);
            if !pod.exempt {
                self.bound.change(subset.to_owned(), there);
                self.bound_by_revision.change(of_revision, there);
            }
            if there {
                self.ever_placed.insert(pod.uid.clone());
            }
        }
    }
}

impl<K: Ord + Clone> Counts<K> {
    fn change(&mut self, key: K, up: bool) {
        let count = self.now.entry(key.clone()).or_default();
        if up {
            *count += 1;
            let most = self.most.entry(key).or_default();
            *most = (*most).max(*count);
        } else {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.now.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(subset: &str, revision: &str) -> PodState {
        PodState {
            uid: String::new(),
            subset: Some(subset.to_owned()),
            spread: None,
            revision: revision.to_owned(),
            gated: false,
            finished: false,
            ready: true,
            terminating: false,
            node: None,
            cost: 0,
            exempt: false,
        }
    }

    #[test]
    fn the_most_is_remembered_when_it_is_over() {
        let mut seen = Seen::default();
        seen.put("a".to_owned(), pod("fixed", "1"));
        seen.put("b".to_owned(), pod("fixed", "1"));
        seen.put("c".to_owned(), pod("fixed", "2"));
        seen.remove("a");
        seen.put("c".to_owned(), pod("elastic", "2"));
        assert_eq!((seen.placed("fixed"), seen.placed("elastic")), (1, 1));
        assert_eq!(
            (seen.most_placed("fixed"), seen.most_placed_of_a_revision("fixed")),
            (3, 2)
        );
        assert!(seen.settled_at(2));
    }

    #[test]
    fn who_was_adopted_is_not_bound_and_who_gave_a_place_up_is_counted() {
        let named = |uid: &str| PodState {
            uid: uid.to_owned(),
            ..pod("fixed", "1")
        };
        let mut seen = Seen::default();
        seen.put("a".to_owned(), named("a"));
        let adopted = PodState {
            exempt: true,
            ..named("b")
        };
        seen.put("b".to_owned(), adopted);
        let leaving = PodState {
            terminating: true,
            ..named("a")
        };
        seen.put("a".to_owned(), leaving);
        seen.put("c".to_owned(), named("c"));
        assert_eq!(
            (
                seen.most_standing("fixed"),
                seen.most_placed("fixed"),
                seen.most_bound("fixed"),
                seen.most_bound_of_a_revision("fixed")
            ),
            (3, 2, 1, 1)
        );
        seen.remove("a");
        assert_eq!(seen.given_up(), 1);
    }

    #[test]
    fn one_pod_that_changes_is_never_two() {
        let mut seen = Seen::default();
        let gated = PodState {
            gated: true,
            ready: false,
            ..pod("fixed", "1")
        };
        seen.put("a".to_owned(), gated);
        assert_eq!((seen.gated(), seen.placed("fixed"), seen.active()), (1, 0, 1));
        seen.put("a".to_owned(), pod("fixed", "1"));
        let leaving = PodState {
            terminating: true,
            ..pod("fixed", "1")
        };
        seen.put("a".to_owned(), leaving);
        assert_eq!(
            (seen.placed("fixed"), seen.most_placed("fixed"), seen.ready()),
            (0, 1, 0)
        );
        assert!(seen.replaced_at(0) && !seen.settled_at(0));
        let finished = PodState {
            finished: true,
            ..pod("fixed", "1")
        };
        seen.put("a".to_owned(), finished);
        assert_eq!(
            (seen.placed("fixed"), seen.active(), seen.most_gated()),
            (0, 0, 1)
        );
    }
}
