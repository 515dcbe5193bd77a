//! The policy as a webhook: `policy-host-serve` as a process of its own, registered as Kubewarden's controller registers a
//! cluster-wide policy.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use policy_host_serve::client::Client as HttpsClient;
use serde_json::{Value, json};

use crate::apply;
use crate::control_plane::ControlPlane;
use crate::error::ClusterError;
use crate::identity::Identity;
use crate::places;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::standing::Left;
use crate::workloads;

/// It compiles the module first, and the machine may be busy.
const START: Duration = Duration::from_secs(60);

/// How the policy is served and registered.
#[derive(Clone, Debug)]
pub struct PolicyHostOptions {
    /// The policy's name; the webhook configuration is `clusterwide-NAME`.
    pub name: String,
    /// The namespaces whose pods it sees; none: all of them.
    pub namespaces: Vec<String>,
    /// One replica for each entry: how late its view of the cluster is.
    pub view_lags: Vec<Duration>,
    /// Who it is to the API server.
    pub identity: Identity,
    /// The kinds it may list and get, as `contextAwareResources` has them; none: those of `metadata.yml`.
    pub kinds: Option<Value>,
    /// The module; none: the policy of this repository.
    pub module: Option<PathBuf>,
    /// How many evaluations may run at a time, in each replica.
    pub workers: usize,
    /// How long an evaluation may take.
    pub timeout_eval_seconds: u64,
}

impl Default for PolicyHostOptions {
    fn default() -> Self {
        Self {
            name: "spillway".to_owned(),
            namespaces: Vec::new(),
            view_lags: vec![Duration::ZERO],
            identity: Identity::PolicyHost,
            kinds: None,
            module: None,
            workers: 2,
            timeout_eval_seconds: 2,
        }
    }
}

impl PolicyHostOptions {
    /// For the pods of one namespace, named after it, so that tests do not meet.
    #[must_use]
    pub fn for_namespace(namespace: &str) -> Self {
        Self {
            name: format!("spillway-{namespace}"),
            namespaces: vec![namespace.to_owned()],
            ..Self::default()
        }
    }
}

/// A served and registered policy. Dropping it ends the servers; the registration stays, so that pods are then made
/// without the policy, as in an outage. [`PolicyHost::remove`] takes it away.
#[derive(Debug)]
pub struct PolicyHost {
    replicas: Vec<Replica>,
    _proxy: Option<Proxy>,
    configuration: String,
    log: PathBuf,
}

#[derive(Debug)]
struct Replica {
    process: Process,
    address: SocketAddr,
    authority: String,
}

impl PolicyHost {
    /// Serves the policy with these settings, registers it, and waits until the API server asks it.
    ///
    /// # Errors
    /// When it does not start, or is never asked.
    pub async fn start(
        plane: &ControlPlane,
        settings: &Value,
        options: PolicyHostOptions,
    ) -> Result<Self, ClusterError> {
        let configuration = format!("clusterwide-{}", options.name);
        let folder = plane.folder().join(&configuration);
        std::fs::create_dir_all(&folder).map_err(ClusterError::path("make", &folder))?;
        let mut replicas = Vec::new();
        for (number, lag) in options.view_lags.iter().enumerate() {
            replicas.push(Replica::start(
                plane,
                settings,
                &options,
                &folder,
                &configuration,
                number,
                *lag,
            )?);
        }
        let addresses: Vec<SocketAddr> = replicas.iter().map(|replica| replica.address).collect();
        let (address, proxy) = match addresses.as_slice() {
            [alone] => (*alone, None),
            _ => {
                let proxy = Proxy::start(addresses)?;
                (proxy.address(), Some(proxy))
            }
        };
        let authorities: String = replicas
            .iter()
            .map(|replica| replica.authority.as_str())
            .collect();
        let client = plane.client(Identity::Admin).await?;
        register(
            &client,
            &configuration,
            address,
            &authorities,
            &options.namespaces,
        )
        .await?;
        let log = folder.join("replica-0.log");
        let host = Self {
            replicas,
            _proxy: proxy,
            configuration,
            log,
        };
        let namespace = options.namespaces.first().map_or("default", String::as_str);
        host.until_asked(&client, namespace).await?;
        Ok(host)
    }

    /// The reviews that were answered so far, by all replicas together.
    ///
    /// # Errors
    /// When a replica is not there.
    pub fn reviews(&self) -> Result<u64, ClusterError> {
        self.replicas.iter().map(Replica::reviews).sum()
    }

    /// The same, replica by replica.
    ///
    /// # Errors
    /// When a replica is not there.
    pub fn reviews_by_replica(&self) -> Result<Vec<u64>, ClusterError> {
        self.replicas.iter().map(Replica::reviews).collect()
    }

