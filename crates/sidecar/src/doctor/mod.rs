//! Proves what `observe: Ledger` needs before it is switched on: kinds, permissions, a living sidecar, its ledgers.
//!
//! It only asks. What cannot be proven is a finding too.

mod permissions;
mod rbac;

use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use kube_rules::time::UnixMillis;
use permissions::{needs_of_the_policy, needs_of_the_sidecar, permissions};
use reconcile_core::Rule;
use rules::names::{LEASE_NAME, SETTINGS_ANNOTATION};
use serde_json::Value;
use spread_api::{API_VERSION, LEDGER_KIND, LEDGER_PLURAL, SpreadLedger};

use crate::clock;
use sidecar_core::watches::What;

use crate::config::Loaded;
use crate::observe::{Resource, resource_of};
use crate::said::Said;
pub use rbac::bindings;

/// Whose permissions are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Those of whoever asks.
    Myself,
    /// Those of a service account; whoever asks must be allowed to ask about others.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct DoctorOptions {
    /// The sidecar's account.
    pub sidecar: Who,
    /// The policy-server's account.
    pub policy_server: Who,
    /// Where the Lease is.
    pub lease_namespace: String,
    /// The policy object that the sidecar follows.
    pub policy: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Good,
    /// It works, and should be looked at.
    Warning,
    /// `observe: Ledger` must not be switched on.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub grade: Grade,
    /// What was looked at.
    pub what: String,
    /// What was seen, and what to do.
    pub seen: String,
}

/// A Lease that is not renewed for so long has no holder that lives.
const OLDEST_LEASE_MILLIS: i64 = 60_000;

/// Looks at everything.
pub async fn check(client: &Client, loaded: &Loaded, options: &DoctorOptions) -> Vec<Finding> {
    let mut findings = vec![served(client).await];
    let for_sidecar = needs_of_the_sidecar(loaded, options, &mut findings, client).await;
    findings.extend(permissions(client, "the sidecar", &options.sidecar, for_sidecar).await);
    let for_policy = needs_of_the_policy(&options.lease_namespace);
    findings.extend(permissions(client, "the policy-server", &options.policy_server, for_policy).await);
    if options.lease_namespace != loaded.lease_namespace {
        findings.push(Finding::bad(
            "leaseNamespace".to_owned(),
            format!(
                "the settings say `{}`, the sidecar has its Lease in `{}`: write the same in both",
                loaded.lease_namespace, options.lease_namespace
            ),
        ));
    }
    findings.push(lease(client, loaded, &options.lease_namespace).await);
    for rule in &loaded.settings.rules {
        findings.push(ledger(client, rule).await);
    }
    findings
}

impl Finding {
    fn good(what: String, seen: String) -> Self {
        Self {
            grade: Grade::Good,
            what,
            seen,
        }
    }

    fn warning(what: String, seen: String) -> Self {
        Self {
            grade: Grade::Warning,
            what,
            seen,
        }
    }

    fn bad(what: String, seen: String) -> Self {
        Self {
            grade: Grade::Bad,
            what,
            seen,
        }
    }
}

async fn served(client: &Client) -> Finding {
    let what = format!("CustomResourceDefinition {LEDGER_PLURAL}");
    let kind = GroupVersionKind::gvk(group_of(API_VERSION), version_of(API_VERSION), LEDGER_KIND);
    match kube::discovery::pinned_kind(client, &kind).await {
        Ok((resource, _)) if resource.plural == LEDGER_PLURAL => {
            Finding::good(what, "it is served".to_owned())
        }
        Ok((resource, _)) => Finding::bad(
            what,
            format!(
                "the kind is served as `{}`: apply deploy/crd-spreadledger.yaml",
                resource.plural
            ),
        ),
        Err(error) => Finding::bad(
            what,
            format!(
                "it is not served ({}): apply deploy/crd-spreadledger.yaml",
                Said(&error)
            ),
        ),
    }
}

