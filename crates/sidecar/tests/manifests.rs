//! The manifests in `deploy/` fit what the sidecar reads and writes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail; the lints know test functions, not their helpers"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use spillway_sidecar::config;
use spread_api::{LEDGER_PLURAL, SpreadLedger};

fn text(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(file: &str) -> Vec<Value> {
    text(file)
        .split("\n---\n")
        .map(|document| serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{file}: {error}")))
        .collect()
}

fn schema() -> Value {
    let crd = documents("deploy/crd-spreadledger.yaml").remove(0);
    assert_eq!(crd["spec"]["names"]["plural"], LEDGER_PLURAL);
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// A ledger with every field that there is.
fn full_ledger() -> Value {
    let ledger = json!({
        "apiVersion": "spillway.dev/v1alpha1", "kind": "SpreadLedger",
        "metadata": {"name": "web", "namespace": "shop", "labels": {}},
        "spec": {},
        "status": {
            "summary": "a 1", "replicas": 1, "active": 1, "gated": 0, "taken": [1], "closed": ["a"], "probing": ["b"],
            "closings": [{
                "subset": "a", "since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-01T00:05:00.000000Z",
                "failed": 1, "template": "5d", "requests": {"cpu": "1"}, "plain": true,
            }],
            "firstOrdinal": 3, "order": 2, "vacating": true,
            "revisions": [{"revision": "r", "desired": 1, "active": 1, "gated": 0, "taken": [1]}],
            "binder": {"epoch": 1, "rule": "s"},
        },
    });
    let read: SpreadLedger = serde_json::from_value(ledger).unwrap();
    serde_json::to_value(read).unwrap()
}

/// What a schema would not keep or not take.
fn misfits(value: &Value, schema: &Value, at: &str, found: &mut Vec<String>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    let kind = schema["type"].as_str();
    match value {
        Value::Object(fields) => {
            if kind != Some("object") {
                found.push(format!("{at}: an object"));
            }
            for (name, value) in fields {
                let below = format!("{at}.{name}");
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(schema), _) | (None, Some(schema)) => misfits(value, schema, &below, found),
                    (None, None) => found.push(format!("{below}: not in the schema")),
                }
            }
            let required = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            found.extend(
                required
                    .filter(|name| !fields.contains_key(*name))
                    .map(|name| format!("{at}: lacks {name}")),
            );
        }
        Value::Array(items) => {
            if kind != Some("array") {
                found.push(format!("{at}: a list"));
            }
            for item in items {
                misfits(item, &schema["items"], &format!("{at}[]"), found);
            }
        }
        Value::Number(_) if kind == Some("integer") || schema["x-kubernetes-int-or-string"] == true => {}
        Value::String(_) if schema["x-kubernetes-int-or-string"] == true => {}
        Value::Bool(_) if kind == Some("boolean") => {}
        Value::String(text) if kind == Some("string") => {
            if let Some(words) = schema["enum"].as_array()
                && !words.contains(value)
            {
                found.push(format!("{at}: `{text}` is none of {words:?}"));
            }
        }
        other => found.push(format!("{at}: {other} where {kind:?} is expected")),
    }
}

#[test]
fn the_schema_keeps_every_field_of_a_ledgers_counts_and_no_other() {
    let schema = schema();
    let ledger = full_ledger();
    let mut found = Vec::new();
    misfits(
        &ledger["status"],
        &schema["properties"]["status"],
        "status",
        &mut found,
    );
    assert_eq!(found, Vec::<String>::new());
    let names = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .map(|fields: &Map<String, Value>| fields.keys().cloned().collect())
            .unwrap_or_default()
    };
    let status = &schema["properties"]["status"]["properties"];
    assert_eq!(names(status), names(&ledger["status"]));
    assert_eq!(
        names(&status["revisions"]["items"]["properties"]),
        names(&ledger["status"]["revisions"][0])
    );
    assert_eq!(
        names(&status["closings"]["items"]["properties"]),
        names(&ledger["status"]["closings"][0])
    );
    assert_eq!(
        names(&status["binder"]["properties"]),
        names(&ledger["status"]["binder"])
    );
}

#[test]
fn the_schema_takes_as_many_subsets_as_the_settings() {
    let schema = schema();
    let most = serde_json::json!(policy_settings::limits::MOST_SUBSETS);
    for path in [
        "spec/properties/subsets",
        "status/properties/taken",
        "status/properties/closed",
        "status/properties/probing",
        "status/properties/revisions/items/properties/taken",
    ] {
        let list = schema.pointer(&format!("/properties/{path}/maxItems"));
        assert_eq!(list, Some(&most), "{path}");
    }
}

