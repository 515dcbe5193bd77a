//! What an answer of the API server means for a step.

use reconcile_core::{Action, Outcome, PodRecord};

/// What an answer alone tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done.
    Done,
    /// The object is no more.
    Gone,
    /// Send it once more, if there is time.
    Again,
    /// It is refused for good.
    Refused,
    /// It was refused for a reason that only the pod itself shows.
    Look,
}

/// What a look at the pod tells, after a refusal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sight {
    /// The step has ended so.
    Ended(Outcome),
    /// The refusal may pass: send it once more, if there is time.
    Again,
}

/// What an HTTP code and what is said with it mean.
pub(super) fn verdict(action: &Action, code: u16, message: &str) -> Verdict {
    let is_of_a_pod = action.pod().is_some();
    match code {
        200..=299 => Verdict::Done,
        // Without the namespace or the kind nothing can be published; that is no ledger that went away.
        404 if matches!(action, Action::PublishLedger(_) | Action::Note(_)) => Verdict::Refused,
        404 | 410 => Verdict::Gone,
        // A budget allows it later, perhaps; not within the time that a request has.
        429 | 500 if matches!(action, Action::Evict { .. }) && is_of_a_budget(message) => Verdict::Refused,
        408 | 429 | 500..=599 => Verdict::Again,
        // Others write to the same object.
        409 if !is_of_a_pod => Verdict::Again,
        // The token is being renewed.
        401 => Verdict::Again,
        // Roles are not read yet by a server that has just started; and without them nothing else can be done either.
        _ if is_of_a_pod && is_forbidden_by_role(code, message) => Verdict::Again,
        _ if is_of_a_pod => Verdict::Look,
        _ => Verdict::Refused,
    }
}

/// Whether an eviction is refused by a PodDisruptionBudget, or because there are several: that is told by words alone, and
/// by the codes of a server that is busy or broken.
fn is_of_a_budget(message: &str) -> bool {
    message.contains("disruption budget") || message.contains("PodDisruptionBudget")
}

/// What the pod, as it is now, says about a step that was refused with a code.
pub(super) fn sight(action: &Action, code: u16, message: &str, pod: Option<PodRecord>) -> Sight {
    let Some(pod) = pod.filter(|pod| action.pod().is_some_and(|wanted| wanted.uid == pod.uid)) else {
        return Sight::Ended(Outcome::Gone);
    };
    let is_done = match action {
        Action::Bind { .. } | Action::Release { .. } => !pod.gated,
        Action::PatchCost { cost, .. } => pod.cost == Some(*cost),
        Action::Adopt { .. } => pod.subset.is_some(),
        Action::DeletePod { .. } | Action::Recreate { .. } | Action::Evict { .. } => pod.terminating,
        Action::Move { to, .. } => pod.subset.as_ref() == Some(to),
        Action::PublishLedger(_) | Action::RemoveLedger | Action::Note(_) => false,
    };
    if is_done {
        return Sight::Ended(Outcome::Done(Some(Box::new(pod))));
    }
    // Deleted is only who is as he was seen.
    let is_deletion = matches!(
        action,
        Action::DeletePod { .. } | Action::Recreate { .. } | Action::Evict { .. }
    );
    if code == 409 && !is_deletion {
        return Sight::Again;
    }
    Sight::Ended(Outcome::Refused(message.to_owned()))
}

/// Whether the API server's authorisation refused it: that may pass, where an admission's refusal may not.
#[must_use]
pub fn is_forbidden_by_role(code: u16, message: &str) -> bool {
    code == 403 && message.contains(" cannot ") && message.contains(" resource ")
}

#[cfg(test)]
mod tests {
    use reconcile_core::{PodPatch, PodRef, WhyReleased};
    use serde_json::{Value, json};

    use super::*;

    fn pod_ref() -> PodRef {
        PodRef {
            namespace: "shop".to_owned(),
            name: "web-1".to_owned(),
            uid: "u1".to_owned(),
        }
    }

    fn release() -> Action {
        Action::Release {
            pod: pod_ref(),
            why: WhyReleased::TimedOut,
            patch: PodPatch::Merge(Value::Null),
        }
    }

    fn cost() -> Action {
        Action::PatchCost {
            pod: pod_ref(),
            cost: 7,
            patch: PodPatch::Merge(Value::Null),
        }
    }

