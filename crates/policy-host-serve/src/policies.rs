//! Reads `policies.yml`: every fault at once, each with its path, what was seen and what to write.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use policy_host::{Engine, Grants, HostError, Limit, Mode, Module, Policy, Resource};
use serde_json::{Map, Value};

/// Ticks per second of the servers' engine: a limit is kept to a tenth of a second.
pub const TICKS_PER_SECOND: u64 = 10;

/// One entry of the file, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the module is.
    pub module: PathBuf,
    /// Whether the policy's answers count.
    pub mode: Mode,
    /// Whether it may change objects.
    pub allowed_to_mutate: bool,
    /// Its settings.
    pub settings: Value,
    /// What replaces its own message when it rejects.
    pub message: Option<String>,
    /// Kinds and capabilities it may use.
    pub grants: Grants,
    /// Its own limit, in seconds.
    pub timeout_eval_seconds: Option<u64>,
}

/// One thing wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub path: String,
    /// What, and what to write instead.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

/// Why policies cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The file is no YAML.
    #[error("the policies cannot be read: {0}")]
    Text(String),
    /// The file has faults.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
    /// A module cannot be run.
    #[error("{id}.module: {source}")]
    Module {
        /// The policy.
        id: String,
        /// What is wrong with it.
        source: HostError,
    },
    /// A policy refuses its settings.
    #[error("{id}.settings: the policy refuses them: {reason}")]
    Settings {
        /// The policy.
        id: String,
        /// What it says.
        reason: String,
    },
}

/// Reads the text of a `policies.yml`; relative modules are looked up from `folder`.
///
/// # Errors
/// When the text is no YAML, or has any fault.
pub fn read(text: &str, folder: &Path) -> Result<BTreeMap<String, Entry>, PoliciesError> {
    let value: Value = serde_saphyr::from_str(text).map_err(|e| PoliciesError::Text(e.to_string()))?;
    let mut faults = Faults::default();
    let mut entries = BTreeMap::new();
    match &value {
        Value::Object(policies) if !policies.is_empty() => {
            for (id, policy) in policies {
                if let Some(entry) = entry(id, policy, folder, &mut faults) {
                    entries.insert(id.clone(), entry);
                }
            }
        }
        other => faults.note("policies", other, "a mapping from policy ids to policies"),
    }
    if faults.0.is_empty() {
        Ok(entries)
    } else {
        Err(PoliciesError::Faults(faults.0))
    }
}

/// Compiles the modules, each file once, and lets every policy judge its settings.
///
/// # Errors
/// When a module cannot be run, or refuses the settings.
pub fn prepare(
    entries: &BTreeMap<String, Entry>,
    engine: &Engine,
    default_timeout_seconds: u64,
) -> Result<BTreeMap<String, (Policy, Grants)>, PoliciesError> {
    let mut modules: BTreeMap<PathBuf, Module> = BTreeMap::new();
    let mut policies = BTreeMap::new();
    for (id, entry) in entries {
        let failed = |source| PoliciesError::Module {
            id: id.clone(),
            source,
        };
        let module = match modules.get(&entry.module) {
            Some(module) => module.clone(),
            None => Module::file_in_engine(engine, &entry.module).map_err(failed)?,
        };
        modules.insert(entry.module.clone(), module.clone());
        let seconds = entry.timeout_eval_seconds.unwrap_or(default_timeout_seconds);
        let refused = |reason: String| PoliciesError::Settings {
            id: id.clone(),
            reason,
        };
        let policy = Policy::new(id, module, &entry.settings.to_string())
            .map_err(|e| refused(e.to_string()))?
            .with_mode(entry.mode)
            .allowed_to_mutate(entry.allowed_to_mutate)
            .with_rejection_message(entry.message.clone())
            .with_limit(Some(Limit {
                ticks: seconds * TICKS_PER_SECOND,
            }));
        let verdict = policy.validate_settings().map_err(|e| refused(e.to_string()))?;
        if !verdict.valid {
            return Err(refused(
                verdict
                    .message
                    .unwrap_or_else(|| "it does not say why".to_owned()),
            ));
        }
        policies.insert(id.clone(), (policy, entry.grants.clone()));
    }
    Ok(policies)
}

const KEYS: [&str; 8] = [
    "allowedToMutate",
    "contextAwareResources",
    "hostCapabilities",
    "message",
    "module",
    "policyMode",
    "settings",
    "timeoutEvalSeconds",
];

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn note(&mut self, path: &str, seen: &Value, write: &str) {
        self.say(path, format!("seen `{seen}`, write {write}"));
    }

    fn say(&mut self, path: &str, text: String) {
        self.0.push(Fault {
            path: path.to_owned(),
            text,
        });
    }
}

fn lines(faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    lines.join("\n")
}

