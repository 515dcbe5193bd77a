//! The settings as a whole: read, checked one by one, then against each other.

use kube_rules::labels::LabelSelector;
use kube_rules::syntax;
use rules::{
    Capacity, CustomKind, Fault, FaultCode, Faults, Place, Spread, Target, When, WorkloadKind, read,
};
use serde_json::Value;

use crate::{custom, reader};

const SETTINGS: &[&str] = &[
    "observe",
    "onError",
    "leaseNamespace",
    "spreads",
    "customWorkloads",
];

/// Where the sidecar is installed if nothing else is written.
pub const LEASE_NAMESPACE: &str = "spillway-system";

/// From where an admission learns what is placed already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Observe {
    /// From the pods themselves, listed at each admission.
    #[default]
    Pods,
    /// From the ledgers that the sidecar publishes.
    Ledger,
}

/// What happens to a pod that cannot be placed because something is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// It is accepted unchanged, with a warning.
    #[default]
    Accept,
    /// It is refused.
    Reject,
}

/// The checked settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    observe: Observe,
    on_error: OnError,
    lease_namespace: Option<String>,
    spreads: Vec<Spread>,
    custom_kinds: Vec<CustomKind>,
}

impl Settings {
    /// Reads settings from JSON. Empty settings are good and place nothing.
    ///
    /// # Errors
    /// Every fault: first those of the settings as a whole, then spread by spread what cannot be
    /// read and which rules are broken, last what two spreads do to each other.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        match serde_json::from_str::<Value>(text) {
            Ok(value) => Self::from_value(&value),
            Err(error) => {
                let mut faults = Faults::default();
                faults.lacks(
                    FaultCode::NotJson,
                    &Place::Root(""),
                    &format!("write JSON: {error}"),
                );
                Err(faults.into_vec())
            }
        }
    }

    /// Reads settings that are parsed already.
    ///
    /// # Errors
    /// As [`Settings::parse`].
    pub fn from_value(value: &Value) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let settings = read(value, &mut faults);
        if faults.is_empty() {
            Ok(settings)
        } else {
            Err(faults.into_vec())
        }
    }

    /// From where an admission learns what is placed already.
    #[must_use]
    pub fn observe(&self) -> Observe {
        self.observe
    }

    /// What happens to a pod that cannot be placed because something is broken.
    #[must_use]
    pub fn on_error(&self) -> OnError {
        self.on_error
    }

    /// The namespace in which the sidecars keep their Lease.
    #[must_use]
    pub fn lease_namespace(&self) -> &str {
        self.lease_namespace.as_deref().unwrap_or(LEASE_NAMESPACE)
    }

    /// The spreads, in the order that was written: the first that matches a pod has it.
    #[must_use]
    pub fn spreads(&self) -> &[Spread] {
        &self.spreads
    }

    /// What is good but will not do what it says, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let of_spread = |spread: &Spread, text: &str| {
            let (name, namespace) = (spread.name(), spread.namespace());
            format!("spread `{name}` of namespace `{namespace}`: {text}")
        };
        let mut warnings = Vec::new();
        for spread in &self.spreads {
            if self.observe == Observe::Pods && spread.patience().is_some() {
                warnings.push(of_spread(
                    spread,
                    "nobody moves pods that find no node where only the policy looks: write `observe: Ledger` and run the \
                     sidecar",
                ));
            }
            if spread.rebalance().when == When::Continuous {
                if self.observe == Observe::Pods {
                    warnings.push(of_spread(
                        spread,
                        "nobody moves pods home where only the policy looks: write `observe: Ledger` and run the sidecar",
                    ));
                }
                if has_no_successors(spread.target()) {
                    warnings.push(of_spread(
                        spread,
                        "no pod of this kind moves home: only ReplicaSet and CloneSet make another in place of one that goes, \
                         under another name",
                    ));
                }
            }
        }
        warnings
    }

    /// The kinds of workload beyond those that are known.
    #[must_use]
    pub fn custom_kinds(&self) -> &[CustomKind] {
        &self.custom_kinds
    }
}

/// Whether whoever makes the pods of a target makes no other, or one of the same ordinal, in place of one that goes.
fn has_no_successors(target: &Target) -> bool {
    let kind = match target {
        Target::Workload { kind, .. } => kind.known(),
        Target::Selector(_) => None,
    };
    kind.is_some_and(|kind| kind != WorkloadKind::Deployment && !kind.replaces_by_another())
}

