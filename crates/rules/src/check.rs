//! From a draft to a spread: names, overlays and the rules between fields.
//!
//! Three things that OpenKruise refuses are taken here. Percent maximums may make more than 100%:
//! the ladder is walked in order, so that `60%, 60%` leaves 40% to the second. Numbers and
//! percentages may stand side by side. And the last subset may be bounded by a number: pods beyond
//! it are admitted unplaced, on purpose (`bandwidth` without its open end). What is refused are
//! percent maximums for every subset that make less than 100%: there some pods are unplaced at
//! every size, which nobody means who writes percentages.

use kube_rules::labels::LabelSelector;
use kube_rules::syntax;
use serde_json::Value;

use crate::amount::Amount;
use crate::binding::Asked;
use crate::draft::{Field, SpreadDraft, SubsetDraft, TargetDraft};
use crate::fault::{Fault, FaultCode, Faults, Place};
use crate::overlay::Overlay;
use crate::patch::Trial;
use crate::spread::{Bounds, Capacity, Fill, Spread, Subset};
use crate::target::{ReplicasPath, Target, WorkloadKind};
use crate::{binding, patch, terms, tolerations, weights};

/// A gated pod for which there is no place waits five minutes where nothing else is written.
const GATE_TIMEOUT_SECONDS: u32 = 300;

impl SpreadDraft {
    /// Checks names, overlays and the rules between fields.
    ///
    /// What needs more than the draft is not checked here: whether the kind of the target is
    /// followed, and whether a binder is there for `capacity: Exact`.
    ///
    /// # Errors
    /// Every rule that is broken, in the order of the fields. The list is empty where nothing but
    /// [`Field::Faulty`] is wrong: those faults were reported already.
    pub fn check(self) -> Result<Spread, Vec<Fault>> {
        check(self, Trial::Run)
    }

    /// As [`SpreadDraft::check`], but patches are not tried out on a pod, which takes longer than
    /// all the rest: for drafts that were checked before, read again at an admission.
    ///
    /// # Errors
    /// As [`SpreadDraft::check`].
    pub fn check_again(self) -> Result<Spread, Vec<Fault>> {
        check(self, Trial::Done)
    }
}

fn check(draft: SpreadDraft, trial: Trial) -> Result<Spread, Vec<Fault>> {
    let SpreadDraft {
        path,
        name,
        namespace,
        target_ref,
        selector,
        filter,
        replicas,
        subsets,
        capacity,
        binding,
        gate_timeout_seconds,
        rollout,
        terminating,
        strategy,
        rebalance,
    } = draft;
    let at = Place::Root(&path);
    let mut faults = Faults::default();
    let name = check_name(name, &at.field("name"), &mut faults);
    let namespace = check_name(namespace, &at.field("namespace"), &mut faults);
    let whole = Whole::of(&target_ref);
    let is_job = matches!(&target_ref, Field::Set(target) if target.kind.known() == Some(WorkloadKind::Job));
    let filter = FilterDraft {
        selector: filter,
        replicas,
    };
    let target = check_target(target_ref, selector, filter, &at, &mut faults);
    let subsets = check_subsets(subsets, whole, trial, &at.field("subsets"), &mut faults);
    let subsets_known = subsets.as_ref().map(|(_, subsets)| subsets.as_slice());
    let is_exact = matches!(capacity, Field::Set(Capacity::Exact));
    let binding = subsets_known.and_then(|subsets| {
        let asked = Asked { is_job, is_exact };
        binding::check(&binding, asked, subsets, &at, &mut faults)
    });
    let gate_timeout_seconds = match gate_timeout_seconds {
        Field::Set(seconds) => Some(seconds),
        Field::Absent => Some(GATE_TIMEOUT_SECONDS),
        Field::Faulty => None,
    };
    let spread = (|| {
        let (fill, subsets) = subsets?;
        Some(Spread {
            name: name?,
            namespace: namespace?,
            target: target?,
            fill,
            subsets,
            capacity: capacity.or_default()?,
            binding: binding?,
            gate_timeout_seconds: gate_timeout_seconds?,
            rollout: rollout.or_default()?,
            terminating: terminating.or_default()?,
            strategy: strategy.or_default()?,
            rebalance: rebalance.or_default()?,
        })
    })();
    match spread {
        Some(spread) if faults.is_empty() => Ok(spread),
        _ => Err(faults.into_vec()),
    }
}

struct FilterDraft {
    selector: Field<LabelSelector>,
    replicas: Field<Vec<ReplicasPath>>,
}

/// A spread's name is a DNS label, as an object's would be.
fn check_name(name: Field<String>, at: &Place<'_>, faults: &mut Faults) -> Option<String> {
    let fix = "write lower-case letters, digits and inner dashes, at most 63";
    check_label(name, syntax::is_label_name, fix, at, faults)
}

