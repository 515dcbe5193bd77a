//! Puts the parts together, and takes them apart in order when the process is to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sidecar_core::lease::{Campaign, Elector, Standing, Timing};
use sidecar_core::reconciler::Limits;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::actor::{Actor, Hands, Inbox};
use crate::apply::Writer;
use crate::client::{self, ClientError, REQUEST_TIMEOUT};
use crate::clock;
use crate::config::SettingsError;
use crate::events::Teller;
use crate::fence::Fence;
use crate::health::Health;
use crate::http::{Pages, Site, listen};
use crate::lease::{LeaseTask, Store};
use crate::metrics::Metrics;
use crate::observe::Watches;
use crate::settings_source::{Origin, SettingsTask, file};

/// What the process is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the settings come from.
    pub origin: Origin,
    /// How the cluster is reached; `None`: as kubectl and pods do.
    pub kubeconfig: Option<PathBuf>,
    /// Where the Lease is.
    pub lease_namespace: String,
    /// How long a lease lasts without renewal.
    pub lease_duration: Duration,
    /// The name by which it holds the Lease; something is added that no other process has.
    pub identity: String,
    /// Where probes are served, and metrics unless they have an address of their own; `None`: nowhere.
    pub http: Option<SocketAddr>,
    /// Where metrics are served instead.
    pub metrics: Option<SocketAddr>,
    /// Print, and write nothing.
    pub is_dry: bool,
    /// How many writes are on their way at a time.
    pub limits: Limits,
}

/// Serves the pages of the sidecar in the background.
async fn serve(options: &Options, site: &Site) -> Result<(), RunError> {
    let of_http = match options.metrics {
        Some(_) => Pages::Probes,
        None => Pages::All,
    };
    let http = options.http.map(|address| (address, of_http));
    let metrics = options.metrics.map(|address| (address, Pages::Metrics));
    for (address, pages) in http.into_iter().chain(metrics) {
        let listening = listen(address, pages, site.clone()).await;
        let (address, serving) = listening.map_err(|source| RunError::Listen { address, source })?;
        info!(%address, ?pages, "probes and metrics are served");
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                warn!(error = %error, ?pages, "they are served no more");
            }
        });
    }
    Ok(())
}

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The settings in the file have faults.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The address cannot be had.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Signals cannot be had.
    #[error("signals cannot be listened for: {0}")]
    Signals(std::io::Error),
}

/// Messages that wait for the loop; watches are slowed down beyond that.
const INBOX: usize = 1024;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot even begin. What fails later is told, and tried again.
pub async fn run(options: Options) -> Result<(), RunError> {
    let metrics = Metrics::new();
    let health = Arc::new(Health::default());
    let fence = Fence::closed();
    let first = match &options.origin {
        Origin::File(path) => Some(file(path)?),
        Origin::Policy(_) => None,
    };
    let config = client::config(options.kubeconfig.as_deref()).await?;
    let reading = client::reading(&config)?;
    let mut ends = [SignalKind::terminate(), SignalKind::interrupt()]
        .into_iter()
        .map(signal)
        .collect::<Result<Vec<_>, _>>()
        .map_err(RunError::Signals)?;

    let (tell, told) = mpsc::channel(INBOX);
    let (tell_settings, settings) = mpsc::channel(4);
    let (ask, asks) = mpsc::channel(4);
    let (stand, candidacy) = watch::channel(None);
    let (stop_actor, actor_stops) = watch::channel(false);
    let (stop_lease, lease_stops) = watch::channel(false);
    let (tell_standing, standing) = watch::channel(Standing::Standby);

    let site = Site {
        health: health.clone(),
        metrics: metrics.clone(),
        ask,
    };
    serve(&options, &site).await?;

    if let Some(loaded) = first {
        // The channel is new and has room.
        let _ = tell_settings.try_send(loaded);
    }
    let identity = unique(&options.identity);
    let teller = Teller::new(
        reading.clone(),
        &options.lease_namespace,
        &identity,
        options.is_dry,
    );
    let settings_task = SettingsTask {
        client: reading.clone(),
        origin: options.origin.clone(),
        tell: tell_settings,
        metrics: metrics.clone(),
        teller: teller.clone(),
        lease_namespace: (!options.is_dry).then(|| options.lease_namespace.clone()),
    };
    let settings_task = tokio::spawn(settings_task.run());

    let kept;
    let (hands, lease) = if options.is_dry {
        // Nobody waits for a lease that nothing is written by.
        let far = clock::moment() + Duration::from_secs(86_400 * 365);
        tell_standing.send_replace(Standing::Leading {
            epoch: 0,
            writes_until: far,
        });
        kept = Some(tell_standing);
        (Hands::Paper, None)
    } else {
        let writing = client::fenced(&config, &fence)?;
        let writer = Writer::new(
            writing,
            reading.clone(),
            fence.clone(),
            &identity,
            metrics.clone(),
        );
        let timing = Timing::of(options.lease_duration, REQUEST_TIMEOUT);
        let lease = LeaseTask {
            store: Store::new(reading.clone(), &options.lease_namespace),
            campaign: Campaign::new(Elector::new(identity.clone(), timing)),
            fence: fence.clone(),
            candidacy,
            standing: tell_standing,
            stop: lease_stops,
            metrics: metrics.clone(),
            health: health.clone(),
            teller: teller.clone(),
        };
        kept = None;
        (Hands::Writer(Box::new(writer)), Some(tokio::spawn(lease.run())))
    };
    info!(identity, is_dry = options.is_dry, "started");

    let watches = Watches::new(reading, tell, metrics.clone(), teller);
    let actor = Actor::new(watches, hands, options.limits, health, metrics, stand);
    let inbox = Inbox {
        told,
        settings,
        standing,
        asks,
        stop: actor_stops,
    };
    let mut actor = tokio::spawn(actor.run(inbox));

    let ended = futures::future::select_all(ends.iter_mut().map(|signal| Box::pin(signal.recv())));
    tokio::select! {
        _ = ended => info!("asked to end"),
        _ = &mut actor => warn!("the loop has ended"),
    }
    settings_task.abort();
    drop(kept);
    stop_actor.send_replace(true);
    // The writes on their way end by then, one way or the other.
    let patience = REQUEST_TIMEOUT + Duration::from_secs(1);
    let is_drained = actor.is_finished() || tokio::time::timeout(patience, actor).await.is_ok();
    match lease {
        // Given up, the next holder waits for nothing: so only when nothing is on its way.
        Some(lease) if is_drained => {
            stop_lease.send_replace(true);
            let _ = tokio::time::timeout(patience, lease).await;
        }
        Some(lease) => {
            warn!("writes are still on their way: the Lease is left to run out");
            fence.close();
            lease.abort();
        }
        None => {}
    }
    info!("ended");
    Ok(())
}

/// A name that no other process has, not even an earlier one on the same host.
fn unique(identity: &str) -> String {
    format!("{identity}_{:08x}", fastrand::u32(..))
}
