//! Whether a condition is true at a moment.

use super::metric::{LoadCount, Metric, PodCount, Reading};
use super::statement::{Condition, Order, Sign, Statement, Sum, Term, When};

/// What can be read at a moment.
pub(crate) trait Readings {
    /// The pods of a row; the rows are those of [`Names`](super::Names).
    fn pods(&self, row: usize, count: PodCount) -> u64;

    /// The replicas that a workload asks for.
    fn desired(&self, workload: usize) -> u64;

    /// The requests of a workload; `None` where nobody asks it for anything.
    fn load(&self, workload: usize, count: LoadCount) -> Option<u64>;

    /// All of it, for people.
    fn describe(&self) -> String;
}

impl Statement<Metric> {
    /// Whether it says something about requests, and nobody sends such.
    pub(crate) fn lacks_load(&self, at: &impl Readings) -> bool {
        let when = match &self.when {
            When::Always { after, until } => [after.as_ref(), until.as_ref()],
            When::Within { of, .. } => [Some(of), None],
            When::At(_) | When::During { .. } | When::Eventually { .. } | When::Finally => [None, None],
        };
        let all = when.into_iter().flatten().chain([&self.what]);
        all.into_iter().any(|condition| condition.lacks_load(at))
    }
}

impl Condition<Metric> {
    pub(crate) fn holds(&self, at: &impl Readings) -> bool {
        match self {
            Self::Some(metric) => metric.value(at) > 0,
            Self::Compare(left, order, right) => order.holds(left.value(at), right.value(at)),
            Self::Not(one) => !one.holds(at),
            Self::And(all) => all.iter().all(|one| one.holds(at)),
            Self::Or(any) => any.iter().any(|one| one.holds(at)),
        }
    }

    fn lacks_load(&self, at: &impl Readings) -> bool {
        let is_it = |sum: &Sum<Metric>| {
            let rest = sum.rest.iter().map(|(_, term)| term);
            rest.chain([&sum.first]).any(|term| match term {
                Term::Metric(metric) => metric.lacks_load(at),
                Term::Number(_) => false,
            })
        };
        match self {
            Self::Some(metric) => metric.lacks_load(at),
            Self::Compare(left, _, right) => is_it(left) || is_it(right),
            Self::Not(one) => one.lacks_load(at),
            Self::And(several) | Self::Or(several) => several.iter().any(|one| one.lacks_load(at)),
        }
    }
}

impl Sum<Metric> {
    /// Wide enough for any number of terms that fits into a check.
    fn value(&self, at: &impl Readings) -> i128 {
        let value = |term: &Term<Metric>| match term {
            Term::Metric(metric) => metric.value(at),
            Term::Number(number) => i128::from(*number),
        };
        self.rest
            .iter()
            .fold(value(&self.first), |sum, (sign, term)| match sign {
                Sign::Plus => sum + value(term),
                Sign::Minus => sum - value(term),
            })
    }
}

impl Metric {
    fn value(&self, at: &impl Readings) -> i128 {
        match &self.reading {
            Reading::Pods { rows, count } => rows.iter().map(|row| i128::from(at.pods(*row, *count))).sum(),
            Reading::Desired { workloads } => workloads.iter().map(|ix| i128::from(at.desired(*ix))).sum(),
            Reading::Load { workloads, count } => {
                let loads = workloads.iter().filter_map(|ix| at.load(*ix, *count));
                loads.map(i128::from).sum()
            }
        }
    }

    fn lacks_load(&self, at: &impl Readings) -> bool {
        match &self.reading {
            Reading::Load { workloads, count } => workloads
                .iter()
                .all(|workload| at.load(*workload, *count).is_none()),
            Reading::Pods { .. } | Reading::Desired { .. } => false,
        }
    }
}

impl Order {
    fn holds(self, left: i128, right: i128) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Unequal => left != right,
            Self::AtMost => left <= right,
            Self::AtLeast => left >= right,
            Self::Below => left < right,
            Self::Above => left > right,
        }
    }
}