fn entry(id: &str, policy: &Value, folder: &Path, faults: &mut Faults) -> Option<Entry> {
    if id.is_empty() || id.contains('/') {
        faults.say(
            id,
            format!("the id `{id}` is a part of a URL: write one without a slash"),
        );
    }
    let Value::Object(fields) = policy else {
        faults.note(id, policy, "a mapping with `module`");
        return None;
    };
    if fields.contains_key("policies") {
        faults.say(
            id,
            "policy groups are not served here: write each policy by itself".to_owned(),
        );
        return None;
    }
    for key in fields.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        faults.say(
            &format!("{id}.{key}"),
            format!("there is no such field: write one of {}", KEYS.join(", ")),
        );
    }
    let at = |key: &str| format!("{id}.{key}");
    let module = module(fields.get("module"), &at("module"), folder, faults);
    let mode = match fields.get("policyMode") {
        None => Mode::Protect,
        Some(Value::String(mode)) if mode == "protect" => Mode::Protect,
        Some(Value::String(mode)) if mode == "monitor" => Mode::Monitor,
        Some(other) => {
            faults.note(&at("policyMode"), other, "`protect` or `monitor`");
            Mode::Protect
        }
    };
    let allowed_to_mutate = match fields.get("allowedToMutate") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(allowed)) => *allowed,
        Some(other) => {
            faults.note(&at("allowedToMutate"), other, "`true` or `false`");
            false
        }
    };
    let settings = match fields.get("settings") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(settings @ Value::Object(_)) => settings.clone(),
        Some(other) => {
            faults.note(&at("settings"), other, "a mapping");
            Value::Null
        }
    };
    let message = match fields.get("message") {
        None | Some(Value::Null) => None,
        Some(Value::String(message)) => Some(message.clone()),
        Some(other) => {
            faults.note(&at("message"), other, "a text");
            None
        }
    };
    let timeout_eval_seconds = match fields.get("timeoutEvalSeconds") {
        None | Some(Value::Null) => None,
        Some(other) => {
            let seconds = other.as_u64().filter(|seconds| (2..=30).contains(seconds));
            if seconds.is_none() {
                faults.note(&at("timeoutEvalSeconds"), other, "a number from 2 to 30");
            }
            seconds
        }
    };
    let resources = resources(
        fields.get("contextAwareResources"),
        &at("contextAwareResources"),
        faults,
    );
    let grants = grants(
        resources,
        fields.get("hostCapabilities"),
        &at("hostCapabilities"),
        faults,
    );
    Some(Entry {
        module: module?,
        mode,
        allowed_to_mutate,
        settings,
        message,
        grants,
        timeout_eval_seconds,
    })
}

fn module(value: Option<&Value>, path: &str, folder: &Path, faults: &mut Faults) -> Option<PathBuf> {
    let write = "a path or `file:///` and a path";
    let Some(Value::String(text)) = value else {
        faults.note(path, value.unwrap_or(&Value::Null), write);
        return None;
    };
    let file = text.strip_prefix("file://").unwrap_or(text);
    if file.is_empty() || file.contains("://") {
        faults.say(
            path,
            format!("seen `{text}`, write {write}: nothing is fetched here"),
        );
        return None;
    }
    let file = folder.join(file);
    if !file.is_file() {
        faults.say(path, format!("there is no file `{}`", file.display()));
        return None;
    }
    Some(file)
}

fn resources(value: Option<&Value>, path: &str, faults: &mut Faults) -> Vec<Resource> {
    let write = "a list of `{apiVersion: v1, kind: Pod}`";
    let items = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            faults.note(path, other, write);
            return Vec::new();
        }
    };
    let mut resources = Vec::new();
    for (place, item) in items.iter().enumerate() {
        match serde_json::from_value(item.clone()) {
            Ok(resource) => resources.push(resource),
            Err(_) => faults.note(&format!("{path}[{place}]"), item, "`{apiVersion: v1, kind: Pod}`"),
        }
    }
    resources
}

fn grants(resources: Vec<Resource>, value: Option<&Value>, path: &str, faults: &mut Faults) -> Grants {
    let write = "a list of patterns such as `kubernetes/*`";
    let items = match value {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(items)) => items.as_slice(),
        Some(other) => {
            faults.note(path, other, write);
            &[]
        }
    };
    let mut patterns = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let path = format!("{path}[{place}]");
        match item.as_str() {
            None => faults.note(&path, item, "a pattern such as `kubernetes/*`"),
            Some(pattern) => match Grants::new([], [pattern]) {
                Ok(_) => patterns.push(pattern),
                Err(error) => faults.say(&path, error.to_string()),
            },
        }
    }
    // Every pattern was tried alone above.
    Grants::new(resources, patterns).unwrap_or_default()
}

#[cfg(test)]
#[path = "policies_tests.rs"]
mod tests;
