//! The rules, and which of them this process ever led with.

use rules::{Spread, rule_hash};
use serde_json::Value;
use spread_api::SpreadLedger;

use super::World;

/// A checked spread, and how it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The spread.
    pub spread: Spread,
    /// As it stands in the settings; the ledger carries it.
    pub written: Value,
    /// The hash of that: what its ledger is known by.
    pub hash: String,
}

impl Rule {
    /// A checked spread that was written like this.
    #[must_use]
    pub fn new(spread: Spread, written: Value) -> Self {
        let hash = rule_hash(&written);
        Self {
            spread,
            written,
            hash,
        }
    }
}

impl World {
    pub(super) fn remember_rules(&mut self) {
        if self.leader.is_some() {
            self.led_with
                .extend(self.rules.iter().map(|(_, rule)| rule.hash.clone()));
        }
    }

    /// Whether a ledger is of a rule that this process never led with: another may. So may one that names no rule.
    pub(crate) fn is_of_another(&self, ledger: &SpreadLedger) -> bool {
        let binder = ledger.status.as_ref().and_then(|status| status.binder.as_ref());
        binder.is_none_or(|binder| !self.led_with.contains(&binder.rule))
    }
}
