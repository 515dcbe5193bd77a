//! Moving a pending pod on to the next subset without making another.
//!
//! Of a pod that exists and waits behind no gate, tolerations can be added, labels and annotations changed; its node
//! affinity is fixed (ValidatePodUpdate). So it gets the required terms of two subsets when it is placed, the first
//! preferred; terms are ORed. The next pool's taint keeps it away until it is given the toleration.
//!
//! This is sound only where all of this holds; elsewhere a stuck pod is made anew:
//! - the spread is Adaptive, and both subsets require a term: without one, "or" would mean anywhere;
//! - the next subset tolerates a taint that neither the first nor the pod tolerates. Otherwise the scheduler itself would
//!   choose between the pools, whatever the ladder says;
//! - the pod has no required terms of its own: one that waits behind the gate cannot be given further terms beside them,
//!   and admission and binding must not differ;
//! - the next subset prefers nothing that the first does not;
//! - what their patches set differs in labels and annotations alone, the next one sets every key that the first does,
//!   and it does not matter that they come late (`binding: Late`).

use kube_rules::smp;
use rules::names::MOVED_FROM_ANNOTATION;
use rules::{Binding, Overlay, Spread, SubsetIx};
use serde_json::{Map, Value};

use super::{Refused, kept, list, marks, object, root};
use crate::decide::Placement;

/// The subset that a pod of `from` can be moved on to in place, as far as the spread tells.
#[must_use]
pub fn next_in_place(spread: &Spread, from: SubsetIx) -> Option<SubsetIx> {
    pair(spread, from).map(|(next, ..)| next)
}

/// Whether a pod of `from` got the terms that let it be moved on in place.
#[must_use]
pub fn is_movable(spread: &Spread, from: SubsetIx, pod: &Value) -> bool {
    let next = pair(spread, from).and_then(|(_, _, next)| next.required());
    next.is_some_and(|next| required_terms(pod).contains(next))
}

/// A pending pod of `from`, moved on to the subset of its placement, which must be the next one.
///
/// # Errors
/// When the pod has no readable shape where it must be changed, or the patch does not fit it.
pub fn move_in_place(
    mut pod: Value,
    spread: &Spread,
    from: SubsetIx,
    placement: &Placement,
) -> Result<Value, Refused> {
    let Some((next, before, overlay)) = pair(spread, from) else {
        return Ok(pod);
    };
    let (Some(first), Some(subset)) = (spread.subset(from), spread.subset(next)) else {
        return Ok(pod);
    };
    let spec = object(root(&mut pod)?, "spec", "spec")?;
    let tolerations = list(spec, "tolerations", "spec.tolerations")?;
    for toleration in overlay.tolerations() {
        if !tolerations.contains(toleration) {
            tolerations.push(toleration.clone());
        }
    }
    if let Some(patch) = overlay.patch().filter(|_| before.patch() != overlay.patch()) {
        let kept = kept::Kept::of(&pod);
        pod = smp::merge_pod(pod, patch).map_err(Refused::Patch)?;
        kept.restore(&mut pod)?;
    }
    marks::placed(&mut pod, spread, subset, placement)?;
    let metadata = object(root(&mut pod)?, "metadata", "metadata")?;
    object(metadata, "annotations", "metadata.annotations")?
        .insert(MOVED_FROM_ANNOTATION.to_owned(), first.name().into());
    Ok(pod)
}

/// The term that a pod gets beside that of its subset; looks at the pod as it was before.
pub(super) fn further_term<'s>(spread: &'s Spread, subset: SubsetIx, pod: &Value) -> Option<&'s Value> {
    let (_, first, next) = pair(spread, subset)?;
    let tolerations = pod.pointer("/spec/tolerations").and_then(Value::as_array);
    let own = tolerations.map_or(&[][..], Vec::as_slice);
    let keeps_away = next
        .tolerations()
        .iter()
        .any(|toleration| is_news(toleration, own) && is_news(toleration, first.tolerations()));
    next.required()
        .filter(|_| keeps_away && required_terms(pod).is_empty())
}

/// Two subsets between which pods can be moved on in place.
fn pair(spread: &Spread, from: SubsetIx) -> Option<(SubsetIx, &Overlay, &Overlay)> {
    spread.patience()?;
    let next = SubsetIx::new(from.index() + 1);
    let (first, second) = (spread.subset(from)?.overlay(), spread.subset(next)?.overlay());
    let keeps_away = second
        .tolerations()
        .iter()
        .any(|toleration| is_news(toleration, first.tolerations()));
    let is_sound = keeps_away
        && first.required().is_some()
        && second.required().is_some()
        && second
            .preferred()
            .iter()
            .all(|term| first.preferred().contains(term))
        && (is_same_patch(first, second) || spread.binding() == Binding::Late && can_follow(first, second));
    is_sound.then_some((next, first, second))
}

/// Whether a toleration is of a taint that keeps pods away and that none of the others tolerates.
fn is_news(toleration: &Value, others: &[Value]) -> bool {
    let text = |toleration: &Value, field: &str| -> String {
        let text = toleration.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let key = text(toleration, "key");
    let is_known = |other: &Value| {
        let other = text(other, "key");
        other.is_empty() || other == key
    };
    !key.is_empty() && text(toleration, "effect") != "PreferNoSchedule" && !others.iter().any(is_known)
}

/// The same patch, which leaves alone what decides about nodes.
fn is_same_patch(first: &Overlay, second: &Overlay) -> bool {
    let decides = |patch: &Value| {
        let spec = patch.get("spec");
        spec.is_some_and(|spec| spec.get("tolerations").is_some() || spec.get("affinity").is_some())
    };
    first.patch() == second.patch() && !first.patch().is_some_and(decides)
}

/// Whether a pod that got the first patch has, given the second one, what it would have got from that alone.
fn can_follow(first: &Overlay, second: &Overlay) -> bool {
    let texts = |overlay: &Overlay, field: &str| -> Map<String, Value> {
        let texts = overlay
            .patch()
            .and_then(|patch| patch.get("metadata")?.get(field)?.as_object());
        texts.cloned().unwrap_or_default()
    };
    let is_kept = |field: &str| {
        let (before, after) = (texts(first, field), texts(second, field));
        before.keys().all(|key| after.contains_key(key))
            && !before.keys().chain(after.keys()).any(|key| key.starts_with('$'))
    };
    first.fits_a_gated_pod() && second.fits_a_gated_pod() && is_kept("labels") && is_kept("annotations")
}

fn required_terms(pod: &Value) -> &[Value] {
    let terms = pod.pointer(
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    terms.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
