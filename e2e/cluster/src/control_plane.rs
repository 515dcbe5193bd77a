//! A control plane: its processes, and clients for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use policy_host_serve::tls;

use crate::components::{Component, Site, log};
use crate::error::ClusterError;
use crate::folder::Folder;
use crate::identity::{self, Identity};
use crate::ports;
use crate::process::Process;
use crate::ready;
use crate::stages::PodPace;
use crate::standing::Left;

/// How long a component may take to be ready; the machine may be busy.
const START: Duration = Duration::from_secs(120);

/// What a control plane is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Requests per second of the controllers. Kubernetes' own default is 20, which makes bursts slow.
    pub controller_qps: u32,
    /// How long pods take to start and to end.
    pub pods: PodPace,
    /// What runs; the API server and its store always do.
    pub components: Vec<Component>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controller_qps: 20,
            pods: PodPace::AtOnce,
            components: Component::ALL.to_vec(),
        }
    }
}

/// A running control plane. Dropping it kills its processes.
#[derive(Debug)]
pub struct ControlPlane {
    running: Mutex<BTreeMap<Component, Process>>,
    site: Site,
    server: String,
    folder: Folder,
}

impl ControlPlane {
    /// Starts one and waits until all of it is ready.
    ///
    /// # Errors
    /// When it is not built, or a component does not come up.
    pub async fn start(folder: Folder, options: Options) -> Result<Self, ClusterError> {
        let port = || {
            ports::free().ok_or_else(|| ClusterError::Late {
                what: "a free port".to_owned(),
                after: Duration::ZERO,
                seen: "every port is taken".to_owned(),
            })
        };
        let api_server = port()?;
        let server = format!("https://127.0.0.1:{api_server}");
        let unusable = |error: &dyn std::fmt::Display| ClusterError::Text {
            what: "the certificate of the servers".to_owned(),
            reason: error.to_string(),
        };
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let (certificate, authority) = tls::Identity::make(&names).map_err(|error| unusable(&error))?;
        let service_accounts = rcgen::KeyPair::generate().map_err(|error| unusable(&error))?;
        let site = Site {
            etcd: port()?,
            etcd_peers: port()?,
            api_server,
            controllers: port()?,
            scheduler: port()?,
            tokens: identity::write(&folder, &server, &authority)?,
            service_accounts: folder.write("service-accounts.pem", &service_accounts.public_key_pem())?,
            service_accounts_key: folder
                .write("service-accounts-key.pem", &service_accounts.serialize_pem())?,
            certificate: folder.write("server.pem", &certificate.certificates)?,
            certificate_key: folder.write("server-key.pem", &certificate.key)?,
            options,
        };
        let plane = Self {
            running: Mutex::default(),
            site,
            server,
            folder,
        };
        plane.start_all().await?;
        Ok(plane)
    }

    /// Its folder, with the logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The kubeconfig of somebody.
    #[must_use]
    pub fn kubeconfig(&self, identity: Identity) -> PathBuf {
        identity.kubeconfig(&self.folder)
    }

