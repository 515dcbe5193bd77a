use super::*;

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-host/tests/guests")
}

fn faults(text: &str) -> Vec<String> {
    match read(text, &guests()) {
        Err(PoliciesError::Faults(faults)) => faults.iter().map(Fault::to_string).collect(),
        other => panic!("no faults: {other:?}"),
    }
}

#[test]
fn a_whole_entry_is_read() {
    let text = format!(
        "
placement:
  module: file://{}
  policyMode: monitor
  allowedToMutate: true
  settings: {{spreads: []}}
  message: ask us
  contextAwareResources: [{{apiVersion: v1, kind: Pod}}]
  hostCapabilities: [\"kubernetes/list_resources_by_namespace\"]
  timeoutEvalSeconds: 5
",
        guests().join("accept.wat").display()
    );
    let entries = read(&text, Path::new("/nowhere")).unwrap();
    assert_eq!(
        entries["placement"],
        Entry {
            module: guests().join("accept.wat"),
            mode: Mode::Monitor,
            allowed_to_mutate: true,
            settings: serde_json::json!({"spreads": []}),
            message: Some("ask us".into()),
            grants: Grants::new(
                [Resource::new("v1", "Pod")],
                ["kubernetes/list_resources_by_namespace"]
            )
            .unwrap(),
            timeout_eval_seconds: Some(5),
        }
    );
}

#[test]
fn nothing_is_granted_that_is_not_written() {
    let entries = read("p: {module: accept.wat}", &guests()).unwrap();
    assert_eq!(
        entries["p"],
        Entry {
            module: guests().join("accept.wat"),
            mode: Mode::Protect,
            allowed_to_mutate: false,
            settings: serde_json::json!({}),
            message: None,
            grants: Grants::none(),
            timeout_eval_seconds: None,
        }
    );
}

#[test]
fn every_fault_is_told_with_its_path_what_was_seen_and_what_to_write() {
    let text = "
a/b: {module: accept.wat}
group: {policies: {}, expression: a, message: no}
list: []
p:
  module: registry://ghcr.io/o/p
  mode: protect
  policyMode: Protect
  allowedToMutate: 'yes'
  settings: [1]
  message: 1
  contextAwareResources: [{apiVersion: v1}, {apiVersion: v1, kind: Pod, name: a}]
  hostCapabilities: [kubernetes, 1]
  timeoutEvalSeconds: 31
q: {module: gone.wat}
r: {}
";
    let gone = guests().join("gone.wat").display().to_string();
    assert_eq!(
        faults(text),
        [
            "a/b: the id `a/b` is a part of a URL: write one without a slash".to_owned(),
            "group: policy groups are not served here: write each policy by itself".to_owned(),
            "list: seen `[]`, write a mapping with `module`".to_owned(),
            "p.mode: there is no such field: write one of allowedToMutate, contextAwareResources, hostCapabilities, message, module, policyMode, settings, timeoutEvalSeconds".to_owned(),
            "p.module: seen `registry://ghcr.io/o/p`, write a path or `file:///` and a path: nothing is fetched here".to_owned(),
            "p.policyMode: seen `\"Protect\"`, write `protect` or `monitor`".to_owned(),
            "p.allowedToMutate: seen `\"yes\"`, write `true` or `false`".to_owned(),
            "p.settings: seen `[1]`, write a mapping".to_owned(),
            "p.message: seen `1`, write a text".to_owned(),
            "p.timeoutEvalSeconds: seen `31`, write a number from 2 to 30".to_owned(),
            "p.contextAwareResources[0]: seen `{\"apiVersion\":\"v1\"}`, write `{apiVersion: v1, kind: Pod}`".to_owned(),
            "p.contextAwareResources[1]: seen `{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"a\"}`, write `{apiVersion: v1, kind: Pod}`".to_owned(),
            "p.hostCapabilities[0]: `kubernetes` names no host capability: write one of crypto/v1/is_certificate_trusted, kubernetes/can_i, kubernetes/get_resource, kubernetes/list_resources_all, kubernetes/list_resources_by_namespace, net/v1/dns_lookup_host, oci/v1/manifest_digest, oci/v1/oci_manifest, oci/v1/oci_manifest_config, oci/v1/verify, oci/v2/verify".to_owned(),
            "p.hostCapabilities[1]: seen `1`, write a pattern such as `kubernetes/*`".to_owned(),
            format!("q.module: there is no file `{gone}`"),
            "r.module: seen `null`, write a path or `file:///` and a path".to_owned(),
        ]
    );
    assert_eq!(
        faults("[]"),
        ["policies: seen `[]`, write a mapping from policy ids to policies"]
    );
    assert!(matches!(read("a: [", &guests()), Err(PoliciesError::Text(_))));
}

#[test]
fn a_policy_that_refuses_its_settings_or_does_not_compile_is_named() {
    let engine = Engine::new().unwrap();
    let error = |text| {
        let entries = read(text, &guests()).unwrap();
        prepare(&entries, &engine, 2).unwrap_err().to_string()
    };
    assert_eq!(
        error("a: {module: accept.wat}\nb: {module: mutate.wat}"),
        "b.settings: the policy refuses them: subsets: empty"
    );
    assert!(error("c: {module: relay.wat}").starts_with(
        "c.settings: the policy refuses them: Guest call failure: `kubernetes/validate_settings`"
    ));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = read("d: {module: Cargo.toml}", here).unwrap();
    let message = prepare(&entries, &engine, 2).unwrap_err().to_string();
    assert!(
        message.starts_with("d.module: cannot compile the module: "),
        "{message}"
    );
}
