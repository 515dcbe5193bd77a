//! What a guest can ask its host: one function, whose errors are strings, as they are in the real host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers host calls. A closure of the same shape is one.
pub trait Capabilities: Send + Sync {
    /// Answers one call.
    ///
    /// # Errors
    /// The text is what the guest sees.
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String>;
}

impl<F> Capabilities for F
where
    F: Fn(&str, &str, &str, &[u8]) -> Result<Vec<u8>, String> + Send + Sync,
{
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        self(binding, namespace, operation, payload)
    }
}

/// Answers nothing but the log, which it drops. While settings are validated, policy-server's own callbacks are not
/// running yet: a call would hang there, so here it is an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCapabilities;

impl Capabilities for NoCapabilities {
    fn call(
        &self,
        _binding: &str,
        namespace: &str,
        operation: &str,
        _payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        if namespace == "tracing" {
            return Ok(Vec::new());
        }
        Err(format!("`{namespace}/{operation}` cannot be called here"))
    }
}

/// How often each operation was called. The key is the path that host-capability patterns use,
/// `kubernetes/list_resources_by_namespace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostCalls(BTreeMap<String, u64>);

impl HostCalls {
    /// How often one operation was called.
    #[must_use]
    pub fn of(&self, path: &str) -> u64 {
        self.0.get(path).copied().unwrap_or(0)
    }

    /// All calls but those to the log.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }

    /// The operations called and how often, in order, without the log.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0
            .iter()
            .filter(|(path, _)| !path.starts_with("tracing/"))
            .map(|(path, count)| (path.as_str(), *count))
    }

    /// Adds the counts of another request.
    pub fn add(&mut self, other: &HostCalls) {
        for (path, count) in &other.0 {
            *self.0.entry(path.clone()).or_default() += count;
        }
    }

    fn note(&mut self, namespace: &str, operation: &str) {
        *self.0.entry(format!("{namespace}/{operation}")).or_default() += 1;
    }
}

/// Counts the calls that pass through it: make one per request, or one for many.
pub struct Counted {
    inner: Arc<dyn Capabilities>,
    calls: Mutex<HostCalls>,
}

impl Counted {
    /// Counts the calls to `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Capabilities>) -> Self {
        Self {
            inner,
            calls: Mutex::default(),
        }
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> HostCalls {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Capabilities for Counted {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(namespace, operation);
        self.inner.call(binding, namespace, operation, payload)
    }
}
