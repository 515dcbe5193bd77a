//! The fields that an admission reads of a ledger and of the sidecar's Lease.
//!
//! A ledger can be written by hand with anything in it: whatever is no count is an error here, and
//! the pod that asked is then accepted as it came.

use kube_rules::time::UnixMillis;
use rules::{Rollout, Spread, Subset, SubsetIx, Target};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decide::LONGEST_WINDOW;
use crate::facts::{FieldError, Fields, Text};
use crate::observe::{Binder, Observation};
use crate::taken::Taken;

/// A ledger of a list; its rule is not read yet.
#[derive(Debug)]
pub struct LedgerFacts<'a>(Fields<'a>);

/// The counts of a ledger.
#[derive(Debug)]
pub struct LedgerCounts<'a> {
    replicas: Option<u32>,
    all: Counts,
    revisions: Vec<RevisionRow<'a>>,
    closed: Vec<Text<'a>>,
    probing: Vec<Text<'a>>,
    closings: Vec<ClosingRow<'a>>,
    binder: Option<BinderRow>,
    first_ordinal: u32,
    vacating: bool,
}

/// Which pods a subset is closed for.
#[derive(Debug)]
struct ClosingRow<'a> {
    subset: Text<'a>,
    /// `None`: for all.
    template: Option<Text<'a>>,
}

/// The counts of one revision.
#[derive(Debug)]
struct RevisionRow<'a> {
    revision: Option<Text<'a>>,
    desired: Option<u32>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    active: u32,
    gated: u32,
    taken: Vec<u32>,
}

/// Who binds the pods of a ledger.
#[derive(Clone, Copy, Debug)]
pub struct BinderRow {
    epoch: u64,
}

impl BinderRow {
    /// Whoever leads, in whichever term.
    #[must_use]
    pub fn of_any_term() -> Self {
        Self { epoch: 0 }
    }
}

/// The Lease of the sidecars.
#[derive(Debug)]
pub struct LeaseFacts {
    transitions: u64,
    renewed: Option<UnixMillis>,
}

/// A binder whose Lease is younger than this comes back before a gated pod has waited long: longer
/// than any failover, so that a restart makes pods wait seconds, not spill.
pub const BINDER_AWAY_MILLIS: i64 = 120_000;

impl<'a> LedgerFacts<'a> {
    /// Finds the fields of a ledger.
    ///
    /// # Errors
    /// When the item is no object.
    pub fn of(item: &'a RawValue) -> Result<Self, FieldError> {
        Fields::of(item.get(), "item").map(Self)
    }

