//! Counts, taken pod by pod.

/// A pod, as far as counting needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// The spread that it belongs to.
    pub spread: Option<String>,
    /// Its subset.
    pub subset: Option<String>,
    /// Its revision.
    pub revision: Option<String>,
    /// Succeeded or Failed.
    pub finished: bool,
    /// Being deleted.
    pub terminating: bool,
}

/// Which revisions stand on one ladder together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All revisions.
    Workload,
    /// Each by itself.
    Revision,
}

/// Whether pods that are being deleted hold their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminating {
    /// They do not.
    Ignored,
    /// They do.
    Counted,
}

/// What the workload and the arriving pod's revision want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The workload.
    pub workload: Option<u32>,
    /// The revision.
    pub revision: Option<u32>,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Places taken, by subset.
    pub taken: Vec<u32>,
    /// Pods of the scope that live.
    pub active: u32,
    /// Of these, those in no subset of the spread.
    pub undecided: u32,
    /// Pods still to come, at least 1.
    pub missing: u32,
}

/// Counts the pods of one spread for a pod of one revision. Without one, all pods are of the same.
#[must_use]
pub fn count(
    spread: &str,
    subsets: &[&str],
    (scope, terminating): (Scope, Terminating),
    revision: Option<&str>,
    wanted: Wanted,
    pods: &[Pod],
) -> Counts {
    let ours: Vec<&Pod> = pods
        .iter()
        .filter(|pod| pod.spread.as_deref() == Some(spread))
        .collect();
    let of_revision = |pod: &&&Pod| revision.is_none() || pod.revision.as_deref() == revision;
    let in_scope = |pod: &&&Pod| scope == Scope::Workload || of_revision(pod);
    let alive = |pod: &&&Pod| !pod.finished && !pod.terminating;
    let holds_place =
        |pod: &&&Pod| !pod.finished && (terminating == Terminating::Counted || !pod.terminating);
    let within = |pod: &&&Pod, name: &str| pod.subset.as_deref() == Some(name);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);

    let taken = subsets
        .iter()
        .map(|name| {
            let there = ours.iter().filter(in_scope).filter(holds_place);
            number(there.filter(|pod| within(pod, name)).count())
        })
        .collect();
    let active = number(ours.iter().filter(in_scope).filter(alive).count());
    let undecided = ours
        .iter()
        .filter(in_scope)
        .filter(alive)
        .filter(|pod| !subsets.iter().any(|name| within(pod, name)));
    let active_of_revision = number(ours.iter().filter(of_revision).filter(alive).count());
    let short = |wanted: Option<u32>, have: u32| wanted.unwrap_or(0).saturating_sub(have);
    let missing = match scope {
        Scope::Revision => short(wanted.revision.or(wanted.workload), active),
        Scope::Workload => short(wanted.workload, active).max(short(wanted.revision, active_of_revision)),
    };
    Counts {
        taken,
        active,
        undecided: number(undecided.count()),
        missing: missing.max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminating_pod_holds_its_place_only_where_it_is_counted() {
        let pods = [Pod {
            spread: Some("s".to_owned()),
            subset: Some("a".to_owned()),
            terminating: true,
            ..Pod::default()
        }];
        let counts = |terminating| {
            let scope = (Scope::Workload, terminating);
            count("s", &["a"], scope, None, Wanted::default(), &pods)
        };
        assert_eq!(counts(Terminating::Counted).taken, [1]);
        assert_eq!(counts(Terminating::Ignored).taken, [0]);
        assert_eq!(counts(Terminating::Counted).active, 0);
        assert_eq!(counts(Terminating::Counted).missing, 1);
    }
}