    fn pod(uid: &str, gated: bool, cost: &str) -> PodRecord {
        let gates = if gated {
            json!([{"name": "spillway.dev/placement"}])
        } else {
            json!([])
        };
        PodRecord::read(&json!({
            "metadata": {"name": "web-1", "namespace": "shop", "uid": uid,
                "annotations": {"controller.kubernetes.io/pod-deletion-cost": cost}},
            "spec": {"schedulingGates": gates},
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_that_changed_is_not_deleted() {
        let recreate = Action::Recreate {
            pod: pod_ref(),
            version: Some(1),
            from: rules::SubsetIx::new(0),
            why: reconcile_core::WhyRecreated::NoNode,
        };
        let surplus = Action::DeletePod {
            pod: pod_ref(),
            version: Some(1),
        };
        for delete in [recreate, surplus] {
            assert_eq!(verdict(&delete, 409, "m"), Verdict::Look);
            let seen = sight(&delete, 409, "m", Some(pod("u1", false, "")));
            assert_eq!(seen, Sight::Ended(Outcome::Refused("m".to_owned())));
        }
    }

    #[test]
    fn a_budget_refuses_an_eviction_and_a_busy_server_does_not() {
        let evict = Action::Evict {
            pod: pod_ref(),
            version: Some(1),
            from: Some(rules::SubsetIx::new(1)),
            to: rules::SubsetIx::new(0),
            node: "n".to_owned(),
            why: reconcile_core::WhyMoved::Home,
        };
        let budget = "Cannot evict pod as it would violate the pod's disruption budget.";
        let several = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        let cases = [
            (429, budget, Verdict::Refused),
            (500, several, Verdict::Refused),
            (429, "too many requests, please try again later", Verdict::Again),
            (500, "etcdserver: request timed out", Verdict::Again),
            (409, "the object has been modified", Verdict::Look),
            (404, "not found", Verdict::Gone),
            (201, "", Verdict::Done),
        ];
        for (code, message, wanted) in cases {
            assert_eq!(verdict(&evict, code, message), wanted, "{code} {message}");
        }
        assert_eq!(verdict(&release(), 429, budget), Verdict::Again);
    }

    #[test]
    fn codes_are_read_by_what_they_are_about() {
        let ledger = Action::RemoveLedger;
        let cases = [
            (release(), 200, Verdict::Done),
            (release(), 404, Verdict::Gone),
            (release(), 409, Verdict::Look),
            (release(), 422, Verdict::Look),
            (release(), 403, Verdict::Look),
            (release(), 429, Verdict::Again),
            (release(), 500, Verdict::Again),
            (release(), 504, Verdict::Again),
            (release(), 401, Verdict::Again),
            (ledger.clone(), 409, Verdict::Again),
            (ledger.clone(), 404, Verdict::Gone),
            (ledger.clone(), 403, Verdict::Refused),
            (ledger, 422, Verdict::Refused),
        ];
        for (action, code, wanted) in cases {
            assert_eq!(verdict(&action, code, "m"), wanted, "{} {code}", action.word());
        }
    }

    #[test]
    fn a_pod_that_is_no_more_or_another_is_gone() {
        assert_eq!(sight(&release(), 422, "m", None), Sight::Ended(Outcome::Gone));
        assert_eq!(
            sight(&release(), 409, "m", Some(pod("u2", true, ""))),
            Sight::Ended(Outcome::Gone)
        );
    }

    #[test]
    fn a_gate_that_is_open_already_is_what_was_wanted() {
        let now = pod("u1", false, "");
        assert_eq!(
            sight(&release(), 422, "m", Some(now.clone())),
            Sight::Ended(Outcome::Done(Some(Box::new(now))))
        );
    }

    #[test]
    fn a_pod_that_was_edited_is_refused_with_the_servers_words() {
        assert_eq!(
            sight(&release(), 422, "testing value failed", Some(pod("u1", true, ""))),
            Sight::Ended(Outcome::Refused("testing value failed".to_owned()))
        );
        assert_eq!(
            sight(&cost(), 403, "no", Some(pod("u1", false, "6"))),
            Sight::Ended(Outcome::Refused("no".to_owned()))
        );
    }

    #[test]
    fn a_conflict_with_another_writer_passes() {
        assert_eq!(
            sight(&cost(), 409, "m", Some(pod("u1", false, "6"))),
            Sight::Again
        );
        let now = pod("u1", false, "7");
        assert_eq!(
            sight(&cost(), 409, "m", Some(now.clone())),
            Sight::Ended(Outcome::Done(Some(Box::new(now))))
        );
    }

    #[test]
    fn a_role_is_told_from_an_admission() {
        let role = r#"pods "a" is forbidden: User "u" cannot patch resource "pods" in API group "" in the namespace "n""#;
        assert!(is_forbidden_by_role(403, role));
        assert!(!is_forbidden_by_role(
            403,
            "admission webhook \"w\" denied the request"
        ));
        assert!(!is_forbidden_by_role(422, role));
    }
}