fn read(value: &Value, faults: &mut Faults) -> Settings {
    let at = &Place::Root("");
    // `settings:` with nothing below it.
    if value.is_null() {
        return Settings::default();
    }
    let Some(fields) = read::object(value, at, SETTINGS, faults) else {
        return Settings::default();
    };
    let observe = match read::field(fields, "observe") {
        Some(value) => observe(value, &at.field("observe"), faults),
        None => Observe::default(),
    };
    let lease_namespace = read::field(fields, "leaseNamespace")
        .and_then(|value| lease_namespace(value, &at.field("leaseNamespace"), faults));
    let on_error = match read::field(fields, "onError") {
        Some(value) => on_error(value, &at.field("onError"), faults),
        None => OnError::default(),
    };
    let custom_kinds = match read::field(fields, "customWorkloads") {
        Some(value) => custom::custom_kinds(value, &at.field("customWorkloads"), faults),
        None => Vec::new(),
    };
    let mut spreads = Vec::new();
    if let Some(value) = read::field(fields, "spreads") {
        let at = at.field("spreads");
        for (ix, item) in read::items(value, &at, faults).into_iter().flatten().enumerate() {
            match reader::read_spread(item, &at.item(ix).to_string(), &custom_kinds) {
                Ok(spread) => spreads.push((ix, spread)),
                Err(found) => faults.extend(found),
            }
        }
        check_pairs(&spreads, &at, faults);
        if observe == Observe::Pods {
            check_binder(&spreads, &at, faults);
        }
    }
    let spreads = spreads.into_iter().map(|(_, spread)| spread).collect();
    Settings {
        observe,
        on_error,
        lease_namespace,
        spreads,
        custom_kinds,
    }
}

pub(crate) fn observe(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Observe {
    match read::word(value, at, &["Pods", "Ledger"], faults) {
        Some("Ledger") => Observe::Ledger,
        _ => Observe::Pods,
    }
}

pub(crate) fn lease_namespace(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<String> {
    let name = read::text(value, at, faults)?;
    if !syntax::is_label_name(name) {
        let fix = "write the namespace that the sidecar was given as `--lease-namespace`";
        faults.wrong(FaultCode::InvalidName, at, value, fix);
        return None;
    }
    Some(name.to_owned())
}

/// An admission that looks at the pods alone cannot know of a binder: pods would wait for ever.
fn check_binder(spreads: &[(usize, Spread)], at: &Place<'_>, faults: &mut Faults) {
    for (ix, spread) in spreads {
        if spread.capacity() == Capacity::Exact {
            let fix = "write `observe: Ledger` and run the sidecar, which holds pods back and binds them one by one; \
                       or write `Auto`";
            let at = at.item(*ix);
            faults.wrong(
                FaultCode::ExactNeedsBinder,
                &at.field("capacity"),
                &Value::from("Exact"),
                fix,
            );
        }
    }
}

pub(crate) fn on_error(value: &Value, at: &Place<'_>, faults: &mut Faults) -> OnError {
    match read::word(value, at, &["Accept", "Reject"], faults) {
        Some("Reject") => OnError::Reject,
        _ => OnError::Accept,
    }
}

/// What two spreads do to each other. A spread that is faulty by itself is left out.
fn check_pairs(spreads: &[(usize, Spread)], at: &Place<'_>, faults: &mut Faults) {
    for (position, (ix, spread)) in spreads.iter().enumerate() {
        let earlier = || {
            spreads
                .iter()
                .take(position)
                .filter(|(_, other)| other.namespace() == spread.namespace())
        };
        let at = &at.item(*ix);
        if let Some((first, _)) = earlier().find(|(_, other)| other.name() == spread.name()) {
            let fix = format!("write another name than `spreads[{first}]` has: pods are counted by it");
            faults.wrong(
                FaultCode::DuplicateSpread,
                &at.field("name"),
                &Value::from(spread.name()),
                &fix,
            );
        }
        if let Some((first, _)) = earlier().find(|(_, other)| takes_all(other.target(), spread.target())) {
            let (field, seen) = match spread.target() {
                Target::Workload { kind, name, .. } => ("targetRef", format!("{} {name}", kind.kind)),
                Target::Selector(_) => ("selector", String::new()),
            };
            let fix = format!(
                "remove one of the two, or narrow `spreads[{first}]`, which takes every pod of this one"
            );
            let at = at.field(field);
            if seen.is_empty() {
                faults.lacks(FaultCode::TargetTwice, &at, &fix);
            } else {
                faults.wrong(FaultCode::TargetTwice, &at, &Value::from(seen), &fix);
            }
        }
    }
}

/// Whether the earlier target leaves nothing for the later one, for certain.
fn takes_all(earlier: &Target, later: &Target) -> bool {
    match (earlier, later) {
        (
            Target::Workload {
                kind: first_kind,
                name: first_name,
                filter: first,
                ..
            },
            Target::Workload {
                kind, name, filter, ..
            },
        ) => first_kind == kind && first_name == name && filter_takes_all(first.as_ref(), filter.as_ref()),
        (Target::Selector(first), Target::Selector(selector)) => first.is_same_as(selector),
        _ => false,
    }
}

fn filter_takes_all(earlier: Option<&LabelSelector>, later: Option<&LabelSelector>) -> bool {
    match (earlier, later) {
        (None, _) => true,
        (Some(earlier), Some(later)) => earlier.is_same_as(later),
        (Some(_), None) => false,
    }
}
