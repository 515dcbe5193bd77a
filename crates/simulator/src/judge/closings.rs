//! What must hold while subsets are closed (`scheduleStrategy: Adaptive`, docs/decisions/0012): nobody is sent there, no
//! more pods at a time try it again than found a node there before and one, a pod moves on once for each time that its
//! subset is closed, and never one that has a node. At rest nobody waits where another subset has a place and a node.
//!
//! A closing tells of pods like the one that found no node: of its template, or that ask for as much and nothing else.

use std::rc::Rc;

use kube_rules::nodes::Resources;
use kube_rules::time::UnixMillis;
use reference_model::Fill;
use serde_json::Value;

use super::Judge;
use super::pods::is_stone_beside;
use crate::plane::objects::{Kind, Object, Pod};
use crate::plane::store::Store;
use crate::time::Millis;

/// Nobody knows of something later than this: watches, and their way back after the API server was away.
const LATEST: Millis = Millis(60_000);

/// A closed subset as the stored ledger tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Closing {
    pub(super) subset: String,
    pub(super) since: UnixMillis,
    pub(super) until: UnixMillis,
    /// The revision that it tells of; empty: any.
    template: String,
    /// It tells of pods that ask for as much, as written.
    requests: String,
    /// Whether it tells of other templates too, if they ask for nothing else.
    is_plain: bool,
}

impl Closing {
    fn read(value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        Some(Self {
            subset: text("subset")?.to_owned(),
            since: UnixMillis::parse(text("since")?)?,
            until: UnixMillis::parse(text("until")?)?,
            template: text("template").unwrap_or_default().to_owned(),
            requests: value.get("requests").map(Value::to_string).unwrap_or_default(),
            is_plain: value.get("plain").and_then(Value::as_bool).unwrap_or_default(),
        })
    }

    fn asks_as_much(&self, pod: &Pod) -> bool {
        let requests: Value = serde_json::from_str(&self.requests).unwrap_or_default();
        Resources::read(Some(&requests), "requests")
            .is_ok_and(|requests| pod.record.requests.covers(&requests))
    }
}

