//! Of which pods a closing tells: those like the one that found no node.

use std::collections::BTreeSet;

use kube_rules::nodes::{NodeAffinity, Resources, Toleration};
use placement_core::Closed;
use placement_core::offer::barred;
use rules::{Spread, SubsetIx};
use serde_json::{Value, json};
use spread_api::ClosingStatus;

use crate::plan::Planning;
use crate::record::WorkloadId;
use crate::world::KnownPod;

/// What a pod that found no node asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Its revision, or its controller's name where its kind has none; empty: of every pod.
    template: String,
    pub(super) requests: Resources,
    /// Whether it asked for nothing but its requests, so that any pod that asks for as much is no better off.
    is_plain: bool,
}

impl Shape {
    pub(super) fn of(spread: &Spread, pod: &KnownPod) -> Self {
        Self {
            template: template(pod).to_owned(),
            requests: pod.record.requests.clone(),
            is_plain: is_plain(spread, pod),
        }
    }

    /// Whether what this pod found is true of another.
    pub(super) fn is_like(&self, spread: &Spread, pod: &KnownPod) -> bool {
        pod.record.requests.covers(&self.requests)
            && (self.template.is_empty()
                || self.template == template(pod)
                || (self.is_plain && is_plain(spread, pod)))
    }

    /// Whether a pod that asks for as much room shows that there is some.
    pub(super) fn is_shown_by(&self, pod: &KnownPod) -> bool {
        self.template == template(pod) || pod.record.requests.covers(&self.requests)
    }

    /// Whether a closing of this shape says all that one of the other says.
    pub(super) fn says_more_than(&self, other: &Self) -> bool {
        other.requests.covers(&self.requests)
            && (self.template.is_empty()
                || self.template == other.template
                || (self.is_plain && other.is_plain))
    }

    pub(super) fn read(status: &ClosingStatus) -> Self {
        let requests = Value::from_iter(status.requests.clone());
        Self {
            template: status.template.clone(),
            requests: Resources::read(Some(&requests), "requests").unwrap_or_default(),
            is_plain: status.plain || status.template.is_empty(),
        }
    }

    pub(super) fn write(&self, status: &mut ClosingStatus) {
        status.template.clone_from(&self.template);
        status.requests = self.requests.written();
        status.plain = self.is_plain && !self.template.is_empty();
    }
}

fn template(pod: &KnownPod) -> &str {
    let owner = pod.record.owner.as_ref().map(|owner| owner.owner.name.as_str());
    pod.record
        .revision
        .as_deref()
        .or(owner)
        .unwrap_or(&pod.record.name)
}

/// Whether a pod wants no more of a node than room, as far as its own words go: what its subset gives it is left aside.
fn is_plain(spread: &Spread, pod: &KnownPod) -> bool {
    if pod.record.is_choosy {
        return false;
    }
    let Some(outline) = pod
        .record
        .outline
        .as_ref()
        .map(super::super::record::Outline::value)
    else {
        return true;
    };
    let overlays = || spread.subsets().iter().map(rules::Subset::overlay);
    let list = |path: &str| {
        outline
            .pointer(path)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice)
    };
    let is_given = |term: &Value| overlays().any(|overlay| overlay.required() == Some(term));
    let is_usual = |toleration: &Value| {
        let key = toleration.get("key").and_then(Value::as_str).unwrap_or_default();
        key.starts_with("node.kubernetes.io/")
            || overlays().any(|overlay| overlay.tolerations().contains(toleration))
    };
    list(TERMS).iter().all(is_given) && list("/spec/tolerations").iter().all(is_usual)
}

const TERMS: &str =
    "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";

/// The tolerations of a pod, while its outline is kept.
pub(super) fn tolerations(pod: &KnownPod) -> Vec<Toleration> {
    let outline = pod.record.outline.as_ref().map(crate::record::Outline::value);
    let list = outline
        .as_ref()
        .and_then(|outline| outline.pointer("/spec/tolerations")?.as_array());
    list.into_iter().flatten().map(Toleration::read).collect()
}

impl Planning<'_> {
    /// The subsets that a pod which waits behind its gate is not offered.
    pub(crate) fn barred(&self, spread: &Spread, pod: &KnownPod) -> Closed {
        let outline = pod.record.outline.as_ref().filter(|outline| outline.may_wish());
        let Some(outline) = outline.map(crate::record::Outline::value) else {
            return Closed::none();
        };
        let spec = outline.get("spec").unwrap_or(&Value::Null);
        barred(spread, &NodeAffinity::of_pod(spec))
    }

    /// The subsets that one is not offered which has its subset. Its own terms are mixed with those of the subset by now,
    /// its template still has them alone; its selector is as it was, unless a patch gives one.
    pub(super) fn barred_elsewhere(&self, spread: &Spread, pod: &KnownPod) -> Closed {
        let owner = pod.record.owner.as_ref();
        let template = owner.and_then(|owner| {
            self.world.workloads.get(&WorkloadId {
                namespace: pod.record.namespace.clone(),
                kind: owner.owner.kind.clone(),
                name: owner.owner.name.clone(),
            })
        });
        let of_template = template.map_or_else(Closed::none, |template| barred(spread, &template.wishes));
        let gives_one = |subset: &rules::Subset| {
            let patch = subset.overlay().patch();
            patch.is_some_and(|patch| patch.pointer("/spec/nodeSelector").is_some())
        };
        if spread.subsets().iter().any(gives_one) {
            return of_template;
        }
        let outline = pod.record.outline.as_ref().filter(|outline| outline.may_wish());
        let outline = outline.map(crate::record::Outline::value);
        let selector = outline
            .as_ref()
            .and_then(|outline| outline.pointer("/spec/nodeSelector"));
        let own = json!({ "nodeSelector": selector });
        both(&of_template, barred(spread, &NodeAffinity::of_pod(&own)).iter())
    }
}

/// Both sets of subsets.
pub(super) fn both(one: &Closed, other: impl IntoIterator<Item = SubsetIx>) -> Closed {
    let all: BTreeSet<SubsetIx> = one.iter().chain(other).collect();
    all.into_iter().collect()
}
