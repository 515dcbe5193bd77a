//! What each watch shows: so that what vanished while a watch was broken is told to be gone, and what one watch lost to
//! another is not.

use core::time::Duration;
use std::collections::BTreeMap;

use reconcile_core::{Event, SpreadId, WorkloadId};

use super::source::{Source, What};
use crate::time::Moment;

/// Which object. There is one of each pod: it is kept small.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The pod of this uid.
    Pod(Box<str>),
    /// A workload.
    Workload(Box<WorkloadId>),
    /// A node.
    Node(Box<str>),
    /// A ledger.
    Ledger(Box<SpreadId>),
}

/// A pod that leaves the watch of the others is, for the most part, about to enter that of the placed ones. For so long
/// it counts as it was: a moment without it could give its place away.
const BETWEEN: Duration = Duration::from_secs(2);

/// Pauses of a watch that fails are at most so long.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A watch that fails is tried again, and shows what happened meanwhile, within so long, or fails again.
const LATE: Duration = LONGEST_PAUSE.saturating_add(Duration::from_secs(10));

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    sources: BTreeMap<Source, Book>,
    between: BTreeMap<Key, Moment>,
    /// The watch of the placed pods failed a moment ago: until then it may not have shown yet what it would.
    placed_is_late_until: Option<Moment>,
}

#[derive(Debug, Default)]
struct Book {
    /// Each with the number of the listing in or since which it was seen last.
    keys: BTreeMap<Key, u32>,
    /// The number of the latest listing.
    listing: u32,
    is_listing: bool,
    state: State,
}

/// How far a source is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It was not listed yet.
    #[default]
    Unknown,
    /// It was listed.
    Listed,
    /// The kind does not exist.
    Absent,
    /// It may not be listed.
    Forbidden,
}

impl Key {
    /// The event that tells that it is no more.
    #[must_use]
    pub fn gone(self) -> Event {
        match self {
            Self::Pod(uid) => Event::PodGone { uid: uid.into() },
            Self::Workload(id) => Event::WorkloadGone(*id),
            Self::Node(name) => Event::NodeGone(name.into()),
            Self::Ledger(id) => Event::LedgerGone(*id),
        }
    }
}

impl Shown {
    /// A source is to be listed anew; what it showed is shown until then.
    pub(crate) fn restart(&mut self, source: &Source) {
        let book = self.sources.entry(source.clone()).or_default();
        book.is_listing = false;
        book.state = State::Unknown;
    }

    /// A listing begins.
    pub(crate) fn began(&mut self, source: &Source) {
        let book = self.sources.entry(source.clone()).or_default();
        book.listing = book.listing.wrapping_add(1);
        book.is_listing = true;
    }

    /// A source shows an object.
    pub(crate) fn saw(&mut self, source: &Source, key: &Key) {
        self.between.remove(key);
        let book = self.sources.entry(source.clone()).or_default();
        book.keys.insert(key.clone(), book.listing);
    }

    /// A source shows an object no more; whether it is gone.
    pub(crate) fn lost(&mut self, source: &Source, key: &Key, is_ending: bool, now: Moment) -> bool {
        if let Some(book) = self.sources.get_mut(source) {
            book.keys.remove(key);
        }
        if self.is_shown(key) {
            return false;
        }
        if source.what == What::OtherPods && !is_ending {
            self.between.insert(key.clone(), now + BETWEEN);
            return false;
        }
        true
    }

    /// A listing is complete; what is gone.
    pub(crate) fn listed(&mut self, source: &Source) -> Vec<Key> {
        let book = self.sources.entry(source.clone()).or_default();
        book.state = State::Listed;
        if source.what == What::PlacedPods {
            self.placed_is_late_until = None;
        }
        if !core::mem::take(&mut book.is_listing) {
            return Vec::new();
        }
        let is_old = |listing: &u32| *listing != book.listing;
        let old = book.keys.iter().filter(|(_, listing)| is_old(listing));
        let old: Vec<Key> = old.map(|(key, _)| key.clone()).collect();
        for key in &old {
            book.keys.remove(key);
        }
        self.unshown(old)
    }

    /// A watch broke and is tried again.
    pub(crate) fn broke(&mut self, source: &Source, now: Moment) {
        if source.what == What::PlacedPods {
            self.placed_is_late_until = Some(now + LATE);
        }
    }

    /// A source cannot be listed at all. What it showed before stays.
    pub(crate) fn failed(&mut self, source: &Source, state: State) {
        let book = self.sources.entry(source.clone()).or_default();
        if book.state != State::Listed {
            book.state = state;
        }
    }

    /// A source is watched no more; what is gone with it.
    pub(crate) fn forget(&mut self, source: &Source) -> Vec<Key> {
        let book = self.sources.remove(source).unwrap_or_default();
        self.unshown(book.keys.into_keys())
    }

    /// What was between two sources for too long, and is gone.
    pub(crate) fn due(&mut self, now: Moment) -> Vec<Key> {
        if self.placed_is_late_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let due: Vec<Key> = self
            .between
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &due {
            self.between.remove(key);
        }
        due
    }

