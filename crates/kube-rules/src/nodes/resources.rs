//! Amounts of resources: what a node has, what pods ask for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::quantity::Quantity;
use super::unreadable::Unreadable;

/// Amounts by resource. `pods` is not among them: a node's room for pods is counted apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes of `ephemeral-storage`.
    pub storage: i64,
    /// Everything else, such as `nvidia.com/gpu` and `hugepages-2Mi`, in whole units.
    pub others: BTreeMap<String, i64>,
}

impl Resources {
    /// Reads a `ResourceList`; `path` is where it stands. Nothing is none.
    ///
    /// # Errors
    /// At the first amount that cannot be read.
    pub fn read(list: Option<&Value>, path: &str) -> Result<Self, Unreadable> {
        let mut resources = Self::default();
        for (name, amount) in list.and_then(Value::as_object).into_iter().flatten() {
            let quantity = quantity(amount, &format!("{path}[{name:?}]"))?;
            match name.as_str() {
                "cpu" => resources.cpu = quantity.milli(),
                "memory" => resources.memory = quantity.units(),
                "ephemeral-storage" => resources.storage = quantity.units(),
                "pods" => {}
                _ => {
                    resources.others.insert(name.clone(), quantity.units());
                }
            }
        }
        Ok(resources)
    }

    /// As a `ResourceList`, without what is nothing.
    #[must_use]
    pub fn written(&self) -> BTreeMap<String, String> {
        let known = [
            ("cpu", self.cpu, "m"),
            ("memory", self.memory, ""),
            ("ephemeral-storage", self.storage, ""),
        ];
        let others = self
            .others
            .iter()
            .map(|(name, amount)| (name.as_str(), *amount, ""));
        let some = known
            .into_iter()
            .chain(others)
            .filter(|(_, amount, _)| *amount != 0);
        some.map(|(name, amount, unit)| (name.to_owned(), format!("{amount}{unit}")))
            .collect()
    }

    /// Adds what another has.
    pub fn add(&mut self, other: &Self) {
        self.cpu = self.cpu.saturating_add(other.cpu);
        self.memory = self.memory.saturating_add(other.memory);
        self.storage = self.storage.saturating_add(other.storage);
        for (name, amount) in &other.others {
            let own = self.others.entry(name.clone()).or_default();
            *own = own.saturating_add(*amount);
        }
    }

    /// Takes away what another has. What comes to nothing is forgotten.
    pub fn subtract(&mut self, other: &Self) {
        self.cpu = self.cpu.saturating_sub(other.cpu);
        self.memory = self.memory.saturating_sub(other.memory);
        self.storage = self.storage.saturating_sub(other.storage);
        for (name, amount) in &other.others {
            if let Some(own) = self.others.get_mut(name) {
                *own = own.saturating_sub(*amount);
            }
        }
        self.others.retain(|_, amount| *amount != 0);
    }

    /// Raises each amount to another's where that has more.
    pub fn raise_to(&mut self, other: &Self) {
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.storage = self.storage.max(other.storage);
        for (name, amount) in &other.others {
            let own = self.others.entry(name.clone()).or_default();
            *own = (*own).max(*amount);
        }
    }

    /// Whether each amount is at least another's.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.cpu >= other.cpu
            && self.memory >= other.memory
            && self.storage >= other.storage
            && other
                .others
                .iter()
                .all(|(name, amount)| self.other(name) >= *amount)
    }

    /// The amount of one of the [others](Self::others).
    #[must_use]
    pub fn other(&self, name: &str) -> i64 {
        self.others.get(name).copied().unwrap_or_default()
    }
}

/// The `pods` of a `ResourceList`.
///
/// # Errors
/// When it is there and cannot be read.
pub fn pods(list: Option<&Value>, path: &str) -> Result<Option<u64>, Unreadable> {
    let amount = list
        .and_then(Value::as_object)
        .and_then(|list: &Map<String, Value>| list.get("pods"));
    let Some(amount) = amount else { return Ok(None) };
    let quantity = quantity(amount, &format!("{path}[\"pods\"]"))?;
    Ok(u64::try_from(quantity.units()).ok())
}

fn quantity(amount: &Value, path: &str) -> Result<Quantity, Unreadable> {
    let read = Quantity::of(amount).filter(|quantity| !quantity.is_negative());
    read.ok_or_else(|| {
        Unreadable::new(
            path,
            amount,
            "write an amount that is not negative, such as `500m`, `2` or `1.5Gi`",
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_read_by_the_unit_of_each_resource() {
        let list = json!({"cpu": 2, "memory": "1Ki", "ephemeral-storage": "1k", "nvidia.com/gpu": "3", "pods": "110"});
        let read = Resources::read(Some(&list), "x").unwrap();
        let others = [("nvidia.com/gpu".to_owned(), 3)].into();
        assert_eq!(
            read,
            Resources {
                cpu: 2000,
                memory: 1024,
                storage: 1000,
                others
            }
        );
        assert_eq!(pods(Some(&list), "x"), Ok(Some(110)));
        assert_eq!(pods(None, "x"), Ok(None));
    }

    #[test]
    fn what_is_written_reads_as_it_was() {
        let list = json!({"cpu": "1500m", "memory": "1Ki", "a/b": "3"});
        let read = Resources::read(Some(&list), "x").unwrap();
        let written = json!(read.written());
        assert_eq!(written, json!({"cpu": "1500m", "memory": "1024", "a/b": "3"}));
        assert_eq!(Resources::read(Some(&written), "x").unwrap(), read);
    }

    #[test]
    fn at_least_as_much_is_of_every_resource() {
        let read = |list: Value| Resources::read(Some(&list), "x").unwrap();
        let two = read(json!({"cpu": "2", "a/b": "1"}));
        assert!(
            two.covers(&two) && two.covers(&read(json!({"cpu": "1"}))) && two.covers(&Resources::default())
        );
        assert!(!two.covers(&read(json!({"cpu": "1", "memory": "1"}))));
        assert!(!two.covers(&read(json!({"a/b": "2"}))));
    }

    #[test]
    fn a_bad_amount_is_named_with_its_path() {
        let error = Resources::read(
            Some(&json!({"cpu": "one"})),
            "spec.containers[0].resources.requests",
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`spec.containers[0].resources.requests[\"cpu\"]` is `\"one\"`: write an amount that is not negative, such as `500m`, `2` or `1.5Gi`"
        );
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let some = Resources::read(Some(&json!({"cpu": "100m", "a/b": "2"})), "x").unwrap();
        let mut sum = some.clone();
        sum.add(&some);
        assert_eq!((sum.cpu, sum.other("a/b"), sum.other("c/d")), (200, 4, 0));
        sum.subtract(&some);
        assert_eq!(sum, some);
        sum.subtract(&some);
        assert_eq!(sum, Resources::default());
    }
}