    /// Whether it tells of a spread: by its own name and namespace, and by those of its rule. An object of another namespace
    /// tells nothing, whatever is written in it.
    #[must_use]
    pub fn is_of(&self, spread: &Spread) -> bool {
        let is_named = |part| {
            self.0.object(part).is_ok_and(|part: Fields<'_>| {
                let is = |field, wanted: &str| {
                    part.text(field)
                        .is_ok_and(|text| text.is_some_and(|text| text.as_str() == wanted))
                };
                is("namespace", spread.namespace()) && is("name", spread.name())
            })
        };
        is_named("metadata") && is_named("spec")
    }

    /// The text of its rule.
    #[must_use]
    pub fn spec(&self) -> Option<&'a RawValue> {
        self.0.raw("spec")
    }

    /// The names of the subsets of its rule, in order, as far as they can be read: what its counts are of.
    #[must_use]
    pub fn subset_names(&self) -> Vec<Text<'a>> {
        let subsets = self.0.object("spec").and_then(|spec| spec.list("subsets"));
        let name = |subset: &'a RawValue| {
            let name = Fields::of(subset.get(), "subsets").and_then(|subset| subset.text("name"));
            name.ok().flatten().unwrap_or_else(|| Text::from(""))
        };
        subsets.map_or_else(|_| Vec::new(), |subsets| subsets.into_iter().map(name).collect())
    }

    /// The rule, as it stands in settings; null where there is none.
    ///
    /// # Errors
    /// When it is no JSON, which no API server would have stored.
    pub fn rule(&self) -> Result<Value, serde_json::Error> {
        self.0
            .raw("spec")
            .map_or(Ok(Value::Null), |spec| serde_json::from_str(spec.get()))
    }

    /// The counts; nothing at all where nobody published any yet.
    ///
    /// # Errors
    /// When something in them is no count.
    pub fn counts(&self) -> Result<LedgerCounts<'a>, FieldError> {
        let status = self.0.object("status")?;
        let revisions = status.list("revisions")?.into_iter().map(|row| {
            let row = Fields::of(row.get(), "revisions")?;
            Ok(RevisionRow {
                revision: row.text("revision")?,
                desired: count(&row, "desired")?,
                counts: Counts::of(&row)?,
            })
        });
        let binder = status.raw("binder").map(|binder| {
            let binder = Fields::of(binder.get(), "binder")?;
            Ok(BinderRow {
                epoch: binder.count("epoch")?.unwrap_or(0),
            })
        });
        let closings = status.list("closings")?.into_iter().map(|row| {
            let row = Fields::of(row.get(), "closings")?;
            Ok(ClosingRow {
                subset: row.text("subset")?.unwrap_or_else(|| Text::from("")),
                template: row.text("template")?,
            })
        });
        // A name that is no text is no subset's.
        let names = |list: Vec<&'a RawValue>| {
            let names = list.into_iter().map(|name| serde_json::from_str(name.get()));
            names.filter_map(Result::ok).collect()
        };
        Ok(LedgerCounts {
            replicas: count(&status, "replicas")?,
            all: Counts::of(&status)?,
            revisions: revisions.collect::<Result<_, FieldError>>()?,
            closed: names(status.list("closed")?),
            probing: names(status.list("probing")?),
            closings: closings.collect::<Result<_, FieldError>>()?,
            binder: binder.transpose()?,
            first_ordinal: count(&status, "firstOrdinal")?.unwrap_or(0),
            vacating: status.is_true("vacating"),
        })
    }
}

