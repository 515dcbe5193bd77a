//! The program as a user starts it: its first line, its answers over HTTPS, its end.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use policy_host_serve::client::Client;
use serde_json::{Value, json};

struct Server {
    child: Child,
    address: SocketAddr,
    authority: String,
    first_line: Value,
}

fn guest(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../policy-host/tests/guests/{name}.wat"))
}

fn command(folder: &Path, policies: &str) -> Command {
    let file = folder.join("policies.yml");
    std::fs::write(&file, policies).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host-serve"));
    command
        .arg("--policies")
        .arg(file)
        .args(["--port", "0"])
        .arg("--ca-file")
        .arg(folder.join("ca.pem"));
    command
}

impl Server {
    fn start(folder: &Path, policies: &str, arguments: &[&str]) -> Self {
        let mut child = command(folder, policies)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let first_line: Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            address: first_line["listening"].as_str().unwrap().parse().unwrap(),
            authority: std::fs::read_to_string(first_line["ca"].as_str().unwrap()).unwrap(),
            first_line,
        }
    }

    fn client(&self) -> Client {
        Client::connect(self.address, &self.authority).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn review() -> Vec<u8> {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE", "userInfo": {}, "object": {"apiVersion": "v1", "kind": "Pod"},
    }})
    .to_string()
    .into_bytes()
}

#[test]
fn it_answers_over_https_and_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let policies = format!(
        "accept: {{module: {}}}\nendless: {{module: {}}}\ntrap: {{module: {}}}\n",
        guest("accept").display(),
        guest("endless").display(),
        guest("trap").display()
    );
    let mut server = Server::start(folder.path(), &policies, &["--timeout-eval-seconds", "1"]);
    assert_eq!(
        server.first_line["policies"],
        json!(["accept", "endless", "trap"])
    );
    let mut client = server.client();
    let mut ask = |path: &str, body: &[u8]| {
        let answer = client.post(path, body).unwrap();
        (
            answer.code,
            serde_json::from_slice::<Value>(&answer.body).unwrap(),
        )
    };

    let (code, body) = ask("/validate/accept", &review());
    assert_eq!(
        (code, &body["response"]["uid"], &body["response"]["allowed"]),
        (200, &json!("u-1"), &json!(true))
    );
    let (code, body) = ask("/validate/trap", &review());
    assert_eq!((code, &body["response"]["status"]["code"]), (200, &json!(500)));
    let (code, body) = ask("/validate/endless", &review());
    assert_eq!(
        (code, &body["response"]["status"]),
        (
            200,
            &json!({"message": "Policy execution interrupted because it exceeded the allowed execution time", "code": 500})
        )
    );
    let (code, body) = ask("/validate/other", &review());
    assert_eq!(
        (code, &body["message"]),
        (
            404,
            &json!("there is no policy `other`: there are accept, endless, trap")
        )
    );
    assert_eq!(ask("/validate/accept", b"{}").0, 422);
    assert_eq!(client.get("/readiness").unwrap().code, 200);
    assert_eq!(
        client.get("/reviews").unwrap().body,
        b"4",
        "those it could not read are among them"
    );
    let large = vec![b' '; 3 * 1024 * 1024 + 1];
    assert_eq!(
        server
            .client()
            .post("/validate/accept", &large)
            .map(|answer| answer.code)
            .unwrap_or(413),
        413
    );

    drop(client);
    let told = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -TERM {}", server.child.id()))
        .status()
        .unwrap();
    assert!(told.success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn its_objects_are_what_policies_see_as_far_as_they_are_granted() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("objects.yaml");
    std::fs::write(
        &objects,
        "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}}",
    )
    .unwrap();
    let crowd = guest("crowd").display().to_string();
    let policies = format!(
        "granted: {{module: {crowd}, contextAwareResources: [{{apiVersion: v1, kind: Pod}}], hostCapabilities: ['kubernetes/*']}}
no-kind: {{module: {crowd}, hostCapabilities: ['*']}}
nothing: {{module: {crowd}}}
"
    );
    let answers = |arguments: &[&str]| {
        let server = Server::start(folder.path(), &policies, arguments);
        let mut client = server.client();
        ["granted", "no-kind", "nothing"].map(|id| {
            let answer = client.post(&format!("/validate/{id}"), &review()).unwrap();
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            let message = answer["response"]["status"]["message"]
                .as_str()
                .unwrap_or("allowed");
            message.replace(
                "internal server error: Guest call failure: Policy has not been granted access to ",
                "",
            )
        })
    };
    let refused = [
        "Kubernetes v1/Pod resources. The violation has been reported.",
        "the 'kubernetes/list_resources_by_namespace' host capability. The violation has been reported.",
    ];
    let file = objects.to_str().unwrap();
    assert_eq!(answers(&["--objects", file]), ["allowed", refused[0], refused[1]]);
    assert_eq!(answers(&[]), ["nobody is there", refused[0], refused[1]]);
}

#[test]
fn it_does_not_start_with_settings_that_a_policy_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let policies = format!("picky: {{module: {}}}", guest("mutate").display());
    let output = command(folder.path(), &policies).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
    assert!(
        error.contains("picky.settings: the policy refuses them: subsets: empty"),
        "{error}"
    );
}

#[test]
fn it_does_not_start_with_faults_and_says_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), "a: {module: gone.wasm}\nb: {policyMode: on}\n")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(!child.wait().unwrap().success());
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    for part in [
        "a.module: there is no file",
        "b.module: seen `null`",
        "b.policyMode: seen ",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn it_closes_connections_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let policies = format!("accept: {{module: {}}}\n", guest("accept").display());
    let server = Server::start(folder.path(), &policies, &["--close-connections"]);
    let mut client = server.client();
    assert_eq!(client.post("/validate/accept", &review()).unwrap().code, 200);
    assert!(client.post("/validate/accept", &review()).is_err());
    assert_eq!(server.client().get("/reviews").unwrap().body, b"1");
}

#[test]
fn it_does_not_start_without_the_cluster_that_it_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let policies = format!("accept: {{module: {}}}\n", guest("accept").display());
    let error = |arguments: &[&str]| {
        let output = command(folder.path(), &policies)
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"");
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = folder.path().join("gone.kubeconfig").display().to_string();
    let told = error(&["--kubeconfig", &missing]);
    assert!(
        told.contains(&format!("cannot use the kubeconfig `{missing}`")),
        "{told}"
    );
    let both = error(&["--kubeconfig", &missing, "--objects", &missing]);
    assert!(both.contains("cannot be used with"), "{both}");
    let lag = error(&["--view-lag-ms", "20"]);
    assert!(lag.contains("--kubeconfig"), "{lag}");
}
