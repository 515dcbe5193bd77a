//! Random pods and patches, rich in what a merge can trip over.

use serde_json::{Map, Value, json};

use crate::prng::Prng;
use crate::types::{Field, Shape, Types};

const PATCH: &str = "$patch";

/// One question: a pod and a patch of it.
pub(crate) fn case(types: &Types, seed: u64, number: u64) -> (Value, Value) {
    let mut generator = Generator { types, prng: Prng::new(seed, number) };
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

struct Generator<'a> {
    types: &'a Types,
    prng: Prng,
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

    fn value(&mut self, field: &Field, depth: usize) -> Value {
        if self.prng.permille(15) {
            return self.anything(depth);
        }
        match &field.shape {
            Shape::One => self.one(field.inner, depth),
            Shape::Replaced => Value::Array((0..self.prng.below(4)).map(|_| self.one(field.inner, depth)).collect()),
            Shape::Set => self.scalars(),
            Shape::Keyed(key) => {
                let long = self.prng.permille(5);
                let length = if long { 18 + self.prng.below(40) } else { self.prng.below(5) };
                Value::Array((0..length).map(|_| self.element(field.inner, key, long, depth)).collect())
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

    fn element(&mut self, inner: Option<usize>, key: &str, long: bool, depth: usize) -> Value {
        let mut element = match inner {
            Some(inner) if !long => self.object(inner, depth),
            _ => json!({}),
        };
        if let Some(object) = element.as_object_mut() {
            if self.prng.permille(990) {
                object.insert(key.to_owned(), if long { json!(self.prng.below(70)) } else { self.key(key) });
            } else {
                object.remove(key);
            }
        }
        element
    }

    fn key(&mut self, key: &str) -> Value {
        match self.prng.below(250) {
            0 => Value::Null,
            1 => json!({"a": 1}),
            2 => json!([1]),
            3 => json!(1.0),
            _ if key == "containerPort" => json!(1 + self.prng.below(5)),
            _ => json!(self.name()),
        }
    }

    fn scalars(&mut self) -> Value {
        let numbers = self.prng.percent(3);
        let long = self.prng.permille(10);
        let length = if long { 18 + self.prng.below(40) } else { self.prng.below(5) };
        let scalar = |generator: &mut Self| match () {
            () if long => json!(format!("f{}", generator.prng.below(500))),
            () if numbers || generator.prng.permille(5) => generator.scalar(),
            () => json!(generator.name()),
        };
        let mut list: Vec<Value> = (0..length).map(|_| scalar(self)).collect();
        if self.prng.percent(80) {
            let mut seen: Vec<Value> = Vec::new();
            list.retain(|value| !seen.contains(value) && { seen.push(value.clone()); true });
        }
        Value::Array(list)
    }

    fn patch_object(&mut self, of: Option<usize>, pod: &Value, depth: usize) -> Value {
        let mut patch = Map::new();
        let here: Vec<&String> = pod.as_object().into_iter().flat_map(Map::keys).collect();
        for _ in 0..self.few(depth) {
            let known = self.prng.pick(&here).map(|name| (*name).clone()).filter(|_| self.prng.percent(75));
            let drawn = of.and_then(|of| self.field(of));
            let name = known.or(drawn.map(|field| field.name)).unwrap_or_else(|| self.odd_name());
            let field = of.and_then(|of| self.types.fields(of).iter().find(|field| field.name == name)).cloned();
            let current = pod.get(&name).cloned();
            self.patch_field(&mut patch, &name, field.as_ref(), current.as_ref(), depth + 1);
        }
        self.directives(&mut patch, pod);
        Value::Object(patch)
    }

    fn patch_field(&mut self, patch: &mut Map<String, Value>, name: &str, field: Option<&Field>, pod: Option<&Value>, depth: usize) {
        if self.prng.percent(5) {
            patch.insert(name.to_owned(), Value::Null);
            return;
        }
        if self.prng.percent(2) {
            patch.insert(name.to_owned(), self.anything(depth));
            return;
        }
        let inner = field.and_then(|field| field.inner);
        let value = match (field.map(|field| field.shape.clone()), pod) {
            (Some(Shape::Keyed(key)), pod) => self.patch_list(inner, &key, pod, depth),
            (_, Some(pod @ Value::Object(_))) if depth < 12 => self.patch_object(inner, pod, depth),
            (Some(_), _) if self.prng.percent(15) => self.patch_object(inner, &Value::Null, depth),
            (Some(_), _) => field.map_or(Value::Null, |field| self.value(field, depth)),
            (None, Some(Value::Array(_))) => self.scalars(),
            (None, _) => self.scalar(),
        };
        let listed = matches!(value, Value::Array(_)) || matches!(pod, Some(Value::Array(_)));
        if listed && self.prng.percent(25) {
            let order = self.order(field, &value, pod);
            patch.insert(format!("$setElementOrder/{name}"), order);
        }
        let set = field.is_some_and(|field| field.shape != Shape::One) && !matches!(field.map(|field| &field.shape), Some(Shape::Keyed(_)));
        if self.prng.permille(if set { 250 } else { 5 }) {
            let list = if self.prng.percent(95) { self.scalars() } else { self.anything(depth) };
            patch.insert(format!("$deleteFromPrimitiveList/{name}"), list);
            if self.prng.percent(60) {
                return;
            }
        }
        if !listed || self.prng.percent(92) {
            patch.insert(name.to_owned(), value);
        }
    }

    fn patch_list(&mut self, inner: Option<usize>, key: &str, pod: Option<&Value>, depth: usize) -> Value {
        let here: Vec<Value> = pod.and_then(Value::as_array).cloned().unwrap_or_default();
        let long = self.prng.permille(5) || here.len() > 15;
        let length = if long { 18 + self.prng.below(30) } else { self.prng.below(5) };
        let mut list = Vec::new();
        for _ in 0..length {
            let current = self.prng.pick(&here).cloned();
            let kind = self.prng.below(100);
            list.push(match current {
                _ if kind < 2 => json!({PATCH: "replace"}),
                _ if kind == 2 && self.prng.percent(30) => json!({PATCH: self.scalar()}),
                current if kind < 14 => {
                    let id = current.and_then(|current| current.get(key).cloned()).unwrap_or_else(|| self.key(key));
                    json!({PATCH: "delete", key: id})
                }
                Some(current) if kind < 65 => {
                    let mut element = self.patch_object(inner, &current, depth);
                    if let (Some(element), Some(id)) = (element.as_object_mut(), current.get(key)) {
                        element.insert(key.to_owned(), id.clone());
                        if let Some(Value::Array(names)) = element.get_mut("$retainKeys") {
                            names.push(json!(key));
                        }
                    }
                    element
                }
                _ => self.element(inner, key, long, depth),
            });
        }
        Value::Array(list)
    }

    /// Mostly an order that goes with the patch's list: its elements, with some of the pod's strewn in.
    fn order(&mut self, field: Option<&Field>, list: &Value, pod: Option<&Value>) -> Value {
        let key = field.and_then(|field| if let Shape::Keyed(key) = &field.shape { Some(key.as_str()) } else { None });
        let id = |element: &Value| match key {
            Some(key) => json!({key: element.get(key)}),
            None => element.clone(),
        };
        let deleted = |element: &&Value| element.get(PATCH).is_none();
        let mut order: Vec<Value> = list.as_array().into_iter().flatten().filter(deleted).map(id).collect();
        for element in pod.and_then(Value::as_array).into_iter().flatten() {
            if self.prng.percent(60) && !order.contains(&id(element)) {
                let at = self.prng.below(order.len() + 1);
                order.insert(at, id(element));
            }
        }
        match self.prng.below(40) {
            0 => return self.anything(3),
            1 => order.push(self.scalar()),
            2..=4 => order.clear(),
            5 | 6 => self.prng.shuffle(&mut order),
            7 => {
                order.pop();
            }
            _ => {}
        }
        Value::Array(order)
    }

    fn directives(&mut self, patch: &mut Map<String, Value>, pod: &Value) {
        match self.prng.below(300) {
            0..=5 => {
                patch.insert(PATCH.to_owned(), json!("replace"));
            }
            6..=9 => {
                patch.insert(PATCH.to_owned(), json!("delete"));
            }
            10 => {
                let odd = [json!("merge"), Value::Null, json!(1), json!({})];
                patch.insert(PATCH.to_owned(), self.prng.pick(&odd).cloned().unwrap_or_default());
            }
            11..=24 => {
                let mut names: Vec<Value> = patch.keys().map(|name| json!(name)).collect();
                names.extend(pod.as_object().into_iter().flat_map(Map::keys).filter(|_| self.prng.percent(40)).map(|name| json!(name)));
                match self.prng.below(25) {
                    0 => names.push(self.anything(3)),
                    1 => drop(names.pop()),
                    _ => {}
                }
                patch.insert("$retainKeys".to_owned(), Value::Array(names));
            }
            25 => {
                let names = [
                    "$retainKeys", "$setElementOrder", "$setElementOrder/", "$setElementOrderX/env", "$deleteFromPrimitiveList",
                    "$deleteFromPrimitiveList/", "$deleteFromPrimitiveLists/a", "$setElementOrder/$setElementOrder/env",
                    "$deleteFromPrimitiveList/$patch", "$unknown",
                ];
                let name = self.prng.pick(&names).copied().unwrap_or_default();
                let value = if self.prng.percent(60) { self.scalars() } else { self.anything(3) };
                patch.insert(name.to_owned(), value);
            }
            26 => {
                // A name in other letters stands beside the field, and merges by its type.
                if let Some(name) = self.prng.pick(&patch.keys().cloned().collect::<Vec<_>>())
                    && let Some(value) = patch.get(name).cloned()
                {
                    patch.insert(name.to_uppercase(), value);
                }
            }
            _ => {}
        }
    }

    fn field(&mut self, of: usize) -> Option<Field> {
        let merging = self.types.merging(of);
        let from = if !merging.is_empty() && self.prng.percent(75) { merging } else { self.types.fields(of) };
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

    fn few(&mut self, depth: usize) -> usize {
        if depth == 0 { 1 + self.prng.below(4) } else { self.prng.below(4) + usize::from(depth < 2) }
    }

    fn name(&mut self) -> String {
        self.prng.pick(&["a", "b", "c", "d", "e"]).copied().unwrap_or_default().to_owned()
    }

    fn odd_name(&mut self) -> String {
        self.prng.pick(&["unknown", "", "a", "spec", "name", "$patch", "$x", "\u{e9}t\u{e9}", "na me"]).copied().unwrap_or_default().to_owned()
    }

    fn scalar(&mut self) -> Value {
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

    fn anything(&mut self, depth: usize) -> Value {
        match self.prng.below(if depth > 8 { 4 } else { 10 }) {
            0..=3 => self.scalar(),
            4..=6 => Value::Array((0..self.prng.below(4)).map(|_| self.anything(depth + 3)).collect()),
            _ => {
                let entries = self.prng.below(4);
                let name = |generator: &mut Self| if generator.prng.percent(15) { generator.odd_name() } else { generator.name() };
                Value::Object((0..entries).map(|_| (name(self), self.anything(depth + 3))).collect())
            }
        }
    }
}
