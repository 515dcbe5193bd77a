//! A control plane on which several cases are played at once.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use spillway_e2e::{
    Component, ControlPlane, Folder, Identity, Options, PolicyHost, PolicyHostOptions, Sidecar,
    SidecarOptions, Witness, install, nodes, places, workloads,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::story::{Act, Story};
use crate::failover::Draw;
use crate::ground::PATIENCE;
use crate::scene::WEB;
use crate::support::until_published;

/// A sidecar that leads no more is followed after this and a request's time.
const LEASE: [&str; 2] = ["--lease-duration", "5"];

/// A namespace that is never made: a selector of no namespace at all would be refused.
const NOBODY: &str = "nobody";

const POLICY: &str = "spillway-hostile";

/// The pause before the API server is asked again.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Stage {
    pub(super) plane: ControlPlane,
    pub(super) admin: Client,
    pub(super) witnesses: Vec<(String, Witness)>,
    pub(super) outages: usize,
    settings: Value,
    _policy: PolicyHost,
    /// The namespaces that the policy is asked about.
    asked: Mutex<BTreeSet<String>>,
    sidecars: Mutex<Vec<Slot>>,
}

/// A place for a sidecar: who was killed comes back as another process.
struct Slot {
    sidecar: Sidecar,
    lives: usize,
    is_here: bool,
    is_dead: bool,
}

impl Stage {
    pub(super) async fn build(stories: &[Story]) -> Self {
        let options = Options {
            controller_qps: 2000,
            ..Options::default()
        };
        let folder = Folder::temporary(&places::repository().join("target/e2e")).unwrap();
        let plane = ControlPlane::start(folder, options).await.unwrap();
        let admin = plane.client(Identity::Admin).await.unwrap();
        install(&admin).await.unwrap();
        let rules: Vec<&Value> = stories.iter().map(|story| &story.rule).collect();
        let settings = json!({"observe": "Ledger", "spreads": rules});
        let mut sidecars = Vec::new();
        for number in 0..2 {
            sidecars.push(Slot {
                sidecar: sidecar(&plane, &settings, number, 0),
                lives: 1,
                is_here: true,
                is_dead: false,
            });
        }
        let mut witnesses = Vec::new();
        for story in stories {
            workloads::namespace(&admin, &story.shop).await.unwrap();
            for pool in &story.pools {
                plane.add_nodes(&pool.pool).await.unwrap();
            }
            let witness = Witness::start(&admin, &story.shop, "").await.unwrap();
            witnesses.push((story.shop.clone(), witness));
            if story.is_job() {
                workloads::create(&admin, &story.shop, &story.job())
                    .await
                    .unwrap();
            } else {
                workloads::create(&admin, &story.shop, &story.deployment())
                    .await
                    .unwrap();
            }
        }
        let shops: Vec<String> = stories.iter().map(|story| story.shop.clone()).collect();
        let options = PolicyHostOptions {
            name: POLICY.to_owned(),
            namespaces: shops.iter().cloned().chain([NOBODY.to_owned()]).collect(),
            view_lags: view_lags(stories),
            ..PolicyHostOptions::default()
        };
        let policy = PolicyHost::start(&plane, &settings, options).await.unwrap();
        for shop in &shops {
            until_published(&admin, shop, WEB).await;
        }
        Self {
            plane,
            admin,
            witnesses,
            outages: stories.iter().map(Story::outages).sum(),
            settings,
            _policy: policy,
            asked: Mutex::new(shops.into_iter().collect()),
            sidecars: Mutex::new(sidecars),
        }
    }

    pub(super) fn witness(&self, shop: &str) -> &Witness {
        let found = self.witnesses.iter().find(|(of, _)| of == shop);
        &found.unwrap().1
    }

    /// Plays all cases at once, each to its end.
    pub(super) async fn play(&self, stories: &[Story]) {
        let begun = Instant::now();
        let mut of_stage: Vec<(Duration, Act)> = stories
            .iter()
            .flat_map(|story| story.acts.iter().copied())
            .filter(|(_, act)| act.is_of_stage())
            .collect();
        of_stage.sort_by_key(|(at, _)| *at);
        let blows = async {
            let mut away = 0;
            for (at, act) in of_stage {
                tokio::time::sleep_until(begun + at).await;
                self.befall(act, &mut away).await;
            }
        };
        let own = stories.iter().map(|story| async move {
            let mut draw = Draw(story.seed);
            let own = story.acts.iter().filter(|(_, act)| !act.is_of_stage());
            for (at, act) in own {
                tokio::time::sleep_until(begun + *at).await;
                self.act(story, *act, &mut draw).await;
            }
        });
        futures::future::join(blows, futures::future::join_all(own)).await;
    }

