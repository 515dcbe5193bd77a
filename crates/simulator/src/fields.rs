//! Reads a manifest field by field, collecting every fault with its path.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use kube_rules::nodes::Quantity;
use serde_json::Value;

/// Something wrong in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Such as `spec.metrics[0].resource`; empty for the manifest as a whole.
    pub path: String,
    /// What is wrong, with the value seen and what to write.
    pub message: String,
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Where the faults of one manifest are collected.
#[derive(Debug, Default)]
pub(crate) struct Found(RefCell<Vec<FieldFault>>);

impl Found {
    /// The faults, or what was read where there is none.
    pub(crate) fn or<T>(self, read: Option<T>) -> Result<T, Vec<FieldFault>> {
        let faults = self.0.into_inner();
        match read {
            Some(read) if faults.is_empty() => Ok(read),
            _ => Err(faults),
        }
    }
}

/// A value at a path. Each `as_...` says what is wanted in its fault.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    value: &'a Value,
    path: String,
    found: &'a Found,
}

impl<'a> At<'a> {
    pub(crate) fn root(value: &'a Value, found: &'a Found) -> Self {
        Self {
            value,
            path: String::new(),
            found,
        }
    }

    pub(crate) fn fault(&self, message: impl Into<String>) {
        self.found.0.borrow_mut().push(FieldFault {
            path: self.path.clone(),
            message: message.into(),
        });
    }

    pub(crate) fn wanted<T>(&self, wanted: &str) -> Option<T> {
        let text = self.value.to_string();
        let short: String = text.chars().take(60).collect();
        let dots = if short.len() < text.len() { "…" } else { "" };
        self.fault(format!("found `{short}{dots}`; write {wanted}"));
        None
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    pub(crate) fn as_text(&self, wanted: &str) -> Option<&'a str> {
        match self.value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => self.wanted(wanted),
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn as_number(&self, least: u32, most: u32) -> Option<u32> {
        self.value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .or_else(|| self.wanted(&format!("a whole number from {least} to {most}")))
    }

    pub(crate) fn as_quantity(&self, wanted: &str) -> Option<Quantity> {
        Quantity::of(self.value).or_else(|| self.wanted(wanted))
    }

    pub(crate) fn as_positive(&self) -> Option<Quantity> {
        const WANTED: &str = "a quantity above 0, such as `500m`, `10` or `1Gi`";
        let quantity = self.as_quantity(WANTED)?;
        if quantity.is_positive() {
            Some(quantity)
        } else {
            self.wanted(WANTED)
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.wanted("true or false"))
    }

    pub(crate) fn as_one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        if let Value::String(text) = self.value
            && let Some((_, choice)) = choices.iter().find(|(name, _)| name == text)
        {
            return Some(*choice);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        self.wanted(&format!("one of {}", names.join(", ")))
    }

    pub(crate) fn as_list(&self, wanted: &str) -> Option<Vec<Self>> {
        match self.value {
            Value::Array(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, value)| Self {
                        value,
                        path: format!("{}[{index}]", self.path),
                        found: self.found,
                    })
                    .collect(),
            ),
            _ => self.wanted(wanted),
        }
    }

    pub(crate) fn as_map(&self, wanted: &str) -> Option<Fields<'a>> {
        if self.value.is_object() {
            Some(Fields {
                at: self.clone(),
                asked: RefCell::default(),
            })
        } else {
            self.wanted(wanted)
        }
    }

    /// A map from the user's own names to texts.
    pub(crate) fn as_texts(&self, wanted: &str) -> Option<BTreeMap<String, String>> {
        let Value::Object(fields) = self.value else {
            return self.wanted(wanted);
        };
        fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => Some((name.clone(), text.clone())),
                _ => self
                    .below(name, value)
                    .wanted("a text; put a number or a truth value in quotes"),
            })
            .collect()
    }

    fn below(&self, name: &str, value: &'a Value) -> Self {
        let path = match (self.path.is_empty(), name.contains(['.', '/'])) {
            (_, true) => format!("{}[\"{name}\"]", self.path),
            (true, false) => name.to_owned(),
            (false, false) => format!("{}.{name}", self.path),
        };
        Self {
            value,
            path,
            found: self.found,
        }
    }
}

/// The fields of a map. Whoever has asked for all it knows calls [`Fields::no_others`].
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    at: At<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn at(&self) -> &At<'a> {
        &self.at
    }

    /// A field that may be absent or null.
    pub(crate) fn optional(&self, name: &'static str) -> Option<At<'a>> {
        self.asked.borrow_mut().push(name);
        let value = self.at.value.get(name).filter(|value| !value.is_null())?;
        Some(self.at.below(name, value))
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &'static str, meaning: &str) -> Option<At<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            self.at.fault(format!("`{name}` is missing; write {meaning}"));
        }
        found
    }

    /// A whole number that may be absent.
    pub(crate) fn number_or(&self, name: &'static str, least: u32, most: u32, absent: u32) -> Option<u32> {
        self.optional(name)
            .map_or(Some(absent), |at| at.as_number(least, most))
    }

    /// Every field that nobody asked for is a fault.
    pub(crate) fn no_others(&self) {
        let asked = self.asked.borrow();
        let Value::Object(fields) = self.at.value else {
            return;
        };
        for (name, value) in fields {
            if !asked.contains(&name.as_str()) {
                let known: Vec<String> = asked.iter().map(|name| format!("`{name}`")).collect();
                self.at.below(name, value).fault(format!(
                    "unknown field `{name}`; the fields here are {}",
                    known.join(", ")
                ));
            }
        }
    }
}

/// What every object has: its kind checked, its namespace and its name.
pub(crate) fn object<'a>(at: &At<'a>, api_version: &str, kind: &str) -> Option<(Fields<'a>, String, String)> {
    let fields = at.as_map(&format!("a {kind}"))?;
    let version = fields.required("apiVersion", &format!("`{api_version}`"))?;
    if version.value() != api_version {
        version.wanted::<()>(&format!("`{api_version}`"))?;
    }
    let named = fields.required("kind", &format!("`{kind}`"))?;
    if named.value() != kind {
        named.wanted::<()>(&format!("`{kind}`"))?;
    }
    let metadata = fields
        .required("metadata", "at least a name")?
        .as_map("a map with a name")?;
    let name = metadata.required("name", "a name")?.as_text("a name")?.to_owned();
    let namespace = match metadata.optional("namespace") {
        Some(at) => at.as_text("a namespace")?.to_owned(),
        None => "default".to_owned(),
    };
    Some((fields, namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn faults_name_the_path_the_value_and_what_to_write() {
        let manifest = json!({"a": {"n": 7, "b.c/d": 1, "typo": 1}});
        let found = Found::default();
        let a = At::root(&manifest, &found)
            .as_map("a map")
            .unwrap()
            .optional("a")
            .unwrap();
        let fields = a.as_map("a map").unwrap();
        assert_eq!(fields.optional("n").unwrap().as_number(1, 5), None);
        assert_eq!(fields.optional("b.c/d").unwrap().as_text("a text"), None);
        fields.no_others();
        let texts: Vec<String> = found
            .or(Some(()))
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "a.n: found `7`; write a whole number from 1 to 5",
                "a[\"b.c/d\"]: found `1`; write a text",
                "a.typo: unknown field `typo`; the fields here are `n`, `b.c/d`",
            ]
        );
    }
}
