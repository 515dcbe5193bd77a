//! The sidecar as a process of its own, with a token of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kube::{Client, Config};
use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::error::ClusterError;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::places;
use crate::ports;
use crate::process::Process;
use crate::ready;
use crate::standing::Left;

const START: Duration = Duration::from_secs(60);

/// How the sidecar runs.
#[derive(Clone, Debug)]
pub struct SidecarOptions {
    /// Names it in the Lease, and its log and settings file; two of one cluster need two names.
    pub name: String,
    /// Who it is to the API server.
    pub identity: Identity,
    /// Further arguments.
    pub arguments: Vec<String>,
}

impl Default for SidecarOptions {
    fn default() -> Self {
        Self {
            name: "sidecar-0".to_owned(),
            identity: Identity::Sidecar,
            arguments: Vec::new(),
        }
    }
}

/// A running sidecar. Dropping it kills it.
#[derive(Debug)]
pub struct Sidecar {
    process: Process,
    address: String,
    settings: PathBuf,
}

impl Sidecar {
    /// Starts one with these settings and waits until its caches are synced.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(
        plane: &ControlPlane,
        settings: &Value,
        options: &SidecarOptions,
    ) -> Result<Self, ClusterError> {
        let mut sidecar = Self::spawn(plane, settings, options)?;
        sidecar.until_ready().await?;
        Ok(sidecar)
    }

    /// Starts one without waiting for it: one that lacks a permission is never ready.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(
        plane: &ControlPlane,
        settings: &Value,
        options: &SidecarOptions,
    ) -> Result<Self, ClusterError> {
        let file: PathBuf = plane.folder().join(format!("{}.json", options.name));
        std::fs::write(&file, settings.to_string()).map_err(ClusterError::path("write", &file))?;
        let port = ports::free().ok_or_else(|| ClusterError::Text {
            what: "a free port".to_owned(),
            reason: "every port is taken".to_owned(),
        })?;
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(places::own_program("spillway-sidecar")?);
        command
            .arg("--settings")
            .arg(&file)
            .arg("--kubeconfig")
            .arg(plane.kubeconfig(options.identity))
            .args(["--http", &address, "--identity", &options.name])
            .args(&options.arguments);
        let log = plane.folder().join(format!("{}.log", options.name));
        let process = Process::start(&options.name, &mut command, &log)?;
        Ok(Self {
            process,
            address,
            settings: file,
        })
    }

    /// Waits until its caches are synced.
    ///
    /// # Errors
    /// When it ends, or that is not so in time.
    pub async fn until_ready(&mut self) -> Result<(), ClusterError> {
        let client = self.client()?;
        let name = self.process.name().to_owned();
        ready::until_ready(&client, "/readyz", &name, START, || self.process.check()).await
    }

    /// Gives it other settings, which it takes a moment later.
    ///
    /// # Errors
    /// When they cannot be written, or it cannot be told.
    pub fn set(&self, settings: &Value) -> Result<(), ClusterError> {
        std::fs::write(&self.settings, settings.to_string())
            .map_err(ClusterError::path("write", &self.settings))?;
        self.process.hang_up()
    }

    /// Its own counters.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn metrics(&self) -> Result<Metrics, ClusterError> {
        Metrics::read(&self.client()?).await
    }

    /// Its process, to kill, freeze or measure it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Leaves it running.
    ///
    /// # Errors
    /// When it has ended meanwhile.
    pub fn leave(self) -> Result<Left, ClusterError> {
        Left::leave(self.process)
    }

    fn client(&self) -> Result<Client, ClusterError> {
        let url = format!("http://{}", self.address);
        let config = Config::new(
            url.parse()
                .map_err(|error: http::uri::InvalidUri| ClusterError::Text {
                    what: url,
                    reason: error.to_string(),
                })?,
        );
        Client::try_from(config).map_err(ClusterError::kube("make a client"))
    }
}