    /// What befalls all. Who is away already is left alone, and comes back once.
    async fn befall(&self, act: Act, away: &mut usize) {
        match act {
            Act::ApiGoes => {
                if *away == 0 {
                    self.plane.kill(Component::ApiServer).unwrap();
                }
                *away += 1;
            }
            Act::ApiComes => {
                *away -= 1;
                if *away == 0 {
                    self.plane.start_component(Component::ApiServer).await.unwrap();
                }
            }
            Act::Kill(number) | Act::Stop(number) | Act::Freeze(number) => {
                let mut slots = self.sidecars.lock().await;
                let slot = number as usize % slots.len();
                let slot = &mut slots[slot];
                if !slot.is_here {
                    return;
                }
                slot.is_here = false;
                let process = slot.sidecar.process();
                match act {
                    Act::Freeze(_) => process.freeze().unwrap(),
                    Act::Stop(_) => {
                        // It finishes its writes, which takes a while where the API server is away.
                        slot.is_dead = true;
                        rustix::process::kill_process(
                            rustix::process::Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap(),
                            rustix::process::Signal::TERM,
                        )
                        .unwrap();
                    }
                    _ => {
                        slot.is_dead = true;
                        process.kill().unwrap();
                    }
                }
            }
            Act::Return(number) => {
                let mut slots = self.sidecars.lock().await;
                let place = number as usize % slots.len();
                let slot = &mut slots[place];
                if slot.is_here {
                    return;
                }
                slot.is_here = true;
                if slot.is_dead {
                    slot.is_dead = false;
                    slot.sidecar = sidecar(&self.plane, &self.settings, place, slot.lives);
                    slot.lives += 1;
                } else {
                    slot.sidecar.process().thaw().unwrap();
                }
            }
            other => panic!("{other:?} is a case's own"),
        }
    }

    async fn act(&self, story: &Story, act: Act, draw: &mut Draw) {
        match act {
            Act::Scale(replicas) => self.scale(story, replicas).await,
            Act::RollOut(template) => {
                let image = format!("registry.example.org/app:{}", template + 1);
                self.insist(|| workloads::roll_out(&self.admin, &story.shop, WEB, &image))
                    .await;
            }
            Act::LoseNode(number) => {
                let (_, pool, within) = story.node(number);
                let name = format!("{pool}-{within}");
                self.insist(|| nodes::lose(&self.admin, &name)).await;
            }
            Act::RestoreNode(number) => {
                let (pool, _, within) = story.node(number);
                self.insist(|| nodes::restore(&self.admin, pool, within)).await;
            }
            Act::DeletePods(count) => self.delete_pods(story, count, draw).await,
            Act::PolicyGoes => self.ask_about(&story.shop, false).await,
            Act::PolicyComes => self.ask_about(&story.shop, true).await,
            other => panic!("{other:?} befalls all"),
        }
    }

    pub(super) async fn scale(&self, story: &Story, replicas: u32) {
        let replicas = i32::try_from(replicas).unwrap();
        if story.is_job() {
            let jobs: Api<Job> = Api::namespaced(self.admin.clone(), &story.shop);
            let patch = Patch::Merge(json!({"spec": {"parallelism": replicas}}));
            self.insist(|| async { jobs.patch(WEB, &PatchParams::default(), &patch).await.map(drop) })
                .await;
        } else {
            self.insist(|| workloads::scale(&self.admin, &story.shop, WEB, replicas))
                .await;
        }
    }

    async fn delete_pods(&self, story: &Story, count: u32, draw: &mut Draw) {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), &story.shop);
        let seen = self.witness(&story.shop).seen();
        let mut names: Vec<&String> = seen.pods.keys().collect();
        for _ in 0..count {
            if names.is_empty() {
                return;
            }
            let drawn = draw.below(names.len() as u64);
            let name = names.remove(usize::try_from(drawn).unwrap());
            self.insist(|| async {
                match pods.delete(name, &DeleteParams::default()).await {
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                    other => other.map(drop),
                }
            })
            .await;
        }
    }

    /// Whether the API server asks the policy about a namespace: if not, its pods are made as if there were no policy.
    async fn ask_about(&self, shop: &str, is_asked: bool) {
        let mut asked = self.asked.lock().await;
        if is_asked {
            asked.insert(shop.to_owned());
        } else {
            asked.remove(shop);
        }
        let values: Vec<String> = asked.iter().cloned().chain([NOBODY.to_owned()]).collect();
        let configurations: Api<MutatingWebhookConfiguration> = Api::all(self.admin.clone());
        let name = format!("clusterwide-{POLICY}");
        self.insist(|| async {
            let mut configuration = configurations.get(&name).await?;
            let selectors = configuration
                .webhooks
                .iter_mut()
                .flatten()
                .filter_map(|webhook| webhook.namespace_selector.as_mut())
                .flat_map(|selector| selector.match_expressions.iter_mut().flatten());
            for selector in selectors {
                selector.values = Some(values.clone());
            }
            let how = PostParams::default();
            configurations
                .replace(&name, &how, &configuration)
                .await
                .map(drop)
        })
        .await;
    }

    /// The Deployment of a case, as it is now.
    pub(super) fn deployments(&self, story: &Story) -> Api<Deployment> {
        Api::namespaced(self.admin.clone(), &story.shop)
    }

    /// Does something until the API server does it: it may be away.
    async fn insist<F, E>(&self, attempt: impl Fn() -> F)
    where
        F: Future<Output = Result<(), E>>,
        E: std::fmt::Display,
    {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = attempt().await {
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn sidecar(plane: &ControlPlane, settings: &Value, place: usize, life: usize) -> Sidecar {
    let options = SidecarOptions {
        name: format!("sidecar-{place}-{life}"),
        arguments: LEASE.iter().map(ToString::to_string).collect(),
        ..SidecarOptions::default()
    };
    Sidecar::spawn(plane, settings, &options).unwrap()
}

/// The least, the middle and the longest lag of all policies of the cases.
fn view_lags(stories: &[Story]) -> Vec<Duration> {
    let mut lags: Vec<Duration> = stories
        .iter()
        .flat_map(|story| story.view_lags.iter().copied())
        .collect();
    lags.sort();
    [0, lags.len() / 2, lags.len() - 1]
        .iter()
        .map(|ix| lags[*ix])
        .collect()
}