/// A count; what is beyond 32 bits is as good as endless.
fn count(fields: &Fields<'_>, field: &'static str) -> Result<Option<u32>, FieldError> {
    let count = fields.count(field)?;
    Ok(count.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
}

impl Counts {
    fn of(row: &Fields<'_>) -> Result<Self, FieldError> {
        let mut taken = Vec::new();
        for places in row.list("taken")? {
            taken.push(places.get().parse().unwrap_or(u32::MAX));
        }
        Ok(Self {
            active: count(row, "active")?.unwrap_or(0),
            gated: count(row, "gated")?.unwrap_or(0),
            taken,
        })
    }
}

impl LedgerCounts<'_> {
    /// Who binds, if anybody said so.
    #[must_use]
    pub fn binder(&self) -> Option<&BinderRow> {
        self.binder.as_ref()
    }

    /// The replicas of the workload; `None`: it was not seen.
    #[must_use]
    pub fn replicas(&self) -> Option<u32> {
        self.replicas
    }

    /// The first ordinal of a StatefulSet.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        self.first_ordinal
    }

    fn is_closed_for(&self, spread: &Spread, subset: SubsetIx, revision: Option<&str>) -> bool {
        let name = spread.subset(subset).map(Subset::name);
        let mut rows = self
            .closings
            .iter()
            .filter(|row| Some(row.subset.as_str()) == name)
            .peekable();
        let is_one_template = revision.is_none() && matches!(spread.target(), Target::Workload { .. });
        let is_about = |row: &ClosingRow<'_>| {
            let template = row.template.as_ref().map(Text::as_str);
            is_one_template || template.is_none() || template == revision
        };
        rows.peek().is_none() || rows.any(is_about)
    }

    /// The published counts as an observation for a pod of this revision, where they are of the subsets of these names: a
    /// ledger may be of another version of the rule, and who reads it goes by names. Nobody is known to bind.
    #[must_use]
    pub fn observation(&self, spread: &Spread, revision: Option<&str>, names: &[Text<'_>]) -> Observation {
        let row = self
            .revisions
            .iter()
            .find(|row| row.revision.as_ref().map(Text::as_str) == revision);
        let (of_revision, active_of_revision) = row.map_or((None, 0), |row| (row.desired, row.counts.active));
        let none = Counts::default();
        let (desired, counts) = match spread.is_per_revision() {
            false => (self.replicas, &self.all),
            // Of a revision that was not seen yet, the workload wants all pods in the end.
            true => (
                of_revision.or(self.replicas),
                row.map_or(&none, |row| &row.counts),
            ),
        };
        let is_new = row.is_none() && self.all.active > 0;
        let columns: Vec<Option<usize>> = spread
            .subsets()
            .iter()
            .map(|subset| names.iter().position(|name| name.as_str() == subset.name()))
            .collect();
        let taken = |counts: &Counts| -> Taken {
            let places = columns
                .iter()
                .map(|column| column.and_then(|column| counts.taken.get(column)));
            places.map(|places| places.copied().unwrap_or(0)).collect()
        };
        let named = |names: &[Text<'_>]| -> Vec<SubsetIx> {
            let known = names.iter().map(|name| spread.subset_named(name.as_str()));
            known.flatten().collect()
        };
        let mut probing = named(&self.probing);
        // Whether a subset is closed for a pod that is not like the one which found it full is for the binder to tell.
        let (closed, others): (Vec<_>, Vec<_>) = named(&self.closed)
            .into_iter()
            .filter(|subset| !probing.contains(subset))
            .partition(|subset| self.is_closed_for(spread, *subset, revision));
        probing.extend(others);
        let missing = desired
            .map_or(0, |desired| desired.saturating_sub(counts.active))
            .max(of_revision.map_or(0, |desired| desired.saturating_sub(active_of_revision)));
        // A pod arrives although nothing is missing: the ledger is late, or nobody writes it any more. How late cannot be
        // seen, so it is hashed over as far as a burst can reach.
        let behind = missing == 0 && (desired.is_some() || of_revision.is_some());
        let missing = if behind { LONGEST_WINDOW } else { missing.max(1) };
        Observation {
            replicas: self.replicas.unwrap_or(0),
            desired,
            active: counts.active,
            missing,
            behind,
            is_vacated: self.vacating || (is_new && spread.rollout() == Rollout::Keep),
            taken: taken(counts),
            filled: taken(&self.all),
            undecided: counts.gated,
            closed: closed.into_iter().collect(),
            probing: probing.into_iter().collect(),
            binder: Binder::Absent,
        }
    }
}

impl LeaseFacts {
    /// Reads a Lease.
    ///
    /// # Errors
    /// When the item has another shape than a Lease.
    pub fn of(item: &RawValue) -> Result<Self, FieldError> {
        let lease = Fields::of(item.get(), "item")?;
        let spec = lease.object("spec")?;
        let renewed = spec.text("renewTime")?;
        Ok(Self {
            transitions: spec.count("leaseTransitions")?.unwrap_or(0),
            renewed: renewed.and_then(|renewed| UnixMillis::parse(renewed.as_str())),
        })
    }

    /// Whether the holder binds the pods of a ledger that has such a row.
    ///
    /// The holder takes the row of every spread that it does not have away, so that a row says that it has this one; which
    /// others it has, and which it had before, tells nothing about this one.
    /// A row of an older epoch is good: a new leader takes the pods of the old one over; so does whoever takes up a
    /// Lease that was given back. A Lease that is later than `now` comes from a clock ahead of ours, and is believed
    /// as far as one that is as much too old.
    #[must_use]
    pub fn serves(&self, row: &BinderRow, now: UnixMillis) -> bool {
        self.renewed
            .is_some_and(|renewed| now.since(renewed).abs() < BINDER_AWAY_MILLIS)
            && self.transitions >= row.epoch
    }
}