    /// The processes of the replicas, to kill, freeze or measure them.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.replicas.iter_mut().map(|replica| &mut replica.process)
    }

    /// The log of the first replica.
    #[must_use]
    pub fn log(&self) -> &std::path::Path {
        &self.log
    }

    /// Leaves the servers running. Several replicas cannot be left: what balances them ends with this program.
    ///
    /// # Errors
    /// When a server has ended meanwhile.
    pub fn leave(self) -> Result<Vec<Left>, ClusterError> {
        self.replicas
            .into_iter()
            .map(|replica| Left::leave(replica.process))
            .collect()
    }

    /// Ends the servers and takes the registration away.
    ///
    /// # Errors
    /// When it cannot be taken away.
    pub async fn remove(self, client: &Client) -> Result<(), ClusterError> {
        let configurations: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
        configurations
            .delete(&self.configuration, &DeleteParams::default())
            .await
            .map_err(ClusterError::kube("delete the webhook configuration"))?;
        Ok(())
    }

    /// The API server learns of a new webhook when its watch tells it: dry runs until one arrives.
    async fn until_asked(&self, client: &Client, namespace: &str) -> Result<(), ClusterError> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let probe: Pod = workloads::read(
            "a pod",
            json!({"metadata": {"generateName": "probe-"}, "spec": {"containers": [{"name": "main", "image": "none"}]}}),
        )?;
        let before = self.reviews()?;
        let asked = async {
            loop {
                let dry_run = PostParams {
                    dry_run: true,
                    ..PostParams::default()
                };
                pods.create(&dry_run, &probe)
                    .await
                    .map_err(ClusterError::kube("try the webhook"))?;
                if self.reviews()? > before {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout(START, asked).await {
            Ok(asked) => asked,
            Err(_) => Err(ClusterError::Late {
                what: format!("the API server to ask `{}`", self.configuration),
                after: START,
                seen: "it was never asked".to_owned(),
            }),
        }
    }
}

impl Replica {
    fn start(
        plane: &ControlPlane,
        settings: &Value,
        options: &PolicyHostOptions,
        folder: &std::path::Path,
        id: &str,
        number: usize,
        lag: Duration,
    ) -> Result<Self, ClusterError> {
        let module = match &options.module {
            Some(module) => module.clone(),
            None => places::policy_module()?,
        };
        let module = module
            .canonicalize()
            .map_err(ClusterError::path("find", &module))?;
        let kinds = match &options.kinds {
            Some(kinds) => kinds.clone(),
            None => shipped_kinds()?,
        };
        let policies = json!({id: {
            "module": module,
            "policyMode": "protect",
            "allowedToMutate": true,
            "settings": settings,
            "contextAwareResources": kinds,
            // What Kubewarden's controller gives cluster-wide policies.
            "hostCapabilities": ["*"],
            "timeoutEvalSeconds": options.timeout_eval_seconds,
        }});
        let file = folder.join(format!("policies-{number}.yml"));
        std::fs::write(&file, policies.to_string()).map_err(ClusterError::path("write", &file))?;
        let authority = folder.join(format!("authority-{number}.pem"));
        let mut command = Command::new(places::own_program("policy-host-serve")?);
        command
            .arg("--policies")
            .arg(&file)
            .args(["--port", "0", "--workers", &options.workers.to_string()])
            .arg("--kubeconfig")
            .arg(plane.kubeconfig(options.identity))
            .args(["--view-lag-ms", &lag.as_millis().to_string()])
            .arg("--ca-file")
            .arg(&authority);
        if options.view_lags.len() > 1 {
            // Each request takes a connection of its own, so that replicas are asked in turn.
            command.arg("--close-connections");
        }
        let name = format!("{id}, replica {number}");
        let log = folder.join(format!("replica-{number}.log"));
        let (process, line) = Process::start_and_read_line(&name, &mut command, &log, START)?;
        let address = serde_json::from_str::<Value>(&line)
            .ok()
            .and_then(|line| line.get("listening")?.as_str()?.parse().ok())
            .ok_or(ClusterError::Text {
                what: format!("the first line of {name}"),
                reason: line,
            })?;
        let authority =
            std::fs::read_to_string(&authority).map_err(ClusterError::path("read", &authority))?;
        Ok(Self {
            process,
            address,
            authority,
        })
    }

    fn reviews(&self) -> Result<u64, ClusterError> {
        let failed = |reason: String| ClusterError::Text {
            what: format!("the count of reviews of {}", self.process.name()),
            reason,
        };
        let mut client =
            HttpsClient::connect(self.address, &self.authority).map_err(|error| failed(error.to_string()))?;
        let answer = client
            .get("/reviews")
            .map_err(|error| failed(error.to_string()))?;
        String::from_utf8_lossy(&answer.body)
            .parse()
            .map_err(|_| failed(format!("code {}", answer.code)))
    }
}

fn shipped_kinds() -> Result<Value, ClusterError> {
    let path = places::repository().join("metadata.yml");
    let text = std::fs::read_to_string(&path).map_err(ClusterError::path("read", &path))?;
    let metadata = apply::yaml(&text)?;
    Ok(metadata.get("contextAwareResources").cloned().unwrap_or_default())
}

async fn register(
    client: &Client,
    name: &str,
    address: SocketAddr,
    authorities: &str,
    namespaces: &[String],
) -> Result<(), ClusterError> {
    let mut webhook = json!({
        "name": format!("{name}.kubewarden.admission"),
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": format!("https://{address}/validate/{name}")},
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "reinvocationPolicy": "Never",
        "sideEffects": "None",
        "timeoutSeconds": 10,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"], "scope": "*"}],
    });
    if !namespaces.is_empty()
        && let Some(webhook) = webhook.as_object_mut()
    {
        let only = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces});
        webhook.insert(
            "namespaceSelector".to_owned(),
            json!({"matchExpressions": [only]}),
        );
    }
    let configuration = json!({"metadata": {"name": name}, "webhooks": [webhook]});
    let mut configuration: MutatingWebhookConfiguration =
        workloads::read("the webhook configuration", configuration)?;
    for webhook in configuration.webhooks.iter_mut().flatten() {
        webhook.client_config.ca_bundle = Some(k8s_openapi::ByteString(authorities.as_bytes().to_vec()));
    }
    let configurations: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    // Whoever was registered under this name is asked no more: as when a policy gets other settings.
    configurations
        .patch(
            name,
            &PatchParams::apply("spillway-e2e").force(),
            &Patch::Apply(&configuration),
        )
        .await
        .map_err(ClusterError::kube("register the policy"))?;
    Ok(())
}
