use std::convert::Infallible;
use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::metric::Name;
use super::statement::{Condition, Order, Sign, Sum, Term};
use super::*;

const END: Millis = Millis(120_000);

fn names() -> Names {
    Names::new(vec![(
        "web".into(),
        vec!["fixed".into(), "yitian-arm.v8".into(), "lost".into()],
    )])
}

fn two() -> Names {
    let subsets = || vec!["fixed".into(), "elastic".into()];
    Names::new(vec![("web".into(), subsets()), ("api".into(), subsets())])
}

fn fault(names: &Names, text: &str) -> String {
    Check::read(text, Some(names), END).unwrap_err().to_string()
}

#[test]
fn checks_are_read() {
    for (text, canonical) in [
        ("at 120s: fixed.running == 10", "at 120s: fixed.running == 10"),
        ("  at 2m:fixed.running==10 ", "at 120s: fixed.running == 10"),
        (
            "always: lost.running == 0 until first fixed.unschedulable",
            "always: lost.running == 0 until first fixed.unschedulable",
        ),
        (
            "always: lost.running after first desired > 3 until first total.total >= 9",
            "always: lost.running after first desired > 3 until first total.total >= 9",
        ),
        ("from 60s to 1.5m: desired != 3", "from 60s to 90s: desired != 3"),
        (
            "eventually: unplaced.total <= 1",
            "eventually: unplaced.total <= 1",
        ),
        (
            "eventually by 90s: arriving < 1",
            "eventually by 90s: arriving < 1",
        ),
        (
            "finally: \"lost\".total == lost.total",
            "finally: \"lost\".total == lost.total",
        ),
        (
            "within 5s of first fixed.unschedulable: yitian-arm.v8.total > 0",
            "within 5s of first fixed.unschedulable: yitian-arm.v8.total > 0",
        ),
        (
            "finally: fixed.running + yitian-arm.v8.running - 1 == desired",
            "finally: fixed.running + yitian-arm.v8.running - 1 == desired",
        ),
        (
            "finally: (desired > 1 or desired < 0) and not (lost.gated or (queued))",
            "finally: (desired > 1 or desired < 0) and not (lost.gated or queued)",
        ),
        (
            "finally: desired > 1 or (desired < 0 and not not served)",
            "finally: desired > 1 or desired < 0 and not not served",
        ),
    ] {
        let check = Check::read(text, Some(&names()), END).unwrap().unwrap();
        assert_eq!(check.statement.to_string(), canonical);
        assert_eq!(check.text(), text);
    }
    for text in [
        "always: web/fixed.total <= 10",
        "always: web/total.total <= web/desired + api/unplaced.total",
        "always: total.total <= desired + unplaced.total",
        "always: \"web/fixed\".terminating",
    ] {
        Check::read(text, Some(&two()), END).unwrap().unwrap();
    }
}

