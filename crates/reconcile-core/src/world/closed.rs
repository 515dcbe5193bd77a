//! What the world remembers of closed subsets: the ledger carries it from leader to leader.

use std::collections::BTreeSet;

use kube_rules::time::UnixMillis;
use spread_api::SpreadLedger;

use super::{SpreadId, World};
use crate::reschedule::Closing;

impl World {
    /// Takes what every stored ledger says, in place of all that was remembered.
    pub(super) fn recall_closings(&mut self) {
        self.closings.clear();
        self.reopened.clear();
        let ids: Vec<SpreadId> = self.ledgers.keys().cloned().collect();
        for id in ids {
            self.recall_closings_of(&id);
        }
    }

    /// Takes what the stored ledger of a spread says.
    pub(super) fn recall_closings_of(&mut self, id: &SpreadId) {
        let closings = self.stored_status(id).map(|status| read(&status.closings));
        self.set_closings(id, closings.unwrap_or_default());
    }

    /// Takes what is being published.
    pub(super) fn remember_closings(&mut self, id: &SpreadId, ledger: &SpreadLedger, now: UnixMillis) {
        let status = ledger.status.as_ref();
        let after = status.map(|status| read(&status.closings)).unwrap_or_default();
        for before in self.closings.get(id).into_iter().flatten() {
            if !after.iter().any(|later| before.is_followed_by(later)) {
                self.reopened.insert((id.clone(), before.subset.clone()), now);
            }
        }
        self.set_closings(id, after);
    }

    /// The subsets of a spread that are closed or to be tried.
    pub(super) fn closed_names(&self, id: &SpreadId) -> Vec<String> {
        let closings = self.closings.get(id).into_iter().flatten();
        let names: BTreeSet<String> = closings.map(|closing| closing.subset.clone()).collect();
        names.into_iter().collect()
    }

    fn set_closings(&mut self, id: &SpreadId, closings: Vec<Closing>) {
        if closings.is_empty() {
            self.closings.remove(id);
        } else {
            self.closings.insert(id.clone(), closings);
        }
    }
}

fn read(closings: &[spread_api::ClosingStatus]) -> Vec<Closing> {
    closings.iter().filter_map(Closing::read).collect()
}