/// A subset's name is only ever a label's value.
fn check_subset_name(name: Field<String>, at: &Place<'_>, faults: &mut Faults) -> Option<String> {
    let fix = "write letters, digits and inner `-`, `_` or `.`, at most 63";
    check_label(name, syntax::is_label_value, fix, at, faults)
}

fn check_label(
    name: Field<String>,
    is_good: fn(&str) -> bool,
    fix: &str,
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<String> {
    match name {
        Field::Set(name) if name.is_empty() => faults.lacks(FaultCode::Missing, at, "write a name"),
        Field::Set(name) if is_good(&name) => return Some(name),
        Field::Set(name) => faults.wrong(FaultCode::InvalidName, at, &Value::from(name), fix),
        Field::Absent => faults.lacks(FaultCode::Missing, at, "write a name"),
        Field::Faulty => {}
    }
    None
}

/// What a percentage would be taken of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// The replicas of a workload.
    Replicas,
    /// Ordinals, which keep their subset.
    Ordinals,
    /// Pods by label: nobody says how many there shall be.
    Unknown,
}

impl Whole {
    fn of(target: &Field<TargetDraft>) -> Self {
        match target {
            Field::Set(target) if target.kind.known().is_some_and(WorkloadKind::has_ordinals) => {
                Self::Ordinals
            }
            Field::Set(_) | Field::Faulty => Self::Replicas,
            Field::Absent => Self::Unknown,
        }
    }
}