#[test]
fn a_fault_says_where_and_what_to_write() {
    let forms = "one of `at 120s:`, `always:`, `from 60s to 120s:`, `eventually:`, `eventually by 90s:`, `finally:`, \
                 `within 5s of first …:`";
    let term = "a metric such as `fixed.running`, or a whole number";
    let counts = "`running`, `pending`, `gated`, `unschedulable`, `total`, `terminating`, `injected`";
    let known = "one of `fixed`, `yitian-arm.v8`, `lost`, `total`, `unplaced` with one of `.running`, `.pending`, `.gated`, \
                 `.unschedulable`, `.total`, `.terminating`, `.injected`; or one of `desired`, `arriving`, `served`, `lost`, `queued`, \
                 `served.total`, `lost.total`";
    for (text, found, character, write) in [
        ("", "the end", 1, forms),
        (" never: desired", "`never`", 2, forms),
        ("at soon: desired", "`soon`", 4, "a time such as `120s`"),
        ("at 3s desired", "`desired`", 7, "`:` and what must be true"),
        ("from 3s: desired", "`:`", 8, "`to` and a time"),
        (
            "within 3s: desired",
            "`:`",
            10,
            "`of first`, and what must become true",
        ),
        ("always:", "the end", 8, term),
        ("always: desired == ", "the end", 20, term),
        ("always: desired == and", "`and`", 20, term),
        (
            "always: desired = 3",
            "`=`",
            17,
            "`and`, `or`, `after first`, `until first`, or nothing more",
        ),
        (
            "finally: desired until first lost",
            "`until`",
            18,
            "`and`, `or`, or nothing more",
        ),
        (
            "always: desired until lost",
            "`lost`",
            23,
            "`first`, and what must become true",
        ),
        ("always: (desired", "the end", 17, "`and`, `or`, or `)`"),
        (
            "always: desired + 3",
            "the end",
            20,
            "a comparison such as `== 10`",
        ),
        (
            "always: (desired + 3) == 2",
            "`)`",
            21,
            "a comparison such as `== 10`",
        ),
        (
            "always: 99999999999999999999 > desired",
            "`99999999999999999999`",
            9,
            term,
        ),
        (
            "always: 1 + 1 == 2",
            "`1`",
            9,
            "a metric such as `fixed.running`: two numbers say nothing about a run",
        ),
        ("always: é == 2", "`é`", 9, term),
        (
            "always: fixd.running == 2",
            "`fixd.running`",
            9,
            "one of `fixed.running`, `yitian-arm.v8.running`, `lost.running`, `total.running`, `unplaced.running`",
        ),
        (
            "always: fixed.runing == 2",
            "`fixed.runing`",
            9,
            &format!("one of {counts} behind the last dot"),
        ),
        ("always: not fixed == 2", "`fixed`", 13, known),
        ("always: web/desired == 2", "`web/desired`", 9, known),
        (
            "always: \"total\".total == 2",
            "`\"total\".total`",
            9,
            "one of `fixed`, `yitian-arm.v8`, `lost` in the quotes",
        ),
        (
            "at 3m: desired == 2",
            "`180s`",
            1,
            "a time up to 120s, when the run ends",
        ),
        (
            "from 3s to 2s: desired",
            "`from 3s to 2s`",
            1,
            "the earlier time first",
        ),
    ] {
        let expected = format!("found {found} at character {character}; write {write}");
        assert_eq!(fault(&names(), text), expected, "{text}");
    }
    assert_eq!(
        fault(&two(), "finally: fixed.total == 2"),
        "found `fixed.total` at character 10; write one of `web/fixed.total`, `web/elastic.total`, `api/fixed.total`, \
         `api/elastic.total`, `total.total`, `unplaced.total`"
    );
    assert!(fault(&two(), "finally: fixed").ends_with(
        "or one of `web/desired`, `api/desired`, `desired`, `arriving`, `served`, `lost`, `queued`, `served.total`, \
         `lost.total`"
    ));
    assert_eq!(
        fault(&names(), &format!("always: {}desired", "(".repeat(400))),
        "found more than 400 characters at character 401; write several checks"
    );
    let deep = format!("always: {}", "(".repeat(392));
    assert_eq!(
        fault(&names(), &deep),
        format!("found the end at character 401; write {term}")
    );
}

/// What a moment of a made-up run is like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    fixed: u64,
    elastic: u64,
    desired: u64,
    lost: u64,
}

impl Readings for Made {
    fn pods(&self, row: usize, _count: PodCount) -> u64 {
        [self.fixed, self.elastic, 0][row]
    }

    fn desired(&self, _workload: usize) -> u64 {
        self.desired
    }

    fn load(&self, _workload: usize, _count: LoadCount) -> Option<u64> {
        Some(self.lost)
    }

    fn describe(&self) -> String {
        format!("{self:?}")
    }
}

impl Made {
    fn names() -> Names {
        Names::new(vec![("web".into(), vec!["fixed".into(), "elastic".into()])])
    }

    fn value(&self, term: &Term<Name>) -> i64 {
        let value = match term {
            Term::Number(number) => *number,
            Term::Metric(name) => match name.to_string().as_str() {
                "fixed.running" | "\"fixed\".running" => self.fixed,
                "elastic.running" => self.elastic,
                "total.running" => self.fixed + self.elastic,
                "desired" => self.desired,
                "lost" => self.lost,
                other => panic!("{other}"),
            },
        };
        i64::try_from(value).unwrap()
    }

    fn sum(&self, sum: &Sum<Name>) -> i64 {
        let mut value = self.value(&sum.first);
        for (sign, term) in &sum.rest {
            value += self.value(term) * if *sign == Sign::Plus { 1 } else { -1 };
        }
        value
    }

