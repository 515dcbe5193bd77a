//! The server: routes, the pool that evaluations run in, and an orderly end.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use policy_host::{AdmitError, Capabilities, Cluster, Engine, Grants, Kubernetes, LogSink, Policy, Ticker};
use rustls::ServerConfig;
use tokio::sync::Semaphore;

use crate::policies::TICKS_PER_SECOND;

/// The API server sends no more.
const BODY_LIMIT: usize = 3 * 1024 * 1024;
/// How long requests in flight may take once the server is told to stop.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// What is served.
pub struct Service {
    policies: BTreeMap<String, Served>,
    workers: Arc<Semaphore>,
    reviews: AtomicU64,
    close_connections: bool,
    _ticker: Ticker,
}

struct Served {
    policy: Policy,
    capabilities: Arc<dyn Capabilities>,
}

impl Service {
    /// These policies, over one cluster, with at most `workers` evaluations at a time. The engine is theirs; it is ticked
    /// for as long as the service lives.
    #[must_use]
    pub fn new(
        policies: BTreeMap<String, (Policy, Grants)>,
        engine: &Engine,
        cluster: Arc<dyn Cluster>,
        logs: Option<Arc<dyn LogSink>>,
        workers: usize,
    ) -> Self {
        let policies = policies
            .into_iter()
            .map(|(id, (policy, grants))| {
                let mut kubernetes = Kubernetes::new(cluster.clone(), Arc::new(grants));
                if let Some(logs) = &logs {
                    kubernetes = kubernetes.with_logs(logs.clone());
                }
                let capabilities: Arc<dyn Capabilities> = Arc::new(kubernetes);
                (id, Served { policy, capabilities })
            })
            .collect();
        let period = Duration::from_millis(1000 / TICKS_PER_SECOND);
        Self {
            policies,
            workers: Arc::new(Semaphore::new(workers.max(1))),
            reviews: AtomicU64::new(0),
            close_connections: false,
            _ticker: Ticker::start(engine, period),
        }
    }

    /// The same, but each connection is closed after its answer.
    #[must_use]
    pub fn closing_connections(mut self) -> Self {
        self.close_connections = true;
        self
    }

    /// The policies' ids.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.policies.keys().cloned().collect()
    }
}

/// Ends a server.
#[derive(Clone)]
pub struct Stop(Handle<SocketAddr>);

impl Stop {
    /// A stop for one server.
    #[must_use]
    pub fn new() -> Self {
        Self(Handle::new())
    }

    /// Takes no more requests; those in flight are answered first.
    pub fn stop(&self) {
        self.0.graceful_shutdown(Some(LAST_REQUESTS));
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// Serves until it is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    tls: ServerConfig,
    service: Arc<Service>,
    stop: Stop,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let config = RustlsConfig::from_config(Arc::new(tls));
    let acceptor = RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new());
    axum_server::from_tcp(listener)?
        .acceptor(acceptor)
        .handle(stop.0)
        .serve(router(service).into_make_service())
        .await
}

fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/validate/{id}", post(validate))
        .route("/readiness", get(|| async { StatusCode::OK }))
        .route("/reviews", get(reviews))
        .layer(map_response_with_state(service.clone(), keep_or_close))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(service)
}

/// How many reviews were evaluated.
async fn reviews(State(service): State<Arc<Service>>) -> String {
    service.reviews.load(Ordering::Relaxed).to_string()
}

async fn keep_or_close(State(service): State<Arc<Service>>, mut response: Response) -> Response {
    if service.close_connections {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn validate(State(state): State<Arc<Service>>, Path(id): Path<String>, body: Bytes) -> Response {
    if !state.policies.contains_key(&id) {
        let ids = state.ids().join(", ");
        return refuse(
            StatusCode::NOT_FOUND,
            &format!("there is no policy `{id}`: there are {ids}"),
        );
    }
    let Ok(permit) = state.workers.clone().acquire_owned().await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "the server stops");
    };
    let service = state.clone();
    let evaluation = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let served = service.policies.get(&id)?;
        Some(served.policy.admit(&body, served.capabilities.clone()))
    });
    let evaluation = evaluation.await;
    state.reviews.fetch_add(1, Ordering::Relaxed);
    match evaluation {
        Ok(Some(Ok(response))) => match response.to_review() {
            Ok(review) => ([(header::CONTENT_TYPE, "application/json")], review).into_response(),
            Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        Ok(Some(Err(error @ AdmitError::Review(_)))) => {
            refuse(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())
        }
        Ok(Some(Err(error))) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Ok(None) => refuse(StatusCode::NOT_FOUND, "there is no such policy"),
        Err(error) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the evaluation ended: {error}"),
        ),
    }
}

fn refuse(code: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({ "status": code.as_u16(), "message": message }).to_string();
    (code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
