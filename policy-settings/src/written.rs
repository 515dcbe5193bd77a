//! A rule as it was written, ready to be kept in a ledger.

use serde_json::Value;

/// What is not ours to read stays as it is.
const OPAQUE: [&str; 4] = [
    "patch",
    "requiredNodeSelectorTerm",
    "preferredNodeSelectorTerms",
    "tolerations",
];

/// The spreads of settings as a ledger carries them: a field that is null counts as absent in settings, and is refused in a
/// ledger.
#[must_use]
pub fn written_spreads(settings: &Value) -> Vec<Value> {
    let spreads = settings.get("spreads").and_then(Value::as_array);
    spreads.into_iter().flatten().map(without_nulls).collect()
}

fn without_nulls(written: &Value) -> Value {
    match written {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(name, value)| {
                let value = if OPAQUE.contains(&name.as_str()) {
                    value.clone()
                } else {
                    without_nulls(value)
                };
                (name.clone(), value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nulls_are_left_out_where_they_mean_nothing() {
        let settings = json!({"spreads": [{
            "name": "web", "capacity": null,
            "subsets": [{"name": "a", "maxReplicas": null, "patch": {"spec": {"hostname": null}}}],
        }]});
        let written =
            json!([{"name": "web", "subsets": [{"name": "a", "patch": {"spec": {"hostname": null}}}]}]);
        assert_eq!(Value::Array(written_spreads(&settings)), written);
    }
}