    fn is(&self, condition: &Condition<Name>) -> bool {
        match condition {
            Condition::Some(name) => self.value(&Term::Metric(name.clone())) != 0,
            Condition::Compare(left, order, right) => {
                let ordering = self.sum(left).cmp(&self.sum(right));
                match order {
                    Order::Equal => ordering.is_eq(),
                    Order::Unequal => ordering.is_ne(),
                    Order::AtMost => ordering.is_le(),
                    Order::AtLeast => ordering.is_ge(),
                    Order::Below => ordering.is_lt(),
                    Order::Above => ordering.is_gt(),
                }
            }
            Condition::Not(one) => !self.is(one),
            Condition::And(all) => !all.iter().any(|one| !self.is(one)),
            Condition::Or(any) => !any.iter().all(|one| !self.is(one)),
        }
    }
}

/// Looks at every moment of the whole run at once: whether the statement holds, and the moment that decides.
fn naive(statement: &Statement<Name>, run: &[Made]) -> (bool, Option<u64>) {
    let first = |condition: &Condition<Name>| run.iter().position(|made| made.is(condition));
    let every = |moments: Range<usize>| {
        let is_empty = moments.is_empty();
        let failed = moments.into_iter().find(|at| !run[*at].is(&statement.what));
        (!is_empty && failed.is_none(), failed.map(|at| at as u64))
    };
    let some = |moments: Range<usize>| {
        let last = moments.end - 1;
        let found = moments.into_iter().find(|at| run[*at].is(&statement.what));
        (found.is_some(), Some(found.unwrap_or(last) as u64))
    };
    let index = |at: Millis| usize::try_from(at.0).unwrap();
    match &statement.when {
        When::At(at) => some(index(*at)..index(*at) + 1),
        When::Finally => some(run.len() - 1..run.len()),
        When::During { from, to } => every(index(*from)..index(*to) + 1),
        When::Eventually { by } => some(0..by.map_or(run.len(), |by| index(by) + 1)),
        When::Always { after, until } => {
            let begin = after.as_ref().map_or(Some(0), first).unwrap_or(run.len());
            every(begin..until.as_ref().and_then(first).unwrap_or(run.len()))
        }
        When::Within { span, of } => match first(of) {
            Some(begin) => some(begin..run.len().min(begin + index(*span) + 1)),
            None => (false, None),
        },
    }
}

fn any_term() -> BoxedStrategy<Term<Name>> {
    prop_oneof![
        any_name().prop_map(Term::Metric),
        (0_u64..5).prop_map(Term::Number)
    ]
    .boxed()
}

fn any_name() -> BoxedStrategy<Name> {
    let word = |text: &str| Name::Word {
        text: text.to_owned(),
        at: 0,
    };
    let quoted = Name::Quoted {
        label: "fixed".into(),
        count: "running".into(),
        at: 0,
    };
    proptest::sample::select(vec![
        word("fixed.running"),
        word("elastic.running"),
        word("total.running"),
        word("desired"),
        word("lost"),
        quoted,
    ])
    .boxed()
}

fn any_sum() -> BoxedStrategy<Sum<Name>> {
    let sign = prop_oneof![Just(Sign::Plus), Just(Sign::Minus)];
    (any_term(), vec((sign, any_term()), 0..3))
        .prop_map(|(first, rest)| Sum { first, rest })
        .boxed()
}

fn any_condition() -> BoxedStrategy<Condition<Name>> {
    let order = proptest::sample::select(Order::ALL.map(|(_, order)| order).to_vec());
    let compare = (any_sum(), order, any_sum())
        .prop_filter("two numbers", |(left, _, right)| {
            left.has_metric() || right.has_metric()
        })
        .prop_map(|(left, order, right)| Condition::Compare(left, order, right));
    let leaf = prop_oneof![any_name().prop_map(Condition::Some), compare];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
            vec(inner.clone(), 2..4).prop_map(Condition::And),
            vec(inner, 2..4).prop_map(Condition::Or),
        ]
    })
    .boxed()
}

fn any_statement(end: u64) -> BoxedStrategy<Statement<Name>> {
    let maybe = || proptest::option::of(any_condition());
    let time = move || (0..=end).prop_map(Millis);
    let when = prop_oneof![
        time().prop_map(When::At),
        (maybe(), maybe()).prop_map(|(after, until)| When::Always { after, until }),
        (time(), time()).prop_map(|(one, other)| When::During {
            from: one.min(other),
            to: one.max(other),
        }),
        proptest::option::of(time()).prop_map(|by| When::Eventually { by }),
        Just(When::Finally),
        (time(), any_condition()).prop_map(|(span, of)| When::Within { span, of }),
    ];
    (when, any_condition())
        .prop_map(|(when, what)| Statement { when, what })
        .boxed()
}

