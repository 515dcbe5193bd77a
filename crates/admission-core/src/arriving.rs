//! The pod that is to be created, and what becomes of it.

use placement_core::facts::{PodHead, is_decided};
use placement_core::{Decision, inject};
use policy_settings::SettingsText;
use rules::Spread;
use rules::names::{DECISION_ANNOTATION, SPREAD_LABEL, SUBSET_LABEL};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::deadline::Clock;
use crate::envelope::Request;
use crate::matched::in_namespace;
use crate::response::{Cleaned, Outcome, Trouble};
use crate::strays::Strays;

/// A pod that is to be created.
pub(crate) struct Arriving<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) clock: &'a Clock<'a>,
    object: &'a RawValue,
    strays: Strays,
}

impl<'a> Arriving<'a> {
    pub(crate) fn new(request: &'a Request<'a>, object: &'a RawValue, clock: &'a Clock<'a>) -> Self {
        Self {
            request,
            clock,
            object,
            strays: Strays::of(object),
        }
    }

    /// The fields that tell whether a spread concerns it.
    pub(crate) fn head(&self) -> Result<PodHead<'a>, Trouble> {
        PodHead::read(self.object.get()).map_err(|error| Trouble::Pod(error.to_string()))
    }

    /// A second pass over a pod changes nothing: its labels name a spread and a subset of these
    /// settings, and the decision is that subset's.
    pub(crate) fn is_placed(&self, pod: &PodHead<'_>, settings: &SettingsText<'_>) -> bool {
        let Some((spread, subset)) = placed_in(pod).filter(|_| self.strays.is_none()) else {
            return false;
        };
        let mut named = in_namespace(settings, self.request.namespace())
            .filter(|(_, head)| head.name().as_deref() == Some(spread));
        named.any(|(index, _)| {
            settings
                .spread(index)
                .is_ok_and(|spread| spread.subset_named(subset).is_some())
        })
    }

    /// The pod as the decision has it.
    pub(crate) fn carry_out(&self, spread: &Spread, decision: &Decision) -> Result<Outcome, Trouble> {
        if let Decision::Leave { reason } = *decision {
            return Ok(Outcome::Left {
                spread: spread.name().to_owned(),
                reason,
            });
        }
        self.clock.check()?;
        let placed = inject(self.value()?, spread, decision).map_err(Trouble::Inject)?;
        self.clock.check()?;
        Ok(Outcome::Placed(placed))
    }

    /// What strayed goes whatever else becomes of the pod.
    pub(crate) fn cleaned(&self, outcome: &Outcome) -> Cleaned {
        let is_rewritten = matches!(outcome, Outcome::Placed(_));
        Cleaned {
            pod: (!is_rewritten && !self.strays.is_none())
                .then(|| self.value().ok())
                .flatten(),
            explanation: self.strays.explanation(),
        }
    }

    /// The whole pod, without what strayed onto it.
    fn value(&self) -> Result<Value, Trouble> {
        let mut pod =
            serde_json::from_str(self.object.get()).map_err(|error| Trouble::Pod(error.to_string()))?;
        self.strays.remove_from(&mut pod);
        Ok(pod)
    }
}

/// The spread and the subset that a pod carries the labels of, where its decision is that subset's.
fn placed_in<'p>(pod: &'p PodHead<'_>) -> Option<(&'p str, &'p str)> {
    let (spread, subset) = (pod.label(SPREAD_LABEL)?, pod.label(SUBSET_LABEL)?);
    is_decided(pod.annotation(DECISION_ANNOTATION), Some(subset)).then_some((spread, subset))
}
