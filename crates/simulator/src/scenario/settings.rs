//! What the simulator must know of the policy's settings: the subsets of the workload and their maximums, to judge the run by.
//! Whether the settings are right is for the policy itself to say.

use serde_json::Value;

/// A subset as the report counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubsetRule {
    /// Its name.
    pub name: String,
    /// Its maximum, if it has one.
    pub maximum: Option<Maximum>,
}

/// An upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maximum {
    /// So many pods.
    Pods(u64),
    /// So many percent of the workload's replicas, rounded up.
    Percent(u64),
}

impl Maximum {
    /// The bound in pods for a workload of so many replicas.
    pub fn pods(self, desired: u64) -> u64 {
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(percent) => percent.saturating_mul(desired).div_ceil(100),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        if let Some(pods) = value.as_u64() {
            return Some(Self::Pods(pods));
        }
        let text = value.as_str()?;
        match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().map(Self::Percent),
            None => text.parse().ok().map(Self::Pods),
        }
    }
}

/// The subsets of the spread that targets this Deployment, in their order; none if no spread does.
pub(crate) fn subsets_of(settings: &Value, namespace: &str, deployment: &str) -> Vec<SubsetRule> {
    let targets = |spread: &&Value| {
        let text = |pointer| spread.pointer(pointer).and_then(Value::as_str);
        text("/namespace") == Some(namespace)
            && text("/targetRef/kind") == Some("Deployment")
            && text("/targetRef/name") == Some(deployment)
    };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let spreads = list(settings.get("spreads"));
    let subsets = list(
        spreads
            .iter()
            .find(targets)
            .and_then(|spread| spread.get("subsets")),
    );
    let rule = |subset: &Value| {
        Some(SubsetRule {
            name: subset.get("name")?.as_str()?.to_owned(),
            maximum: subset.get("maxReplicas").and_then(Maximum::read),
        })
    };
    subsets.iter().filter_map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maximums_are_read_and_rounded_up() {
        let settings = json!({"spreads": [
            {"namespace": "other", "targetRef": {"kind": "Deployment", "name": "web"}, "subsets": [{"name": "x"}]},
            {"namespace": "shop", "targetRef": {"kind": "Deployment", "name": "web"}, "subsets": [
                {"name": "a", "maxReplicas": 3}, {"name": "b", "maxReplicas": "33%"}, {"name": "c"},
            ]},
        ]});
        let rules = subsets_of(&settings, "shop", "web");
        assert_eq!(
            rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(rules[0].maximum, Some(Maximum::Pods(3)));
        assert_eq!(rules[1].maximum.map(|maximum| maximum.pods(4)), Some(2));
        assert_eq!(rules[2].maximum, None);
        assert_eq!(subsets_of(&settings, "shop", "api"), []);
    }
}