fn without_places(statement: &Statement<Name>) -> Statement<Name> {
    let map = |name: &Name| -> Result<Name, Infallible> {
        Ok(match name.clone() {
            Name::Word { text, .. } => Name::Word { text, at: 0 },
            Name::Quoted { label, count, .. } => Name::Quoted { label, count, at: 0 },
        })
    };
    let Ok(statement) = statement.try_map(&mut { map });
    statement
}

/// So many moments as the numbers say are alike.
fn any_run() -> impl Strategy<Value = Vec<(Made, u64)>> {
    let made = (0_u64..4, 0_u64..4, 0_u64..4, 0_u64..2).prop_map(|(fixed, elastic, desired, lost)| Made {
        fixed,
        elastic,
        desired,
        lost,
    });
    vec((made, 1_u64..6), 1..8)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(statement in any_statement(100_000)) {
        let text = statement.to_string();
        let read = parser::parse(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        prop_assert_eq!(without_places(&read), statement, "{}", text);
    }

    #[test]
    fn no_text_is_too_strange(text in "(at |always|finally|: ?|first|until|[a-z.\"()=+ -]|3s|é){0,12}") {
        let read = Check::read(&text, Some(&names()), END);
        prop_assert!(read.is_err() || text.contains(':'));
    }

    #[test]
    fn every_moment_counts_and_no_other((run, statement) in any_run().prop_flat_map(|run| {
        let moments: u64 = run.iter().map(|(_, long)| long).sum();
        (Just(run), any_statement(moments - 1))
    })) {
        let moments: Vec<Made> = run.iter()
            .flat_map(|(made, long)| std::iter::repeat_n(made.clone(), usize::try_from(*long).unwrap()))
            .collect();
        let end = Millis(moments.len() as u64 - 1);
        let resolved = statement.try_map(&mut |name| Made::names().resolve(name, "")).unwrap();
        let checks = [Check { text: statement.to_string(), statement: resolved }];
        let mut watches = Watches::new(&checks, end);
        let mut from = Millis::ZERO;
        for (made, long) in &run {
            let to = Millis(from.0 + long - 1);
            watches.look(Stretch { from, to }, made);
            from = Millis(to.0 + 1);
        }
        let (results, violations) = watches.close(1, moments.last().unwrap());
        let (held, decided) = naive(&statement, &moments);
        prop_assert_eq!(results[0].held, held, "{}: {:?}", statement, results);
        prop_assert_eq!(violations.is_empty(), held);
        prop_assert_eq!(results[0].at.map(|at| at.0), decided, "{}", statement);
        if let Some(at) = results[0].at {
            prop_assert_eq!(&results[0].state, &moments[usize::try_from(at.0).unwrap()].describe());
        }
    }
}

#[test]
fn a_check_that_looked_at_nothing_says_why() {
    let made = |fixed| Made {
        fixed,
        elastic: 0,
        desired: 0,
        lost: 0,
    };
    for (text, why) in [
        (
            "always: desired == 0 after first elastic.running",
            "`elastic.running` was never true",
        ),
        (
            "within 1s of first elastic.running: desired",
            "`elastic.running` was never true",
        ),
        (
            "always: desired == 0 until first fixed.running > 1",
            "`fixed.running > 1` was true from the beginning",
        ),
        (
            "always: desired == 0 after first fixed.running == 3 until first fixed.running",
            "`fixed.running` was true before `fixed.running == 3`, or with it",
        ),
    ] {
        let check = Check::read(text, Some(&Made::names()), Millis(1))
            .unwrap()
            .unwrap();
        let checks = [check];
        let mut watches = Watches::new(&checks, Millis(1));
        for at in [0, 1] {
            let stretch = Stretch {
                from: Millis(at),
                to: Millis(at),
            };
            watches.look(stretch, &made(2 + at));
        }
        let (_, violations) = watches.close(7, &made(3));
        assert_eq!(
            violations,
            [format!("check `{text}` had nothing to look at: {why}; seed 7")]
        );
    }
}
