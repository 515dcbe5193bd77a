//! Spreads made of a few words, and their naive counterparts.

#![allow(dead_code, reason = "each test binary uses its own part")]

use placement_core::cost::DeletionCost;
use placement_core::{Closed, Rung, Taken, Tier};
use proptest::prelude::*;
use reference_model as model;
use rules::{
    Amount, Binding, Capacity, Field, GroupKind, Rollout, Spread, SpreadDraft, SubsetDraft, SubsetIx,
    TargetDraft, Terminating,
};
use serde_json::Value;

/// A spread over the Deployment `shop/web`, with subsets named `a`, `b`, `c`, ...
pub(crate) struct Words {
    pub(crate) subsets: Vec<SubsetDraft>,
    pub(crate) capacity: Capacity,
    pub(crate) rollout: Rollout,
    pub(crate) terminating: Terminating,
    pub(crate) binding: Field<Binding>,
}

/// A spread that fills in order.
pub(crate) fn in_order(bounds: &[(Option<Amount>, Option<Amount>)]) -> Words {
    let subset = |(ix, (min, max)): (usize, &(Option<Amount>, Option<Amount>))| SubsetDraft {
        name: Field::Set(name(ix)),
        min: min.map_or(Field::Absent, Field::Set),
        max: max.map_or(Field::Absent, Field::Set),
        ..SubsetDraft::default()
    };
    Words::of(bounds.iter().enumerate().map(subset).collect())
}

/// A spread by shares; `None` takes an even part of the remainder.
pub(crate) fn shares(percents: &[Option<u8>]) -> Words {
    let subset = |(ix, percent): (usize, &Option<u8>)| SubsetDraft {
        name: Field::Set(name(ix)),
        share: percent.map_or(Field::Absent, |percent| Field::Set(Amount::Percent(percent))),
        ..SubsetDraft::default()
    };
    Words::of(percents.iter().enumerate().map(subset).collect())
}

impl Words {
    /// A spread of these subsets.
    pub(crate) fn of(subsets: Vec<SubsetDraft>) -> Self {
        Self {
            subsets,
            capacity: Capacity::Auto,
            rollout: Rollout::Keep,
            terminating: Terminating::Ignored,
            binding: Field::Absent,
        }
    }

    pub(crate) fn binding(mut self, binding: Binding) -> Self {
        self.binding = Field::Set(binding);
        self
    }

    pub(crate) fn capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = capacity;
        self
    }

    pub(crate) fn terminating(mut self, terminating: Terminating) -> Self {
        self.terminating = terminating;
        self
    }

    pub(crate) fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }

    pub(crate) fn spread(self) -> Spread {
        let draft = SpreadDraft {
            path: "spreads[0]".to_owned(),
            name: Field::Set("web".to_owned()),
            namespace: Field::Set("shop".to_owned()),
            target_ref: Field::Set(TargetDraft {
                kind: GroupKind {
                    group: "apps".to_owned(),
                    kind: "Deployment".to_owned(),
                },
                version: "v1".to_owned(),
                name: "web".to_owned(),
            }),
            subsets: Field::Set(self.subsets),
            capacity: Field::Set(self.capacity),
            rollout: Field::Set(self.rollout),
            terminating: Field::Set(self.terminating),
            binding: self.binding,
            ..SpreadDraft::default()
        };
        draft.check().unwrap()
    }
}

/// `a`, `b`, ..., `z`, `s26`, `s27`, ...
pub(crate) fn name(ix: usize) -> String {
    match u8::try_from(ix) {
        Ok(letter @ 0..26) => char::from(b'a' + letter).to_string(),
        _ => format!("s{ix}"),
    }
}

/// What the percentages stand for.
pub(crate) fn share_fill(percents: &[Option<u8>]) -> model::Fill {
    model::Fill::Shares(weights(percents))
}

/// The first place where two ladders differ, with what each has there.
pub(crate) fn difference(
    one: &[model::Rung],
    other: &[model::Rung],
) -> Option<(usize, Vec<Option<model::Rung>>)> {
    let length = one.len().max(other.len());
    let place = (0..length).find(|place| one.get(*place) != other.get(*place))?;
    Some((place, vec![one.get(place).copied(), other.get(place).copied()]))
}

/// The weights that the percentages stand for: the remainder is divided evenly.
pub(crate) fn weights(percents: &[Option<u8>]) -> Vec<u64> {
    let given: u64 = percents.iter().flatten().map(|percent| u64::from(*percent)).sum();
    let open = percents.iter().filter(|percent| percent.is_none()).count() as u64;
    percents
        .iter()
        .map(|percent| percent.map_or(100 - given, |percent| u64::from(percent) * open.max(1)))
        .collect()
}

pub(crate) fn plain_amount(amount: Amount) -> model::Amount {
    match amount {
        Amount::Count(count) => model::Amount::Count(count),
        Amount::Percent(percent) => model::Amount::Percent(percent),
    }
}

pub(crate) fn plain_fill(bounds: &[(Option<Amount>, Option<Amount>)]) -> model::Fill {
    let bound = |(min, max): &(Option<Amount>, Option<Amount>)| model::Bounds {
        min: min.map(plain_amount),
        max: max.map(plain_amount),
    };
    model::Fill::InOrder(bounds.iter().map(bound).collect())
}

