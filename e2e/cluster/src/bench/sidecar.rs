//! What the sidecar takes of its machine, with many spreads and many pods.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use spillway_e2e::{
    Identity, PodPace, PolicyHost, PolicyHostOptions, Sidecar, SidecarOptions, Witness, workloads,
};

use crate::burst;

const PATIENCE: Duration = Duration::from_secs(900);

/// Starts so many Deployments of so many pods each and reads the sidecar's own process.
pub(crate) async fn measure(spreads: usize, each: usize) -> Result<Value> {
    eprintln!("the sidecar with {spreads} spreads of {each} pods");
    let plane = burst::plane(PodPace::AtOnce).await?;
    let admin = plane.client(Identity::Admin).await?;
    let shop = "shop";
    workloads::namespace(&admin, shop).await?;
    let names: Vec<String> = (0..spreads).map(|number| format!("web-{number:03}")).collect();
    let settings = burst::settings(&names, each);
    let mut sidecar = Sidecar::start(&plane, &settings, &SidecarOptions::default()).await?;
    let _policy = PolicyHost::start(&plane, &settings, PolicyHostOptions::for_namespace(shop)).await?;
    let witness = Witness::start(&admin, shop, "").await?;
    for name in &names {
        workloads::create(&admin, shop, &workloads::deployment(name, i32::try_from(each)?)?).await?;
    }
    let all = spreads * each;
    let seen = witness
        .until("every pod ready", PATIENCE, |seen| {
            seen.ready() >= all && seen.gated() == 0
        })
        .await?;
    let process = sidecar.process().id();
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).context("the sidecar's times")?;
    // utime and stime, the 14th and 15th field, in hundredths of a second; the name in brackets may hold spaces.
    let times: Vec<u64> = stat
        .rsplit(')')
        .next()
        .into_iter()
        .flat_map(str::split_whitespace)
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    Ok(json!({
        "pods": all,
        "spreads": spreads,
        "fixed": seen.placed("fixed"),
        "elastic": seen.placed("elastic"),
        "residentKiB": sidecar.process().status_kib("VmRSS"),
        "mostResidentKiB": sidecar.process().most_resident_kib(),
        "cpuSeconds": times.iter().sum::<u64>() / 100,
    }))
}
