//! What a check says, and how it is written.

use std::fmt;

use crate::time::Millis;

/// When something must be true, and what. `M`: a metric, by its name or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement<M> {
    pub(crate) when: When<M>,
    pub(crate) what: Condition<M>,
}

/// The moments that a statement speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When<M> {
    /// One moment.
    At(Millis),
    /// Every moment from the first one at which `after` is true, and before the first one at which `until` is true.
    Always {
        after: Option<Condition<M>>,
        until: Option<Condition<M>>,
    },
    /// Every moment of these, both ends included.
    During { from: Millis, to: Millis },
    /// Some moment, up to a time.
    Eventually { by: Option<Millis> },
    /// The last moment.
    Finally,
    /// Some moment from the first one at which `of` is true, and at most so much later.
    Within { span: Millis, of: Condition<M> },
}

/// Something that is true or false at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition<M> {
    /// A bare metric: more than none.
    Some(M),
    Compare(Sum<M>, Order, Sum<M>),
    Not(Box<Self>),
    /// Two or more.
    And(Vec<Self>),
    /// Two or more.
    Or(Vec<Self>),
}

/// Terms that are added and taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum<M> {
    pub(crate) first: Term<M>,
    pub(crate) rest: Vec<(Sign, Term<M>)>,
}

/// A metric or a whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term<M> {
    Metric(M),
    Number(u64),
}

/// Whether a term is added or taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

/// How two sums compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Unequal,
    AtMost,
    AtLeast,
    Below,
    Above,
}

impl Order {
    /// As they are written; what begins like another stands behind it.
    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Below),
        (">", Self::Above),
    ];
}

impl<M> Statement<M> {
    /// The same statement about other metrics.
    pub(crate) fn try_map<N, E>(&self, map: &mut impl FnMut(&M) -> Result<N, E>) -> Result<Statement<N>, E> {
        let one = |condition: &Option<Condition<M>>, map: &mut _| {
            condition
                .as_ref()
                .map(|condition| condition.try_map(map))
                .transpose()
        };
        let when = match &self.when {
            When::At(at) => When::At(*at),
            When::Always { after, until } => When::Always {
                after: one(after, map)?,
                until: one(until, map)?,
            },
            When::During { from, to } => When::During { from: *from, to: *to },
            When::Eventually { by } => When::Eventually { by: *by },
            When::Finally => When::Finally,
            When::Within { span, of } => When::Within {
                span: *span,
                of: of.try_map(map)?,
            },
        };
        let what = self.what.try_map(map)?;
        Ok(Statement { when, what })
    }
}

impl<M> Condition<M> {
    fn try_map<N, E>(&self, map: &mut impl FnMut(&M) -> Result<N, E>) -> Result<Condition<N>, E> {
        Ok(match self {
            Self::Some(metric) => Condition::Some(map(metric)?),
            Self::Compare(left, order, right) => {
                Condition::Compare(left.try_map(map)?, *order, right.try_map(map)?)
            }
            Self::Not(one) => Condition::Not(Box::new(one.try_map(map)?)),
            Self::And(all) => {
                Condition::And(all.iter().map(|one| one.try_map(map)).collect::<Result<_, _>>()?)
            }
            Self::Or(any) => Condition::Or(any.iter().map(|one| one.try_map(map)).collect::<Result<_, _>>()?),
        })
    }
}

impl<M> Sum<M> {
    pub(crate) fn has_metric(&self) -> bool {
        let is_metric = |term: &Term<M>| matches!(term, Term::Metric(_));
        is_metric(&self.first) || self.rest.iter().any(|(_, term)| is_metric(term))
    }

    fn try_map<N, E>(&self, map: &mut impl FnMut(&M) -> Result<N, E>) -> Result<Sum<N>, E> {
        let mut one = |term: &Term<M>| {
            Ok(match term {
                Term::Metric(metric) => Term::Metric(map(metric)?),
                Term::Number(number) => Term::Number(*number),
            })
        };
        let first = one(&self.first)?;
        let rest = self.rest.iter().map(|(sign, term)| Ok((*sign, one(term)?)));
        Ok(Sum {
            first,
            rest: rest.collect::<Result<_, E>>()?,
        })
    }
}

impl<M: fmt::Display> fmt::Display for Statement<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.when {
            When::At(at) => write!(f, "at {at}: {what}"),
            When::Always { after, until } => {
                write!(f, "always: {what}")?;
                if let Some(after) = after {
                    write!(f, " after first {after}")?;
                }
                if let Some(until) = until {
                    write!(f, " until first {until}")?;
                }
                Ok(())
            }
            When::During { from, to } => write!(f, "from {from} to {to}: {what}"),
            When::Eventually { by: None } => write!(f, "eventually: {what}"),
            When::Eventually { by: Some(by) } => write!(f, "eventually by {by}: {what}"),
            When::Finally => write!(f, "finally: {what}"),
            When::Within { span, of } => write!(f, "within {span} of first {of}: {what}"),
        }
    }
}

impl<M: fmt::Display> fmt::Display for Condition<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Some(metric) => write!(f, "{metric}"),
            Self::Compare(left, order, right) => {
                let sign = Order::ALL.iter().find(|(_, other)| other == order);
                write!(f, "{left} {} {right}", sign.map_or("", |(sign, _)| sign))
            }
            Self::Not(one) if matches!(**one, Self::And(_) | Self::Or(_)) => write!(f, "not ({one})"),
            Self::Not(one) => write!(f, "not {one}"),
            Self::And(all) => joined(f, all, "and", |one| matches!(one, Self::And(_) | Self::Or(_))),
            Self::Or(any) => joined(f, any, "or", |one| matches!(one, Self::Or(_))),
        }
    }
}

fn joined<M: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    conditions: &[Condition<M>],
    word: &str,
    in_brackets: impl Fn(&Condition<M>) -> bool,
) -> fmt::Result {
    for (ix, one) in conditions.iter().enumerate() {
        if ix > 0 {
            write!(f, " {word} ")?;
        }
        if in_brackets(one) {
            write!(f, "({one})")?;
        } else {
            write!(f, "{one}")?;
        }
    }
    Ok(())
}

impl<M: fmt::Display> fmt::Display for Sum<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        for (sign, term) in &self.rest {
            match sign {
                Sign::Plus => write!(f, " + {term}")?,
                Sign::Minus => write!(f, " - {term}")?,
            }
        }
        Ok(())
    }
}

impl<M: fmt::Display> fmt::Display for Term<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(metric) => write!(f, "{metric}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}
