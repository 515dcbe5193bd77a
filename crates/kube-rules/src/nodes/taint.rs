//! Taints and tolerations.

use serde_json::Value;

use super::text;

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled elsewhere where possible.
    PreferNoSchedule,
    /// They are not scheduled there, and evicted if they run there.
    NoExecute,
}

/// A pod's toleration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    key: String,
    test: Test,
    effect: Option<TaintEffect>,
    seconds: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Equal(String),
    Gt(i64),
    Lt(i64),
    /// An operator or a number that Kubernetes cannot read.
    Never,
}

impl Taint {
    /// Reads a taint of `spec.taints`; `None` where its effect is none that a scheduler knows: such a taint does nothing.
    #[must_use]
    pub fn read(taint: &Value) -> Option<Self> {
        Some(Self {
            key: text(taint, "key").to_owned(),
            value: text(taint, "value").to_owned(),
            effect: TaintEffect::read(text(taint, "effect"))?,
        })
    }
}

impl TaintEffect {
    /// Reads the word of a taint or a toleration.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "NoSchedule" => Some(Self::NoSchedule),
            "PreferNoSchedule" => Some(Self::PreferNoSchedule),
            "NoExecute" => Some(Self::NoExecute),
            _ => None,
        }
    }

    /// Whether it keeps the scheduler from choosing the node.
    #[must_use]
    pub fn keeps_away(self) -> bool {
        self != Self::PreferNoSchedule
    }
}

impl Toleration {
    /// Reads a toleration of `spec.tolerations`. Whatever Kubernetes cannot read tolerates nothing.
    #[must_use]
    pub fn read(toleration: &Value) -> Self {
        let value = text(toleration, "value");
        let number = |test: fn(i64) -> Test| decimal(value).map_or(Test::Never, test);
        let test = match text(toleration, "operator") {
            "Exists" => Test::Exists,
            "" | "Equal" => Test::Equal(value.to_owned()),
            // Of the feature gate TaintTolerationComparisonOperators; without it no such toleration is stored.
            "Gt" => number(Test::Gt),
            "Lt" => number(Test::Lt),
            _ => Test::Never,
        };
        let word = text(toleration, "effect");
        let effect = TaintEffect::read(word);
        Self {
            key: text(toleration, "key").to_owned(),
            test: if effect.is_none() && !word.is_empty() {
                Test::Never
            } else {
                test
            },
            effect,
            seconds: toleration.get("tolerationSeconds").and_then(Value::as_i64),
        }
    }

    /// Whether the taint is tolerated. An empty key or effect stands for every one.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && match &self.test {
                Test::Exists => true,
                Test::Equal(value) => *value == taint.value,
                Test::Gt(bound) => decimal(&taint.value).is_some_and(|found| found > *bound),
                Test::Lt(bound) => decimal(&taint.value).is_some_and(|found| found < *bound),
                Test::Never => false,
            }
    }

    /// Whether it is about taints of this effect.
    #[must_use]
    pub fn is_about(&self, effect: TaintEffect) -> bool {
        self.effect.is_none_or(|own| own == effect)
    }

    /// For how long a `NoExecute` taint is tolerated; `None` is for ever.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        self.seconds
    }
}

/// The first of the taints that keep pods away that is not tolerated.
pub fn untolerated<'t>(
    taints: impl IntoIterator<Item = &'t Taint>,
    tolerations: &[Toleration],
) -> Option<&'t Taint> {
    taints.into_iter().find(|taint| {
        taint.effect.keeps_away() && !tolerations.iter().any(|toleration| toleration.tolerates(taint))
    })
}

/// A whole number in its shortest spelling, as comparisons read it.
fn decimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_shortest = text == "0" || digits.starts_with(|first: char| ('1'..='9').contains(&first));
    if is_shortest { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taint(value: &str) -> Taint {
        Taint::read(&json!({"key": "provider", "value": value, "effect": "NoSchedule"})).unwrap()
    }

    #[test]
    fn taints_are_tolerated_by_key_value_and_effect() {
        for (toleration, tolerated) in [
            (json!({"key": "provider", "operator": "Exists"}), true),
            (json!({"operator": "Exists"}), true),
            (
                json!({"key": "provider", "value": "acs", "effect": "NoSchedule"}),
                true,
            ),
            (
                json!({"key": "provider", "operator": "Equal", "value": "acs"}),
                true,
            ),
            (json!({"key": "provider", "value": "other"}), false),
            (json!({"key": "other", "operator": "Exists"}), false),
            (
                json!({"key": "provider", "operator": "Exists", "effect": "NoExecute"}),
                false,
            ),
            (
                json!({"key": "provider", "operator": "Exists", "effect": "Never"}),
                false,
            ),
            (json!({"key": "provider", "operator": "exists"}), false),
            // The API server takes no such toleration; the matching does.
            (json!({"value": "acs"}), true),
        ] {
            let read = Toleration::read(&toleration);
            assert_eq!(read.tolerates(&taint("acs")), tolerated, "{toleration}");
        }
    }

    #[test]
    fn numbers_compare_the_taint_with_the_toleration() {
        for (operator, bound, found, tolerated) in [
            ("Gt", "5", "6", true),
            ("Gt", "5", "5", false),
            ("Lt", "5", "-6", true),
            ("Lt", "5", "06", false),
            ("Lt", "+5", "1", false),
            ("Lt", "5", "x", false),
            ("Gt", "-1", "0", true),
        ] {
            let toleration = json!({"key": "provider", "operator": operator, "value": bound});
            let read = Toleration::read(&toleration);
            assert_eq!(read.tolerates(&taint(found)), tolerated, "{toleration} {found}");
        }
    }

    #[test]
    fn a_preference_keeps_nobody_away() {
        let soft = Taint {
            effect: TaintEffect::PreferNoSchedule,
            ..taint("acs")
        };
        let hard = taint("acs");
        assert_eq!(untolerated([&soft], &[]), None);
        assert_eq!(untolerated([&soft, &hard], &[]), Some(&hard));
    }
}
