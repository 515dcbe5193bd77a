//! YAML as a tree that remembers the line of every value, so that a fault can point at it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A value and the line it begins on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) tree: Tree,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The same value without its lines.
    pub(crate) fn to_value(&self) -> Value {
        match &self.tree {
            Tree::Null => Value::Null,
            Tree::Bool(truth) => Value::Bool(*truth),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => Value::String(text.clone()),
            Tree::List(items) => items.iter().map(Self::to_value).collect(),
            Tree::Map(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, node)| (name.clone(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

impl Node {
    /// The line of the value at a path such as `spreads[0].labels["a.b/c"]`, or of the last value on the way to it that
    /// is there.
    pub(crate) fn line_at(&self, path: &str) -> Option<u64> {
        let mut at = self;
        for step in steps(path) {
            let below = match &at.tree {
                Tree::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                Tree::Map(fields) => fields.iter().find(|(name, _)| name == step).map(|(_, node)| node),
                _ => None,
            };
            let Some(below) = below else { break };
            at = below;
        }
        (at.line > 0).then_some(at.line)
    }
}

/// Names, and numbers of list items, of a path.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    path.split(move |letter| {
        quoted ^= letter == '"';
        letter == '"' || (!quoted && matches!(letter, '.' | '[' | ']'))
    })
    .filter(|step| !step.is_empty())
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tree>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            tree: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Number::from_f64(number).map_or(Tree::Null, Tree::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, Node>()? {
            fields.push((name, value));
        }
        Ok(Tree::Map(fields))
    }
}

pub(super) fn below<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, name| match &node.tree {
        Tree::Map(fields) => fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, node)| node),
        _ => None,
    })
}

pub(super) fn text(content: &str) -> Node {
    let tree = Tree::Text(content.to_owned());
    Node { line: 0, tree }
}

pub(super) fn number(number: u64) -> Node {
    let tree = Tree::Number(number.into());
    Node { line: 0, tree }
}

pub(super) fn list(items: Vec<Node>) -> Node {
    let tree = Tree::List(items);
    Node { line: 0, tree }
}

pub(super) fn map(line: u64, fields: Vec<(&str, Node)>) -> Node {
    let fields = fields.into_iter().map(|(name, node)| (name.to_owned(), node));
    let tree = Tree::Map(fields.collect());
    Node { line, tree }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_value_knows_its_line() {
        let node: Node = serde_saphyr::from_str("a: 1\nb:\n- x\n- y: [true, null]\n").unwrap();
        let Tree::Map(fields) = &node.tree else {
            panic!("{node:?}")
        };
        assert_eq!(fields[0].1.line, 1);
        let Tree::List(items) = &fields[1].1.tree else {
            panic!("{node:?}")
        };
        assert_eq!((items[0].line, items[1].line), (3, 4));
        assert_eq!(node.to_value(), json!({"a": 1, "b": ["x", {"y": [true, null]}]}));
    }

    #[test]
    fn a_path_leads_to_a_line() {
        let node: Node = serde_saphyr::from_str("a:\n- x: 1\n- y:\n    b.c/d: 2\n").unwrap();
        assert_eq!(node.line_at("a[0].x"), Some(2));
        assert_eq!(node.line_at("a[1].y[\"b.c/d\"]"), Some(4));
        assert_eq!(node.line_at("a[1].z"), Some(3));
        assert_eq!(node.line_at("settings"), Some(1));
    }

    #[test]
    fn documents_of_one_file_keep_counting_lines() {
        let nodes: Vec<Node> = serde_saphyr::from_multiple("a: 1\n---\nb: 2\n").unwrap();
        assert_eq!(nodes.iter().map(|node| node.line).collect::<Vec<_>>(), [1, 3]);
    }
}
