//! The clients: one that reads, and one whose writes stand behind the fence.

use std::path::Path;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client as HyperClient};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::ServiceBuilder;

use crate::fence::{Fence, FencedConnector};
use crate::pages::Bounded;

/// A request takes so long at most, here and in the API server.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that nobody uses are kept so long: bursts come again soon, or not at all.
const IDLE: Duration = Duration::from_secs(30);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The kubeconfig file cannot be used.
    #[error("the kubeconfig `{path}` cannot be used: {reason}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// There is no configuration.
    #[error("no cluster is configured: {0}; name a file by `--kubeconfig`, or run inside a cluster")]
    NoCluster(String),
    /// The configuration cannot be used.
    #[error("a client cannot be made: {0}")]
    Unusable(#[from] kube::Error),
}

/// How the cluster is reached: by the file, else as kubectl and pods do.
///
/// # Errors
/// When there is no cluster to be found, or the file cannot be read.
pub async fn config(kubeconfig: Option<&Path>) -> Result<Config, ClientError> {
    let mut config = match kubeconfig {
        None => Config::infer()
            .await
            .map_err(|error| ClientError::NoCluster(error.to_string()))?,
        Some(path) => {
            let unusable = |error: kube::config::KubeconfigError| ClientError::Kubeconfig {
                path: path.display().to_string(),
                reason: error.to_string(),
            };
            let file = Kubeconfig::read_from(path).map_err(unusable)?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(unusable)?
        }
    };
    config.connect_timeout = Some(REQUEST_TIMEOUT);
    // Whether and when to try again is decided where it is known what for.
    config.default_retry = false;
    Ok(config)
}

/// A client that may always ask. Its lists fail where a page of them is too large to be held.
///
/// # Errors
/// When the configuration cannot be used.
pub fn reading(config: &Config) -> Result<Client, ClientError> {
    let builder = ClientBuilder::try_from(config.clone())?;
    Ok(builder.with_layer(&Bounded).build())
}

/// A client that falls silent when the fence closes.
///
/// # Errors
/// When the configuration cannot be used.
pub fn fenced(config: &Config, fence: &Fence) -> Result<Client, ClientError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(config.connect_timeout);
    let connector = FencedConnector {
        inner: tcp,
        fence: fence.clone(),
    };
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let http: HyperClient<_, Body> = Builder::new(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        // A write that was cut off by the fence must not be sent again.
        .retry_canceled_requests(false)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
