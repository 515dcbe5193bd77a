//! An admission that decides by the core alone: what the policy does with a ledger, without its envelope. It lets the
//! random search run without the policy, which this crate must not know.

use std::collections::BTreeMap;

use kube_rules::time::UnixMillis;
use placement_core::decide::Order;
use placement_core::facts::revision_key;
use placement_core::ledger::{LeaseFacts, LedgerFacts};
use placement_core::observe::Binder;
use placement_core::{Arrival, Decision, decide, inject};
use rules::names::POD_TEMPLATE_HASH;
use rules::{Spread, WorkloadKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::admission::{Admission, AdmissionCall, AdmissionFailure, Answer, Change, Verdict, Write};
use crate::json;

/// Decides by the one ledger there is.
#[derive(Debug, Default)]
pub struct CoreAdmission {
    ledger: Option<Box<RawValue>>,
    lease: Option<Box<RawValue>>,
    /// The rule that was read last, and its text.
    rule: Option<(Value, Spread)>,
}

impl CoreAdmission {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn decide(&mut self, call: &AdmissionCall<'_>) -> Result<Verdict, String> {
        let Some(ledger) = &self.ledger else {
            return Ok(Verdict::Unchanged);
        };
        let told = |error: &dyn core::fmt::Display| error.to_string();
        let facts = LedgerFacts::of(ledger).map_err(|error| told(&error))?;
        let written = facts.rule().map_err(|error| told(&error))?;
        if self.rule.as_ref().is_none_or(|(known, _)| *known != written) {
            let spread = policy_settings::read_spread_again(&written, "spec", &[]);
            let spread =
                spread.map_err(|faults| faults.first().map_or_else(String::new, ToString::to_string))?;
            self.rule = Some((written, spread));
        }
        let Some((_, spread)) = &self.rule else {
            return Ok(Verdict::Unchanged);
        };
        let pod = json::at(call.review, &["request", "object"])
            .cloned()
            .unwrap_or_default();
        let owner = json::list(&pod, &["metadata", "ownerReferences"]).first();
        let of_owner = |field: &str| {
            owner
                .and_then(|owner| json::text(owner, &[field]))
                .unwrap_or_default()
        };
        let kind = WorkloadKind::named(of_owner("apiVersion"), of_owner("kind"));
        let template = json::text(&pod, &["metadata", "labels", POD_TEMPLATE_HASH]);
        let revision = revision_key(kind, template, None);
        let counts = facts.counts().map_err(|error| told(&error))?;
        let mut observation = counts.observation(spread, revision, &facts.subset_names());
        if let (Some(binder), Some(lease)) = (counts.binder(), &self.lease) {
            let lease = LeaseFacts::of(lease).map_err(|error| told(&error))?;
            if lease.serves(binder, UnixMillis(call.clock)) {
                observation.binder = Binder::Serving;
            }
        }
        let arrival = Arrival {
            uid: call.uid,
            order: Order::None,
            ranked: kind.is_some_and(WorkloadKind::honours_deletion_cost),
            replaceable: kind.is_some_and(WorkloadKind::replaces_deleted_pods),
            may_wait: true,
        };
        let decision = decide(spread, &observation, arrival);
        if matches!(decision, Decision::Leave { .. }) {
            return Ok(Verdict::Unchanged);
        }
        inject(pod, spread, &decision)
            .map(Verdict::Changed)
            .map_err(|refused| refused.to_string())
    }
}

impl Admission for CoreAdmission {
    fn watch(&mut self, change: Change) {
        match change.write {
            Write::Stored(object) => {
                let text = serde_json::value::to_raw_value(&object).ok();
                match json::text(&object, &["kind"]) {
                    Some(spread_api::LEDGER_KIND) => self.ledger = text,
                    Some("Lease") => self.lease = text,
                    _ => {}
                }
            }
            Write::Removed {
                kind: spread_api::LEDGER_KIND,
                ..
            } => self.ledger = None,
            Write::Removed { .. } => {}
        }
    }

    fn admit(&mut self, call: &AdmissionCall<'_>) -> Result<Answer, AdmissionFailure> {
        let verdict = self.decide(call).map_err(|reason| AdmissionFailure { reason })?;
        Ok(Answer {
            verdict,
            warnings: Vec::new(),
            host_calls: BTreeMap::new(),
        })
    }
}
