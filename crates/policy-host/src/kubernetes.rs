//! The real host's gate before a cluster: binding, namespace, grants, in its order and with its error texts.

use std::sync::{Arc, Mutex, PoisonError};

use crate::capabilities::Capabilities;
use crate::cluster::Cluster;
use crate::grants::Grants;
use crate::query::Query;

/// Takes what guests log: one JSON text with `level`, `message` and more.
pub trait LogSink: Send + Sync {
    /// Takes one line.
    fn log(&self, line: &[u8]);
}

/// Keeps the lines. The default sink of [`Kubernetes`] drops them.
#[derive(Debug, Default)]
pub struct LogLines(Mutex<Vec<String>>);

impl LogLines {
    /// The lines so far, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LogSink for LogLines {
    fn log(&self, line: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(String::from_utf8_lossy(line).into_owned());
    }
}

/// The capabilities `kubewarden/kubernetes/*` and `kubewarden/tracing/log`.
#[derive(Clone)]
pub struct Kubernetes {
    cluster: Arc<dyn Cluster>,
    grants: Arc<Grants>,
    logs: Option<Arc<dyn LogSink>>,
}

impl Kubernetes {
    /// What `grants` allow of `cluster`.
    #[must_use]
    pub fn new(cluster: Arc<dyn Cluster>, grants: Arc<Grants>) -> Self {
        Self {
            cluster,
            grants,
            logs: None,
        }
    }

    /// Gives the guest's log lines to `sink`.
    #[must_use]
    pub fn with_logs(mut self, sink: Arc<dyn LogSink>) -> Self {
        self.logs = Some(sink);
        self
    }

    fn ask(&self, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
        let query = Query::parse(operation, payload).map_err(|e| e.to_string())?;
        if let Some((api_version, kind)) = query.resource()
            && !self.grants.allows_resource(api_version, kind)
        {
            return Err(format!(
                "Policy has not been granted access to Kubernetes {api_version}/{kind} resources. The violation has been reported."
            ));
        }
        self.cluster
            .answer(&query)
            .map_err(|e| format!("Callback evaluation failure: {e}"))
    }
}

impl Capabilities for Kubernetes {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        if binding != "kubewarden" {
            return Err(format!("unknown binding: {binding}"));
        }
        // The log is open to every policy; everything else is closed unless granted.
        if namespace == "tracing" {
            if operation != "log" {
                return Err(format!("unknown operation: {operation}"));
            }
            if let Some(logs) = &self.logs {
                logs.log(payload);
            }
            return Ok(Vec::new());
        }
        let path = format!("{namespace}/{operation}");
        if !self.grants.allows_capability(&path) {
            return Err(format!(
                "Policy has not been granted access to the '{path}' host capability. The violation has been reported."
            ));
        }
        match namespace {
            "kubernetes" => self.ask(operation, payload),
            _ => Err(format!("unknown namespace: {namespace}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Resource;

    const PODS: &[u8] = br#"{"api_version":"v1","kind":"Pod","namespace":"shop"}"#;

    fn host(patterns: &[&str]) -> Kubernetes {
        let grants = Grants::new([Resource::new("v1", "Pod")], patterns).unwrap();
        let cluster = |query: &Query| match query {
            Query::ListByNamespace(_) => Ok(b"the list".to_vec()),
            _ => Err("no such thing".to_owned()),
        };
        Kubernetes::new(Arc::new(cluster), Arc::new(grants))
    }

    fn answer(host: &Kubernetes, path: &str, payload: &[u8]) -> Result<String, String> {
        let mut parts = path.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default();
        host.call(part(), part(), part(), payload)
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_refusal_has_the_real_hosts_text() {
        let open = host(&["*"]);
        let cases = [
            ("wapc/kubernetes/get_resource", PODS, "unknown binding: wapc"),
            ("kubewarden/dns/lookup", PODS, "unknown namespace: dns"),
            ("kubewarden/tracing/trace", b"{}", "unknown operation: trace"),
            ("kubewarden/kubernetes/watch", PODS, "unknown operation: watch"),
            (
                "kubewarden/kubernetes/get_resource",
                PODS,
                "missing field `name` at line 1 column 52",
            ),
            (
                "kubewarden/kubernetes/list_resources_by_namespace",
                br#"{"api_version":"v1","kind":"pod","namespace":"shop"}"#,
                "Policy has not been granted access to Kubernetes v1/pod resources. The violation has been reported.",
            ),
            (
                "kubewarden/kubernetes/list_resources_all",
                PODS,
                "Callback evaluation failure: no such thing",
            ),
        ];
        for (path, payload, text) in cases {
            assert_eq!(answer(&open, path, payload), Err(text.to_owned()), "{path}");
        }
    }

    #[test]
    fn what_is_granted_is_answered_and_the_rest_is_not() {
        let host = host(&["kubernetes/list_resources_by_namespace"]);
        assert_eq!(
            answer(&host, "kubewarden/kubernetes/list_resources_by_namespace", PODS),
            Ok("the list".to_owned())
        );
        assert_eq!(
            answer(&host, "kubewarden/kubernetes/list_resources_all", b""),
            Err("Policy has not been granted access to the 'kubernetes/list_resources_all' host capability. The violation has been reported.".to_owned())
        );
    }

    #[test]
    fn the_log_needs_no_grant() {
        let lines = Arc::new(LogLines::default());
        let host = host(&[]).with_logs(lines.clone());
        assert_eq!(
            answer(&host, "kubewarden/tracing/log", br#"{"level":"info"}"#),
            Ok(String::new())
        );
        assert_eq!(lines.lines(), [r#"{"level":"info"}"#]);
    }
}
