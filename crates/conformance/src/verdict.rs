//! What became of one vector.

use serde_json::Value;

/// What became of one vector.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It says nothing that can be asked of a policy without counters.
    NotApplicable,
    /// What each engine answered, in the form of the expectation.
    Answered(Vec<Answer>),
    /// Everything was as expected.
    Passed,
    /// It differs in a way that is listed.
    KnownDifference,
    /// It does not pass, and why.
    Failed(Vec<String>),
}

/// What one engine answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// `native` or `wasm`.
    pub(crate) engine: &'static str,
    /// In the form of the expectation.
    pub(crate) got: Value,
    /// Whether that is what was expected.
    pub(crate) right: bool,
}

impl Verdict {
    /// Compares what the engines answered with what is expected, field by field of the answer:
    /// fields that only Kruise's counters have are not answered.
    pub(crate) fn of_fields(expect: &Value, answers: Vec<(&'static str, Value)>) -> Self {
        let answer = |(engine, got): (&'static str, Value)| {
            let right = match (got.as_object(), expect.as_object()) {
                (Some(got), Some(expect)) => {
                    got.get("error") == expect.get("error")
                        && got.iter().all(|(field, value)| expect.get(field) == Some(value))
                }
                _ => got == *expect,
            };
            Answer { engine, got, right }
        };
        Self::Answered(answers.into_iter().map(answer).collect())
    }

    /// Why it failed; `None` where it did not.
    pub(crate) fn faults(&self) -> Option<&[String]> {
        match self {
            Self::Failed(faults) => Some(faults),
            _ => None,
        }
    }
}
