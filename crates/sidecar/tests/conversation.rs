//! The loop in conversation with an API server that is made up: what it asks, in which order, and what it never does.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail; the lints know test functions, not their helpers"
)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use sidecar_core::lease::{Candidacy, Standing};
use sidecar_core::reconciler::Limits;
use spillway_sidecar::actor::{Actor, Ask, Hands, Inbox};
use spillway_sidecar::apply::Writer;
use spillway_sidecar::clock;
use spillway_sidecar::config;
use spillway_sidecar::events::Teller;
use spillway_sidecar::fence::Fence;
use spillway_sidecar::health::Health;
use spillway_sidecar::metrics::Metrics;
use spillway_sidecar::observe::Watches;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

const SETTINGS: &str = "
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}
  subsets: [{name: fixed, maxReplicas: 1}, {name: elastic}]
";

/// An API server that answers lists and patches, and never has anything to tell by a watch.
#[derive(Clone)]
struct Server {
    pods: Arc<Mutex<Vec<Value>>>,
    writes: mpsc::UnboundedSender<(String, Value)>,
    /// Writes are answered while there are permits.
    answers: Arc<Semaphore>,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or_default();
        if head.method == Method::GET {
            if query.contains("watch=") {
                std::future::pending::<()>().await;
            }
            let is_of_placed_pods = path.ends_with("/pods") && query.contains("labelSelector=spillway.dev");
            let items = if is_of_placed_pods {
                self.pods.lock().unwrap().clone()
            } else if path.ends_with("/statefulsets") {
                vec![json!({
                    "metadata": {"name": "web", "namespace": "shop", "uid": "o", "resourceVersion": "1"},
                    "spec": {"replicas": 3},
                })]
            } else {
                Vec::new()
            };
            return json_of(&json!({"metadata": {"resourceVersion": "100"}, "items": items}));
        }
        let body = body.collect_bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        self.writes
            .send((format!("{} {path}", head.method), body.clone()))
            .unwrap();
        self.answers.acquire().await.unwrap().forget();
        if !path.contains("/pods/") {
            return json_of(&json!({}));
        }
        let mut pods = self.pods.lock().unwrap();
        let pod = pods
            .iter_mut()
            .find(|pod| path.ends_with(pod["metadata"]["name"].as_str().unwrap()))
            .unwrap();
        let patch: json_patch::Patch = serde_json::from_value(body).unwrap();
        json_patch::patch(pod, &patch).unwrap();
        let version: u64 = pod["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        pod["metadata"]["resourceVersion"] = (version + 1).to_string().into();
        json_of(pod)
    }
}

fn json_of(value: &Value) -> Response<Body> {
    Response::new(Body::from(value.to_string().into_bytes()))
}

fn gated(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"spillway.dev/spread": "web"}, "annotations": {},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "o", "controller": true}],
        },
        "spec": {"schedulingGates": [{"name": "spillway.dev/placement"}]},
        "status": {"phase": "Pending"},
    })
}

fn bound(name: &str, subset: &str) -> Value {
    let mut pod = gated(name);
    pod["metadata"]["resourceVersion"] = "50".into();
    pod["metadata"]["labels"]["spillway.dev/subset"] = subset.into();
    pod["spec"] = json!({});
    pod
}

/// A loop with everything that it is connected to.
struct Rig {
    server: Server,
    writes: mpsc::UnboundedReceiver<(String, Value)>,
    fence: Fence,
    campaign: watch::Receiver<Option<Candidacy>>,
    standing: watch::Sender<Standing>,
    stop: watch::Sender<bool>,
    health: Arc<Health>,
    metrics: Metrics,
    actor: JoinHandle<()>,
    _asks: mpsc::Sender<Ask>,
}

impl Rig {
    fn start(pods: Vec<Value>) -> Self {
        let (tell_writes, writes) = mpsc::unbounded_channel();
        let server = Server {
            pods: Arc::new(Mutex::new(pods)),
            writes: tell_writes,
            answers: Arc::new(Semaphore::new(1000)),
        };
        let client = server.client();
        let (metrics, health, fence) = (Metrics::new(), Arc::new(Health::default()), Fence::closed());
        let metrics_kept = metrics.clone();
        let teller = Teller::new(client.clone(), "spillway-system", "me", true);
        let (tell, told) = mpsc::channel(100);
        let (tell_settings, settings) = mpsc::channel(1);
        let (tell_standing, standing) = watch::channel(Standing::Standby);
        let (tell_stop, stop) = watch::channel(false);
        let (ask, asks) = mpsc::channel(1);
        let (tell_campaign, campaign) = watch::channel(None);
        let watches = Watches::new(client.clone(), tell, metrics.clone(), teller);
        let writer = Writer::new(client.clone(), client, fence.clone(), "me", metrics.clone());
        let hands = Hands::Writer(Box::new(writer));
        let actor = Actor::new(
            watches,
            hands,
            Limits::default(),
            health.clone(),
            metrics,
            tell_campaign,
        );
        tell_settings
            .try_send(config::read(SETTINGS, "f").unwrap())
            .unwrap();
        let inbox = Inbox {
            told,
            settings,
            standing,
            asks,
            stop,
        };
        Self {
            server,
            writes,
            fence,
            campaign,
            standing: tell_standing,
            stop: tell_stop,
            health,
            metrics: metrics_kept,
            actor: tokio::spawn(actor.run(inbox)),
            _asks: ask,
        }
    }

