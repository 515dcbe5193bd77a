//! Reads one spread, field by field, into a draft.

use rules::{
    Amount, AmountError, Binding, Capacity, CustomKind, Fault, FaultCode, Faults, Field, MovesPerMinute,
    Place, Rebalance, Rollout, Spread, SpreadDraft, Strategy, SubsetDraft, Terminating, When, read,
    read_label_selector,
};
use serde_json::{Map, Value};

use crate::limits::{LONGEST_RULE, MOST_SUBSETS};
use crate::target::{FilterDraft, check_paths_of_known, filter, target_ref};

const SPREAD: &[&str] = &[
    "name",
    "namespace",
    "targetRef",
    "selector",
    "targetFilter",
    "subsets",
    "capacity",
    "binding",
    "gateTimeoutSeconds",
    "rollout",
    "maximumScope",
    "terminating",
    "scheduleStrategy",
    "rebalance",
];
const SUBSET: &[&str] = &[
    "name",
    "minReplicas",
    "maxReplicas",
    "replicas",
    "requiredNodeSelectorTerm",
    "preferredNodeSelectorTerms",
    "tolerations",
    "patch",
];
const STRATEGY: &[&str] = &["type", "adaptive"];
const REBALANCE: &[&str] = &["when", "maxMovesPerMinute"];
const ADAPTIVE: &[&str] = &["rescheduleCriticalSeconds", "unschedulableLastSeconds"];

/// Kubernetes counts replicas in 32 bits with a sign.
const MOST_PODS: u64 = 2_147_483_647;
/// A subset stays closed for so long where nothing else is written, as in WorkloadSpread.
const UNSCHEDULABLE_LAST_SECONDS: u32 = 300;
/// No duration is longer than a year: more is a wrong unit.
const MOST_SECONDS: u64 = 31_536_000;

/// Reads and checks one spread, which stands at `path`.
///
/// # Errors
/// Every fault: first what cannot be read, then the rules that are broken.
pub fn read_spread(value: &Value, path: &str, custom_kinds: &[CustomKind]) -> Result<Spread, Vec<Fault>> {
    let bytes = value.to_string().len();
    if bytes > LONGEST_RULE {
        let mut faults = Faults::default();
        let what = format!("write a rule of at most {LONGEST_RULE} bytes as JSON; it has {bytes}");
        faults.lacks(FaultCode::TooLarge, &Place::Root(path), &what);
        return Err(faults.into_vec());
    }
    checked(value, path, custom_kinds, SpreadDraft::check)
}

/// Reads a spread that was checked before, in settings or in a ledger: its patches are not tried out again.
///
/// # Errors
/// As [`read_spread`].
pub fn read_spread_again(
    value: &Value,
    path: &str,
    custom_kinds: &[CustomKind],
) -> Result<Spread, Vec<Fault>> {
    checked(value, path, custom_kinds, SpreadDraft::check_again)
}

fn checked(
    value: &Value,
    path: &str,
    custom_kinds: &[CustomKind],
    check: fn(SpreadDraft) -> Result<Spread, Vec<Fault>>,
) -> Result<Spread, Vec<Fault>> {
    let mut faults = Faults::default();
    match draft(value, path, custom_kinds, &mut faults).map(check) {
        Some(Ok(spread)) if faults.is_empty() => return Ok(spread),
        Some(Err(broken)) => faults.extend(broken),
        Some(Ok(_)) | None => {}
    }
    Err(faults.into_vec())
}

fn draft(value: &Value, path: &str, custom_kinds: &[CustomKind], faults: &mut Faults) -> Option<SpreadDraft> {
    let at = &Place::Root(path);
    let fields = read::object(value, at, SPREAD, faults)?;
    let path = path.to_owned();
    let name = take(fields, "name", at, faults, string);
    let namespace = take(fields, "namespace", at, faults, string);
    let target_ref = take(fields, "targetRef", at, faults, |value, at, faults| {
        target_ref(value, at, custom_kinds, faults)
    });
    let selector = take(fields, "selector", at, faults, read_label_selector);
    let FilterDraft {
        selector: filter,
        replicas,
    } = filter(fields, at, faults);
    check_paths_of_known(&target_ref, &replicas, at, faults);
    let subsets = take(fields, "subsets", at, faults, subsets);
    let capacity = take(fields, "capacity", at, faults, capacity);
    let binding = take(fields, "binding", at, faults, binding);
    let gate_timeout_seconds = take(fields, "gateTimeoutSeconds", at, faults, seconds);
    let rollout = rollout(fields, at, faults);
    let terminating = take(fields, "terminating", at, faults, terminating);
    let strategy = take(fields, "scheduleStrategy", at, faults, strategy);
    let rebalance = take(fields, "rebalance", at, faults, rebalance);
    Some(SpreadDraft {
        path,
        name,
        namespace,
        target_ref,
        selector,
        filter,
        replicas,
        subsets,
        capacity,
        binding,
        gate_timeout_seconds,
        rollout,
        terminating,
        strategy,
        rebalance,
    })
}

