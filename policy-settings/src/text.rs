//! The settings as text, at an admission: found, not read.
//!
//! A policy-server hands the settings to every admission, and nearly every spread is another
//! workload's. One pass finds where each field of each spread begins and ends; a spread is read,
//! with all its checks, only when its head fits the pod. Nothing here derives `Deserialize`: a
//! field that is written twice must count as it does in a [`Value`], where the last one stays.

use std::borrow::Cow;
use std::fmt;

use placement_core::facts::{Fields, Text};
use rules::{CustomKind, Fault, FaultCode, Faults, Place, Spread, is_same_rule};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::settings::{self, Observe, OnError};
use crate::{custom, reader};

/// Settings in which nothing is read yet.
#[derive(Debug, Default)]
pub struct SettingsText<'a> {
    observe: Option<&'a RawValue>,
    on_error: Option<&'a RawValue>,
    lease_namespace: Option<&'a RawValue>,
    custom_workloads: Option<&'a RawValue>,
    spreads: Vec<Fields<'a>>,
}

/// As much of a spread as tells whether it can concern a pod.
#[derive(Clone, Copy, Debug)]
pub struct SpreadHead<'t, 'a>(&'t Fields<'a>);

/// The workload that a spread names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHead<'a> {
    /// `targetRef.apiVersion`.
    pub api_version: Cow<'a, str>,
    /// `targetRef.kind`.
    pub kind: Cow<'a, str>,
    /// `targetRef.name`.
    pub name: Cow<'a, str>,
}

/// The settings are no JSON of the right shape: they were never checked.
#[derive(Debug)]
pub struct Unreadable(serde_json::Error);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings cannot be read: {}", self.0)
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl<'a> SettingsText<'a> {
    /// Finds the fields of the settings and of their spreads, in one pass.
    ///
    /// # Errors
    /// When the text is not JSON, or its spreads are no list of objects.
    pub fn scan(text: &'a str) -> Result<Self, Unreadable> {
        let text: Option<Self> = serde_json::from_str(text).map_err(Unreadable)?;
        Ok(text.unwrap_or_default())
    }

    /// What happens to a pod that cannot be placed because something is broken; `Accept` where the
    /// field itself is broken.
    #[must_use]
    pub fn on_error(&self) -> OnError {
        self.on_error.and_then(value).map_or(OnError::Accept, |value| {
            settings::on_error(&value, &Place::Root("onError"), &mut Faults::default())
        })
    }

    /// From where an admission learns what is placed; from the pods where the field is broken.
    #[must_use]
    pub fn observe(&self) -> Observe {
        self.observe
            .and_then(value)
            .map_or_else(Observe::default, |value| {
                settings::observe(&value, &Place::Root("observe"), &mut Faults::default())
            })
    }

    /// The namespace in which the sidecars keep their Lease.
    #[must_use]
    pub fn lease_namespace(&self) -> Cow<'static, str> {
        let at = Place::Root("leaseNamespace");
        self.lease_namespace
            .and_then(value)
            .and_then(|value| settings::lease_namespace(&value, &at, &mut Faults::default()))
            .map_or(Cow::Borrowed(settings::LEASE_NAMESPACE), Cow::Owned)
    }

    /// The kinds of workload beyond those that are known; faulty ones are left out.
    #[must_use]
    pub fn custom_kinds(&self) -> Vec<CustomKind> {
        self.custom_workloads
            .and_then(value)
            .map_or_else(Vec::new, |value| {
                custom::custom_kinds(&value, &Place::Root("customWorkloads"), &mut Faults::default())
            })
    }

    /// The heads of the spreads with their places in the list, in order.
    pub fn heads(&self) -> impl Iterator<Item = (usize, SpreadHead<'_, 'a>)> {
        self.spreads.iter().map(SpreadHead).enumerate()
    }

    /// Reads one spread, with every check but the trial of its patches.
    ///
    /// # Errors
    /// The faults of the spread; none is expected where the settings were checked.
    pub fn spread(&self, index: usize) -> Result<Spread, Vec<Fault>> {
        let root = Place::Root("");
        let list = root.field("spreads");
        let at = list.item(index);
        let Some(fields) = self.spreads.get(index) else {
            let mut faults = Faults::default();
            faults.lacks(FaultCode::Missing, &at, "write as many spreads as are asked for");
            return Err(faults.into_vec());
        };
        reader::read_spread_again(&object(fields), &at.to_string(), &self.custom_kinds())
    }
}

impl<'a> SettingsText<'a> {
    /// Whether a spread is written as this text has it, such as the rule of a ledger: the order of fields and the way of
    /// writing a number apart.
    #[must_use]
    pub fn is_written_as(&self, index: usize, rule: &RawValue) -> bool {
        let Some(own) = self.spreads.get(index) else {
            return false;
        };
        let Ok(other) = Fields::of(rule.get(), "spec") else {
            return false;
        };
        let is_same = |name: &str, own: &RawValue| {
            other.raw(name).is_some_and(|other| {
                other.get() == own.get()
                    || value(other)
                        .zip(value(own))
                        .is_some_and(|(other, own)| is_same_rule(&other, &own))
            })
        };
        own.iter().count() == other.iter().count()
            && own.iter().all(|(name, own)| is_same(name.as_str(), own))
    }
}

impl<'a> SpreadHead<'_, 'a> {
    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<Cow<'a, str>> {
        text(self.0, "name")
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<Cow<'a, str>> {
        text(self.0, "namespace")
    }

    /// The workload, where one is named.
    #[must_use]
    pub fn target_ref(&self) -> Option<TargetHead<'a>> {
        let target = self.0.object("targetRef").ok()?;
        Some(TargetHead {
            api_version: text(&target, "apiVersion")?,
            kind: text(&target, "kind")?,
            name: text(&target, "name")?,
        })
    }

    /// Whether the pods are picked by label, whoever owns them.
    #[must_use]
    pub fn has_selector(&self) -> bool {
        self.0.raw("selector").is_some()
    }
}

fn text<'a>(fields: &Fields<'a>, name: &str) -> Option<Cow<'a, str>> {
    let text = fields.raw(name)?.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(text).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

fn object(fields: &Fields<'_>) -> Value {
    let fields = fields
        .iter()
        .filter_map(|(name, raw)| Some((name.as_str().to_owned(), value(raw)?)));
    Value::Object(fields.collect::<Map<String, Value>>())
}

/// A part of a text that was scanned. Scanning looks less closely than reading (a lone surrogate in
/// an escape, say), so a part may still be unreadable.
fn value(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for SettingsText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scanning;
        impl<'de> Visitor<'de> for Scanning {
            type Value = SettingsText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut text = SettingsText::default();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    match name.as_str() {
                        "observe" => text.observe = Some(map.next_value()?),
                        "leaseNamespace" => text.lease_namespace = Some(map.next_value()?),
                        "onError" => text.on_error = Some(map.next_value()?),
                        "customWorkloads" => text.custom_workloads = map.next_value()?,
                        "spreads" => text.spreads = map.next_value::<Option<_>>()?.unwrap_or_default(),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(text)
            }
        }
        deserializer.deserialize_map(Scanning)
    }
}
