//! The settings as the loop takes them.

use std::collections::{BTreeMap, BTreeSet};

use placement_core::hash::fnv1a64;
use reconcile_core::Rule;
use rules::{CustomKind, GroupKind};
use serde_json::Value;

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// One for each spread, in their order.
    pub rules: Vec<Rule>,
    /// The hash by which the Lease and people name these settings.
    pub hash: String,
    /// Kinds of workload beyond those that are known.
    pub custom_kinds: Vec<CustomKind>,
}

/// The hash of settings: FNV-1a 64 of their JSON without spaces, keys sorted, as 16 hexadecimal digits.
#[must_use]
pub fn settings_hash(settings: &Value) -> String {
    // Objects of serde_json are sorted by key as long as nobody switches `preserve_order` on; a test sees to that.
    format!("{:016x}", fnv1a64(settings.to_string().as_bytes()))
}

impl Settings {
    /// The namespaces of the rules.
    #[must_use]
    pub fn namespaces(&self) -> BTreeSet<&str> {
        self.rules.iter().map(|rule| rule.spread.namespace()).collect()
    }

    /// Under which version each further kind is served, for Events about it.
    #[must_use]
    pub fn api_versions(&self) -> BTreeMap<GroupKind, String> {
        let kinds = self.custom_kinds.iter();
        kinds
            .map(|kind| (kind.kind.clone(), kind.api_version.clone()))
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use policy_settings::written_spreads;
    use serde_json::json;

    use super::*;

    /// Settings from YAML that has no faults.
    pub(crate) fn read(text: &str) -> Settings {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        let settings = policy_settings::Settings::from_value(&value).unwrap();
        let rules = settings.spreads().iter().zip(written_spreads(&value));
        Settings {
            rules: rules
                .map(|(spread, written)| Rule::new(spread.clone(), written))
                .collect(),
            hash: settings_hash(&value),
            custom_kinds: settings.custom_kinds().to_vec(),
        }
    }

    #[test]
    fn the_hash_is_of_the_json_with_its_keys_sorted() {
        assert_eq!(
            settings_hash(&json!({"b": 1, "a": [true, null]})),
            format!("{:016x}", fnv1a64(br#"{"a":[true,null],"b":1}"#))
        );
    }
}
