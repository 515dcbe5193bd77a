//! `policy-host-serve --policies policies.yml`: see the library.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use policy_host::{Cluster, Engine, LogSink, Store};
use policy_host_serve::live::Live;
use policy_host_serve::server::{Service, Stop, serve};
use policy_host_serve::tls::Identity;
use policy_host_serve::{objects, policies};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Serves policies over HTTPS from policy-server's policies.yml, over a cluster or over objects in memory.
///
/// Once it listens, it writes one line of JSON to the standard output: address, policies, and the certificate of its
/// authority if it made one. Policies log to the standard error.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The policies to serve, in policy-server's format.
    #[arg(long, value_name = "FILE")]
    policies: PathBuf,
    /// The objects of the cluster: a YAML or JSON file, or a folder of them. May be given again.
    #[arg(long, value_name = "PATH", conflicts_with = "kubeconfig")]
    objects: Vec<PathBuf>,
    /// The cluster that policies ask about.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// How late lists learn of a change of the cluster, beyond the watch's own delay.
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "kubeconfig")]
    view_lag_ms: u64,
    /// Close each connection after its answer, so that a balancer of connections balances requests.
    #[arg(long)]
    close_connections: bool,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    addr: IpAddr,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The server's certificate, PEM. Without one an authority is made.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// Another name for the certificate that is made; localhost and the address are in it.
    #[arg(long, value_name = "NAME")]
    tls_name: Vec<String>,
    /// Where to write the certificate of the authority that is made; default: a file among the temporary ones.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How many evaluations may run at a time.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// How long an evaluation may take where its policy does not say.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=30))]
    timeout_eval_seconds: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let service = Arc::new(service(&args, cluster(&args, &runtime)?)?);
    let (identity, authority) = identity(&args)?;
    let listener = TcpListener::bind(SocketAddr::new(args.addr, args.port))
        .with_context(|| format!("cannot listen on {}:{}", args.addr, args.port))?;
    let address = listener.local_addr()?;
    let tls = identity.server_config()?;
    println!(
        "{}",
        json!({ "listening": address, "policies": service.ids(), "ca": authority })
    );
    runtime.block_on(async {
        let stop = Stop::new();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            told.stop();
        });
        serve(listener, tls, service, stop).await
    })?;
    // A policy may wait for a list that it has no permission for, and nothing can interrupt it.
    runtime.shutdown_background();
    Ok(())
}

fn cluster(args: &Args, runtime: &Runtime) -> Result<Arc<dyn Cluster>> {
    if let Some(file) = &args.kubeconfig {
        let lag = Duration::from_millis(args.view_lag_ms);
        return Ok(Arc::new(runtime.block_on(Live::connect(file, lag))?));
    }
    let store = Store::new();
    for path in &args.objects {
        objects::load(&store, path)?;
    }
    Ok(Arc::new(store))
}

fn service(args: &Args, cluster: Arc<dyn Cluster>) -> Result<Service> {
    let file = &args.policies;
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let engine = Engine::new()?;
    let policies = policies::read(&text, folder)
        .and_then(|entries| policies::prepare(&entries, &engine, args.timeout_eval_seconds))
        .with_context(|| format!("`{}` cannot be served", file.display()))?;
    let service = Service::new(policies, &engine, cluster, Some(Arc::new(Stderr)), args.workers);
    Ok(if args.close_connections {
        service.closing_connections()
    } else {
        service
    })
}

/// The identity, and where the certificate of its authority was written if it was made.
fn identity(args: &Args) -> Result<(Identity, Option<PathBuf>)> {
    if let (Some(certificate), Some(key)) = (&args.cert_file, &args.key_file) {
        return Ok((Identity::from_files(certificate, key)?, None));
    }
    let mut names = vec!["localhost".to_owned(), args.addr.to_string()];
    names.extend(args.tls_name.iter().cloned());
    let (identity, authority) = Identity::make(&names)?;
    let path = match &args.ca_file {
        Some(path) => path.clone(),
        None => std::env::temp_dir().join(format!("policy-host-serve-ca-{}.pem", std::process::id())),
    };
    if path.is_dir() {
        bail!("`{}` is a folder: --ca-file takes a file", path.display());
    }
    std::fs::write(&path, authority).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok((identity, Some(path)))
}

struct Stderr;

impl LogSink for Stderr {
    fn log(&self, line: &[u8]) {
        eprintln!("{}", String::from_utf8_lossy(line));
    }
}