#[test]
fn the_schema_keeps_the_rule_of_every_example() {
    let schema = &schema()["properties"]["spec"];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policy-settings/examples");
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let settings = std::fs::read_to_string(&path).unwrap();
        let loaded = config::read(&settings, &path.display().to_string()).unwrap();
        for rule in loaded.settings.rules {
            let mut found = Vec::new();
            misfits(&rule.written, schema, "spec", &mut found);
            assert_eq!(found, Vec::<String>::new(), "{}", path.display());
            let subsets = rule.written["subsets"].as_array().into_iter().flatten();
            let of_subsets = subsets.flat_map(|subset| subset.as_object().into_iter().flatten());
            seen.extend(of_subsets.map(|(name, _)| format!("subsets.{name}")));
            seen.extend(
                rule.written
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone()),
            );
        }
    }
    // Fields that no example has would be kept by nobody's proof.
    let fields = |schema: &Value, before: &str| -> Vec<String> {
        schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| format!("{before}{name}"))
            .collect()
    };
    let mut all: BTreeSet<String> = fields(schema, "").into_iter().collect();
    all.extend(fields(&schema["properties"]["subsets"]["items"], "subsets."));
    // Named by the rules of the sidecar alone.
    all.remove("gateTimeoutSeconds");
    seen.remove("gateTimeoutSeconds");
    assert_eq!(seen, all);
}

#[test]
fn no_role_has_a_wildcard_and_every_rule_says_why() {
    for file in [
        "deploy/rbac-sidecar.yaml",
        "deploy/rbac-policy-server.yaml",
        "deploy/rbac-release.yaml",
        "deploy/writes-by-namespace.yaml",
        "deploy/uninstall.yaml",
    ] {
        for document in documents(file) {
            for rule in document["rules"].as_array().into_iter().flatten() {
                for field in ["apiGroups", "resources", "verbs"] {
                    let words = rule[field].as_array().unwrap();
                    assert!(
                        !words.is_empty() && words.iter().all(|word| word != "*"),
                        "{file}: {rule}"
                    );
                }
            }
        }
        // The verbs of a rule stand on one line with their reason, or on a line each.
        let text = text(file);
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("verbs: ["))
        {
            assert!(line.contains('#'), "{file}: `{line}` does not say why");
        }
        let verbs = ["list", "watch", "get", "create", "update", "patch", "delete"];
        for line in text.lines().map(str::trim) {
            let word = line
                .strip_prefix("- ")
                .and_then(|line| line.split_whitespace().next());
            if word.is_some_and(|word| verbs.contains(&word)) {
                assert!(line.contains('#'), "{file}: `{line}` does not say why");
            }
        }
    }
}

#[test]
fn the_examples_settings_are_good_and_name_where_the_lease_is() {
    let policy = documents("deploy/policy.yaml").remove(0);
    let loaded = config::check(&policy["spec"]["settings"], "policy.yaml").unwrap();
    assert_eq!(loaded.settings.rules.len(), 1);
    let sidecar = documents("deploy/sidecar.yaml").remove(0);
    let args = sidecar["spec"]["template"]["spec"]["containers"][0]["args"]
        .as_array()
        .unwrap();
    let wanted = format!("--lease-namespace={}", loaded.lease_namespace);
    assert!(args.iter().any(|arg| arg == wanted.as_str()), "{args:?}");
    let name = format!("--from-policy={}", policy["metadata"]["name"].as_str().unwrap());
    assert!(args.iter().any(|arg| arg == name.as_str()), "{args:?}");
}

