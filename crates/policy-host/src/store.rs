//! Objects in memory, with their past: a list can be answered as of an earlier moment, as a watch that lags would.
//!
//! Time is a number of milliseconds that the caller chooses. Each version of an object is rendered once per query (its
//! selectors and mask), so a list of thousands of objects is a concatenation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube_rules::labels::LabelSelector;
use serde_json::{Map, Value};

use crate::access::Access;
use crate::cluster::Cluster;
use crate::mask::FieldMask;
use crate::object_id::{ObjectId, StoreError};
use crate::query::{GetResource, ListAll, ListByNamespace, Query};
use crate::selector::{FieldSelector, SelectorError, has_labels, parse_labels};

/// The objects. Cheap to clone; clones share everything.
#[derive(Clone, Default)]
pub struct Store(Arc<RwLock<Objects>>);

/// The store as a policy sees it at some moment.
#[derive(Clone)]
pub struct View {
    store: Store,
    lists: Moment,
    reads: Moment,
}

/// None is now.
type Moment = Option<u64>;

type Named = BTreeMap<String, Vec<Version>>;

#[derive(Default)]
struct Objects {
    kinds: BTreeMap<(String, String), BTreeMap<String, Named>>,
    access: Access,
    queries: Mutex<BTreeMap<QueryText, Arc<Prepared>>>,
}

/// One state of an object, from a moment on; no body once it is removed.
struct Version {
    from: u64,
    body: Option<Body>,
}

/// An item of a list as JSON text; none where the query does not select the object.
type Item = Option<Arc<[u8]>>;

struct Body {
    object: Map<String, Value>,
    /// What each query makes of it, by the query's number.
    rendered: Mutex<Vec<(usize, Item)>>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct QueryText {
    labels: Option<String>,
    fields: Option<String>,
    masks: Option<Vec<String>>,
}

struct Prepared {
    number: usize,
    labels: LabelSelector,
    fields: FieldSelector,
    mask: FieldMask,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates or replaces an object.
    ///
    /// # Errors
    /// When the object has no name, or has a newer version already.
    pub fn put(&self, at: u64, object: Value) -> Result<ObjectId, StoreError> {
        let id = ObjectId::of(&object)?;
        let Value::Object(object) = object else {
            return Err(StoreError::Unnamed("/metadata/name"));
        };
        let body = Body {
            object,
            rendered: Mutex::default(),
        };
        self.change(at, &id, Some(body))?;
        Ok(id)
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// When the object has a newer version already.
    pub fn remove(&self, at: u64, id: &ObjectId) -> Result<(), StoreError> {
        self.change(at, id, None)
    }

    /// Sets who may do what.
    pub fn set_access(&self, access: Access) {
        self.write().access = access;
    }

    /// The store as it was at a moment.
    #[must_use]
    pub fn as_of(&self, moment: u64) -> View {
        View {
            store: self.clone(),
            lists: Some(moment),
            reads: Some(moment),
        }
    }

    /// Lists as of a moment, single objects as of now: what policy-server gives whose watches lag, because an uncached
    /// read goes to the API server.
    #[must_use]
    pub fn lists_as_of(&self, moment: u64) -> View {
        View {
            store: self.clone(),
            lists: Some(moment),
            reads: None,
        }
    }

    /// One object, as it is now.
    #[must_use]
    pub fn object(&self, id: &ObjectId) -> Option<Value> {
        let objects = self.read();
        let body = objects.body(&id.api_version, &id.kind, &id.namespace, &id.name, None)?;
        Some(Value::Object(body.object.clone()))
    }

    /// The names of all objects there are now.
    #[must_use]
    pub fn ids(&self) -> Vec<ObjectId> {
        let objects = self.read();
        let mut ids = Vec::new();
        for ((api_version, kind), namespaces) in &objects.kinds {
            for (namespace, named) in namespaces {
                for (name, versions) in named {
                    if versions.last().is_some_and(|version| version.body.is_some()) {
                        ids.push(ObjectId {
                            api_version: api_version.clone(),
                            kind: kind.clone(),
                            namespace: namespace.clone(),
                            name: name.clone(),
                        });
                    }
                }
            }
        }
        ids
    }

    /// Forgets what only views of earlier moments could see.
    pub fn forget_before(&self, moment: u64) {
        for namespaces in self.write().kinds.values_mut() {
            for named in namespaces.values_mut() {
                named.retain(|_, versions| {
                    let newest = position(versions, Some(moment));
                    versions.drain(..newest.unwrap_or(0));
                    !versions
                        .iter()
                        .all(|version| version.body.is_none() && version.from <= moment)
                });
            }
        }
    }

    fn change(&self, at: u64, id: &ObjectId, body: Option<Body>) -> Result<(), StoreError> {
        let mut objects = self.write();
        let versions = objects
            .kinds
            .entry((id.api_version.clone(), id.kind.clone()))
            .or_default()
            .entry(id.namespace.clone())
            .or_default()
            .entry(id.name.clone())
            .or_default();
        match versions.last_mut() {
            Some(last) if last.from > at => {
                return Err(StoreError::Backwards {
                    id: id.to_string(),
                    at,
                    last: last.from,
                });
            }
            Some(last) if last.from == at => last.body = body,
            _ => versions.push(Version { from: at, body }),
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, query: &Query, lists: Moment, reads: Moment) -> Result<Vec<u8>, String> {
        let objects = self.read();
        match query {
            Query::ListByNamespace(list) => objects.list_namespace(list, lists),
            Query::ListAll(list) => objects.list_all(list, lists),
            Query::GetResource(get) => objects.get(get, reads),
            Query::CanI(review) => {
                let status = if objects.access.allows(&review.request) {
                    br#"{"allowed":true}"#.to_vec()
                } else {
                    br#"{"allowed":false,"reason":"no rule allows it"}"#.to_vec()
                };
                Ok(status)
            }
        }
    }
}

impl Cluster for Store {
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        Store::answer(self, query, None, None)
    }
}

impl Cluster for View {
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        self.store.answer(query, self.lists, self.reads)
    }
}

impl Objects {
    fn list_namespace(&self, list: &ListByNamespace, moment: Moment) -> Result<Vec<u8>, String> {
        let query = self.prepare(
            list.label_selector.as_ref(),
            list.field_selector.as_ref(),
            list.field_masks.as_ref(),
        )?;
        let namespaces = self.kinds.get(&(list.api_version.clone(), list.kind.clone()));
        if namespaces.is_some_and(|namespaces| namespaces.contains_key("")) {
            return Err(format!(
                "resource {}/{} is cluster wide. Cannot search for it inside of a namespace",
                list.api_version, list.kind
            ));
        }
        let named = namespaces.and_then(|namespaces| namespaces.get(&list.namespace));
        Ok(render_list(
            &list.api_version,
            &list.kind,
            named.into_iter(),
            &query,
            moment,
        ))
    }