async fn lease(client: &Client, loaded: &Loaded, namespace: &str) -> Finding {
    let what = format!("Lease {namespace}/{LEASE_NAME}");
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"),
        "leases",
    );
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let lease = match api.get_opt(LEASE_NAME).await {
        Ok(Some(lease)) => lease,
        Ok(None) => return Finding::bad(what, "there is none: start the sidecar".to_owned()),
        Err(error) => return Finding::bad(what, format!("it cannot be read: {}", Said(&error))),
    };
    let text = |field: &str| {
        lease
            .data
            .pointer(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let annotations = lease.metadata.annotations.as_ref();
    let settings = annotations
        .and_then(|annotations| annotations.get(SETTINGS_ANNOTATION))
        .map(String::as_str);
    judge_lease(
        what,
        text("/spec/holderIdentity"),
        text("/spec/renewTime"),
        settings,
        loaded,
        clock::now(),
    )
}

fn judge_lease(
    what: String,
    holder: &str,
    renewed: &str,
    settings: Option<&str>,
    loaded: &Loaded,
    now: UnixMillis,
) -> Finding {
    if holder.is_empty() {
        return Finding::bad(what, "nobody holds it: start the sidecar".to_owned());
    }
    let Some(age) = UnixMillis::parse(renewed).map(|renewed| now.since(renewed)) else {
        return Finding::bad(
            what,
            format!("`{renewed}` is no time of renewal: restart the sidecar"),
        );
    };
    if age.abs() > OLDEST_LEASE_MILLIS {
        return Finding::bad(
            what,
            format!(
                "`{holder}` renewed it {} s ago: look whether the sidecar lives, and at the clocks",
                age / 1000
            ),
        );
    }
    if settings != Some(&loaded.settings.hash) {
        let seen = format!(
            "`{holder}` acts on the settings {}, these are {}: give both the same, or wait until it has read them",
            settings.unwrap_or("of nobody"),
            loaded.settings.hash
        );
        return Finding::warning(what, seen);
    }
    Finding::good(what, format!("`{holder}` holds it, with these settings"))
}

async fn ledger(client: &Client, rule: &Rule) -> Finding {
    let (namespace, name) = (rule.spread.namespace(), rule.spread.name());
    let what = format!("SpreadLedger {namespace}/{name}");
    let Resource::Known(resource) = resource_of(&What::Ledgers) else {
        return Finding::bad(what, "the kind is not known".to_owned());
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let object = match api.get_opt(name).await {
        Ok(Some(object)) => object,
        Ok(None) => {
            return Finding::bad(
                what,
                "there is none: the sidecar has not published it; read its log".to_owned(),
            );
        }
        Err(error) => return Finding::bad(what, format!("it cannot be read: {}", Said(&error))),
    };
    let value = serde_json::to_value(&object).unwrap_or_default();
    match serde_json::from_value::<SpreadLedger>(value) {
        Ok(ledger) => judge_ledger(what, &ledger, rule),
        Err(error) => Finding::bad(what, format!("it is not what the sidecar writes: {error}")),
    }
}

fn judge_ledger(what: String, ledger: &SpreadLedger, rule: &Rule) -> Finding {
    let Some(status) = &ledger.status else {
        return Finding::bad(what, "it holds no counts: read the sidecar's log".to_owned());
    };
    let Some(binder) = &status.binder else {
        return Finding::bad(what, "it names no binder: read the sidecar's log".to_owned());
    };
    if binder.rule != rule.hash {
        let seen = format!(
            "it was published for the rule {}, this one is {}: give the sidecar the same settings, or wait until it has \
             read them",
            binder.rule, rule.hash
        );
        return Finding::warning(what, seen);
    }
    Finding::good(what, format!("{}; {} gated", status.summary, status.gated))
}

impl Who {
    fn shown(&self) -> String {
        match self {
            Self::Myself => String::new(),
            Self::Account { namespace, name } => format!(" ({namespace}/{name})"),
        }
    }
}

impl core::fmt::Display for Finding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mark = match self.grade {
            Grade::Good => "ok  ",
            Grade::Warning => "warn",
            Grade::Bad => "BAD ",
        };
        write!(f, "{mark} {}: {}", self.what, self.seen)
    }
}

fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

fn version_of(api_version: &str) -> &str {
    api_version
        .rsplit_once('/')
        .map_or(api_version, |(_, version)| version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::read;

    const NOW: UnixMillis = UnixMillis(1_795_262_400_000);

    fn grade(holder: &str, renewed_before: i64, settings: Option<&str>) -> Grade {
        let loaded = read("", "f").unwrap();
        let settings = settings.map(|settings| {
            if settings == "same" {
                loaded.settings.hash.as_str()
            } else {
                settings
            }
        });
        judge_lease(
            "Lease".to_owned(),
            holder,
            &NOW.plus(-renewed_before).to_string(),
            settings,
            &loaded,
            NOW,
        )
        .grade
    }

    #[test]
    fn only_a_young_lease_of_these_settings_is_good() {
        assert_eq!(grade("me", 5_000, Some("same")), Grade::Good);
        assert_eq!(grade("me", 5_000, Some("other")), Grade::Warning);
        assert_eq!(grade("me", 5_000, None), Grade::Warning);
        assert_eq!(grade("me", 300_000, Some("same")), Grade::Bad);
        assert_eq!(
            grade("me", -300_000, Some("same")),
            Grade::Bad,
            "a clock that is far ahead"
        );
        assert_eq!(grade("", 5_000, Some("same")), Grade::Bad);
    }

    #[test]
    fn a_ledger_needs_counts_and_a_binder_of_this_rule() {
        let text = "spreads: [{name: web, namespace: shop, selector: {matchLabels: {app: web}}, subsets: [{name: a}]}]";
        let rule = read(text, "f").unwrap().settings.rules.remove(0);
        let of = |status: Value| {
            let mut value = json!({
                "apiVersion": API_VERSION, "kind": LEDGER_KIND,
                "metadata": {"name": "web", "namespace": "shop"}, "spec": {},
            });
            if !status.is_null() {
                value["status"] = status;
            }
            judge_ledger(String::new(), &serde_json::from_value(value).unwrap(), &rule).grade
        };
        let status = |binder: Value| json!({"summary": "a 1", "active": 1, "gated": 0, "taken": [1], "order": 0, "binder": binder});
        assert_eq!(of(Value::Null), Grade::Bad);
        assert_eq!(of(status(Value::Null)), Grade::Bad);
        assert_eq!(of(status(json!({"epoch": 1, "rule": "other"}))), Grade::Warning);
        assert_eq!(of(status(json!({"epoch": 1, "rule": rule.hash}))), Grade::Good);
    }
}
