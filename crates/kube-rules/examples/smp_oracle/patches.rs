//! Random patches of a given pod: mostly such that they meet what is there, directives included.

use serde_json::{Map, Value, json};

use crate::generator::{Generator, PATCH};
use crate::types::{Field, Shape};

impl Generator<'_> {
    pub(crate) fn patch_object(&mut self, of: Option<usize>, pod: &Value, depth: usize) -> Value {
        let mut patch = Map::new();
        let here: Vec<&String> = pod.as_object().into_iter().flat_map(Map::keys).collect();
        for _ in 0..self.few(depth) {
            let known = self
                .prng
                .pick(&here)
                .map(|name| (*name).clone())
                .filter(|_| self.prng.percent(75));
            let drawn = of.and_then(|of| self.field(of));
            let name = known
                .or(drawn.map(|field| field.name))
                .unwrap_or_else(|| self.odd_name());
            let field = of
                .and_then(|of| self.types.fields(of).iter().find(|field| field.name == name))
                .cloned();
            let current = pod.get(&name).cloned();
            self.patch_field(&mut patch, &name, field.as_ref(), current.as_ref(), depth + 1);
        }
        self.directives(&mut patch, pod);
        Value::Object(patch)
    }

    fn patch_field(
        &mut self,
        patch: &mut Map<String, Value>,
        name: &str,
        field: Option<&Field>,
        pod: Option<&Value>,
        depth: usize,
    ) {
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
            (Some(Shape::One), Some(Value::Array(_))) if self.prng.percent(70) => self.scalars(),
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
        let set = field.is_some_and(|field| field.shape != Shape::One)
            && !matches!(field.map(|field| &field.shape), Some(Shape::Keyed(_)));
        if self.prng.permille(if set { 250 } else { 5 }) {
            let list = if self.prng.percent(95) {
                self.scalars()
            } else {
                self.anything(depth)
            };
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
        let length = if long {
            18 + self.prng.below(30)
        } else {
            self.prng.below(5)
        };
        let mut list = Vec::new();
        for _ in 0..length {
            let current = self.prng.pick(&here).cloned();
            let kind = self.prng.below(100);
            list.push(match current {
                _ if kind < 2 => json!({PATCH: "replace"}),
                _ if kind == 2 && self.prng.percent(30) => json!({PATCH: self.scalar()}),
                current if kind < 14 => {
                    let id = current
                        .and_then(|current| current.get(key).cloned())
                        .unwrap_or_else(|| self.key(key));
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
        let key = field.and_then(|field| {
            if let Shape::Keyed(key) = &field.shape {
                Some(key.as_str())
            } else {
                None
            }
        });
        let id = |element: &Value| match key {
            Some(key) => json!({key: element.get(key)}),
            None => element.clone(),
        };
        let deleted = |element: &&Value| element.get(PATCH).is_none();
        let mut order: Vec<Value> = list
            .as_array()
            .into_iter()
            .flatten()
            .filter(deleted)
            .map(id)
            .collect();
        for element in pod.and_then(Value::as_array).into_iter().flatten() {
            if self.prng.percent(60) && !order.contains(&id(element)) {
                let at = self.prng.below(order.len() + 1);
                order.insert(at, id(element));
            }
        }
        if order.len() > 15 && self.prng.percent(50) {
            order.clear();
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
        let nameless = "$deleteFromPrimitiveList/";
        if pod.get(nameless).is_some() && self.prng.percent(50) {
            patch.insert(nameless.to_owned(), self.scalar());
        }
        match self.prng.below(300) {
            0..=5 => {
                patch.insert(PATCH.to_owned(), json!("replace"));
            }
            6..=9 => {
                patch.insert(PATCH.to_owned(), json!("delete"));
            }
            10 => {
                let odd = [json!("merge"), Value::Null, json!(1), json!({})];
                patch.insert(
                    PATCH.to_owned(),
                    self.prng.pick(&odd).cloned().unwrap_or_default(),
                );
            }
            11..=24 => {
                let mut names: Vec<Value> = patch.keys().map(|name| json!(name)).collect();
                names.extend(
                    pod.as_object()
                        .into_iter()
                        .flat_map(Map::keys)
                        .filter(|_| self.prng.percent(40))
                        .map(|name| json!(name)),
                );
                match self.prng.below(25) {
                    0 => names.push(self.anything(3)),
                    1 => drop(names.pop()),
                    _ => {}
                }
                patch.insert("$retainKeys".to_owned(), Value::Array(names));
            }
            25 => {
                let names = [
                    "$retainKeys",
                    "$setElementOrder",
                    "$setElementOrder/",
                    "$setElementOrderX/env",
                    "$deleteFromPrimitiveList",
                    "$deleteFromPrimitiveList/",
                    "$deleteFromPrimitiveLists/a",
                    "$setElementOrder/$setElementOrder/env",
                    "$deleteFromPrimitiveList/$patch",
                    "$unknown",
                ];
                let name = self.prng.pick(&names).copied().unwrap_or_default();
                let value = if self.prng.percent(60) {
                    self.scalars()
                } else {
                    self.anything(3)
                };
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
}