    fn list_all(&self, list: &ListAll, moment: Moment) -> Result<Vec<u8>, String> {
        let query = self.prepare(
            list.label_selector.as_ref(),
            list.field_selector.as_ref(),
            list.field_masks.as_ref(),
        )?;
        let namespaces = self.kinds.get(&(list.api_version.clone(), list.kind.clone()));
        let named = namespaces.into_iter().flat_map(BTreeMap::values);
        Ok(render_list(&list.api_version, &list.kind, named, &query, moment))
    }

    fn get(&self, get: &GetResource, moment: Moment) -> Result<Vec<u8>, String> {
        let mask = get.field_masks.as_ref().map(FieldMask::new).unwrap_or_default();
        let namespace = get.namespace.as_deref().unwrap_or_default();
        let body = self
            .body(&get.api_version, &get.kind, namespace, &get.name, moment)
            .ok_or_else(|| {
                format!(
                    "Cannot find {}/{} named '{}' inside of namespace '{:?}'",
                    get.api_version, get.kind, get.name, get.namespace
                )
            })?;
        serde_json::to_vec(&mask.object(&body.object)).map_err(|e| e.to_string())
    }

    fn body(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
        moment: Moment,
    ) -> Option<&Body> {
        let versions = self
            .kinds
            .get(&(api_version.to_owned(), kind.to_owned()))?
            .get(namespace)?
            .get(name)?;
        current(versions, moment)
    }

    fn prepare(
        &self,
        labels: Option<&String>,
        fields: Option<&String>,
        masks: Option<&BTreeSet<String>>,
    ) -> Result<Arc<Prepared>, String> {
        let text = QueryText {
            labels: labels.cloned(),
            fields: fields.cloned(),
            masks: masks.map(|masks| masks.iter().cloned().collect()),
        };
        let mut queries = self.queries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = queries.get(&text) {
            return Ok(query.clone());
        }
        let bad = |e: SelectorError| e.to_string();
        let query = Arc::new(Prepared {
            number: queries.len(),
            labels: parse_labels(labels.map_or("", String::as_str)).map_err(bad)?,
            fields: FieldSelector::parse(fields.map_or("", String::as_str)).map_err(bad)?,
            mask: masks.map(FieldMask::new).unwrap_or_default(),
        });
        queries.insert(text, query.clone());
        Ok(query)
    }
}

impl Body {
    /// The object as an item of a list, if the query selects it.
    fn item(&self, query: &Prepared) -> Item {
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, item)) = rendered.iter().find(|(number, _)| *number == query.number) {
            return item.clone();
        }
        let selected = has_labels(&self.object, &query.labels) && query.fields.fits(&self.object);
        let item = selected
            .then(|| serde_json::to_vec(&query.mask.item(&self.object)).ok())
            .flatten()
            .map(Arc::from);
        rendered.push((query.number, item.clone()));
        item
    }
}

/// The place of the version that is current at a moment.
fn position(versions: &[Version], moment: Moment) -> Option<usize> {
    match moment {
        None => versions.len().checked_sub(1),
        Some(moment) => versions.iter().rposition(|version| version.from <= moment),
    }
}

fn current(versions: &[Version], moment: Moment) -> Option<&Body> {
    versions.get(position(versions, moment)?)?.body.as_ref()
}

fn render_list<'a>(
    api_version: &str,
    kind: &str,
    named: impl Iterator<Item = &'a Named>,
    query: &Prepared,
    moment: Moment,
) -> Vec<u8> {
    let items: Vec<Arc<[u8]>> = named
        .flat_map(BTreeMap::values)
        .filter_map(|versions| current(versions, moment)?.item(query))
        .collect();
    let types = Value::String(api_version.to_owned());
    let list_kind = Value::String(format!("{kind}List"));
    let mut list =
        format!(r#"{{"apiVersion":{types},"kind":{list_kind},"metadata":{{}},"items":["#).into_bytes();
    list.reserve(items.iter().map(|item| item.len() + 1).sum::<usize>() + 2);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            list.push(b',');
        }
        list.extend_from_slice(item);
    }
    list.extend_from_slice(b"]}");
    list
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
