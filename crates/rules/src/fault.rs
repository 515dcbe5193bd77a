//! What can be wrong with a spread or with the settings that hold it.
//!
//! Every fault has a number that never changes its meaning, so that a message can be looked up.
//! The table in `docs/settings-faults.md` is generated from [`FaultCode::ALL`].

use core::fmt;

use serde_json::Value;

/// The longest part of a wrong value that is repeated in its fault.
const SEEN_CHARS: usize = 60;

/// One fault: where it is, what was seen there, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which rule is broken.
    pub code: FaultCode,
    /// Path from the root of the settings, such as `spreads[0].subsets[1].maxReplicas`.
    pub path: String,
    /// The value that was seen, as short JSON; empty where there was none.
    pub seen: String,
    /// What to write instead.
    pub fix: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.code, self.path, self.code.title())?;
        if !self.seen.is_empty() {
            write!(f, ", found `{}`", self.seen)?;
        }
        write!(f, "; {}", self.fix)
    }
}

/// Where a value stands, as a chain that costs nothing until a fault needs its text.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Where the reading began; empty for the settings as a whole.
    Root(&'a str),
    /// A field of an object.
    Field(&'a Place<'a>, &'a str),
    /// An item of a list.
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// A field of the object that stands here.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    /// An item of the list that stands here.
    #[must_use]
    pub fn item(&'a self, ix: usize) -> Self {
        Self::Item(self, ix)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root("") => f.write_str("settings"),
            Self::Root(path) => f.write_str(path),
            Self::Field(Place::Root(""), name) if !name.is_empty() => f.write_str(name),
            // Keys of labels and annotations may have dots of their own.
            Self::Field(parent, name) if name.is_empty() || !name.chars().all(is_plain) => {
                write!(f, "{parent}[\"{name}\"]")
            }
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, ix) => write!(f, "{parent}[{ix}]"),
        }
    }
}

fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '$')
}

/// The faults found so far. Reading goes on after a fault, so that all of them are reported.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Reports a wrong value.
    pub fn wrong(&mut self, code: FaultCode, at: &Place<'_>, seen: &Value, fix: &str) {
        self.push(code, at, shortened(&seen.to_string()), fix);
    }

    /// Reports a wrong value by its type alone: the value itself belongs in no log.
    pub fn wrong_secret(&mut self, code: FaultCode, at: &Place<'_>, seen: &Value, fix: &str) {
        let kind = match seen {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.push(code, at, kind.to_owned(), fix);
    }

    /// Reports what is absent, or wrong as a whole.
    pub fn lacks(&mut self, code: FaultCode, at: &Place<'_>, fix: &str) {
        self.push(code, at, String::new(), fix);
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, more: Vec<Fault>) {
        self.0.extend(more);
    }

    /// How many there are, to see whether a step found more.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults, in the order in which they were found.
    #[must_use]
    pub fn into_vec(self) -> Vec<Fault> {
        self.0
    }

    fn push(&mut self, code: FaultCode, at: &Place<'_>, seen: String, fix: &str) {
        self.0.push(Fault {
            code,
            path: at.to_string(),
            seen,
            fix: fix.to_owned(),
        });
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SEEN_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

macro_rules! fault_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal $title:literal,)+) => {
        /// The rules that settings must keep. Numbers are never used again for another rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultCode { $($(#[doc = $doc])+ $name,)+ }

        impl FaultCode {
            /// Every code, by number.
            pub const ALL: &'static [FaultCode] = &[$(FaultCode::$name,)+];

            /// The number, as printed: `S` and two digits.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(FaultCode::$name => $number,)+ }
            }

            /// The rule in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(FaultCode::$name => $title,)+ }
            }

            /// Why the rule exists, for the table in the documentation.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(FaultCode::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

