//! Follows a run and finds whether each check holds.

use serde::Serialize;

use super::Check;
use super::evaluation::Readings;
use super::statement::When;
use crate::time::Millis;

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The check, as it is written.
    pub text: String,
    /// Whether it held.
    pub held: bool,
    /// The moment that decided: the first one at which it failed, or the one at which it came true. `None` where every
    /// moment counted, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
    /// What was seen then, such as `fixed 9 running, 1 pending; elastic 0; desired 10`; why, where no moment decided.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
}

/// Moments at which nothing changes, both ends included, in the time of the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: Millis,
    pub(crate) to: Millis,
}

/// All checks of a run.
#[derive(Debug)]
pub(crate) struct Watches<'a> {
    end: Millis,
    watches: Vec<Watch<'a>>,
}

#[derive(Debug)]
struct Watch<'a> {
    check: &'a Check,
    progress: Progress,
    verdict: Option<Verdict>,
}

/// How far the run has come, for one check.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Since when what opens the check has been true.
    opened: Option<Millis>,
    /// What closes it has been true.
    closed: bool,
    /// There was a moment to look at.
    looked: bool,
}

#[derive(Debug)]
struct Verdict {
    held: bool,
    at: Option<Millis>,
    state: String,
}

impl Verdict {
    /// In every moment.
    fn held() -> Self {
        Self {
            held: true,
            at: None,
            state: String::new(),
        }
    }

    /// Nothing was looked at: what was never looked at does not hold.
    fn nothing(why: impl Into<String>) -> Self {
        Self {
            held: false,
            at: None,
            state: why.into(),
        }
    }
}

impl<'a> Watches<'a> {
    /// `end`: the last moment.
    pub(crate) fn new(checks: &'a [Check], end: Millis) -> Self {
        let watch = |check| Watch {
            check,
            progress: Progress::default(),
            verdict: None,
        };
        Self {
            end,
            watches: checks.iter().map(watch).collect(),
        }
    }

    /// Looks at the next moments; they follow those before.
    pub(crate) fn look(&mut self, stretch: Stretch, at: &impl Readings) {
        for watch in &mut self.watches {
            if watch.verdict.is_none() {
                watch.look(stretch, self.end, at);
            }
        }
    }

    /// The results, and a violation for each check that did not hold.
    pub(crate) fn close(self, seed: u64, at: &impl Readings) -> (Vec<CheckResult>, Vec<String>) {
        let results: Vec<CheckResult> = self.watches.into_iter().map(|watch| watch.close(at)).collect();
        let failed = results.iter().filter(|result| !result.held);
        let violations = failed.map(|result| violation(result, seed)).collect();
        (results, violations)
    }
}

fn violation(result: &CheckResult, seed: u64) -> String {
    let CheckResult { text, at, state, .. } = result;
    match at {
        Some(at) => format!("check `{text}` failed at {at}: {state}; seed {seed}"),
        None => format!("check `{text}` had nothing to look at: {state}; seed {seed}"),
    }
}

impl Watch<'_> {
    fn look(&mut self, stretch: Stretch, end: Millis, at: &impl Readings) {
        let Stretch { from, to } = stretch;
        let what = &self.check.statement.what;
        match &self.check.statement.when {
            When::At(moment) => self.look_once(*moment, stretch, at),
            When::Finally => self.look_once(end, stretch, at),
            When::During { from: begin, to: end } => {
                if from > *end || to < *begin {
                    return;
                }
                if !what.holds(at) {
                    self.decide(false, from.max(*begin), at);
                } else if to >= *end {
                    self.verdict = Some(Verdict::held());
                }
            }
            When::Always { after, until } => {
                if self.progress.opened.is_none() && after.as_ref().is_none_or(|after| after.holds(at)) {
                    self.progress.opened = Some(from);
                }
                if until.as_ref().is_some_and(|until| until.holds(at)) {
                    self.progress.closed = true;
                    self.verdict = Some(self.end());
                } else if self.progress.opened.is_some() {
                    self.progress.looked = true;
                    if !what.holds(at) {
                        self.decide(false, from, at);
                    }
                }
            }
            When::Eventually { by } => self.look_until(by.unwrap_or(end), stretch, at),
            When::Within { span, of } => {
                if self.progress.opened.is_none() && of.holds(at) {
                    self.progress.opened = Some(from);
                }
                if let Some(opened) = self.progress.opened {
                    self.look_until((opened + *span).min(end), stretch, at);
                }
            }
        }
    }

    fn look_once(&mut self, moment: Millis, stretch: Stretch, at: &impl Readings) {
        if (stretch.from..=stretch.to).contains(&moment) {
            let held = self.check.statement.what.holds(at);
            self.decide(held, moment, at);
        }
    }

    /// It must come true by then.
    fn look_until(&mut self, last: Millis, stretch: Stretch, at: &impl Readings) {
        if stretch.from <= last && self.check.statement.what.holds(at) {
            self.decide(true, stretch.from, at);
        } else if stretch.to >= last {
            self.decide(false, last, at);
        }
    }

    fn decide(&mut self, held: bool, moment: Millis, at: &impl Readings) {
        self.verdict = Some(Verdict {
            held,
            at: Some(moment),
            state: at.describe(),
        });
    }

    /// What is to be said where no moment has decided.
    fn end(&self) -> Verdict {
        let Progress {
            opened,
            closed,
            looked,
        } = self.progress;
        match &self.check.statement.when {
            When::Always { .. } if looked => Verdict::held(),
            When::Always {
                after: Some(after), ..
            } if opened.is_none() && !closed => Verdict::nothing(format!("`{after}` was never true")),
            When::Always {
                after: Some(after),
                until: Some(until),
            } => Verdict::nothing(format!("`{until}` was true before `{after}`, or with it")),
            When::Always {
                until: Some(until), ..
            } => Verdict::nothing(format!("`{until}` was true from the beginning")),
            When::Within { of, .. } => Verdict::nothing(format!("`{of}` was never true")),
            When::Always { .. }
            | When::At(_)
            | When::During { .. }
            | When::Eventually { .. }
            | When::Finally => Verdict::nothing("the run ended before"),
        }
    }

    fn close(mut self, at: &impl Readings) -> CheckResult {
        let verdict = if self.check.statement.lacks_load(at) {
            Verdict::nothing("nobody sends requests")
        } else {
            self.verdict.take().unwrap_or_else(|| self.end())
        };
        let Verdict { held, at, state } = verdict;
        CheckResult {
            text: self.check.text.clone(),
            held,
            at,
            state,
        }
    }
}
