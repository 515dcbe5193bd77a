//! Who speaks to the API server: users with a token each, and their kubeconfig files.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use crate::error::ClusterError;
use crate::folder::Folder;

/// A user of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// May do everything; the tests themselves.
    Admin,
    /// Kubernetes' own controllers.
    Controllers,
    /// Kubernetes' own scheduler, with its own role.
    Scheduler,
    /// The nodes' part.
    Kwok,
    /// The service account of a Kubewarden policy server.
    PolicyHost,
    /// The service account of the sidecar.
    Sidecar,
    /// The service account that opens gates when no sidecar leads.
    Release,
    /// Somebody with no rights at all.
    Nobody,
}

impl Identity {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Admin,
        Self::Controllers,
        Self::Scheduler,
        Self::Kwok,
        Self::PolicyHost,
        Self::Sidecar,
        Self::Release,
        Self::Nobody,
    ];

    /// The user's name. Service accounts are named as Kubernetes names them, so that role bindings are those that are
    /// shipped.
    #[must_use]
    pub fn user(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Controllers => "system:kube-controller-manager",
            Self::Scheduler => "system:kube-scheduler",
            Self::Kwok => "kwok",
            Self::PolicyHost => "system:serviceaccount:kubewarden:spillway-policy-server",
            Self::Sidecar => "system:serviceaccount:spillway-system:spillway-sidecar",
            Self::Release => "system:serviceaccount:spillway-system:spillway-release",
            Self::Nobody => "nobody",
        }
    }

    /// The user's groups.
    #[must_use]
    pub fn groups(self) -> &'static [&'static str] {
        match self {
            // The controllers' own role needs one service account for each of them.
            Self::Admin | Self::Controllers | Self::Kwok => &["system:masters"],
            Self::Scheduler | Self::Nobody => &[],
            Self::PolicyHost => &["system:serviceaccounts", "system:serviceaccounts:kubewarden"],
            Self::Sidecar | Self::Release => {
                &["system:serviceaccounts", "system:serviceaccounts:spillway-system"]
            }
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Admin => "admin.kubeconfig",
            Self::Controllers => "controllers.kubeconfig",
            Self::Scheduler => "scheduler.kubeconfig",
            Self::Kwok => "kwok.kubeconfig",
            Self::PolicyHost => "policy-host.kubeconfig",
            Self::Sidecar => "sidecar.kubeconfig",
            Self::Release => "release.kubeconfig",
            Self::Nobody => "nobody.kubeconfig",
        }
    }

    /// Where the kubeconfig of a control plane in this folder lies.
    #[must_use]
    pub fn kubeconfig(self, folder: &Folder) -> PathBuf {
        folder.path().join(self.file())
    }
}

/// Writes a new token for everybody: kubeconfig files, and the list that the API server reads, whose path is the answer.
pub(crate) fn write(folder: &Folder, server: &str, authority: &str) -> Result<PathBuf, ClusterError> {
    let mut tokens = String::new();
    let authority_file = folder.write("authority.pem", authority)?;
    for identity in Identity::ALL {
        let token = random()?;
        let (user, groups) = (identity.user(), identity.groups().join(","));
        let _ = writeln!(tokens, "{token},{user},{user},\"{groups}\"");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "spillway",
            "clusters": [{"name": "spillway", "cluster": {"server": server, "certificate-authority": authority_file}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "spillway", "context": {"cluster": "spillway", "user": user}}],
        });
        folder.write(identity.file(), &format!("{kubeconfig:#}\n"))?;
    }
    folder.write("tokens.csv", &tokens)
}

fn random() -> Result<String, ClusterError> {
    let source = "/proc/sys/kernel/random/uuid";
    let text = std::fs::read_to_string(source).map_err(ClusterError::io(format!("read `{source}`")))?;
    Ok(text.trim().to_owned())
}