    async fn until_campaigning(&mut self) {
        self.campaign.wait_for(Option::is_some).await.unwrap();
        assert!(self.health.is_ready());
    }

    fn lead(&self) {
        let writes_until = clock::moment() + Duration::from_secs(600);
        self.fence.open_until(clock::instant(writes_until));
        self.standing.send_replace(Standing::Leading {
            epoch: 1,
            writes_until,
        });
    }

    /// The next write to a pod, and the subset that it gives.
    async fn next_bind(&mut self) -> (String, String) {
        loop {
            let (line, body) = self.writes.recv().await.unwrap();
            if !line.contains("/pods/") {
                continue;
            }
            let patch = body.as_array().unwrap();
            assert_eq!(patch[0]["op"], "test");
            let subset = patch
                .iter()
                .find(|op| op["path"] == "/metadata/labels/spillway.dev~1subset");
            return (line, subset.unwrap()["value"].as_str().unwrap().to_owned());
        }
    }
}

#[tokio::test]
async fn a_new_leader_lists_anew_before_it_binds() {
    let mut rig = Rig::start(vec![gated("web-0"), gated("web-1")]);
    rig.until_campaigning().await;
    assert!(rig.writes.try_recv().is_err(), "a standby writes nothing");
    // The leader before bound one, and no watch has told of it yet.
    *rig.server.pods.lock().unwrap() = vec![bound("web-0", "fixed"), gated("web-1")];
    rig.lead();
    let bind = rig.next_bind().await;
    assert_eq!(
        bind,
        (
            "PATCH /api/v1/namespaces/shop/pods/web-1".to_owned(),
            "elastic".to_owned()
        )
    );
}

#[tokio::test]
async fn a_place_is_given_once_though_no_answer_has_come() {
    let mut rig = Rig::start(vec![gated("web-0"), gated("web-1"), gated("web-2")]);
    rig.server.answers.forget_permits(1000);
    rig.until_campaigning().await;
    rig.lead();
    let mut subsets = [
        rig.next_bind().await.1,
        rig.next_bind().await.1,
        rig.next_bind().await.1,
    ];
    subsets.sort();
    assert_eq!(subsets, ["elastic", "elastic", "fixed"]);
}

#[tokio::test]
async fn a_ledger_is_published_though_no_pod_has_answered() {
    let mut rig = Rig::start(vec![gated("web-0")]);
    rig.server.answers.forget_permits(1000);
    rig.until_campaigning().await;
    rig.lead();
    let (line, ledger) = loop {
        let write = rig.writes.recv().await.unwrap();
        if write.0.contains("/spreadledgers/") {
            break write;
        }
    };
    assert_eq!(
        line,
        "PATCH /apis/spillway.dev/v1alpha1/namespaces/shop/spreadledgers/web"
    );
    assert_eq!(
        ledger["status"]["taken"],
        json!([1, 0]),
        "what is on its way counts"
    );
    assert_eq!(ledger["status"]["binder"]["epoch"], 1);
}

#[tokio::test]
async fn nothing_is_written_behind_a_closed_fence() {
    let mut rig = Rig::start(vec![gated("web-0")]);
    rig.until_campaigning().await;
    let writes_until = clock::moment() + Duration::from_secs(600);
    rig.standing.send_replace(Standing::Leading {
        epoch: 1,
        writes_until,
    });
    while !rig
        .metrics
        .render()
        .contains(r#"{action="bind",outcome="unknown"}"#)
    {
        tokio::task::yield_now().await;
    }
    assert!(rig.writes.try_recv().is_err());
}

#[tokio::test]
async fn whoever_ends_waits_for_the_writes_on_their_way() {
    let mut rig = Rig::start(vec![gated("web-0")]);
    rig.server.answers.forget_permits(1000);
    rig.until_campaigning().await;
    rig.lead();
    rig.next_bind().await;
    rig.stop.send_replace(true);
    tokio::task::yield_now().await;
    assert!(!rig.actor.is_finished());
    rig.server.answers.add_permits(1000);
    (&mut rig.actor).await.unwrap();
}

#[tokio::test]
async fn a_leader_that_lost_the_lease_plans_no_more() {
    let mut rig = Rig::start(vec![gated("web-0")]);
    rig.until_campaigning().await;
    rig.lead();
    rig.next_bind().await;
    rig.fence.close();
    rig.standing.send_replace(Standing::Standby);
    rig.stop.send_replace(true);
    (&mut rig.actor).await.unwrap();
    let rest: Vec<String> = std::iter::from_fn(|| rig.writes.try_recv().ok())
        .map(|(line, _)| line)
        .collect();
    assert!(
        rest.iter().all(|line| line.contains("/spreadledgers/")),
        "{rest:?}"
    );
}
