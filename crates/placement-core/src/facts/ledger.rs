//! The fields that an admission reads of a ledger and of the sidecar's Lease.
//!
//! A ledger can be written by hand with anything in it: whatever is no count is an error here, and
//! the pod that asked is then accepted as it came.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Text;
use crate::ladder::{Closed, Taken};
use crate::observe::{Binder, Observation};
use crate::spread::{MaximumScope, Spread};
use crate::time::UnixMillis;

/// A ledger of a list; its rule is not read yet.
#[derive(Debug, Deserialize)]
pub struct LedgerFacts<'a> {
    #[serde(borrow)]
    spec: &'a RawValue,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
}

/// As much of a rule as tells whether it can concern a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerHead<'a> {
    #[serde(borrow, default)]
    namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    target_ref: Option<LedgerTarget<'a>>,
}

/// The workload that a rule names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerTarget<'a> {
    /// `targetRef.apiVersion`.
    #[serde(borrow)]
    pub api_version: Text<'a>,
    /// `targetRef.kind`.
    #[serde(borrow)]
    pub kind: Text<'a>,
    /// `targetRef.name`.
    #[serde(borrow)]
    pub name: Text<'a>,
}

/// The counts of a ledger.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerCounts<'a> {
    #[serde(default)]
    replicas: Option<u32>,
    #[serde(default)]
    active: u32,
    #[serde(default)]
    gated: u32,
    #[serde(default)]
    taken: Vec<u32>,
    #[serde(borrow, default)]
    revisions: Vec<RevisionRow<'a>>,
    #[serde(borrow, default)]
    closed: Vec<Text<'a>>,
    #[serde(borrow, default)]
    binder: Option<BinderRow<'a>>,
    #[serde(default)]
    first_ordinal: u32,
    #[serde(default)]
    order: u32,
}

/// The counts of one revision.
#[derive(Debug, Deserialize)]
struct RevisionRow<'a> {
    #[serde(borrow, default)]
    revision: Option<Text<'a>>,
    #[serde(default)]
    desired: Option<u32>,
    #[serde(default)]
    active: u32,
    #[serde(default)]
    gated: u32,
    #[serde(default)]
    taken: Vec<u32>,
}

/// Who binds the pods of a ledger.
#[derive(Debug, Deserialize)]
pub struct BinderRow<'a> {
    epoch: u64,
    #[serde(borrow)]
    settings: Text<'a>,
}

/// The Lease of the sidecars.
#[derive(Debug, Deserialize)]
pub struct LeaseFacts<'a> {
    #[serde(borrow, default)]
    metadata: LeaseMetadata<'a>,
    #[serde(borrow, default)]
    spec: LeaseSpec<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct LeaseMetadata<'a> {
    #[serde(borrow, default)]
    annotations: Option<LeaseAnnotations<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct LeaseAnnotations<'a> {
    #[serde(borrow, default, rename = "spillway.dev/settings")]
    settings: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeaseSpec<'a> {
    #[serde(default)]
    lease_transitions: Option<u64>,
    #[serde(borrow, default)]
    renew_time: Option<Text<'a>>,
}

/// A binder whose Lease is younger than this comes back before a gated pod has waited long: longer
/// than any failover, so that a restart makes pods wait seconds, not spill.
pub const BINDER_AWAY_MILLIS: i64 = 120_000;

impl<'a> LedgerFacts<'a> {
    /// Whom the rule concerns.
    ///
    /// # Errors
    /// When the rule is no object, or has another shape than the API server lets it have.
    pub fn head(&self) -> Result<LedgerHead<'a>, serde_json::Error> {
        serde_json::from_str(self.spec.get())
    }

    /// The rule, as it stands in settings.
    ///
    /// # Errors
    /// When it is no JSON, which no API server would have stored.
    pub fn rule(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(self.spec.get())
    }

    /// The counts; nothing at all where nobody published any yet.
    ///
    /// # Errors
    /// When something in them is no count.
    pub fn counts(&self) -> Result<LedgerCounts<'a>, serde_json::Error> {
        self.status.map_or_else(
            || Ok(LedgerCounts::default()),
            |status| serde_json::from_str(status.get()),
        )
    }
}

impl<'a> LedgerHead<'a> {
    /// The namespace of the pods.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_ref().map_or("", Text::as_str)
    }

    /// The workload; `None` where pods are chosen by label.
    #[must_use]
    pub fn target(&self) -> Option<&LedgerTarget<'a>> {
        self.target_ref.as_ref()
    }
}

impl LedgerCounts<'_> {
    /// Who binds, if anybody said so.
    #[must_use]
    pub fn binder(&self) -> Option<&BinderRow<'_>> {
        self.binder.as_ref()
    }

    /// The first ordinal of a StatefulSet.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        self.first_ordinal
    }

    /// The place of the spread in its settings: of two that match a pod, the lower has it.
    #[must_use]
    pub fn order(&self) -> u32 {
        self.order
    }

    /// The published counts as an observation for a pod of this revision. Nobody is known to bind.
    #[must_use]
    pub fn observation(&self, spread: &Spread, revision: Option<&str>) -> Observation {
        let row = self
            .revisions
            .iter()
            .find(|row| row.revision.as_ref().map(Text::as_str) == revision);
        let (of_revision, active_of_revision) = row.map_or((None, 0), |row| (row.desired, row.active));
        let per_revision = spread.maximum_scope() == MaximumScope::Revision;
        let (desired, active, gated, taken) = if per_revision {
            let none = || (None, 0, 0, &[][..]);
            row.map_or_else(none, |row| {
                (row.desired, row.active, row.gated, row.taken.as_slice())
            })
        } else {
            (self.replicas, self.active, self.gated, self.taken.as_slice())
        };
        let subsets = spread.subsets().len();
        let missing = desired
            .map_or(0, |desired| desired.saturating_sub(active))
            .max(of_revision.map_or(0, |desired| desired.saturating_sub(active_of_revision)));
        Observation {
            replicas: self.replicas.unwrap_or(0),
            desired,
            active,
            missing: missing.max(1),
            behind: false,
            taken: Taken::from_iter(taken.iter().copied().chain(core::iter::repeat(0)).take(subsets)),
            undecided: gated,
            closed: self
                .closed
                .iter()
                .filter_map(|name| spread.subset_named(name.as_str()))
                .collect::<Closed>(),
            binder: Binder::Absent,
        }
    }
}

impl LeaseFacts<'_> {
    /// Whether the holder binds what a ledger's row says that it binds.
    ///
    /// A row of an older epoch is good: a new leader takes the pods of the old one over; so does
    /// whoever takes up a Lease that was given back. A Lease that is later than `now` comes from a clock ahead of ours, and is believed as far as one
    /// that is as much too old.
    #[must_use]
    pub fn serves(&self, row: &BinderRow<'_>, now: UnixMillis) -> bool {
        let settings = self
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.settings.as_ref());
        let renewed = self
            .spec
            .renew_time
            .as_ref()
            .and_then(|renewed| UnixMillis::parse(renewed.as_str()));
        renewed.is_some_and(|renewed| now.since(renewed).abs() < BINDER_AWAY_MILLIS)
            && self.spec.lease_transitions.unwrap_or(0) >= row.epoch
            && settings.is_some_and(|settings| settings.as_str() == row.settings.as_str())
    }
}
