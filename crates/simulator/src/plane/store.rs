//! The API server's store, and the watches on it: each late by its own lag, each in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use reconcile_core::PodRef;
use sidecar_core::watches::{Filter, Source, What};

use super::objects::{Key, Kind, Object, Pod};
use crate::plane::setup::Lag;
use crate::random::Random;
use crate::time::Millis;

/// What is stored now.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Object>,
    /// The numbers of the pods, by namespace and name.
    names: BTreeMap<(String, String), u64>,
    version: u64,
}

/// A change, as watches deliver it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The object as it is now.
    Stored(Object),
    /// The object as it was last.
    Gone(Object),
}

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewer {
    Controllers,
    Scheduler,
    Policy(usize),
    Sidecar(usize),
}

/// A watch of one kind.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) viewer: Viewer,
    pub(crate) kind: Kind,
    lag: Lag,
    chance: Random,
    last: Millis,
    coming: VecDeque<(Millis, Change)>,
    /// Grows as the watch breaks: deliveries of an earlier life are void.
    pub(crate) life: u32,
    /// Whether it is open.
    pub(crate) open: bool,
    /// The objects that it has shown, so that a list tells what is gone.
    shown: BTreeMap<u64, Object>,
    /// The objects that it has taken, shown or still coming.
    taken: BTreeSet<u64>,
    /// What of its kind a sidecar watches; `None`: another watches all of it.
    source: Option<Source>,
    /// By which number its events are told to the sidecar, and what of it is.
    pub(crate) told: (u64, Option<Filter>),
}

impl Store {
    /// The version that the next write gets.
    pub(crate) fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(crate) fn put(&mut self, object: Object) {
        let key = object.key();
        if let Object::Pod(pod) = &object
            && !self.objects.contains_key(&key)
        {
            self.names
                .insert((pod.namespace.clone(), pod.name.clone()), key.1);
        }
        self.objects.insert(key, object);
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Object> {
        let removed = self.objects.remove(&key);
        if let Some(Object::Pod(pod)) = &removed {
            self.names.remove(&(pod.namespace.clone(), pod.name.clone()));
        }
        removed
    }

    pub(crate) fn of(&self, key: Key) -> Option<&Object> {
        self.objects.get(&key)
    }

    pub(crate) fn pod(&self, number: u64) -> Option<&Rc<Pod>> {
        self.of((Kind::Pod, number))?.pod()
    }

    pub(crate) fn pod_named(&self, namespace: &str, name: &str) -> Option<&Rc<Pod>> {
        self.pod(*self.names.get(&(namespace.to_owned(), name.to_owned()))?)
    }

    /// The pod that a sidecar means: no other of the same name.
    pub(crate) fn meant(&self, pod: &PodRef) -> Option<&Rc<Pod>> {
        self.pod_named(&pod.namespace, &pod.name)
            .filter(|stored| stored.uid == pod.uid)
    }

    /// All objects of a kind; pods in the order of their creation.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects
            .range((kind, 0)..=(kind, u64::MAX))
            .map(|(_, object)| object)
    }

    pub(crate) fn pods(&self) -> impl Iterator<Item = &Rc<Pod>> {
        self.all(Kind::Pod).filter_map(Object::pod)
    }
}

impl Watch {
    pub(crate) fn new(viewer: Viewer, kind: Kind, lag: Lag, source: Option<Source>, chance: Random) -> Self {
        Self {
            viewer,
            kind,
            lag,
            chance,
            last: Millis::ZERO,
            coming: VecDeque::new(),
            life: 0,
            open: false,
            shown: BTreeMap::new(),
            taken: BTreeSet::new(),
            source,
            told: (0, None),
        }
    }

    /// What of its kind a sidecar watches.
    pub(crate) fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Whether it is a sidecar's watch of a source.
    pub(crate) fn is_of(&self, sidecar: usize, source: &Source) -> bool {
        self.viewer == Viewer::Sidecar(sidecar) && self.source.as_ref() == Some(source)
    }

    /// A sidecar asks for it anew.
    pub(crate) fn begin(&mut self, generation: u64, filter: Filter) {
        self.told = (generation, Some(filter));
    }

    /// Whether an object is what is watched: of the namespace, and with or without the label.
    fn selects(&self, object: &Object) -> bool {
        let Some(source) = &self.source else {
            return true;
        };
        let is_here = || source.namespace.as_deref() == object.namespace();
        let is_placed = || object.pod().is_some_and(|pod| pod.carries_spread);
        (source.namespace.is_none() || is_here())
            && match source.what {
                What::PlacedPods => is_placed(),
                What::OtherPods => !is_placed(),
                What::Workloads { .. } | What::Nodes | What::Ledgers => true,
            }
    }

    /// A change as this watch tells it: what is selected no more is gone.
    fn selected(&mut self, change: &Change) -> Option<Change> {
        let (Change::Stored(object) | Change::Gone(object)) = change;
        let number = object.key().1;
        if matches!(change, Change::Stored(_)) && self.selects(object) {
            self.taken.insert(number);
            return Some(change.clone());
        }
        self.taken.remove(&number).then(|| Change::Gone(object.clone()))
    }

    /// Takes a change, if it concerns what is watched; when it will be delivered.
    pub(crate) fn take(&mut self, now: Millis, change: &Change) -> Option<Millis> {
        let change = self.selected(change)?;
        let lag = Millis(self.lag.millis + self.chance.below(self.lag.jitter + 1));
        self.last = self.last.max(now + lag);
        self.coming.push_back((self.last, change));
        Some(self.last)
    }

    /// The next change that has arrived.
    pub(crate) fn next(&mut self, now: Millis) -> Option<Change> {
        let (_, change) = self.coming.pop_front_if(|(seen, _)| *seen <= now)?;
        match &change {
            Change::Stored(object) => self.shown.insert(object.key().1, object.clone()),
            Change::Gone(object) => self.shown.remove(&object.key().1),
        };
        Some(change)
    }

    /// Ends this life; what was on its way never arrives.
    pub(crate) fn break_off(&mut self) {
        self.life += 1;
        self.open = false;
        self.coming.clear();
    }

    /// Forgets all that it showed, as a process that ends does.
    pub(crate) fn forget(&mut self) {
        self.shown.clear();
    }

    /// Lists: the changes between what was shown and what is. Later changes come as ever.
    pub(crate) fn list(&mut self, now: Millis, store: &Store) -> Vec<Change> {
        self.coming.clear();
        self.open = true;
        self.last = self.last.max(now);
        let present: BTreeMap<u64, Object> = store
            .all(self.kind)
            .filter(|object| self.selects(object))
            .map(|object| (object.key().1, object.clone()))
            .collect();
        self.taken = present.keys().copied().collect();
        let gone = self
            .shown
            .iter()
            .filter(|(number, _)| !present.contains_key(*number));
        let mut changes: Vec<Change> = gone.map(|(_, object)| Change::Gone(object.clone())).collect();
        changes.extend(present.values().cloned().map(Change::Stored));
        self.shown = present;
        changes
    }
}
