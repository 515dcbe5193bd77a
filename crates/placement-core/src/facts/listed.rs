//! The fields that counting reads of a listed pod. Lists are long, so that these are read in one
//! pass by derived readers, not by [`Fields`](super::Fields).

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::Text;
use super::pod::is_finished;

/// A pod of a list.
#[derive(Debug, Deserialize)]
pub struct ListedPod<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(borrow, default)]
    status: Option<Status<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow, default)]
    labels: Option<Labels<'a>>,
    #[serde(borrow, default)]
    annotations: Option<Annotations<'a>>,
    #[serde(default)]
    deletion_timestamp: Present,
}

#[derive(Debug, Default, Deserialize)]
struct Annotations<'a> {
    #[serde(borrow, default, rename = "controller.kubernetes.io/pod-deletion-cost")]
    cost: Option<Text<'a>>,
    #[serde(borrow, default, rename = "spillway.dev/decision")]
    decision: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Labels<'a> {
    #[serde(borrow, default, rename = "spillway.dev/spread")]
    spread: Option<Text<'a>>,
    #[serde(borrow, default, rename = "spillway.dev/subset")]
    subset: Option<Text<'a>>,
    #[serde(borrow, default, rename = "pod-template-hash")]
    template: Option<Text<'a>>,
    #[serde(borrow, default, rename = "controller-revision-hash")]
    revision: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
struct Status<'a> {
    #[serde(borrow, default)]
    phase: Option<Text<'a>>,
}

/// Whether a field has a value, whatever it is.
#[derive(Clone, Copy, Debug, Default)]
struct Present(bool);

/// What counting needs to know of one pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodFacts<'a> {
    /// The spread that it belongs to.
    pub spread: Option<&'a str>,
    /// The subset that it was placed in.
    pub subset: Option<&'a str>,
    /// Its revision, if its owner's kind has revisions at all.
    pub revision: Option<&'a str>,
    /// Its deletion cost, where it has a readable one.
    pub cost: Option<i32>,
    /// Whether that was written where the pod was placed, and may tell its rung: a template, or somebody else, writes costs
    /// too.
    pub has_our_cost: bool,
    /// Succeeded or Failed.
    pub finished: bool,
    /// Being deleted.
    pub terminating: bool,
}

impl ListedPod<'_> {
    /// What counting needs.
    #[must_use]
    pub fn facts(&self) -> PodFacts<'_> {
        let labels = self.metadata.labels.as_ref();
        let template = labels
            .and_then(|labels| labels.template.as_ref())
            .map(Text::as_str);
        let revision = labels
            .and_then(|labels| labels.revision.as_ref())
            .map(Text::as_str);
        let subset = labels.and_then(|labels| labels.subset.as_ref()).map(Text::as_str);
        let annotations = self.metadata.annotations.as_ref();
        let decision = annotations.and_then(|annotations| annotations.decision.as_ref());
        let revision = super::revision::key_of_labels(template, revision);
        PodFacts {
            spread: labels.and_then(|labels| labels.spread.as_ref()).map(Text::as_str),
            subset,
            revision,
            cost: annotations
                .and_then(|annotations| annotations.cost.as_ref())
                .and_then(|cost| cost.as_str().parse().ok()),
            // Pods of Jobs have no revision, and no cost of ours.
            has_our_cost: revision.is_some() && is_decided(decision.map(Text::as_str), subset),
            finished: self
                .status
                .as_ref()
                .and_then(|status| status.phase.as_ref())
                .is_some_and(|phase| is_finished(phase.as_str())),
            terminating: self.metadata.deletion_timestamp.0,
        }
    }
}

/// Whether a decision is that a pod goes to the subset that it carries the label of.
#[must_use]
pub fn is_decided(decision: Option<&str>, subset: Option<&str>) -> bool {
    let reason = decision
        .zip(subset)
        .and_then(|(decision, subset)| decision.strip_prefix(subset));
    reason.is_some_and(|reason| reason.starts_with(": "))
}

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<IgnoredAny>::deserialize(deserializer).map(|value| Self(value.is_some()))
    }
}
