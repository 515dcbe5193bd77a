//! The settings as the sidecar takes them: checked, as rules, and by their hash.

use policy_settings::written_spreads;
use reconcile_core::Rule;
use rules::Fault;
use serde_json::Value;
use sidecar_core::{Settings, settings_hash};

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What the loop takes.
    pub settings: Settings,
    /// Where the policy looks for the Lease.
    pub lease_namespace: String,
}

/// Why settings are not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// They cannot be had at all.
    #[error("the settings `{from}` cannot be read: {reason}")]
    Unreadable {
        /// The file or the policy.
        from: String,
        /// Why.
        reason: String,
    },
    /// They have faults.
    #[error("the settings `{from}` have {} {}:{}", faults.len(), plural(faults.len()), list(faults))]
    Faulty {
        /// The file or the policy.
        from: String,
        /// All of them.
        faults: Vec<Fault>,
    },
}

impl SettingsError {
    /// How many faults it tells of.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Unreadable { .. } => 1,
            Self::Faulty { faults, .. } => faults.len(),
        }
    }
}

/// Reads settings from YAML, of which JSON is a part.
///
/// # Errors
/// When it is no YAML, or every fault.
pub fn read(text: &str, from: &str) -> Result<Loaded, SettingsError> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| SettingsError::Unreadable {
        from: from.to_owned(),
        // The text around a mistake may hold what belongs in no log.
        reason: error.without_snippet().to_string(),
    })?;
    check(&value, from)
}

/// Checks settings that are parsed already.
///
/// # Errors
/// Every fault.
pub fn check(value: &Value, from: &str) -> Result<Loaded, SettingsError> {
    let settings = policy_settings::Settings::from_value(value).map_err(|faults| SettingsError::Faulty {
        from: from.to_owned(),
        faults,
    })?;
    let rules = settings.spreads().iter().zip(written_spreads(value));
    Ok(Loaded {
        settings: Settings {
            rules: rules
                .map(|(spread, written)| Rule::new(spread.clone(), written))
                .collect(),
            hash: settings_hash(value),
            custom_kinds: settings.custom_kinds().to_vec(),
        },
        lease_namespace: settings.lease_namespace().to_owned(),
    })
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "fault" } else { "faults" }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "
observe: Ledger
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  subsets:
  - {name: fixed, maxReplicas: 2}
  - {name: elastic}
";

    #[test]
    fn a_rule_carries_the_spread_as_it_was_written() {
        let loaded = read(SETTINGS, "f").unwrap();
        let [rule] = loaded.settings.rules.as_slice() else {
            panic!("one rule")
        };
        assert_eq!(rule.spread.name(), "web");
        assert_eq!(
            rule.written["subsets"][0],
            serde_json::json!({"name": "fixed", "maxReplicas": 2})
        );
        assert_eq!(loaded.lease_namespace, "spillway-system");
    }

    #[test]
    fn the_hash_is_of_the_meaning_not_of_the_text() {
        let yaml = read(SETTINGS, "f").unwrap().settings.hash;
        let json = r#"{"spreads":[{"subsets":[{"maxReplicas":2,"name":"fixed"},{"name":"elastic"}],
            "targetRef":{"name":"web","kind":"Deployment","apiVersion":"apps/v1"},"namespace":"shop","name":"web"}],
            "observe":"Ledger"}"#;
        assert_eq!(read(json, "f").unwrap().settings.hash, yaml);
        assert_ne!(
            read(&SETTINGS.replace("maxReplicas: 2", "maxReplicas: 3"), "f")
                .unwrap()
                .settings
                .hash,
            yaml
        );
    }

    #[test]
    fn a_null_is_written_as_nothing_but_in_a_patch() {
        let null = SETTINGS.replace(
            "maxReplicas: 2",
            "maxReplicas: 2, minReplicas: null, patch: {metadata: {annotations: {a: null}}}",
        );
        let rule = read(
            &null.replace("spreads:\n- ", "spreads:\n- capacity: null\n  "),
            "f",
        )
        .unwrap()
        .settings
        .rules
        .remove(0);
        assert_eq!(rule.written.get("capacity"), None);
        assert_eq!(
            rule.written["subsets"][0],
            serde_json::json!({"name": "fixed", "maxReplicas": 2, "patch": {"metadata": {"annotations": {"a": null}}}})
        );
    }

    #[test]
    fn every_fault_is_told() {
        let error = read(
            "spreads: [{name: A, namespace: shop}]\nobserved: Ledger",
            "settings.yaml",
        )
        .unwrap_err();
        assert!(error.count() > 2, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("the settings `settings.yaml` have "), "{text}");
        assert_eq!(text.lines().count(), error.count() + 1, "{text}");
        assert!(text.contains("spreads[0]"), "{text}");
    }

    #[test]
    fn text_that_is_no_yaml_is_one_fault() {
        let error = read("spreads: [", "f").unwrap_err();
        assert!(
            matches!(error, SettingsError::Unreadable { .. }) && error.count() == 1,
            "{error}"
        );
    }

    #[test]
    fn what_stands_beside_a_mistake_is_not_told() {
        let error = read("a: s3cret\nspreads: [", "f").unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn no_settings_are_good_and_place_nothing() {
        assert_eq!(read("", "f").unwrap().settings.rules, Vec::new());
    }
}