#[test]
fn what_opens_gates_without_a_sidecar_runs_as_its_own_account_and_asks_whether_one_leads() {
    let pod = &documents("deploy/release-cronjob.yaml").remove(0)["spec"]["jobTemplate"]["spec"]["template"]
        ["spec"];
    let account = &documents("deploy/rbac-release.yaml").remove(0)["metadata"];
    assert_eq!(pod["serviceAccountName"], account["name"]);
    let policy = documents("deploy/policy.yaml").remove(0);
    let loaded = config::check(&policy["spec"]["settings"], "policy.yaml").unwrap();
    let lease = format!("--lease-namespace={}", loaded.lease_namespace);
    assert_eq!(
        pod["containers"][0]["args"],
        json!(["release", "--older-than=2m", "--if-nobody-leads", lease])
    );
    let sidecar = documents("deploy/sidecar.yaml").remove(0);
    let image = &sidecar["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(&pod["containers"][0]["image"], image);
}

/// The pod that a Deployment, a CronJob or a Job of these documents runs, and its image.
fn pod_of(file: &str, kind: &str) -> Value {
    let object = documents(file)
        .into_iter()
        .find(|object| object["kind"] == kind)
        .unwrap_or_else(|| panic!("{file}: no {kind}"));
    let template = if kind == "CronJob" {
        "/spec/jobTemplate/spec/template/spec"
    } else {
        "/spec/template/spec"
    };
    object.pointer(template).cloned().unwrap()
}

#[test]
fn uninstalling_opens_gates_with_an_account_of_its_own_that_may_do_nothing_else() {
    let file = "deploy/uninstall.yaml";
    let pod = pod_of(file, "Job");
    let objects = documents(file);
    let named =
        |kind: &str| -> Vec<&Value> { objects.iter().filter(|object| object["kind"] == kind).collect() };
    let account = &named("ServiceAccount")[0]["metadata"];
    assert_eq!(pod["serviceAccountName"], account["name"]);
    assert_eq!(account["name"], "spillway-uninstall");
    let subjects =
        json!([{"kind": "ServiceAccount", "namespace": account["namespace"], "name": account["name"]}]);
    let bindings = named("ClusterRoleBinding");
    assert!(bindings.iter().all(|binding| binding["subjects"] == subjects));
    let rules: Vec<&Value> = named("ClusterRole").iter().map(|role| &role["rules"]).collect();
    let pods = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get", "patch"]}]);
    assert_eq!(rules, [&pods]);
    assert_eq!(pod["containers"][0]["args"], json!(["release"]));
    let sidecar = pod_of("deploy/sidecar.yaml", "Deployment");
    assert_eq!(pod["containers"][0]["image"], sidecar["containers"][0]["image"]);
}

#[test]
fn the_role_of_the_writes_reads_nothing_by_list_and_that_of_the_reads_writes_nothing() {
    let roles = documents("deploy/rbac-sidecar.yaml");
    let verbs = |name: &str| -> BTreeSet<String> {
        roles
            .iter()
            .filter(|role| role["kind"] == "ClusterRole" && role["metadata"]["name"] == name)
            .flat_map(|role| role["rules"].as_array().unwrap())
            .flat_map(|rule| rule["verbs"].as_array().unwrap())
            .map(|verb| verb.as_str().unwrap().to_owned())
            .collect()
    };
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(verbs("spillway-sidecar"), words(&["get", "list", "watch"]));
    assert_eq!(
        verbs("spillway-sidecar-writes"),
        words(&["create", "delete", "get", "patch"])
    );
    // The alternative binds that same role.
    let binding = documents("deploy/writes-by-namespace.yaml").remove(0);
    assert_eq!(binding["kind"], "RoleBinding");
    assert_eq!(binding["roleRef"]["name"], "spillway-sidecar-writes");
}

#[test]
fn the_policy_of_the_example_is_never_asked_about_pods_of_the_system() {
    let policy = documents("deploy/policy.yaml").remove(0);
    let selector = &policy["spec"]["namespaceSelector"];
    assert_eq!(
        selector.as_object().unwrap().len(),
        1,
        "Kubewarden drops all but matchExpressions"
    );
    let expression = &selector["matchExpressions"][0];
    assert_eq!(
        (&expression["key"], &expression["operator"]),
        (&json!("kubernetes.io/metadata.name"), &json!("NotIn"))
    );
    let left_out: BTreeSet<&str> = expression["values"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut wanted: BTreeSet<&str> = rules::names::SYSTEM_NAMESPACES.iter().copied().collect();
    let namespace = documents("deploy/namespace.yaml").remove(0);
    wanted.insert(namespace["metadata"]["name"].as_str().unwrap());
    assert_eq!(left_out, wanted);
    assert_eq!(policy["spec"]["failurePolicy"], "Ignore");
    // The host refuses what exceeds its own limit, so the API server's, which lets the pod in, must be no later: Kubewarden
    // takes no longer one for the host, whose default is 2 s.
    assert_eq!(policy["spec"]["timeoutSeconds"], 2);
    assert_eq!(policy["spec"].get("timeoutEvalSeconds"), None);
}

#[test]
fn the_guard_knows_the_accounts_the_gate_and_the_prefix_by_their_names_and_lets_pods_be_created() {
    let policies: Vec<Value> = documents("deploy/guard.yaml");
    let guard = text("deploy/guard.yaml");
    for file in [
        "deploy/rbac-sidecar.yaml",
        "deploy/rbac-release.yaml",
        "deploy/uninstall.yaml",
    ] {
        let account = documents(file).remove(0);
        let user = format!(
            "'system:serviceaccount:{}:{}'",
            account["metadata"]["namespace"].as_str().unwrap(),
            account["metadata"]["name"].as_str().unwrap()
        );
        assert!(guard.contains(&user), "{user}");
    }
    let gate = format!("gate.name == '{}'", rules::names::PLACEMENT_GATE);
    assert_eq!(guard.matches(&gate).count(), 2);
    for rule in policies.iter().flat_map(|policy| {
        policy["spec"]["matchConstraints"]["resourceRules"]
            .as_array()
            .into_iter()
            .flatten()
    }) {
        let is_of = |resource: &str| {
            rule["resources"]
                .as_array()
                .unwrap()
                .iter()
                .any(|r| r == resource)
        };
        if is_of("pods") {
            assert_eq!(rule["operations"], json!(["UPDATE"]));
        }
    }
    // Every policy is in force.
    let names = |kind: &str, name: &str| -> BTreeSet<String> {
        policies
            .iter()
            .filter(|policy| policy["kind"] == kind)
            .map(|policy| policy.pointer(name).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names("ValidatingAdmissionPolicy", "/metadata/name"),
        names("ValidatingAdmissionPolicyBinding", "/spec/policyName")
    );
}

#[test]
fn two_sidecars_are_never_on_one_node_and_a_rolling_update_needs_no_third() {
    let pod = pod_of("deploy/sidecar.yaml", "Deployment");
    let required = &pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
    assert_eq!(required["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(required["matchLabelKeys"], json!(["pod-template-hash"]));
    assert_eq!(
        pod["topologySpreadConstraints"][0]["whenUnsatisfiable"],
        "ScheduleAnyway"
    );
}