    /// When there is something due.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        let first = self.between.values().min().copied()?;
        Some(self.placed_is_late_until.map_or(first, |until| first.max(until)))
    }

    /// Whether an object is known to exist.
    pub(crate) fn knows(&self, key: &Key) -> bool {
        self.is_shown(key) || self.between.contains_key(key)
    }

    /// How far each source is.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&Source, State)> {
        self.sources.iter().map(|(source, book)| (source, book.state))
    }

    fn is_shown(&self, key: &Key) -> bool {
        self.sources.values().any(|book| book.keys.contains_key(key))
    }

    fn unshown(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        keys.into_iter().filter(|key| !self.knows(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed() -> Source {
        Source {
            what: What::PlacedPods,
            namespace: None,
        }
    }

    fn others() -> Source {
        Source {
            what: What::OtherPods,
            namespace: Some("shop".to_owned()),
        }
    }

    fn pod(uid: &str) -> Key {
        Key::Pod(uid.into())
    }

    fn list(shown: &mut Shown, source: &Source, uids: &[&str]) -> Vec<Key> {
        shown.began(source);
        for uid in uids {
            shown.saw(source, &pod(uid));
        }
        shown.listed(source)
    }

    #[test]
    fn what_vanished_while_a_watch_was_broken_is_gone() {
        let mut shown = Shown::default();
        assert_eq!(list(&mut shown, &placed(), &["a", "b", "c"]), []);
        assert_eq!(list(&mut shown, &placed(), &["b", "d"]), [pod("a"), pod("c")]);
        assert_eq!(list(&mut shown, &placed(), &["b", "d"]), []);
    }

    #[test]
    fn a_listing_that_breaks_off_takes_nothing_away() {
        let mut shown = Shown::default();
        list(&mut shown, &placed(), &["a", "b"]);
        shown.began(&placed());
        shown.saw(&placed(), &pod("a"));
        // It begins again.
        assert_eq!(list(&mut shown, &placed(), &["a", "b"]), []);
    }

    #[test]
    fn what_another_source_shows_is_not_gone() {
        let mut shown = Shown::default();
        let now = Moment::default();
        list(&mut shown, &others(), &["a", "b"]);
        list(&mut shown, &placed(), &[]);
        shown.saw(&placed(), &pod("a"));
        assert!(!shown.lost(&others(), &pod("a"), false, now));
        assert_eq!(list(&mut shown, &others(), &[]), [pod("b")]);
        assert!(shown.knows(&pod("a")));
        assert!(shown.lost(&placed(), &pod("a"), true, now));
    }

    #[test]
    fn a_pod_that_gets_its_label_is_never_away() {
        let mut shown = Shown::default();
        let now = Moment::default();
        list(&mut shown, &others(), &["a"]);
        list(&mut shown, &placed(), &[]);
        // The watch that loses it may be heard first.
        assert!(!shown.lost(&others(), &pod("a"), false, now));
        assert!(shown.knows(&pod("a")));
        assert_eq!(shown.due(now + Duration::from_secs(1)), []);
        shown.saw(&placed(), &pod("a"));
        assert_eq!(shown.next_due(), None);
        assert_eq!(shown.due(now + Duration::from_secs(60)), []);
    }

    #[test]
    fn a_pod_that_comes_nowhere_is_gone_after_a_while_and_one_that_was_ending_at_once() {
        let mut shown = Shown::default();
        let now = Moment::default();
        list(&mut shown, &others(), &["a", "b"]);
        assert!(!shown.lost(&others(), &pod("a"), false, now));
        assert_eq!(shown.due(now + BETWEEN), [pod("a")]);
        assert!(!shown.knows(&pod("a")));
        assert!(shown.lost(&others(), &pod("b"), true, now));
    }

    #[test]
    fn a_pod_is_not_gone_while_the_watch_that_would_show_it_fails() {
        let mut shown = Shown::default();
        let now = Moment::default();
        list(&mut shown, &others(), &["a", "b"]);
        list(&mut shown, &placed(), &[]);
        shown.broke(&placed(), now);
        assert!(!shown.lost(&others(), &pod("a"), false, now));
        assert_eq!(shown.due(now + BETWEEN), []);
        assert_eq!(shown.next_due(), Some(now + LATE));
        // It works again and had nothing to show.
        assert_eq!(shown.due(now + LATE), [pod("a")]);

        shown.broke(&placed(), now);
        assert!(!shown.lost(&others(), &pod("b"), false, now));
        list(&mut shown, &placed(), &[]);
        assert_eq!(shown.due(now + BETWEEN), [pod("b")]);
    }

    #[test]
    fn a_source_that_is_dropped_takes_along_what_only_it_showed() {
        let mut shown = Shown::default();
        list(&mut shown, &others(), &["a", "b"]);
        shown.saw(&placed(), &pod("a"));
        assert_eq!(shown.forget(&others()), [pod("b")]);
    }

    #[test]
    fn a_restart_keeps_what_was_shown_until_the_new_listing() {
        let mut shown = Shown::default();
        list(&mut shown, &placed(), &["a", "b"]);
        shown.restart(&placed());
        assert_eq!(
            shown.states().next().map(|(_, state)| state),
            Some(State::Unknown)
        );
        assert!(shown.knows(&pod("a")));
        assert_eq!(list(&mut shown, &placed(), &["b"]), [pod("a")]);
    }
}
