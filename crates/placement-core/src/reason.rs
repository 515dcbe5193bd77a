//! Why a pod is where it is, in words that a user reads in `kubectl describe pod`.

use core::fmt;

/// The reason of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is one subset and it has no end.
    OnlySubset,
    /// The pod's ordinal names its rung.
    Ordinal(u32),
    /// A pod without an ordinal at the end of its name takes the first open subset.
    NoOrdinal,
    /// The lowest free rung: one pod is missing, or one rung is free.
    LowestFree {
        /// Pods that are active.
        active: u32,
        /// Pods that the workload wants.
        desired: Option<u32>,
    },
    /// One of the next free rungs, by the hash of the request's uid.
    Hashed {
        /// Its place among the free rungs, counted from 1.
        place: u32,
        /// How many free rungs it was picked from.
        window: u32,
        /// Pods that are active.
        active: u32,
        /// Pods that the workload wants.
        desired: Option<u32>,
    },
    /// Every free rung lies in one subset without a maximum.
    OnlyOpenEnd,
    /// A place that must be exact is given by the binder.
    MustBeExact,
    /// The binder gave it the lowest free rung.
    Bound,
    /// A rollout could not go on: it stands beside an old pod, above the maximum, until that one leaves.
    StoneBeside,
    /// A rollout could not go on: it stands in the subset without a maximum, beyond what the ladder has there.
    StoneBeyond,
    /// A closed subset is to be tried with one pod, and the binder chooses it.
    OneProbe,
    /// The binder sent it to a closed subset to see whether there is a place by now.
    Probe,
    /// It found no node in the subset that it was in before.
    Moved,
    /// It runs on a node of this subset, though it was moved to another.
    Landed,
    /// Every subset is at its maximum or closed.
    LadderFull,
    /// What every subset requires of a node contradicts what the pod itself requires.
    NotOffered,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = |f: &mut fmt::Formatter<'_>, active: u32, desired: Option<u32>| match desired {
            Some(desired) => write!(f, ", {active} of {desired} pods active"),
            None => write!(f, ", {active} pods active"),
        };
        match *self {
            Self::OnlySubset => f.write_str("the only subset"),
            Self::Ordinal(ordinal) => write!(f, "rung of ordinal {ordinal}"),
            Self::NoOrdinal => f.write_str("first open subset, the name has no ordinal"),
            Self::LowestFree { active, desired } => {
                f.write_str("lowest free rung")?;
                counts(f, active, desired)
            }
            Self::Hashed {
                place,
                window,
                active,
                desired,
            } => {
                write!(f, "free rung {place} of {window} by hash")?;
                counts(f, active, desired)
            }
            Self::OnlyOpenEnd => f.write_str("only the subset without a maximum has free rungs"),
            Self::MustBeExact => f.write_str("waits for the binder, which keeps the maximum exact"),
            Self::Bound => f.write_str("bound to the lowest free rung"),
            Self::StoneBeside => {
                f.write_str("a stepping stone of the rollout, beside an old pod that is to leave")
            }
            Self::StoneBeyond => f.write_str("a stepping stone of the rollout, until its place comes free"),
            Self::OneProbe => f.write_str("waits for the binder, which tries a subset that was closed"),
            Self::Probe => f.write_str("tries a subset that was closed"),
            Self::Moved => f.write_str("moved in place, there was no node where it was before"),
            Self::Landed => f.write_str("runs on a node of this subset, though it was moved on"),
            Self::NotOffered => {
                f.write_str("its own node selector or affinity contradicts that of every subset")
            }
            Self::LadderFull => f.write_str("no free rung, every subset is at its maximum or closed"),
        }
    }
}
