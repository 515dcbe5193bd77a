//! `spillway-cluster up | env | down`: a control plane to play with, without containers.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use serde_json::Value;
use spillway_e2e::{
    ControlPlane, Folder, Identity, NodePool, Options, PolicyHost, PolicyHostOptions, Sidecar,
    SidecarOptions, apply, install, standing,
};

/// A real control plane on this machine, without containers: etcd, kube-apiserver, kube-controller-manager, kube-scheduler
/// and KWOK, which plays the nodes.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The folder that it lives in: kubeconfigs, data and logs.
    #[arg(long, value_name = "FOLDER", default_value = "target/cluster", global = true)]
    folder: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start it, with a pool `fixed` of 10 nodes for 20 pods each, and a virtual node `elastic-0` for 10,000.
    Up {
        /// Requests per second of the controllers; Kubernetes' default is 20, at which large bursts are slow.
        #[arg(long, value_name = "N", default_value_t = 20)]
        controller_qps: u32,
        /// Serve the policy with these settings (YAML or JSON) and register it for all namespaces; with `observe: Ledger`
        /// the sidecar runs too.
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
    },
    /// Print what a shell needs to speak to it.
    Env,
    /// End it and remove its folder.
    Down,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    match args.command {
        Command::Up {
            controller_qps,
            settings,
        } => up(&args.folder, controller_qps, settings.as_deref()).await,
        Command::Env => env(&args.folder),
        Command::Down => down(&args.folder),
    }
}

async fn up(folder: &Path, controller_qps: u32, settings: Option<&Path>) -> Result<()> {
    if standing::read(folder)?.iter().any(standing::Left::runs) {
        bail!(
            "there is a cluster in `{}`: end it with `make cluster-down`",
            folder.display()
        );
    }
    let settings = settings.map(read_settings).transpose()?;
    // What an interrupted start has left.
    standing::end(folder)?;
    let options = Options {
        controller_qps,
        ..Options::default()
    };
    let plane = ControlPlane::start(Folder::kept(folder)?, options).await?;
    let elastic = NodePool::new("elastic", 1, 10_000)
        .label("type", "virtual-kubelet")
        .taint("virtual-kubelet.io/provider", "example", "NoSchedule");
    plane.add_nodes(&NodePool::new("fixed", 10, 20)).await?;
    plane.add_nodes(&elastic).await?;
    let admin = plane.client(Identity::Admin).await?;
    install(&admin).await?;
    let sidecar = match &settings {
        Some(settings) if settings.get("observe").is_some_and(|observe| observe == "Ledger") => {
            Some(Sidecar::start(&plane, settings, &SidecarOptions::default()).await?)
        }
        _ => None,
    };
    let policy = match &settings {
        Some(settings) => Some(PolicyHost::start(&plane, settings, PolicyHostOptions::default()).await?),
        None => None,
    };

    let kubeconfigs = Identity::ALL.map(|identity| (identity.user(), plane.kubeconfig(identity)));
    let home = plane.folder().to_owned();
    let mut left = plane.leave()?;
    let is_bound = sidecar.is_some();
    left.extend(sidecar.map(Sidecar::leave).transpose()?);
    if let Some(policy) = policy {
        left.extend(policy.leave()?);
    }
    standing::write(&home, &left)?;

    println!("running, with logs in {}:", home.display());
    for process in &left {
        println!("  {} ({})", process.name, process.id);
    }
    println!("kubeconfigs:");
    for (user, path) in kubeconfigs {
        println!("  {user}: {}", path.display());
    }
    println!("next:");
    println!("  export KUBECONFIG={}", admin_file(&home).display());
    println!("  kubectl get nodes -L pool");
    println!("  kubectl create deployment web --image=registry.example.org/app:1 --replicas=30");
    println!("  kubectl get pods -o wide -L spillway.dev/subset");
    if is_bound {
        println!("  kubectl get spreadledgers");
    }
    println!("  make cluster-down");
    Ok(())
}

fn env(folder: &Path) -> Result<()> {
    if !standing::read(folder)?.iter().any(standing::Left::runs) {
        bail!(
            "there is no cluster in `{}`: start one with `make cluster-up`",
            folder.display()
        );
    }
    println!(
        "export KUBECONFIG={}",
        admin_file(&folder.canonicalize()?).display()
    );
    Ok(())
}

fn down(folder: &Path) -> Result<()> {
    let ended = standing::end(folder)?;
    if ended.is_empty() {
        eprintln!("nothing runs in `{}`", folder.display());
    }
    for process in ended {
        println!("ended {} ({})", process.name, process.id);
    }
    Ok(())
}

fn admin_file(folder: &Path) -> PathBuf {
    folder.join("admin.kubeconfig")
}

fn read_settings(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    apply::yaml(&text).with_context(|| format!("`{}` cannot be used", path.display()))
}
