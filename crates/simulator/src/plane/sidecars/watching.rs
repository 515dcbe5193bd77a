//! What the watches of a sidecar tell its loop.

use sidecar_core::reconciler;
use sidecar_core::watches::{Change, Watched};

use super::shown;
use crate::plane::Plane;
use crate::plane::objects::Object;
use crate::plane::store;

impl Plane<'_> {
    /// A listing: everything that is there, between its beginning and its end.
    pub(in crate::plane) fn listed_for_sidecar(
        &mut self,
        ix: usize,
        watch: usize,
        changes: &[store::Change],
    ) {
        self.tell_of_watch(ix, watch, Change::Began);
        let there = |change: &&store::Change| matches!(change, store::Change::Stored(_));
        for change in changes.iter().filter(there) {
            self.shown_to_sidecar(ix, watch, change);
        }
        self.tell_of_watch(ix, watch, Change::Listed);
    }

    pub(in crate::plane) fn shown_to_sidecar(&mut self, ix: usize, watch: usize, change: &store::Change) {
        let Some(sidecar) = self.sidecars.get_mut(ix) else {
            return;
        };
        match change {
            store::Change::Stored(Object::Deployment(workload)) => {
                sidecar.know(workload.workload, workload.version);
            }
            store::Change::Stored(Object::StatefulSet(workload)) => {
                sidecar.know(workload.workload, workload.version);
            }
            store::Change::Stored(Object::Job(workload)) => sidecar.know(workload.workload, workload.version),
            _ => {}
        }
        let filter = self.watches.get(watch).and_then(|watch| watch.told.1.as_ref());
        if let Some(change) = filter.and_then(|filter| shown::change(change, filter)) {
            self.tell_of_watch(ix, watch, change);
        }
    }

    /// Tells the loop of a sidecar what became of a watch, or what that shows.
    pub(in crate::plane) fn tell_of_watch(&mut self, ix: usize, watch: usize, change: Change) {
        let watch = self.watches.get(watch);
        let Some((source, generation)) =
            watch.and_then(|watch| Some((watch.source()?.clone(), watch.told.0)))
        else {
            return;
        };
        let watched = Watched {
            source,
            generation,
            change,
        };
        self.handle(ix, reconciler::Event::Watched(watched));
    }
}