pub(crate) fn plain(rung: Rung) -> model::Rung {
    let kind = match rung.tier {
        Tier::Minimum => model::Kind::Minimum,
        Tier::Maximum => model::Kind::Maximum,
        Tier::Share(number) => model::Kind::Share(number),
    };
    model::Rung {
        subset: rung.subset.index(),
        kind,
    }
}

pub(crate) fn costed(rungs: &[Rung], subsets: usize) -> Vec<(model::Rung, i32)> {
    rungs
        .iter()
        .map(|rung| (plain(*rung), DeletionCost::of(*rung, subsets).value()))
        .collect()
}

pub(crate) fn closed(subsets: &[usize]) -> Closed {
    subsets.iter().map(|subset| SubsetIx::new(*subset)).collect()
}

pub(crate) fn taken(counts: &[u32]) -> Taken {
    counts.iter().copied().collect()
}

/// A fill with its naive counterpart and the number of subsets.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) spread: Spread,
    pub(crate) fill: model::Fill,
    pub(crate) closed: Vec<usize>,
    pub(crate) taken: Vec<u32>,
    pub(crate) replicas: u32,
    /// Of shares.
    pub(crate) percents: Vec<Option<u8>>,
}

/// Any ordered fill of up to six subsets, with counts and percentages side by side.
pub(crate) fn any_in_order() -> impl Strategy<Value = Case> {
    let amount = prop_oneof![
        (0u32..12).prop_map(Amount::Count),
        (0u8..=100).prop_map(Amount::Percent),
    ];
    let bounds = (proptest::option::of(amount.clone()), proptest::option::of(amount));
    let all = proptest::collection::vec(bounds, 1..=6);
    (all, any_state()).prop_filter_map("refused", |(bounds, state)| {
        let bounds = accepted(bounds);
        let spread = in_order(&bounds).spread();
        Some(state.case(spread, plain_fill(&bounds)))
    })
}

/// Any shares of up to six subsets.
pub(crate) fn any_shares() -> impl Strategy<Value = Case> {
    (any_percents(), any_state()).prop_map(|(percents, state)| Case {
        percents: percents.clone(),
        ..state.case(shares(&percents).spread(), share_fill(&percents))
    })
}

/// Percentages that make 100, some of them left open. One is always written: it makes the shares.
pub(crate) fn any_percents() -> impl Strategy<Value = Vec<Option<u8>>> {
    let cuts = proptest::collection::btree_set(1u8..100, 0..=5);
    (cuts, 0usize..=3).prop_map(|(cuts, open)| {
        let mut parts = Vec::new();
        let mut last = 0;
        for cut in cuts.iter().copied().chain([100]) {
            parts.push(Some(cut - last));
            last = cut;
        }
        let parts_len = parts.len();
        for part in parts.iter_mut().skip(parts_len - open.min(parts_len - 1)) {
            *part = None;
        }
        parts
    })
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    closed: Vec<usize>,
    taken: Vec<u32>,
    replicas: u32,
}

pub(crate) fn any_state() -> impl Strategy<Value = State> {
    let closed = proptest::collection::vec(0usize..6, 0..=3);
    let taken = proptest::collection::vec(0u32..20, 6);
    (closed, taken, 0u32..60).prop_map(|(closed, taken, replicas)| State {
        closed,
        taken,
        replicas,
    })
}

impl State {
    pub(crate) fn case(self, spread: Spread, fill: model::Fill) -> Case {
        let Self {
            closed,
            mut taken,
            replicas,
        } = self;
        taken.truncate(spread.subsets().len());
        Case {
            spread,
            fill,
            closed,
            taken,
            replicas,
            percents: Vec::new(),
        }
    }
}

/// The bounds with every minimum that the check refuses left out, and an open end where the
/// percentages do not reach the whole.
fn accepted(mut bounds: Vec<(Option<Amount>, Option<Amount>)>) -> Vec<(Option<Amount>, Option<Amount>)> {
    for (min, max) in &mut bounds {
        let above = match (*min, *max) {
            (Some(Amount::Count(min)), Some(Amount::Count(max))) => min > max,
            (Some(Amount::Percent(min)), Some(Amount::Percent(max))) => min > max,
            _ => false,
        };
        if above {
            *min = None;
        }
    }
    let percent = |(_, max): &(Option<Amount>, Option<Amount>)| match max {
        Some(Amount::Percent(percent)) => Some(u32::from(*percent)),
        _ => None,
    };
    let sum: Option<u32> = bounds.iter().map(percent).sum();
    if sum.is_some_and(|sum| sum < 100)
        && let Some((_, max)) = bounds.last_mut()
    {
        *max = None;
    }
    bounds
}

/// Any JSON, often with the words of a pod in it.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-9.0e9f64..9.0e9).prop_map(Value::from),
        "[a-z./$-]{0,8}".prop_map(Value::from),
        any_word().prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any_word(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_word() -> impl Strategy<Value = String> {
    let words = [
        "metadata",
        "spec",
        "status",
        "labels",
        "annotations",
        "ownerReferences",
        "apiVersion",
        "kind",
        "name",
        "namespace",
        "controller",
        "containers",
        "tolerations",
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
        "matchExpressions",
        "matchFields",
        "schedulingGates",
        "priorityClassName",
        "priority",
        "phase",
        "replicas",
        "parallelism",
        "items",
        "spillway.dev/spread",
        "spillway.dev/subset",
        "pod-template-hash",
        "$patch",
        "env",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "[a-z]{1,6}"]
}
