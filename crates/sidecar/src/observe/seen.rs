//! An object of a watch with only the fields that are wanted.

use core::marker::PhantomData;
use std::borrow::Cow;

use kube::Resource;
use kube::api::{ApiResource, ObjectMeta};
use kube::core::DynamicResourceScope;
use serde::de::{Deserialize, DeserializeSeed, Deserializer};
use serde_json::Value;

use super::mask::{self, Mask};

/// Which fields of an object are read.
pub(crate) trait Fields: Clone + core::fmt::Debug + Send + Sync + 'static {
    /// They.
    const MASK: Mask;
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $mask:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) enum $name {}

        impl Fields for $name {
            const MASK: Mask = $mask;
        }
    )*};
}

fields! {
    /// Of a pod.
    PodFields = mask::POD;
    /// Of a workload.
    WorkloadFields = mask::WORKLOAD;
    /// Of a node.
    NodeFields = mask::NODE;
    /// Of a ledger.
    LedgerFields = mask::LEDGER;
    /// Of a policy.
    PolicyFields = mask::POLICY;
}

/// An object, masked.
#[derive(Clone, Debug)]
pub(crate) struct Seen<F> {
    meta: ObjectMeta,
    /// What is left of it.
    pub(crate) object: Value,
    fields: PhantomData<fn() -> F>,
}

impl<'de, F: Fields> Deserialize<'de> for Seen<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = F::MASK.deserialize(deserializer)?;
        let text = |field: &str| {
            object
                .pointer(field)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        Ok(Self {
            // The watch itself goes by these.
            meta: ObjectMeta {
                name: text("/metadata/name"),
                namespace: text("/metadata/namespace"),
                uid: text("/metadata/uid"),
                resource_version: text("/metadata/resourceVersion"),
                ..ObjectMeta::default()
            },
            object,
            fields: PhantomData,
        })
    }
}

impl<F: Fields> Resource for Seen<F> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        dt.api_version.as_str().into()
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