/// Reads a field that may be absent; where the reader reports something, the field is faulty.
pub(crate) fn take<T>(
    fields: &Map<String, Value>,
    name: &str,
    at: &Place<'_>,
    faults: &mut Faults,
    reader: impl FnOnce(&Value, &Place<'_>, &mut Faults) -> Option<T>,
) -> Field<T> {
    match read::field(fields, name) {
        None => Field::Absent,
        Some(value) => reader(value, &at.field(name), faults).map_or(Field::Faulty, Field::Set),
    }
}

fn string(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<String> {
    read::text(value, at, faults).map(str::to_owned)
}

/// Reads every item of a list; `None` where one was reported.
pub(crate) fn each<T>(
    value: &Value,
    at: &Place<'_>,
    faults: &mut Faults,
    reader: impl Fn(&Value, &Place<'_>, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    let items = read::items(value, at, faults)?.iter().enumerate();
    // All of them are read before the first bad one ends it.
    let all: Vec<Option<T>> = items
        .map(|(ix, item)| reader(item, &at.item(ix), faults))
        .collect();
    all.into_iter().collect()
}

fn subsets(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Vec<SubsetDraft>> {
    if let Some(many) = value.as_array().map(Vec::len).filter(|many| *many > MOST_SUBSETS) {
        let what = format!("write at most {MOST_SUBSETS} subsets; there are {many}");
        faults.lacks(FaultCode::TooLarge, at, &what);
        return None;
    }
    each(value, at, faults, subset)
}

fn subset(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<SubsetDraft> {
    let fields = read::object(value, at, SUBSET, faults)?;
    Some(SubsetDraft {
        name: take(fields, "name", at, faults, string),
        min: take(fields, "minReplicas", at, faults, amount),
        max: take(fields, "maxReplicas", at, faults, amount),
        share: take(fields, "replicas", at, faults, amount),
        required: take(fields, "requiredNodeSelectorTerm", at, faults, any),
        preferred: take(fields, "preferredNodeSelectorTerms", at, faults, list),
        tolerations: take(fields, "tolerations", at, faults, list),
        patch: take(fields, "patch", at, faults, any),
    })
}

fn any(value: &Value, _: &Place<'_>, _: &mut Faults) -> Option<Value> {
    Some(value.clone())
}

fn list(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Vec<Value>> {
    read::items(value, at, faults).map(<[Value]>::to_vec)
}

fn amount(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Amount> {
    let fix = match value {
        Value::Number(number) => match number.as_u64() {
            Some(count) if count <= MOST_PODS => return u32::try_from(count).ok().map(Amount::Count),
            Some(_) => format!("write at most {MOST_PODS}, or leave it out for no end"),
            None => "write a whole number from 0 on".to_owned(),
        },
        Value::String(text) => match Amount::parse_percent(text) {
            Ok(amount) => return Some(amount),
            Err(AmountError::AboveHundred) => "write at most 100%".to_owned(),
            Err(AmountError::NotAnAmount) if text.parse::<u32>().is_ok() => {
                format!("write the number without quotes, or `{text}%`")
            }
            Err(AmountError::NotAnAmount) => {
                "write a number such as `5`, or a whole percentage such as `50%`".to_owned()
            }
        },
        _ => "write a number such as `5`, or a whole percentage such as `50%`".to_owned(),
    };
    faults.wrong(FaultCode::InvalidAmount, at, value, &fix);
    None
}

fn capacity(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Capacity> {
    Some(
        match read::word(value, at, &["Auto", "Exact", "BestEffort"], faults)? {
            "Auto" => Capacity::Auto,
            "BestEffort" => Capacity::BestEffort,
            _ => Capacity::Exact,
        },
    )
}

fn binding(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Binding> {
    Some(match read::word(value, at, &["Late", "Admission"], faults)? {
        "Late" => Binding::Late,
        _ => Binding::Admission,
    })
}

/// `rollout`, or what the older `maximumScope` says of it.
fn rollout(fields: &Map<String, Value>, at: &Place<'_>, faults: &mut Faults) -> Field<Rollout> {
    let rollout = take(fields, "rollout", at, faults, |value, at, faults| {
        Some(
            match read::word(value, at, &["Keep", "Surge", "Spill"], faults)? {
                "Surge" => Rollout::Surge,
                "Spill" => Rollout::Spill,
                _ => Rollout::Keep,
            },
        )
    });
    let is_by_revision = take(fields, "maximumScope", at, faults, |value, at, faults| {
        Some(read::word(value, at, &["Workload", "Revision"], faults)? == "Revision")
    });
    match (rollout, is_by_revision) {
        (rollout, Field::Absent) => rollout,
        (Field::Absent, Field::Set(true)) => Field::Set(Rollout::Surge),
        (Field::Absent, Field::Set(false)) => Field::Set(Rollout::Keep),
        (Field::Set(rollout), Field::Set(by_revision)) if by_revision != (rollout == Rollout::Surge) => {
            let fix = "remove it: `rollout` says which revisions fill a maximum together";
            faults.lacks(FaultCode::ScopeAgainstRollout, &at.field("maximumScope"), fix);
            Field::Faulty
        }
        (Field::Set(rollout), Field::Set(_)) => Field::Set(rollout),
        (Field::Faulty, _) | (_, Field::Faulty) => Field::Faulty,
    }
}

fn terminating(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Terminating> {
    Some(match read::word(value, at, &["Ignored", "Counted"], faults)? {
        "Counted" => Terminating::Counted,
        _ => Terminating::Ignored,
    })
}

fn strategy(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Strategy> {
    let fields = read::object(value, at, STRATEGY, faults)?;
    let kind = match read::field(fields, "type") {
        Some(written) => read::word(written, &at.field("type"), &["Fixed", "Adaptive"], faults),
        None => Some("Fixed"),
    };
    let adaptive = take(fields, "adaptive", at, faults, adaptive);
    match (kind?, adaptive) {
        ("Adaptive", adaptive) => {
            let (critical, last) = match adaptive {
                Field::Set(seconds) => seconds,
                Field::Absent => (None, UNSCHEDULABLE_LAST_SECONDS),
                Field::Faulty => return None,
            };
            Some(Strategy::Adaptive {
                reschedule_critical_seconds: critical,
                unschedulable_last_seconds: last,
            })
        }
        (_, Field::Absent) => Some(Strategy::Fixed),
        _ => {
            let fix = "write `type: Adaptive`, or remove `adaptive`";
            faults.lacks(FaultCode::AdaptiveNotChosen, &at.field("type"), fix);
            None
        }
    }
}

fn adaptive(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<(Option<u32>, u32)> {
    let fields = read::object(value, at, ADAPTIVE, faults)?;
    let critical = take(fields, "rescheduleCriticalSeconds", at, faults, seconds);
    let last = take(fields, "unschedulableLastSeconds", at, faults, seconds);
    let critical = match critical {
        Field::Set(seconds) => Some(seconds),
        Field::Absent => None,
        Field::Faulty => return None,
    };
    match last {
        Field::Set(seconds) => Some((critical, seconds)),
        Field::Absent => Some((critical, UNSCHEDULABLE_LAST_SECONDS)),
        Field::Faulty => None,
    }
}

fn seconds(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<u32> {
    let seconds = value
        .as_u64()
        .filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
    if seconds.is_none() {
        let fix = "write a whole number of seconds from 1 to 31536000, or leave it out";
        faults.wrong(FaultCode::InvalidSeconds, at, value, fix);
    }
    seconds.and_then(|seconds| u32::try_from(seconds).ok())
}

fn rebalance(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<Rebalance> {
    let fields = read::object(value, at, REBALANCE, faults)?;
    let when = take(fields, "when", at, faults, when);
    let moves = take(fields, "maxMovesPerMinute", at, faults, moves);
    Some(Rebalance {
        when: when.or_default()?,
        moves: moves.or_default()?,
    })
}

fn when(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<When> {
    Some(
        match read::word(value, at, &["Never", "OnScaleIn", "Continuous"], faults)? {
            "Never" => When::Never,
            "Continuous" => When::Continuous,
            _ => When::OnScaleIn,
        },
    )
}

fn moves(value: &Value, at: &Place<'_>, faults: &mut Faults) -> Option<MovesPerMinute> {
    let moves = value.as_u64().and_then(MovesPerMinute::new);
    if moves.is_none() {
        let most = MovesPerMinute::MOST;
        let fix = format!("write a whole number from 1 to {most}, or `when: Never`");
        faults.wrong(FaultCode::InvalidMoves, at, value, &fix);
    }
    moves
}
