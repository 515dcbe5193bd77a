//! Reads a tree field by field, collecting every fault with its file, line and path.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::tree::{Node, Tree};
use crate::time::Millis;

/// Something wrong in a scenario folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file's name in the folder.
    pub file: String,
    /// The line, where it is known.
    pub line: Option<u64>,
    /// Such as `nodes[0].pods`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, with the value seen and what to write.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Where the faults of one file are collected.
#[derive(Debug)]
pub(crate) struct Faults {
    file: String,
    found: RefCell<Vec<Fault>>,
}

impl Faults {
    pub(crate) fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            found: RefCell::default(),
        }
    }

    pub(crate) fn add(&self, line: Option<u64>, path: &str, message: impl Into<String>) {
        self.found.borrow_mut().push(Fault {
            file: self.file.clone(),
            // What no file holds stands on no line.
            line: line.filter(|line| *line > 0),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(crate) fn into_found(self) -> Vec<Fault> {
        self.found.into_inner()
    }
}

/// A value at a path. Each `as_...` says what is wanted in its fault.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    node: &'a Node,
    path: String,
    faults: &'a Faults,
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node, faults: &'a Faults) -> Self {
        Self {
            node,
            path: String::new(),
            faults,
        }
    }

    pub(crate) fn fault(&self, message: impl Into<String>) {
        self.faults.add(Some(self.node.line), &self.path, message);
    }

    /// A fault of a value below, found by another reader.
    pub(crate) fn fault_at(&self, node: &Node, path: &str, message: String) {
        self.faults.add(Some(node.line), path, message);
    }

    fn wanted<T>(&self, wanted: &str) -> Option<T> {
        let found = self.node.to_value().to_string();
        let short: String = found.chars().take(60).collect();
        let dots = if short.len() < found.len() { "…" } else { "" };
        self.fault(format!("found `{short}{dots}`; write {wanted}"));
        None
    }

    pub(crate) fn value(&self) -> Value {
        self.node.to_value()
    }

    /// Pictures and terminals show it: the end of a YAML block is cut off, other control characters are refused.
    pub(crate) fn as_text(&self, wanted: &str) -> Option<&'a str> {
        let text = match &self.node.tree {
            Tree::Text(text) => text.trim_end_matches('\n'),
            _ => "",
        };
        if text.contains(char::is_control) {
            return self.wanted(&format!("{wanted}, without control characters"));
        }
        if text.is_empty() {
            return self.wanted(wanted);
        }
        Some(text)
    }

    /// A number or a text as it was written.
    pub(crate) fn as_written(&self) -> Option<String> {
        match &self.node.tree {
            Tree::Text(text) => Some(text.clone()),
            Tree::Number(number) => Some(number.to_string()),
            _ => self.wanted("a number"),
        }
    }

    /// A text such as `always: a == b`, which YAML takes for a map with one entry unless it is quoted.
    pub(crate) fn as_statement(&self, wanted: &str) -> Option<String> {
        if let Tree::Map(fields) = &self.node.tree
            && let [(before, node)] = fields.as_slice()
            && let Tree::Text(after) = &node.tree
        {
            return Some(format!("{before}: {after}"));
        }
        self.as_text(wanted).map(ToOwned::to_owned)
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn as_number(&self, least: u64, most: u64) -> Option<u64> {
        match &self.node.tree {
            Tree::Number(number) if number.as_u64().is_some_and(|n| (least..=most).contains(&n)) => {
                number.as_u64()
            }
            _ if most == u64::MAX => self.wanted(&format!("a whole number from {least} up")),
            _ => self.wanted(&format!("a whole number from {least} to {most}")),
        }
    }

    pub(crate) fn as_span(&self) -> Option<Millis> {
        let span = match &self.node.tree {
            Tree::Text(text) => Millis::parse(text),
            _ => None,
        };
        match span {
            Some(span) if span > Millis::LONGEST => self.wanted("a time span of at most a year, `8760h`"),
            Some(span) => Some(span),
            None => self.wanted("a time span such as `250ms`, `10s` or `2m`"),
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.node.tree {
            Tree::Bool(value) => Some(value),
            _ => self.wanted("true or false"),
        }
    }

    pub(crate) fn as_one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        if let Tree::Text(text) = &self.node.tree
            && let Some((_, choice)) = choices.iter().find(|(name, _)| name == text)
        {
            return Some(*choice);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        self.wanted(&format!("one of {}", names.join(", ")))
    }

    pub(crate) fn as_list(&self, wanted: &str) -> Vec<Self> {
        match &self.node.tree {
            Tree::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Self {
                    node,
                    path: format!("{}[{index}]", self.path),
                    faults: self.faults,
                })
                .collect(),
            _ => self.wanted(wanted).unwrap_or_default(),
        }
    }

    pub(crate) fn as_map(&self, wanted: &str) -> Option<Fields<'a>> {
        match &self.node.tree {
            Tree::Map(fields) => Some(Fields {
                at: self.clone(),
                fields,
                asked: RefCell::default(),
            }),
            _ => self.wanted(wanted),
        }
    }

    /// A map whose field names are the user's own.
    pub(crate) fn as_entries(&self, wanted: &str) -> Vec<(&'a str, Self)> {
        match &self.node.tree {
            Tree::Map(fields) => fields
                .iter()
                .map(|(name, node)| (name.as_str(), self.below(name, node)))
                .collect(),
            _ => self.wanted(wanted).unwrap_or_default(),
        }
    }

    pub(crate) fn as_texts(&self, wanted: &str) -> BTreeMap<String, String> {
        let entries = self.as_entries(wanted).into_iter();
        entries
            .filter_map(|(name, at)| match &at.node.tree {
                Tree::Text(text) => Some((name.to_owned(), text.clone())),
                _ => at.wanted("a text; put a number or a truth value in quotes"),
            })
            .collect()
    }

    fn below(&self, name: &str, node: &'a Node) -> Self {
        let path = match (self.path.is_empty(), name.contains(['.', '/'])) {
            (_, true) => format!("{}[\"{name}\"]", self.path),
            (true, false) => name.to_owned(),
            (false, false) => format!("{}.{name}", self.path),
        };
        Self {
            node,
            path,
            faults: self.faults,
        }
    }
}

/// The fields of a map. Whoever has asked for all it knows calls [`Fields::no_others`].
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    at: At<'a>,
    fields: &'a [(String, Node)],
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// A field that may be absent or null.
    pub(crate) fn optional(&self, name: &'static str) -> Option<At<'a>> {
        self.asked.borrow_mut().push(name);
        let (_, node) = self.fields.iter().find(|(found, _)| found == name)?;
        (node.tree != Tree::Null).then(|| self.at.below(name, node))
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &'static str, meaning: &str) -> Option<At<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            self.at.fault(format!("`{name}` is missing; write {meaning}"));
        }
        found
    }

    /// Every field that nobody asked for is a fault.
    pub(crate) fn no_others(&self) {
        let asked = self.asked.borrow();
        for (name, node) in self.fields {
            if !asked.contains(&name.as_str()) {
                let known: Vec<String> = asked.iter().map(|name| format!("`{name}`")).collect();
                self.at.below(name, node).fault(format!(
                    "unknown field `{name}`; the fields here are {}",
                    known.join(", ")
                ));
            }
        }
    }
}
