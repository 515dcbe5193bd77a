//! Random pods and patches, rich in what a merge can trip over.

use serde_json::{Map, Value, json};

use crate::prng::Prng;
use crate::types::{Field, Shape, Types};

pub(crate) const PATCH: &str = "$patch";

/// One question: a pod and a patch of it.
pub(crate) fn case(types: &Types, seed: u64, number: u64) -> (Value, Value) {
    let mut generator = Generator {
        types,
        prng: Prng::new(seed, number),
    };
    let mut pod = generator.object(0, 0);
    let mut patch = generator.patch_object(Some(0), &pod, 0);
    if generator.prng.permille(2) {
        pod = generator.anything(0);
    }
    if generator.prng.permille(2) {
        patch = generator.anything(0);
    }
    (pod, patch)
}

pub(crate) struct Generator<'a> {
    pub(crate) types: &'a Types,
    pub(crate) prng: Prng,
}

impl Generator<'_> {
    fn object(&mut self, of: usize, depth: usize) -> Value {
        let mut object = Map::new();
        for _ in 0..self.few(depth) {
            if let Some(field) = self.field(of) {
                let value = self.value(&field, depth + 1);
                object.insert(field.name, value);
            }
        }
        if self.prng.percent(2) {
            object.insert(self.odd_name(), self.anything(depth));
        }
        Value::Object(object)
    }

    pub(crate) fn value(&mut self, field: &Field, depth: usize) -> Value {
        if self.prng.permille(15) {
            return self.anything(depth);
        }
        match &field.shape {
            Shape::One => self.one(field.inner, depth),
            Shape::Replaced => Value::Array(
                (0..self.prng.below(4))
                    .map(|_| self.one(field.inner, depth))
                    .collect(),
            ),
            Shape::Set => self.scalars(),
            Shape::Keyed(key) => {
                let long = self.prng.permille(5);
                let length = if long {
                    18 + self.prng.below(40)
                } else {
                    self.prng.below(5)
                };
                Value::Array(
                    (0..length)
                        .map(|_| self.element(field.inner, key, long, depth))
                        .collect(),
                )
            }
        }
    }

    fn one(&mut self, inner: Option<usize>, depth: usize) -> Value {
        match inner {
            Some(inner) if depth < 9 => self.object(inner, depth),
            _ if self.prng.percent(25) => {
                let entries = self.prng.below(4);
                Value::Object((0..entries).map(|_| (self.name(), self.scalar())).collect())
            }
            _ => self.scalar(),
        }
    }

    pub(crate) fn element(&mut self, inner: Option<usize>, key: &str, long: bool, depth: usize) -> Value {
        let mut element = match inner {
            Some(inner) if !long => self.object(inner, depth),
            _ => json!({}),
        };
        if let Some(object) = element.as_object_mut() {
            if self.prng.permille(4) {
                object.insert(PATCH.to_owned(), json!("delete"));
            }
            if self.prng.permille(990) {
                object.insert(
                    key.to_owned(),
                    if long {
                        json!(self.prng.below(70))
                    } else {
                        self.key(key)
                    },
                );
            } else {
                object.remove(key);
            }
        }
        element
    }

    pub(crate) fn key(&mut self, key: &str) -> Value {
        match self.prng.below(250) {
            0 => Value::Null,
            1 => json!({"a": 1}),
            2 => json!([1]),
            3 => json!(1.0),
            _ if key == "containerPort" => json!(1 + self.prng.below(5)),
            _ => json!(self.name()),
        }
    }

    pub(crate) fn scalars(&mut self) -> Value {
        let integers = [json!(1), json!(2), json!(-7), json!(u64::MAX)];
        let floats = [json!(1.0), json!(2.0), json!(2.5), json!(u64::MAX)];
        let numbers = match self.prng.below(20) {
            0 => Some(&integers),
            1 => Some(&floats),
            _ => None,
        };
        let long = self.prng.permille(10);
        let length = if long {
            18 + self.prng.below(70)
        } else {
            self.prng.below(5)
        };
        let scalar = |generator: &mut Self| match () {
            () if long => json!(format!("f{}", generator.prng.below(500))),
            () if generator.prng.permille(8) => generator.scalar(),
            () if let Some(numbers) = numbers => generator.prng.pick(numbers).cloned().unwrap_or_default(),
            () => json!(generator.name()),
        };
        let mut list: Vec<Value> = (0..length).map(|_| scalar(self)).collect();
        if self.prng.percent(80) {
            let mut seen: Vec<Value> = Vec::new();
            list.retain(|value| {
                !seen.contains(value) && {
                    seen.push(value.clone());
                    true
                }
            });
        }
        Value::Array(list)
    }

    pub(crate) fn field(&mut self, of: usize) -> Option<Field> {
        let merging = self.types.merging(of);
        let from = if !merging.is_empty() && self.prng.percent(75) {
            merging
        } else {
            self.types.fields(of)
        };
        let mut field = self.prng.pick(from).cloned()?;
        if self.prng.permille(4) {
            field.name = match self.prng.below(3) {
                0 => field.name.to_uppercase(),
                1 => field.name.replacen('s', "\u{17f}", 1),
                _ => field.name.replacen('k', "\u{212a}", 1),
            };
        }
        Some(field)
    }

    pub(crate) fn few(&mut self, depth: usize) -> usize {
        if depth == 0 {
            1 + self.prng.below(4)
        } else {
            self.prng.below(4) + usize::from(depth < 2)
        }
    }

    pub(crate) fn name(&mut self) -> String {
        self.prng
            .pick(&["a", "b", "c", "d", "e"])
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn odd_name(&mut self) -> String {
        self.prng
            .pick(&[
                "unknown",
                "",
                "a",
                "spec",
                "name",
                "$patch",
                "$deleteFromPrimitiveList/",
                "$x",
                "\u{e9}t\u{e9}",
            ])
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn scalar(&mut self) -> Value {
        match self.prng.below(14) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(false),
            3 => json!(1),
            4 => json!(1.0),
            5 => json!(-7),
            6 => json!(2.5),
            7 => json!(u64::MAX),
            8 => json!(""),
            _ => json!(self.name()),
        }
    }

    pub(crate) fn anything(&mut self, depth: usize) -> Value {
        match self.prng.below(if depth > 8 { 4 } else { 10 }) {
            0..=3 => self.scalar(),
            4..=6 => Value::Array(
                (0..self.prng.below(4))
                    .map(|_| self.anything(depth + 3))
                    .collect(),
            ),
            _ => {
                let entries = self.prng.below(4);
                let name = |generator: &mut Self| {
                    if generator.prng.percent(15) {
                        generator.odd_name()
                    } else {
                        generator.name()
                    }
                };
                Value::Object(
                    (0..entries)
                        .map(|_| (name(self), self.anything(depth + 3)))
                        .collect(),
                )
            }
        }
    }
}
