//! The programs of the control plane and the flags that are enough for them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::control_plane::Options;
use crate::error::ClusterError;
use crate::folder::Folder;
use crate::identity::Identity;
use crate::places;

/// A program of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The store.
    Etcd,
    /// The API server.
    ApiServer,
    /// Deployments, ReplicaSets, Jobs and the rest.
    Controllers,
    /// The scheduler.
    Scheduler,
    /// Nodes and their pods.
    Kwok,
}

impl Component {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 5] = [
        Self::Etcd,
        Self::ApiServer,
        Self::Controllers,
        Self::Scheduler,
        Self::Kwok,
    ];

    /// The program.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::Controllers => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// What the flags need to know.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) etcd: u16,
    pub(crate) etcd_peers: u16,
    pub(crate) api_server: u16,
    pub(crate) controllers: u16,
    pub(crate) scheduler: u16,
    pub(crate) tokens: PathBuf,
    pub(crate) service_accounts: PathBuf,
    pub(crate) service_accounts_key: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) certificate_key: PathBuf,
    pub(crate) options: Options,
}

impl Site {
    pub(crate) fn command(&self, component: Component, folder: &Folder) -> Result<Command, ClusterError> {
        let mut command = Command::new(places::control_plane_program(component.program())?);
        let flags = match component {
            Component::Etcd => self.etcd_flags(folder),
            Component::ApiServer => self.api_server_flags(folder),
            Component::Controllers => self.controller_flags(folder),
            Component::Scheduler => self.scheduler_flags(folder),
            Component::Kwok => self.kwok_flags(folder)?,
        };
        command.args(flags).current_dir(folder.path());
        Ok(command)
    }

    fn etcd_flags(&self, folder: &Folder) -> Vec<String> {
        let clients = format!("http://127.0.0.1:{}", self.etcd);
        let peers = format!("http://127.0.0.1:{}", self.etcd_peers);
        vec![
            // A thousand pods as large as can be are more than the default takes.
            flag("quota-backend-bytes", 8_u64 << 30),
            flag("data-dir", folder.path().join("etcd").display()),
            flag("listen-client-urls", &clients),
            flag("advertise-client-urls", &clients),
            flag("listen-peer-urls", &peers),
            flag("initial-advertise-peer-urls", &peers),
            flag("initial-cluster", format!("default={peers}")),
            flag("log-level", "warn"),
            // A crash of this machine may lose the data: there is none worth keeping.
            "--unsafe-no-fsync".to_owned(),
        ]
    }

    fn api_server_flags(&self, folder: &Folder) -> Vec<String> {
        let mut flags = vec![
            flag("etcd-servers", format!("http://127.0.0.1:{}", self.etcd)),
            flag("bind-address", "127.0.0.1"),
            flag("advertise-address", "127.0.0.1"),
            flag("secure-port", self.api_server),
            flag("token-auth-file", self.tokens.display()),
            flag("authorization-mode", "RBAC"),
            flag("service-account-issuer", "https://kubernetes.default.svc"),
            flag("service-account-key-file", self.service_accounts.display()),
            flag(
                "service-account-signing-key-file",
                self.service_accounts_key.display(),
            ),
            flag("service-cluster-ip-range", "10.96.0.0/24"),
            // Pods would wait for a service account in each new namespace.
            flag("disable-admission-plugins", "ServiceAccount"),
            flag("endpoint-reconciler-type", "none"),
        ];
        flags.extend(self.tls(folder));
        flags
    }

    fn controller_flags(&self, folder: &Folder) -> Vec<String> {
        let qps = self.options.controller_qps;
        let mut flags = vec![
            flag("kubeconfig", Identity::Controllers.kubeconfig(folder).display()),
            flag("leader-elect", false),
            flag(
                "service-account-private-key-file",
                self.service_accounts_key.display(),
            ),
            flag("controllers", "*,-nodeipam,-route,-service,-cloud-node-lifecycle"),
            flag("secure-port", self.controllers),
            flag("kube-api-qps", qps),
            // The default, 20 requests/s, comes with a burst of 30.
            flag("kube-api-burst", if qps <= 20 { 30 } else { 2 * qps }),
            flag("horizontal-pod-autoscaler-sync-period", "5s"),
            // On a busy machine KWOK beats late; of a node that was taken for lost it tells no pod to be ready again.
            flag("node-monitor-grace-period", "3m"),
        ];
        flags.extend(self.tls(folder));
        flags
    }

    fn scheduler_flags(&self, folder: &Folder) -> Vec<String> {
        let mut flags = vec![
            flag("kubeconfig", Identity::Scheduler.kubeconfig(folder).display()),
            flag("leader-elect", false),
            flag("secure-port", self.scheduler),
            flag("kube-api-qps", 2000),
            flag("kube-api-burst", 4000),
        ];
        flags.extend(self.tls(folder));
        flags
    }

    fn kwok_flags(&self, folder: &Folder) -> Result<Vec<String>, ClusterError> {
        let mut flags = vec![
            flag("kubeconfig", Identity::Kwok.kubeconfig(folder).display()),
            flag("manage-all-nodes", true),
            flag("cidr", "10.0.0.0/16"),
            flag("node-ip", "10.0.0.1"),
            flag("node-lease-duration-seconds", 40),
        ];
        let stages = self.options.pods.stages(folder)?;
        flags.extend(stages.iter().map(|stage| flag("config", stage.display())));
        Ok(flags)
    }

    fn tls(&self, folder: &Folder) -> [String; 3] {
        [
            flag("cert-dir", folder.path().display()),
            flag("tls-cert-file", self.certificate.display()),
            flag("tls-private-key-file", self.certificate_key.display()),
        ]
    }
}

fn flag(name: &str, value: impl fmt::Display) -> String {
    format!("--{name}={value}")
}

/// Where a component's output goes.
pub(crate) fn log(component: Component, folder: &Path) -> PathBuf {
    folder.join(format!("{component}.log"))
}
