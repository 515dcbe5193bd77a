//! The hash by which a rule is known, whatever other rules stand beside it.

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// Doubles hold every whole number up to this exactly.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// SHA-256, in hexadecimal, of a rule as a ledger carries it: JSON without spaces, keys sorted.
///
/// A whole number is hashed without a fraction, for an API server stores `2.0` as `2`.
#[must_use]
pub fn rule_hash(written: &Value) -> String {
    // Objects of serde_json are sorted by key as long as nobody switches `preserve_order` on.
    let digest = Sha256::digest(stored(written).to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two rules have the same hash.
#[must_use]
pub fn is_same_rule(one: &Value, other: &Value) -> bool {
    one == other || stored(one) == stored(other)
}

fn stored(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number).unwrap_or_else(|| number.clone())),
        Value::Array(items) => items.iter().map(stored).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), stored(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn whole(number: &Number) -> Option<Number> {
    let double = number
        .as_f64()
        .filter(|_| number.is_f64())
        .filter(|double| double.fract() == 0.0 && double.abs() < LARGEST_EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that i64 holds")]
    let whole = double as i64;
    Some(whole.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Worked out with `sha256sum`, for whoever writes the same in another language.
    #[test]
    fn the_test_vector_holds() {
        let rule = json!({
            "name": "web", "namespace": "shop",
            "targetRef": {"kind": "Deployment", "apiVersion": "apps/v1", "name": "web"},
            "subsets": [{"name": "fixed", "maxReplicas": 2}, {"name": "elastic"}],
        });
        assert_eq!(
            rule_hash(&rule),
            "445ee11ee3b1888b46c205a1ae28bb5d641add11dd6a1e2ea817c2fc17b3ef9f"
        );
    }

    #[test]
    fn every_word_counts_and_the_way_it_is_written_does_not() {
        let hash = |text: &str| rule_hash(&serde_json::from_str(text).unwrap());
        let rule = hash(r#"{"name": "a", "patch": {"x": [2.0, 0.5]}}"#);
        assert_eq!(rule, hash(r#"{"patch":{"x":[2,5e-1]},"name":"\u0061"}"#));
        for other in [
            r#"{"name": "b", "patch": {"x": [2, 0.5]}}"#,
            r#"{"name": "a", "patch": {"x": [0.5, 2]}}"#,
            r#"{"name": "a", "patch": {"x": ["2", 0.5]}}"#,
            r#"{"name": "a", "patch": {"x": [2, 0.5], "y": null}}"#,
        ] {
            assert_ne!(rule, hash(other), "{other}");
        }
    }
}