    /// A client that speaks as somebody. It belongs to the runtime that it was made in.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn client(&self, identity: Identity) -> Result<Client, ClusterError> {
        let config = self.config(identity).await?;
        Client::try_from(config).map_err(ClusterError::kube("make a client"))
    }

    /// Starts a component that does not run, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_component(&self, component: Component) -> Result<(), ClusterError> {
        self.spawn(component)?;
        self.until_ready(component).await?;
        // KWOK misses what happens while its watches break: a pod would never get ready. A kubelet does not.
        if component == Component::ApiServer && self.processes().contains_key(&Component::Kwok) {
            self.kill(Component::Kwok)?;
            self.spawn(Component::Kwok)?;
        }
        Ok(())
    }

    /// Kills a component and starts it again. (An API server that is asked to end waits a minute for its watches.)
    ///
    /// # Errors
    /// When it does not run, or does not come up again.
    pub async fn restart(&self, component: Component) -> Result<(), ClusterError> {
        self.kill(component)?;
        self.start_component(component).await
    }

    /// Kills a component.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self, component: Component) -> Result<(), ClusterError> {
        self.take(component)?.kill()?;
        Ok(())
    }

    /// Stops a component where it is.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self, component: Component) -> Result<(), ClusterError> {
        self.with(component, |process| process.freeze())
    }

    /// Lets a component go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self, component: Component) -> Result<(), ClusterError> {
        self.with(component, |process| process.thaw())
    }

    /// The process id of a component, to measure it by.
    ///
    /// # Errors
    /// When it does not run.
    pub fn process_id(&self, component: Component) -> Result<u32, ClusterError> {
        self.with(component, |process| Ok(process.id()))
    }

    /// Leaves the processes running and the folder where it is.
    ///
    /// # Errors
    /// When a process has ended meanwhile.
    pub fn leave(mut self) -> Result<Vec<Left>, ClusterError> {
        let processes = std::mem::take(&mut *self.processes());
        let left = processes
            .into_values()
            .map(Left::leave)
            .collect::<Result<_, _>>()?;
        self.folder.keep();
        Ok(left)
    }

    async fn start_all(&self) -> Result<(), ClusterError> {
        self.spawn(Component::Etcd)?;
        self.spawn(Component::ApiServer)?;
        self.until_ready(Component::ApiServer).await?;
        let others: Vec<Component> = Component::ALL
            .into_iter()
            .filter(|component| !matches!(component, Component::Etcd | Component::ApiServer))
            .filter(|component| self.site.options.components.contains(component))
            .collect();
        for component in &others {
            self.spawn(*component)?;
        }
        for component in others {
            self.until_ready(component).await?;
        }
        Ok(())
    }

    fn spawn(&self, component: Component) -> Result<(), ClusterError> {
        let mut command = self.site.command(component, &self.folder)?;
        let log = log(component, self.folder.path());
        let process = Process::start(component.program(), &mut command, &log)?;
        self.processes().insert(component, process);
        Ok(())
    }

    async fn until_ready(&self, component: Component) -> Result<(), ClusterError> {
        let alive = || self.processes().values_mut().try_for_each(Process::check);
        let (port, path) = match component {
            Component::ApiServer => (self.site.api_server, "/readyz"),
            Component::Controllers => (self.site.controllers, "/healthz"),
            Component::Scheduler => (self.site.scheduler, "/readyz"),
            // The API server is not ready without its store; a node is not ready without KWOK.
            Component::Etcd | Component::Kwok => return alive(),
        };
        let mut config = self.config(Identity::Admin).await?;
        let url = format!("https://127.0.0.1:{port}");
        config.cluster_url = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| ClusterError::Text {
                what: url,
                reason: error.to_string(),
            })?;
        let client = Client::try_from(config).map_err(ClusterError::kube("make a client"))?;
        ready::until_ready(&client, path, component.program(), START, alive).await
    }

    async fn config(&self, identity: Identity) -> Result<Config, ClusterError> {
        let path = self.kubeconfig(identity);
        let unusable = |error: kube::config::KubeconfigError| ClusterError::Text {
            what: format!("`{}`", path.display()),
            reason: error.to_string(),
        };
        let file = Kubeconfig::read_from(&path).map_err(unusable)?;
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .map_err(unusable)?;
        // A test must see each refusal, not the client's second try.
        config.default_retry = false;
        Ok(config)
    }

    fn take(&self, component: Component) -> Result<Process, ClusterError> {
        self.processes()
            .remove(&component)
            .ok_or_else(|| not_running(component))
    }

    fn with<T>(
        &self,
        component: Component,
        ask: impl FnOnce(&Process) -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        self.processes()
            .get(&component)
            .map_or_else(|| Err(not_running(component)), ask)
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<Component, Process>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_running(component: Component) -> ClusterError {
    ClusterError::Text {
        what: component.to_string(),
        reason: "it does not run".to_owned(),
    }
}