fn check_target(
    target_ref: Field<TargetDraft>,
    selector: Field<LabelSelector>,
    filter: FilterDraft,
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<Target> {
    if !target_ref.is_written() && (filter.selector.is_written() || filter.replicas.is_written()) {
        let fix = "write its conditions into `selector`, or name the workload in `targetRef`";
        faults.lacks(FaultCode::FilterWithoutTarget, &at.field("targetFilter"), fix);
    }
    match (target_ref, selector) {
        (Field::Absent, Field::Absent) => {
            let fix = "write `targetRef` for one workload, or `selector` for pods by label";
            faults.lacks(FaultCode::TargetOrSelector, at, fix);
            None
        }
        (Field::Set(target), Field::Absent) => Some(Target::Workload {
            kind: target.kind,
            version: target.version,
            name: target.name,
            // A filter without conditions selects all, as none does.
            filter: match filter.selector {
                Field::Set(selector) => Some(selector).filter(|selector| !selector.requirements().is_empty()),
                Field::Absent => None,
                Field::Faulty => return None,
            },
            replicas: filter.replicas.or_default()?,
        }),
        (Field::Absent, Field::Set(selector)) if selector.requirements().is_empty() => {
            let fix = "write at least one of `matchLabels` or `matchExpressions`: \
                       an empty selector would take every pod of the namespace";
            faults.lacks(FaultCode::InvalidSelector, &at.field("selector"), fix);
            None
        }
        (Field::Absent, Field::Set(selector)) => Some(Target::Selector(selector)),
        (Field::Faulty, Field::Absent) | (Field::Absent, Field::Faulty) => None,
        _ => {
            let fix = "remove `selector`, or `targetRef`; to narrow a workload write `targetFilter`";
            faults.lacks(FaultCode::TargetOrSelector, at, fix);
            None
        }
    }
}

fn check_subsets(
    subsets: Field<Vec<SubsetDraft>>,
    whole: Whole,
    trial: Trial,
    at: &Place<'_>,
    faults: &mut Faults,
) -> Option<(Fill, Vec<Subset>)> {
    let subsets = match subsets {
        Field::Set(subsets) if !subsets.is_empty() => subsets,
        Field::Faulty => return None,
        Field::Set(_) | Field::Absent => {
            faults.lacks(
                FaultCode::NoSubsets,
                at,
                "write at least one subset, such as `- name: fixed`",
            );
            return None;
        }
    };
    let shares = subsets.iter().any(|subset| subset.share.is_written());
    let mut names = std::collections::BTreeSet::new();
    for (ix, subset) in subsets.iter().enumerate() {
        let at = at.item(ix);
        if let Field::Set(name) = &subset.name
            && !name.is_empty()
            && !names.insert(name.as_str())
        {
            let fix = "write another name: pods are counted by it";
            faults.wrong(
                FaultCode::DuplicateSubset,
                &at.field("name"),
                &Value::from(name.as_str()),
                fix,
            );
        }
        if shares {
            check_unmixed(subset, &at, faults);
        } else {
            check_bounds(subset, whole, &at, faults);
        }
        check_overlay(subset, trial, &at, faults);
    }
    if !shares && whole == Whole::Replicas {
        check_maximums(&subsets, at, faults);
    }
    let fill = if shares {
        weights::check_shares(&subsets, at, faults)
    } else {
        bounds(&subsets)
    };
    let subsets = subsets.into_iter().enumerate().map(|(ix, subset)| {
        let at = at.item(ix);
        let name = check_subset_name(subset.name, &at.field("name"), faults);
        let overlay = Overlay {
            required: optional(subset.required)?,
            preferred: subset.preferred.or_default()?,
            tolerations: subset.tolerations.or_default()?,
            patch: optional(subset.patch)?,
        };
        Some(Subset { name: name?, overlay })
    });
    // All of them are looked at before the first bad one ends it.
    let subsets: Vec<Option<Subset>> = subsets.collect();
    Some((fill?, subsets.into_iter().collect::<Option<Vec<Subset>>>()?))
}

fn optional<T>(field: Field<T>) -> Option<Option<T>> {
    match field {
        Field::Set(value) => Some(Some(value)),
        Field::Absent => Some(None),
        Field::Faulty => None,
    }
}

fn check_overlay(subset: &SubsetDraft, trial: Trial, at: &Place<'_>, faults: &mut Faults) {
    if let Some(term) = subset.required.value() {
        terms::check_term(term, &at.field("requiredNodeSelectorTerm"), faults);
    }
    let list = at.field("preferredNodeSelectorTerms");
    for (ix, preferred) in subset.preferred.value().into_iter().flatten().enumerate() {
        terms::check_preferred(preferred, &list.item(ix), faults);
    }
    let list = at.field("tolerations");
    for (ix, toleration) in subset.tolerations.value().into_iter().flatten().enumerate() {
        tolerations::check(toleration, &list.item(ix), faults);
    }
    if let Some(patch) = subset.patch.value() {
        patch::check(patch, trial, &at.field("patch"), faults);
    }
}

fn check_unmixed(subset: &SubsetDraft, at: &Place<'_>, faults: &mut Faults) {
    for (name, bound) in [("minReplicas", &subset.min), ("maxReplicas", &subset.max)] {
        if bound.is_written() {
            let fix = "remove it, or write bounds in place of every `replicas`";
            let at = at.field(name);
            match bound.value() {
                Some(amount) => faults.wrong(FaultCode::MixedFill, &at, &amount.as_written(), fix),
                None => faults.lacks(FaultCode::MixedFill, &at, fix),
            }
        }
    }
}

fn check_bounds(subset: &SubsetDraft, whole: Whole, at: &Place<'_>, faults: &mut Faults) {
    let (min, max) = (subset.min.value().copied(), subset.max.value().copied());
    for (name, amount) in [("minReplicas", min), ("maxReplicas", max)] {
        let Some(amount) = amount.filter(|amount| amount.is_percent()) else {
            continue;
        };
        let (code, fix) = match whole {
            Whole::Replicas => continue,
            Whole::Ordinals => (
                FaultCode::PercentOfOrdinals,
                "write a number of pods; for a part of a StatefulSet write shares (`replicas: 50%`)",
            ),
            Whole::Unknown => (
                FaultCode::PercentWithoutWorkload,
                "write a number of pods, or name the workload in `targetRef`; shares (`replicas: 50%`) need no number",
            ),
        };
        faults.wrong(code, &at.field(name), &amount.as_written(), fix);
    }
    // A number against a percentage depends on the size; there the minimum gives way.
    let above = match (min, max) {
        (Some(Amount::Count(min)), Some(Amount::Count(max))) => min > max,
        (Some(Amount::Percent(min)), Some(Amount::Percent(max))) => min > max,
        _ => false,
    };
    if let (true, Some(min), Some(max)) = (above, min, max) {
        let fix = format!("write at most `{max}`, the maximum");
        faults.wrong(
            FaultCode::MinimumAboveMaximum,
            &at.field("minReplicas"),
            &min.as_written(),
            &fix,
        );
    }
}

fn check_maximums(subsets: &[SubsetDraft], at: &Place<'_>, faults: &mut Faults) {
    let percent = |subset: &SubsetDraft| match subset.max {
        Field::Set(Amount::Percent(percent)) => Some(u32::from(percent)),
        _ => None,
    };
    let sum: Option<u32> = subsets.iter().map(percent).sum();
    if let Some(sum @ 0..100) = sum {
        let fix = format!("they make {sum}%: raise one, or leave out the maximum of the last subset");
        faults.lacks(FaultCode::MaximumsBelowWhole, at, &fix);
    }
}

fn bounds(subsets: &[SubsetDraft]) -> Option<Fill> {
    let bounds = |subset: &SubsetDraft| {
        Some(Bounds {
            min: optional(subset.min.clone())?,
            max: optional(subset.max.clone())?,
        })
    };
    subsets
        .iter()
        .map(bounds)
        .collect::<Option<Vec<Bounds>>>()
        .map(Fill::InOrder)
}
