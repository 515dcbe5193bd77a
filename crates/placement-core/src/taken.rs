//! Places that are taken, and on which rungs, as far as that is known.
//!
//! A pod tells its rung by its deletion cost. Where all pods tell it, a pod that replaces another
//! gets the rung, and so the cost, that became free; where none does (a ledger's counts, kinds
//! that are not ranked), a subset's pods are taken to stand on its lowest rungs.

use rules::SubsetIx;

use crate::rung::{Rung, Tier};

/// Taken places, by subset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken(Vec<Places>);

/// The taken places of one subset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    total: u32,
    on_minimum: u32,
    on_maximum: u32,
    shares: Vec<u32>,
}

impl Taken {
    /// Nothing taken in any of `subsets` subsets.
    #[must_use]
    pub fn none(subsets: usize) -> Self {
        Self(vec![Places::default(); subsets])
    }

    /// How many places of a subset are taken.
    #[must_use]
    pub fn of(&self, subset: SubsetIx) -> u32 {
        self.0.get(subset.index()).map_or(0, |places| places.total)
    }

    /// Takes one more place on a rung that is not known.
    pub fn add(&mut self, subset: SubsetIx) {
        if let Some(places) = self.0.get_mut(subset.index()) {
            places.total = places.total.saturating_add(1);
        }
    }

    /// Takes this rung.
    pub fn add_on(&mut self, rung: Rung) {
        self.add(rung.subset);
        if let Some(places) = self.0.get_mut(rung.subset.index()) {
            match rung.tier {
                Tier::Minimum => places.on_minimum = places.on_minimum.saturating_add(1),
                Tier::Maximum => places.on_maximum = places.on_maximum.saturating_add(1),
                Tier::Share(number) => places.shares.push(number),
            }
        }
    }

    /// The same places, on rungs that nobody knows: a subset's pods are then taken to stand on its lowest ones.
    #[must_use]
    pub fn counted(&self) -> Self {
        self.0.iter().map(|places| places.total).collect()
    }

    /// How many pods stand within a minimum of so many places; the others stand beyond it.
    pub(crate) fn within_minimum(&self, subset: SubsetIx, minimum: u32) -> u32 {
        let Some(places) = self.0.get(subset.index()) else {
            return 0;
        };
        let known = places.on_minimum.saturating_add(places.on_maximum);
        let anywhere = places.total.saturating_sub(known);
        places.on_minimum.saturating_add(anywhere).min(minimum)
    }

    /// The numbers of the rungs of shares that are known to be taken, lowest first.
    pub(crate) fn shares(&self, subset: SubsetIx) -> Vec<u32> {
        let mut shares = self
            .0
            .get(subset.index())
            .map_or_else(Vec::new, |places| places.shares.clone());
        shares.sort_unstable();
        shares
    }

    /// Whether no rung of shares is known.
    pub(crate) fn is_only_counted(&self) -> bool {
        self.0.iter().all(|places| places.shares.is_empty())
    }
}

impl FromIterator<u32> for Taken {
    fn from_iter<I: IntoIterator<Item = u32>>(counts: I) -> Self {
        let places = |total| Places {
            total,
            ..Places::default()
        };
        Self(counts.into_iter().map(places).collect())
    }
}