impl Judge {
    /// What the stored ledger of the spread says.
    pub(super) fn ledger<'s>(&self, store: &'s Store) -> Option<&'s Value> {
        let is_ours = |value: &&Value| {
            let text = |field: &str| value.pointer(field).and_then(Value::as_str);
            text("/metadata/name") == Some(self.spread.name())
                && text("/metadata/namespace") == Some(self.spread.namespace())
        };
        let ledgers = store.all(Kind::Ledger).filter_map(|object| match object {
            Object::Ledger(_, value) => Some(value.as_ref()),
            _ => None,
        });
        ledgers.into_iter().find(is_ours)
    }

    pub(super) fn closings(&self, store: &Store) -> Vec<Closing> {
        let closings = self
            .ledger(store)
            .and_then(|ledger| ledger.pointer("/status/closings")?.as_array());
        closings.into_iter().flatten().filter_map(Closing::read).collect()
    }

    /// The closing that tells of a pod in its subset.
    fn closing_of<'c>(&self, closings: &'c [Closing], pod: &Pod) -> Option<&'c Closing> {
        let is_plain = || !pod.record.is_choosy && self.has_only_terms_of_subsets(pod);
        closings.iter().find(|closing| {
            pod.subset.as_ref() == Some(&closing.subset)
                && (closing.template.is_empty()
                    || pod.revision.as_ref() == Some(&closing.template)
                    || (closing.is_plain && is_plain()))
                && closing.asks_as_much(pod)
        })
    }

    fn has_only_terms_of_subsets(&self, pod: &Pod) -> bool {
        let terms = pod.value.pointer(
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
        );
        let subsets = self.spread.subsets();
        let mut terms = terms.and_then(Value::as_array).into_iter().flatten();
        terms.all(|term| {
            subsets
                .iter()
                .any(|subset| subset.overlay().required() == Some(term))
        })
    }

    /// Whether whoever passes closed subsets by finds a place for certain: then they must be passed by.
    fn has_elsewhere(&self, closings: &[Closing]) -> bool {
        let mut open = self.spread.subsets().iter().enumerate().filter(|(_, subset)| {
            closings
                .iter()
                .all(|closing| closing.subset.as_str() != subset.name())
        });
        open.any(|(ix, _)| self.fill.maximum(ix, 0).is_none())
    }

    /// A pod was stored: what its write tells of closed subsets.
    pub(super) fn note_closings(&mut self, now: Millis, store: &Store, old: Option<&Pod>, new: &Pod) {
        if self.spread.patience().is_none() {
            return;
        }
        self.found_no_node |= new.node.is_none() && new.record.unschedulable_since.is_some();
        let closings = self.closings(store);
        for closing in &closings {
            self.closed_since.entry(closing.clone()).or_insert(now);
        }
        let got_node = new.node.is_some() && old.is_some_and(|old| old.node.is_none());
        if got_node && let Some(closing) = self.closing_of(&closings, new).cloned() {
            let came = new.record.bound_at;
            if came.is_none_or(|came| came >= closing.until) {
                *self.tried.entry(closing).or_default() += 1;
            }
        }
    }

    /// A pod was placed at admission.
    pub(super) fn admitted_to(&mut self, now: Millis, store: &Store, pod: &Pod) {
        let closings = self.closings(store);
        let Some(closing) = self.closing_of(&closings, pod) else {
            return;
        };
        let known = self.closed_since.get(closing).copied().unwrap_or(now);
        let is_over = closing.until.plus(-skew_millis()) <= UnixMillis(now.unix());
        if known + LATEST < now && !is_over && self.has_elsewhere(&closings) {
            let text = format!(
                "pod {} is admitted to {}, which is closed",
                pod.name, closing.subset
            );
            self.violated(now, "closed", text, Some(store));
        }
    }

    /// A pod was bound, by a plan of the moment that it is marked with.
    pub(super) fn bound_to(&mut self, now: Millis, store: &Store, pod: &Pod) {
        let closings = self.closings(store);
        let (Some(closing), Some(bound)) = (self.closing_of(&closings, pod), pod.record.bound_at) else {
            return;
        };
        // A write of which nobody knows what became of it is tried again, whatever has happened since.
        let is_again = |pod: &Pod| self.planned.get(&pod.uid).is_some_and(|(times, _)| *times > 1);
        if is_again(pod) || bound < closing.since || !self.has_elsewhere(&closings) {
            return;
        }
        if bound < closing.until {
            let text = format!(
                "pod {} is bound to {} at {bound}, which is closed from {} to {}",
                pod.name, closing.subset, closing.since, closing.until
            );
            self.violated(now, "closed", text, Some(store));
        } else {
            let tries = |other: &&Rc<Pod>| {
                other.uid != pod.uid
                    && self.closing_of(&closings, other) == Some(closing)
                    && other.is_placed()
                    && other.is_active()
                    && other.node.is_none()
                    && other.record.bound_at.is_some_and(|bound| bound >= closing.until)
                    && !is_again(other)
            };
            let tries = self.pods(store).filter(tries).count();
            let placed = self.tried.get(closing).copied().unwrap_or(0);
            if tries > placed {
                let text = format!(
                    "pod {} is bound to {}, which {tries} others try already; {placed} found a node there",
                    pod.name, closing.subset
                );
                self.violated(now, "probe", text, Some(store));
            }
        }
    }

    /// A placed pod was given another subset.
    pub(super) fn moved_on(&mut self, now: Millis, store: &Store, old: &Pod, new: &Pod) {
        let (Some((from, _)), Some((to, _))) = (self.subset_of(old), self.subset_of(new)) else {
            return;
        };
        let is_back =
            to < from && matches!(self.fill, Fill::InOrder(_)) || old.record.moved_from == new.subset;
        if is_back {
            if new.node.is_none() {
                let text = format!(
                    "pod {} goes back to {:?} without a node there",
                    new.name, new.subset
                );
                self.violated(now, "moved", text, Some(store));
            }
            return;
        }
        if old.node.is_some() || old.terminating {
            let text = format!(
                "pod {} is moved to {:?}, though it has a node",
                new.name, new.subset
            );
            self.violated(now, "moved", text, Some(store));
        }
        self.left_closed(now, store, old);
    }

    /// A pod is deleted because there was no node for it; `version`: the one that the delete named.
    pub(super) fn recreated(&mut self, now: Millis, store: &Store, pod: &Pod, version: Option<u64>) {
        if version.is_none() || version != pod.record.version {
            let text = format!(
                "pod {} is deleted to be made anew, whatever version it has",
                pod.name
            );
            self.violated(now, "precondition", text, Some(store));
        }
        // A stepping stone that finds no node beside the old pods closes nothing: the place is theirs.
        if !is_stone_beside(pod) {
            self.left_closed(now, store, pod);
        }
    }

    /// A pod moves on: its subset is closed, and it did not move on for that before.
    fn left_closed(&mut self, now: Millis, store: &Store, pod: &Pod) {
        let closings = self.closings(store);
        let Some(closing) = self.closing_of(&closings, pod) else {
            // Writes that take long arrive when it may be open again.
            if self.calm.is_lossless {
                let text = format!("pod {} moves on from {:?}, which is open", pod.name, pod.subset);
                self.violated(now, "moved", text, Some(store));
            }
            return;
        };
        if !self.moved_for.insert((pod.uid.clone(), closing.clone())) {
            let text = format!("pod {} moves on from {} again", pod.name, closing.subset);
            self.violated(now, "moved", text, Some(store));
        }
    }

    /// At rest no pod waits in vain while another subset has a place and a node for it, whether that is known or not.
    pub(super) fn nobody_waits_in_vain(&mut self, now: Millis, store: &Store, pods: &[Rc<Pod>]) {
        if self.spread.patience().is_none() || self.is_job {
            return;
        }
        let replicas = self.history.last().map_or(0, |(_, replicas)| *replicas);
        let waits = |pod: &&Rc<Pod>| pod.is_active() && pod.is_placed() && pod.node.is_none();
        let found = pods.iter().filter(waits).find_map(|pod| {
            let (own, _) = self.subset_of(pod)?;
            let mut others = self.spread.subsets().iter().enumerate();
            let better = others.find(|(ix, subset)| {
                let maximum = self.fill.maximum(*ix, replicas).unwrap_or(u32::MAX);
                let here = |other: &&Rc<Pod>| {
                    other.is_placed() && !other.finished && other.subset.as_deref() == Some(subset.name())
                };
                let count = u32::try_from(pods.iter().filter(here).count()).unwrap_or(u32::MAX);
                *ix != own && count < maximum && self.has_node(pods, subset.name())
            });
            better.map(|(_, subset)| (pod.name.clone(), subset.name().to_owned()))
        });
        if let Some((pod, subset)) = found {
            let text =
                format!("pod {pod} finds no node for ever, though {subset} has a place and a node for it");
            self.violated(now, "waits in vain", text, Some(store));
        }
    }

    /// Whether one more pod fits on a node of the pool that has the subset's name.
    pub(super) fn has_node(&self, pods: &[Rc<Pod>], pool: &str) -> bool {
        self.room.iter().any(|(node, places)| {
            let is_of_pool = node.rsplit_once('-').is_some_and(|(name, _)| name == pool);
            let on_it = pods
                .iter()
                .filter(|pod| pod.node.as_ref() == Some(node) && !pod.finished);
            is_of_pool && on_it.count() < *places
        })
    }
}

/// A clock is wrong by no more than this.
const fn skew_millis() -> i64 {
    20_000
}
