//! Differences from OpenKruise that are meant, each with the reason.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::vector::Vector;
use crate::verdict::{Answer, Verdict};

const LISTED: &str = include_str!("../known-differences.json");

/// The list.
#[derive(Debug)]
pub(crate) struct KnownDifferences(Vec<Difference>);

/// One difference. All that is written must fit the vector, whose note must say that it is a quirk; or it is named, the
/// whole answer is written, and a decision record says why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    file: String,
    /// The vector's name. Without it, every vector that shows the same quirk is meant.
    name: Option<String>,
    /// A part of the vector's note.
    note: Option<String>,
    /// Fields of the expectation.
    expect: Option<Value>,
    /// What is answered instead; absent: anything else.
    ours: Option<Value>,
    /// The page of docs/decisions by which ours is meant, where the vector is no quirk.
    decision: Option<String>,
    /// Why a user is better off.
    reason: String,
}

impl KnownDifferences {
    /// The list that is built in.
    pub(crate) fn listed() -> anyhow::Result<Self> {
        Self::parse(LISTED).context("known-differences.json")
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let list: Vec<Difference> = serde_json::from_str(text)?;
        for difference in &list {
            let Difference {
                name,
                note,
                expect,
                reason,
                ..
            } = difference;
            anyhow::ensure!(!reason.is_empty(), "every difference needs a reason");
            anyhow::ensure!(
                name.is_some() || note.is_some() || expect.is_some(),
                "a difference needs a name, a note or an expectation, or it would excuse every quirk"
            );
        }
        Ok(Self(list))
    }

    /// Turns answers into a verdict.
    pub(crate) fn judge(&self, file: &str, vector: &Vector, verdict: Verdict) -> Verdict {
        let Verdict::Answered(answers) = verdict else {
            return verdict;
        };
        let wrong: Vec<&Answer> = answers.iter().filter(|answer| !answer.right).collect();
        if wrong.is_empty() {
            return match self.by_name(file, vector) {
                Some(_) => Verdict::Failed(vec![
                    "it is listed as a known difference and is none: remove it from the list".to_owned(),
                ]),
                None => Verdict::Passed,
            };
        }
        // An engine that answers as expected beside one that does not is no meant difference.
        let all_differ = wrong.len() == answers.len();
        let excused = |answer: &&Answer| self.0.iter().any(|known| known.excuses(file, vector, answer));
        if all_differ && wrong.iter().all(excused) {
            return Verdict::KnownDifference;
        }
        Verdict::Failed(
            wrong
                .iter()
                .map(|answer| format!("{:<8} {}", answer.engine, answer.got))
                .collect(),
        )
    }

    fn by_name(&self, file: &str, vector: &Vector) -> Option<&Difference> {
        self.0
            .iter()
            .find(|known| known.file == file && known.name.as_ref() == Some(&vector.name))
    }
}

impl Difference {
    fn excuses(&self, file: &str, vector: &Vector, answer: &Answer) -> bool {
        let Self {
            file: own,
            name,
            note,
            expect,
            ours,
            decision,
            reason: _,
        } = self;
        let quirk = vector.note.as_deref().unwrap_or_default();
        own == file
            // Where OpenKruise's answer is no quirk, ours is a decision: it stands here as a whole.
            && (vector.is_quirk() || (decision.is_some() && name.is_some() && ours.is_some()))
            && name.as_ref().is_none_or(|name| *name == vector.name)
            && note.as_ref().is_none_or(|note| quirk.contains(note.as_str()))
            && expect.as_ref().is_none_or(|part| holds(&vector.expect, part))
            && ours.as_ref().is_none_or(|ours| *ours == answer.got)
    }
}

/// Whether every field of a part is in the whole.
fn holds(whole: &Value, part: &Value) -> bool {
    match part.as_object() {
        Some(part) => part.iter().all(|(field, value)| whole.get(field) == Some(value)),
        None => whole == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vector(note: &str, expect: Value) -> Vector {
        Vector {
            name: "v".to_owned(),
            input: Value::Null,
            expect,
            note: Some(note.to_owned()),
        }
    }

    fn answered(vector: &Vector, got: &[Value]) -> Verdict {
        Verdict::of_fields(
            &vector.expect,
            got.iter().map(|got| ("native", got.clone())).collect(),
        )
    }

    fn judged(list: &str, vector: &Vector, got: &[Value]) -> Verdict {
        KnownDifferences::parse(list)
            .unwrap()
            .judge("f.json", vector, answered(vector, got))
    }

    #[test]
    fn what_is_listed_can_be_read() {
        KnownDifferences::listed().unwrap();
    }

    #[test]
    fn only_a_listed_quirk_may_differ_and_only_as_listed() {
        let list = r#"[{"file":"f.json","name":"v","ours":{"subset":"b"},"reason":"better"}]"#;
        let quirk = vector("quirk: odd", json!({"subset": "a"}));
        let (ours, theirs, other) = (
            json!({"subset": "b"}),
            json!({"subset": "a"}),
            json!({"subset": "c"}),
        );
        assert!(matches!(
            judged(list, &quirk, std::slice::from_ref(&ours)),
            Verdict::KnownDifference
        ));
        assert!(matches!(judged(list, &quirk, &[other]), Verdict::Failed(_)));
        assert!(matches!(
            judged("[]", &quirk, std::slice::from_ref(&ours)),
            Verdict::Failed(_)
        ));
        assert!(matches!(
            judged("[]", &quirk, std::slice::from_ref(&theirs)),
            Verdict::Passed
        ));
        let plain = vector("no defect", json!({"subset": "a"}));
        assert!(matches!(
            judged(list, &plain, std::slice::from_ref(&ours)),
            Verdict::Failed(_)
        ));
        let decided = list.replace("\"reason\"", "\"decision\":\"0001\",\"reason\"");
        assert!(matches!(
            judged(&decided, &plain, std::slice::from_ref(&ours)),
            Verdict::KnownDifference
        ));
        assert!(matches!(
            judged(&decided, &plain, &[json!({"subset": "c"})]),
            Verdict::Failed(_)
        ));
        // Native and wasm disagree.
        assert!(matches!(
            judged(list, &quirk, &[ours, theirs]),
            Verdict::Failed(_)
        ));
    }

    #[test]
    fn a_listed_difference_that_passes_is_stale() {
        let list = r#"[{"file":"f.json","name":"v","reason":"better"}]"#;
        let quirk = vector("quirk: odd", json!({"subset": "a"}));
        assert!(matches!(
            judged(list, &quirk, &[json!({"subset": "a"})]),
            Verdict::Failed(_)
        ));
        let rule = r#"[{"file":"f.json","expect":{"subset":"a"},"reason":"better"}]"#;
        assert!(matches!(
            judged(rule, &quirk, &[json!({"subset": "a"})]),
            Verdict::Passed
        ));
        assert!(matches!(
            judged(rule, &quirk, &[json!({"subset": null})]),
            Verdict::KnownDifference
        ));
    }

    #[test]
    fn a_difference_that_would_excuse_everything_is_refused() {
        assert!(KnownDifferences::parse(r#"[{"file":"f.json","reason":"better"}]"#).is_err());
        assert!(KnownDifferences::parse(r#"[{"file":"f.json","name":"v","reason":""}]"#).is_err());
    }
}
