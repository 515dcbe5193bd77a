//! The cases, each over HTTPS and in process.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use policy_host::{Counted, Engine, Grants, Kubernetes, Limit, Module, Policy, Resource, Store};
use policy_host_serve::client::Client;
use policy_host_serve::policies::TICKS_PER_SECOND;
use policy_host_serve::server::{Service, Stop, serve};
use policy_host_serve::tls::Identity;
use serde_json::Value;

use super::measure::{Pair, in_turn};
use super::report::{Figures, Report, Sizes};
use crate::fixtures;

/// One situation that a request meets.
#[derive(Clone, Copy)]
struct Case {
    /// Whether a spread concerns the pod.
    concerned: bool,
    /// Whether the counts come from a ledger.
    by_ledger: bool,
    listed: usize,
    spreads: usize,
    /// What the ratio of the medians over HTTPS should not exceed.
    aim: Option<f64>,
}

const fn case(concerned: bool, listed: usize, spreads: usize, aim: Option<f64>) -> Case {
    Case {
        concerned,
        by_ledger: false,
        listed,
        spreads,
        aim,
    }
}

/// A pod that is placed by the ledger of a workload of so many pods.
const fn by_ledger(pods: usize) -> Case {
    Case {
        by_ledger: true,
        ..case(true, pods, 1, None)
    }
}

const CASES: [Case; 12] = [
    case(false, 0, 1, Some(1.3)),
    case(false, 0, 10, None),
    case(false, 0, 100, None),
    case(true, 0, 1, None),
    case(true, 10, 1, None),
    case(true, 100, 1, Some(2.0)),
    case(true, 1000, 1, None),
    case(true, 100, 10, None),
    case(true, 100, 100, None),
    by_ledger(10),
    by_ledger(1000),
    by_ledger(10_000),
];

/// Measures all cases.
pub(crate) fn run(policy: &Path, base: &Path, requests: u32, progress: &dyn Fn(&str)) -> Result<Report> {
    let engine = Engine::new()?;
    let module = |path: &Path| Module::file_in_engine(&engine, path);
    let (policy, base) = (module(policy)?, module(base)?);
    let mut figures = Vec::new();
    for case in CASES {
        let pod = if case.concerned { "placed" } else { "not concerned" };
        progress(&format!(
            "{pod}, {} pods{}, {} spreads",
            case.listed,
            if case.by_ledger { " in a ledger" } else { " listed" },
            case.spreads
        ));
        figures.push(measure(case, &engine, &policy, &base, requests)?);
    }
    Ok(Report {
        requests,
        wasm: Sizes {
            policy: policy.size(),
            base: base.size(),
        },
        cases: figures,
    })
}

fn measure(case: Case, engine: &Engine, policy: &Module, base: &Module, requests: u32) -> Result<Figures> {
    let store = Store::new();
    for object in fixtures::objects(case.listed) {
        store.put(0, object)?;
    }
    store.put(0, fixtures::ledger(case.listed))?;
    let grants = Grants::controller([
        Resource::new("v1", "Pod"),
        Resource::new("apps/v1", "ReplicaSet"),
        Resource::new("spillway.dev/v1alpha1", "SpreadLedger"),
    ]);
    let settings = fixtures::settings(case.spreads, case.by_ledger).to_string();
    let limit = Some(Limit {
        ticks: 30 * TICKS_PER_SECOND,
    });
    let ready = |id: &str, module: &Module| {
        Policy::new(id, module.clone(), &settings)
            .map(|policy| policy.allowed_to_mutate(true).with_limit(limit))
    };
    let (policy, base) = (ready("policy", policy)?, ready("base", base)?);
    let verdict = policy.validate_settings()?;
    ensure!(
        verdict.valid,
        "the policy refuses the settings: {}",
        verdict.message.unwrap_or_default()
    );
    let review = fixtures::review(if case.concerned { "web" } else { "blog" });
    let kubernetes = Arc::new(Kubernetes::new(Arc::new(store.clone()), Arc::new(grants.clone())));

    let counted = Arc::new(Counted::new(kubernetes.clone()));
    check(case, &policy.admit(&review, counted.clone())?.to_review()?)?;
    let admit = |policy: &Policy| -> Result<()> {
        policy.admit(&review, kubernetes.clone())?;
        Ok(())
    };
    let instantiate = |policy: &Policy| -> Result<()> {
        policy.module().instance(kubernetes.clone(), limit)?;
        Ok(())
    };
    Ok(Figures {
        concerned: case.concerned,
        by_ledger: case.by_ledger,
        listed: case.listed,
        spreads: case.spreads,
        host_calls: counted.calls().total(),
        https: over_https(engine, &store, &grants, &policy, &base, &review, requests)?,
        in_process: in_turn(requests, || admit(&policy), || admit(&base))?,
        instantiate: in_turn(requests, || instantiate(&policy), || instantiate(&base))?,
        aim: case.aim,
    })
}

/// Figures of a policy that did something else than its case says would be worth nothing.
fn check(case: Case, review: &[u8]) -> Result<()> {
    let answer: Value = serde_json::from_slice(review)?;
    let patched = answer.pointer("/response/patch").is_some();
    if answer.pointer("/response/allowed") != Some(&Value::Bool(true)) || patched != case.concerned {
        bail!("the policy did not answer as this case needs: {answer}");
    }
    Ok(())
}

fn over_https(
    engine: &Engine,
    store: &Store,
    grants: &Grants,
    policy: &Policy,
    base: &Policy,
    review: &[u8],
    requests: u32,
) -> Result<Pair> {
    let served = |policy: &Policy| (policy.id().to_owned(), (policy.clone(), grants.clone()));
    let policies = BTreeMap::from([served(policy), served(base)]);
    let service = Arc::new(Service::new(policies, engine, Arc::new(store.clone()), None, 2));
    let (identity, authority) = Identity::make(&["localhost".to_owned()])?;
    let tls = identity.server_config()?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let stop = Stop::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let told = stop.clone();
    let server = thread::spawn(move || runtime.block_on(serve(listener, tls, service, told)));

    let (mut to_policy, mut to_base) = (
        Client::connect(address, &authority)?,
        Client::connect(address, &authority)?,
    );
    let pair = in_turn(
        requests,
        || post(&mut to_policy, "/validate/policy", review),
        || post(&mut to_base, "/validate/base", review),
    );
    drop((to_policy, to_base));
    stop.stop();
    server
        .join()
        .map_err(|_| anyhow::anyhow!("the server panicked"))?
        .context("the server failed")?;
    pair
}

fn post(client: &mut Client, path: &str, review: &[u8]) -> Result<()> {
    let answer = client.post(path, review)?;
    ensure!(
        answer.code == 200,
        "{path} answered {}: {}",
        answer.code,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}