fault_codes! {
    /// The text is not JSON.
    NotJson = 1 "not JSON",
    /// A value has another type than the field takes.
    WrongType = 2 "wrong type",
    /// The field is not known here: a spelling mistake would otherwise be ignored in silence.
    UnknownField = 3 "unknown field",
    /// A field that is needed is absent or empty.
    Missing = 4 "missing field",
    /// One of a fixed set of words is expected.
    UnknownWord = 5 "unknown word",
    /// Names become label values of at most 63 characters; those of spreads and namespaces are RFC 1123
    /// labels.
    InvalidName = 6 "not a name",
    /// Two spreads of one namespace have the same name.
    DuplicateSpread = 7 "spread named twice",
    /// Two subsets of one spread have the same name.
    DuplicateSubset = 8 "subset named twice",
    /// A spread without a subset places nothing.
    NoSubsets = 9 "no subsets",
    /// A spread has either a targetRef or a selector.
    TargetOrSelector = 10 "not exactly one of targetRef and selector",
    /// An apiVersion is `group/version`, or `v1`.
    InvalidApiVersion = 11 "not an apiVersion",
    /// The kind is not one whose pods are followed; other kinds are named in customWorkloads.
    UnknownKind = 12 "unknown workload kind",
    /// Two spreads have the same target and no filter tells them apart: the second would never act.
    TargetTwice = 13 "target taken by an earlier spread",
    /// A label selector that Kubernetes would refuse.
    InvalidSelector = 14 "not a label selector",
    /// A bound is a whole number from 0 on, or a percentage from 0% to 100%.
    InvalidAmount = 15 "not a number of pods",
    /// A minimum above its maximum can never be kept.
    MinimumAboveMaximum = 16 "minimum above the maximum",
    /// `replicas` makes shares; bounds fill in order; one spread has one of the two.
    MixedFill = 17 "shares and bounds mixed",
    /// Shares must make 100%, and leave something for subsets without a number.
    SharesDoNotAddUp = 18 "shares do not add up",
    /// A share is a percentage from 1% to 100%: a share of nothing can not be kept within one pod,
    /// and a number of pods is a bound.
    InvalidShare = 19 "not a share",
    /// A StatefulSet's pods keep their subset by ordinal, which a percentage would move.
    PercentOfOrdinals = 20 "percentage for a StatefulSet",
    /// A node selector term that Kubernetes would refuse.
    InvalidTerm = 21 "not a node selector term",
    /// A preferred term has a weight from 1 to 100 and a preference.
    InvalidWeight = 22 "not a weight",
    /// A toleration that Kubernetes would refuse.
    InvalidToleration = 23 "not a toleration",
    /// A patch that is not an object, or whose directives can not work.
    InvalidPatch = 24 "not a strategic merge patch",
    /// The patch touches what identifies the pod or what Spillway itself writes.
    ReservedField = 25 "reserved field",
    /// A number of seconds outside its range.
    InvalidSeconds = 26 "seconds out of range",
    /// Settings for the Adaptive strategy without that strategy.
    AdaptiveNotChosen = 27 "adaptive settings without type Adaptive",
    /// Exact capacity is kept by the sidecar, which an admission knows of by the ledger alone.
    ExactNeedsBinder = 28 "Exact needs the ledger",
    /// A replicas path is names and list indexes joined by dots.
    InvalidReplicasPath = 30 "not a replicas path",
    /// A kind is listed twice, or is one that is known already.
    DuplicateKind = 31 "workload kind named twice",
    /// Every subset has a percentage as its maximum and together they make less than 100%: at every
    /// size some pods would get no subset.
    MaximumsBelowWhole = 32 "maximums below 100%",
    /// A targetFilter picks among the pods of the targetRef; a selector is a filter itself.
    FilterWithoutTarget = 33 "targetFilter without targetRef",
    /// Pods that are chosen by label have no replicas that a percentage could be taken of.
    PercentWithoutWorkload = 34 "percentage without a workload",
    /// A pod that waits behind a gate can still be given node affinity, tolerations, labels and
    /// annotations, and nothing else.
    LateCannotPatch = 35 "patch that cannot be bound late",
    /// Pods that are bound at admission may have to be deleted, which a Job counts as failures.
    JobBoundAtAdmission = 36 "Job bound at admission",
    /// `maximumScope: Revision` is an older word for `rollout: Surge`, and `Workload` for one of the others.
    ScopeAgainstRollout = 37 "maximumScope against rollout",
    /// So many pods may be moved home within a minute; none at all is `when: Never`, and more than ten a second are a
    /// drain.
    InvalidMoves = 38 "moves per minute out of range",
    /// A ledger holds the rule and a number for each subset, and the API server stores none that is larger.
    TooLarge = 39 "too large for a ledger",
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{:02}", self.number())
    }
}
