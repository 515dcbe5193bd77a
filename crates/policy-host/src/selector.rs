//! Label and field selectors, in the text form that list calls take.

use kube_rules::labels::{LabelSelector, Operator, Requirement};
use serde_json::{Map, Value};

/// Fields that the API server can select any object by, and those it can select pods by.
const FIELDS: [&str; 11] = [
    "metadata.name",
    "metadata.namespace",
    "spec.hostNetwork",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
    "status.podIPs",
];

/// Why a selector cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectorError {
    /// The text is no selector.
    #[error(
        "cannot read the selector `{selector}` at `{at}`: write key=value, key!=value, key in (a,b), key notin (a,b), key or !key"
    )]
    Syntax {
        /// The whole selector.
        selector: String,
        /// The part that cannot be read.
        at: String,
    },
    /// The API server does not select by this field.
    #[error(
        "`{0}` is no field that objects can be selected by: write one of metadata.name, metadata.namespace, spec.nodeName, status.phase"
    )]
    Field(String),
}

/// Reads `a=b,c in (x,y),!d,e`.
///
/// # Errors
/// When a part is no requirement.
pub(crate) fn parse_labels(text: &str) -> Result<LabelSelector, SelectorError> {
    split_top(text)
        .map(|part| {
            requirement(part).ok_or_else(|| SelectorError::Syntax {
                selector: text.to_owned(),
                at: part.trim().to_owned(),
            })
        })
        .collect()
}

/// Whether an object has the labels.
pub(crate) fn has_labels(object: &Map<String, Value>, selector: &LabelSelector) -> bool {
    let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
    selector.matches(|key| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str))
}

/// A field selector: every requirement must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Reads `status.phase=Running,spec.nodeName!=a`.
    ///
    /// # Errors
    /// When a part is no requirement, or its field cannot be selected by.
    pub(crate) fn parse(text: &str) -> Result<Self, SelectorError> {
        text.split(',')
            .filter(|part| !part.trim().is_empty())
            .map(|part| {
                let (field, equal, value) = comparison(part).ok_or_else(|| SelectorError::Syntax {
                    selector: text.to_owned(),
                    at: part.trim().to_owned(),
                })?;
                if !FIELDS.contains(&field) {
                    return Err(SelectorError::Field(field.to_owned()));
                }
                Ok((field.to_owned(), equal, value.to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an object has the fields; an absent field is the empty text.
    pub(crate) fn fits(&self, object: &Map<String, Value>) -> bool {
        self.0.iter().all(|(field, equal, wanted)| {
            let mut parts = field.split('.');
            let top = parts.next().and_then(|part| object.get(part));
            let value = parts.fold(top, |value, part| value.and_then(|value| value.get(part)));
            let seen = match value {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Bool(flag)) => flag.to_string(),
                _ => String::new(),
            };
            (seen == *wanted) == *equal
        })
    }
}

/// The parts between the commas that are in no brackets; a selector of nothing has none.
fn split_top(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    let nothing = text.trim().is_empty();
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .filter(move |_| !nothing)
}

fn requirement(part: &str) -> Option<Requirement> {
    let part = part.trim();
    let named = |key: &str, operator| {
        Some(Requirement {
            key: label_key(key)?,
            operator,
        })
    };
    if let Some((key, equal, value)) = comparison(part) {
        let values = vec![label_value(value)?];
        return named(
            key,
            match equal {
                true => Operator::In(values),
                false => Operator::NotIn(values),
            },
        );
    }
    if let Some(key) = part.strip_prefix('!') {
        return named(key.trim(), Operator::DoesNotExist);
    }
    let Some((key, set)) = part.split_once(char::is_whitespace) else {
        return named(part, Operator::Exists);
    };
    let (operator, values) = set.split_once('(')?;
    let values = values
        .trim_end()
        .strip_suffix(')')?
        .split(',')
        .map(label_value)
        .collect::<Option<_>>()?;
    match operator.trim() {
        "in" => named(key, Operator::In(values)),
        "notin" => named(key, Operator::NotIn(values)),
        _ => None,
    }
}

/// `a=b`, `a==b` and `a!=b`.
fn comparison(part: &str) -> Option<(&str, bool, &str)> {
    let (left, right) = part.split_once('=')?;
    let (key, equal) = match left.strip_suffix('!') {
        Some(key) => (key, false),
        None => (left, true),
    };
    let value = if equal {
        right.strip_prefix('=').unwrap_or(right)
    } else {
        right
    };
    Some((key.trim(), equal, value.trim()))
}

fn label_key(key: &str) -> Option<String> {
    let good = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    good.then(|| key.to_owned())
}

fn label_value(value: &str) -> Option<String> {
    let value = value.trim();
    let good = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    good.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Map<String, Value> {
        let object = json!({
            "metadata": {"name": "web-1", "namespace": "shop",
                "labels": {"app": "web", "spillway.dev/spread": "hello", "empty": ""}},
            "spec": {"nodeName": "n1", "hostNetwork": true},
            "status": {"phase": "Running"},
        });
        object.as_object().unwrap().clone()
    }

    fn fits(text: &str) -> bool {
        has_labels(&object(), &parse_labels(text).unwrap())
    }

    #[test]
    fn labels_are_selected_as_the_api_server_does() {
        for text in [
            "",
            "app",
            "!gone",
            "app=web",
            "app == web",
            "app!=api",
            "gone!=anything",
            "app in (api, web)",
            "app notin (api)",
            "gone notin (a,b)",
            "empty=",
            "spillway.dev/spread",
            "app=web,spillway.dev/spread in (hello,other),!gone,empty",
        ] {
            assert!(fits(text), "`{text}` fits");
        }
        for text in [
            "gone",
            "!app",
            "app=api",
            "app!=web",
            "app in (api)",
            "app notin (web,api)",
            "app=web,gone",
        ] {
            assert!(!fits(text), "`{text}` does not fit");
        }
    }

    #[test]
    fn what_is_no_label_selector_is_named() {
        for (text, at) in [
            ("app in web", "app in web"),
            ("a=b,c like (d)", "c like (d)"),
            ("a,,b", ""),
            ("a b", "a b"),
            ("a in (b", "a in (b"),
        ] {
            assert_eq!(
                parse_labels(text),
                Err(SelectorError::Syntax {
                    selector: text.to_owned(),
                    at: at.to_owned()
                })
            );
        }
    }

    #[test]
    fn fields_are_selected_by_value() {
        let fits = |text| FieldSelector::parse(text).unwrap().fits(&object());
        assert!(fits(
            "status.phase=Running,spec.nodeName==n1,metadata.name!=web-2"
        ));
        assert!(fits("spec.hostNetwork=true,status.podIP="));
        assert!(!fits("spec.nodeName="));
        assert!(!fits("metadata.namespace=other"));
        assert_eq!(
            FieldSelector::parse("spec.replicas=1"),
            Err(SelectorError::Field("spec.replicas".to_owned()))
        );
        assert!(FieldSelector::parse("status.phase").is_err());
    }
}
