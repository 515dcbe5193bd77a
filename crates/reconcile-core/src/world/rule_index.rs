//! The rules in the order of the settings, found by their spread and by their namespace.

use std::collections::BTreeMap;

use super::{Rule, SpreadId};

/// The first that matches a pod has it.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    in_order: Vec<(SpreadId, Rule)>,
    places: BTreeMap<SpreadId, usize>,
    by_namespace: BTreeMap<String, Vec<usize>>,
}

impl Rules {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let named = rules.into_iter().map(|rule| (SpreadId::of(&rule.spread), rule));
        let mut all = Self {
            in_order: named.collect(),
            ..Self::default()
        };
        for (place, (id, _)) in all.in_order.iter().enumerate() {
            all.places.entry(id.clone()).or_insert(place);
            let here = all.by_namespace.entry(id.namespace.clone()).or_default();
            here.push(place);
        }
        all
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(SpreadId, Rule)> {
        self.in_order.iter()
    }

    pub(crate) fn get(&self, id: &SpreadId) -> Option<&Rule> {
        let (_, rule) = self.in_order.get(self.place(id)?)?;
        Some(rule)
    }

    /// The place in the settings.
    pub(crate) fn place(&self, id: &SpreadId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Whether a namespace has any.
    pub(super) fn are_in(&self, namespace: &str) -> bool {
        self.by_namespace.contains_key(namespace)
    }

    /// Those of a namespace, in their order.
    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = &(SpreadId, Rule)> {
        let places = self.by_namespace.get(namespace).into_iter().flatten();
        places.filter_map(|place| self.in_order.get(*place))
    }
}
