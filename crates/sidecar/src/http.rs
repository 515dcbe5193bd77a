//! Probes and metrics over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::actor::Ask;
use crate::health::Health;
use crate::metrics::Metrics;

/// Counts that do not come within this are shown as they were.
const PATIENCE: Duration = Duration::from_secs(1);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the pages are made of.
#[derive(Clone, Debug)]
pub struct Site {
    /// For the probes.
    pub health: Arc<Health>,
    /// For the scraper.
    pub metrics: Metrics,
    /// Where the loop is asked for counts.
    pub ask: mpsc::Sender<Ask>,
}

/// What an address serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Probes and metrics.
    All,
    /// Probes alone: whoever may ask learns no name of a spread.
    Probes,
    /// Metrics alone.
    Metrics,
}

/// Listens, and serves for as long as the answer is kept running.
///
/// # Errors
/// When the address cannot be had.
pub async fn listen(
    address: SocketAddr,
    pages: Pages,
    site: Site,
) -> std::io::Result<(SocketAddr, impl Future<Output = std::io::Result<()>>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let mut router = Router::new();
    if pages != Pages::Metrics {
        router = router.route("/livez", get(livez)).route("/readyz", get(readyz));
    }
    if pages != Pages::Probes {
        router = router.route("/metrics", get(metrics));
    }
    let router = router.with_state(site);
    Ok((address, axum::serve(listener, router).into_future()))
}

async fn livez(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.health.is_alive() {
        (StatusCode::OK, "alive\n")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "the loop hangs\n")
    }
}

/// Trouble makes nobody unready: a rolling update of the settings would wait for it.
async fn readyz(State(site): State<Site>) -> (StatusCode, String) {
    let trouble = site
        .health
        .told_trouble()
        .map_or_else(String::new, |trouble| trouble + "\n");
    if site.health.is_ready() {
        (StatusCode::OK, format!("ready\n{trouble}"))
    } else {
        let missing = "settings or caches are missing\n";
        (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}{trouble}"))
    }
}

async fn metrics(State(site): State<Site>) -> impl IntoResponse {
    let (answer, counts) = oneshot::channel();
    if site.ask.try_send(answer).is_ok()
        && let Ok(Ok(counts)) = tokio::time::timeout(PATIENCE, counts).await
    {
        site.metrics.count(&counts.spreads, &counts.ledger_ages);
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], site.metrics.render())
}
