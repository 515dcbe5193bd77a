//! Whether settings can be acted on.

use policy_settings::Settings;

use crate::response::{SettingsAnswer, one_line};

/// Answers `validate_settings`: every fault, a line each, or what good settings will not do. It asks no cluster: the
/// callback loop of a host does not run yet.
#[must_use]
pub fn validate_settings(payload: &[u8]) -> Vec<u8> {
    let (valid, lines) = match core::str::from_utf8(payload) {
        Err(_) => (false, vec!["the settings are not UTF-8 text".to_owned()]),
        Ok(text) => match Settings::parse(text) {
            Ok(settings) => (true, settings.warnings()),
            Err(faults) => (false, faults.iter().map(ToString::to_string).collect()),
        },
    };
    let lines: Vec<String> = lines.iter().map(|line| one_line(line)).collect();
    let message = (!valid || !lines.is_empty()).then(|| lines.join("\n"));
    SettingsAnswer { valid, message }.to_json()
}
