//! The loop, told everything by hand.

use core::time::Duration;
use std::collections::BTreeMap;

use kube_rules::time::UnixMillis;
use reconcile_core::{Action, Event as Seen, Outcome, PodRecord, WorkloadRecord};
use serde_json::{Value, json};

use super::*;
use crate::lease::Standing;
use crate::settings::tests::read;
use crate::watches::{Key, State, What};

const SETTINGS: &str = "
spreads:
- name: web
  namespace: shop
  targetRef: {apiVersion: apps/v1, kind: StatefulSet, name: web}
  subsets: [{name: fixed, maxReplicas: 1}, {name: elastic}]
";

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

fn bound(name: &str, subset: &str) -> Box<PodRecord> {
    let mut pod = gated(name);
    pod["metadata"]["resourceVersion"] = "2".into();
    pod["metadata"]["labels"]["spillway.dev/subset"] = subset.into();
    pod["spec"] = json!({});
    Box::new(PodRecord::read(&pod).unwrap())
}

/// A loop, its time, and the generation of each of its watches.
struct Rig {
    core: Reconciler,
    millis: u64,
    watches: BTreeMap<Source, u64>,
    effects: Vec<Effect>,
}

impl Rig {
    /// With settings, and nothing listed yet.
    fn new() -> Self {
        let mut rig = Self {
            core: Reconciler::new(Config {
                writing: Writing::Sent(Limits { pods: 2, ledgers: 1 }),
                coalesce: Duration::from_millis(10),
                request_timeout: Duration::from_secs(10),
            }),
            millis: 0,
            watches: BTreeMap::new(),
            effects: Vec::new(),
        };
        rig.tell(Event::Settings(read(SETTINGS)));
        rig
    }

    fn now(&self) -> Now {
        let millis = i64::try_from(self.millis).unwrap();
        Now {
            moment: Moment::after_start(Duration::from_millis(self.millis)),
            clock: UnixMillis(1_767_225_600_000 + millis),
        }
    }

    /// What comes of it at once.
    fn tell(&mut self, event: Event) {
        self.core.handle(event, self.now());
        self.turn();
    }

    fn turn(&mut self) {
        self.core.advance(self.now());
        while let Some(effect) = self.core.poll(self.now()) {
            if let Effect::Watch {
                source, generation, ..
            } = &effect
            {
                self.watches.insert(source.clone(), *generation);
            }
            self.effects.push(effect);
        }
    }

    fn pass(&mut self, millis: u64) {
        self.millis += millis;
        self.turn();
    }

    fn watched(&mut self, what: &What, change: Change) {
        let (source, generation) = self
            .watches
            .iter()
            .find(|(source, _)| source.what == *what)
            .unwrap();
        let watched = Watched {
            source: source.clone(),
            generation: *generation,
            change,
        };
        self.tell(Event::Watched(watched));
    }

    fn show(&mut self, what: &What, pod: &Value) {
        let record = PodRecord::read(pod).unwrap();
        let key = Key::Pod(record.uid.as_str().into());
        self.watched(what, Change::There(key, Box::new(Seen::Pod(Box::new(record)))));
    }

    /// Lists everything; these pods carry the label.
    fn list(&mut self, pods: &[Value]) {
        let sources: Vec<Source> = self.watches.keys().cloned().collect();
        for Source { what, .. } in sources {
            self.watched(&what, Change::Began);
            match &what {
                What::PlacedPods => {
                    for pod in pods {
                        self.show(&what, pod);
                    }
                }
                What::Workloads { kind, .. } => {
                    let set = json!({
                        "metadata": {"name": "web", "namespace": "shop", "uid": "o", "resourceVersion": "1"},
                        "spec": {"replicas": 3},
                    });
                    let record = WorkloadRecord::of_kind(kind.clone(), &set).unwrap();
                    let key = Key::Workload(Box::new(record.id.clone()));
                    self.watched(
                        &what,
                        Change::There(key, Box::new(Seen::Workload(Box::new(record)))),
                    );
                }
                What::OtherPods | What::Nodes | What::Ledgers => {}
            }
            self.watched(&what, Change::Listed);
        }
    }

    fn stand(&mut self, epoch: Option<u64>) {
        let standing = epoch.map_or(Standing::Standby, |epoch| Standing::Leading {
            epoch,
            writes_until: self.now().moment + Duration::from_secs(60),
        });
        self.tell(Event::Standing(standing));
    }

    /// One that leads, and has planned what these pods need.
    fn leading(pods: &[Value]) -> Self {
        let mut rig = Self::new();
        rig.list(&[]);
        rig.stand(Some(1));
        rig.list(pods);
        rig
    }

    fn answer(&mut self, write: WriteId, answer: Answer) {
        self.tell(Event::Answered {
            write,
            answer,
            share: 1.0,
        });
    }

    /// The names of the pods of the writes that are sent now, and their numbers; told once.
    fn sent(&mut self) -> Vec<(String, WriteId)> {
        let effects = core::mem::take(&mut self.effects);
        let sent = effects.into_iter().filter_map(|effect| match effect {
            Effect::Send { write, step, .. } => Some((step.action.pod()?.name.clone(), write)),
            _ => None,
        });
        sent.collect()
    }

    fn outcomes(&mut self) -> Vec<Outcome> {
        let effects = core::mem::take(&mut self.effects);
        let ended = effects.into_iter().filter_map(|effect| match effect {
            Effect::Ended { outcome, .. } => Some(outcome),
            _ => None,
        });
        ended.collect()
    }

    fn has(&self, is_it: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(is_it)
    }
}

fn leads(effect: &Effect) -> bool {
    matches!(effect, Effect::Leads { .. })
}

#[test]
fn a_new_leader_lists_anew_before_it_plans() {
    let mut rig = Rig::new();
    assert_eq!(rig.watches.len(), 5);
    assert!(!rig.has(|effect| matches!(effect, Effect::Stand(_))));
    rig.list(&[gated("web-0")]);
    assert!(rig.has(|effect| matches!(effect, Effect::CachesFilled)));
    assert!(rig.has(|effect| matches!(effect, Effect::Stand(candidacy) if candidacy.led.is_none())));
    let before = rig.watches.clone();
    rig.stand(Some(3));
    assert!(!rig.has(leads));
    assert!(
        rig.watches
            .iter()
            .all(|(source, generation)| generation > &before[source])
    );
    // What an earlier watch told is not heard any more.
    let (source, generation) = before.into_iter().next().unwrap();
    let change = Change::Listed;
    rig.tell(Event::Watched(Watched {
        source,
        generation,
        change,
    }));
    assert!(!rig.has(leads));
    rig.list(&[gated("web-0"), gated("web-1"), gated("web-2")]);
    assert!(rig.has(|effect| matches!(effect, Effect::Leads { epoch: 3 })));
    let sent = rig.sent();
    assert_eq!(sent.len(), 2, "so many at a time: {sent:?}");
    assert!(rig.core.leads() && !rig.core.is_at_rest());
}

#[test]
fn where_the_placed_pods_cannot_be_listed_nobody_stands() {
    let mut rig = Rig::new();
    let sources: Vec<Source> = rig.watches.keys().cloned().collect();
    for Source { what, .. } in sources {
        rig.watched(&what, Change::Failed(State::Forbidden));
    }
    assert!(!rig.has(|effect| matches!(effect, Effect::Stand(_) | Effect::CachesFilled)));
    rig.watched(&What::PlacedPods, Change::Listed);
    assert!(rig.has(|effect| matches!(effect, Effect::Stand(_))));
    assert!(!rig.has(|effect| matches!(effect, Effect::CachesFilled)));
}

#[test]
fn a_write_that_is_turned_away_is_sent_again_until_its_time_is_over() {
    let mut rig = Rig::leading(&[gated("web-0")]);
    let (_, write) = rig.sent().remove(0);
    let mut waits = Vec::new();
    loop {
        let turned_away = Answer::Refused {
            code: 429,
            message: "busy".to_owned(),
        };
        rig.answer(write, turned_away);
        let ended = rig.outcomes();
        if !ended.is_empty() {
            assert_eq!(ended, [Outcome::Unknown("429: busy".to_owned())]);
            break;
        }
        let wake = rig.core.next_wake(rig.now()).unwrap().since(rig.now().moment);
        let wake = u64::try_from(wake.as_millis()).unwrap();
        rig.pass(wake);
        assert_eq!(rig.sent(), [("web-0".to_owned(), write)]);
        waits.push(wake);
    }
    assert_eq!(waits[..7], [50, 100, 200, 400, 800, 1000, 1000]);
    assert!(waits.iter().sum::<u64>() < 10_000);
}

#[test]
fn a_refused_write_is_judged_by_a_look_at_its_pod() {
    let mut rig = Rig::leading(&[gated("web-0")]);
    let (_, write) = rig.sent().remove(0);
    let refused = Answer::Refused {
        code: 422,
        message: "testing value failed".to_owned(),
    };
    rig.answer(write, refused);
    assert!(rig.has(|effect| matches!(effect, Effect::Look { write: looked, .. } if *looked == write)));
    // It was bound by a write whose answer was lost.
    let pod = bound("web-0", "fixed");
    rig.answer(write, Answer::Looked(Ok(Some(pod.clone()))));
    assert_eq!(rig.outcomes(), [Outcome::Done(Some(pod))]);
}

#[test]
fn what_was_removed_while_its_answer_was_on_its_way_does_not_come_back() {
    let mut rig = Rig::leading(&[gated("web-0")]);
    let (_, write) = rig.sent().remove(0);
    rig.watched(&What::PlacedPods, Change::Away(Key::Pod("web-0".into()), true));
    rig.answer(write, Answer::Done(Some(bound("web-0", "fixed"))));
    let counts = rig.core.counts();
    assert!(
        counts[0].placed.iter().all(|(_, placed)| *placed == 0),
        "{counts:?}"
    );
}

#[test]
fn who_leads_again_waits_for_a_write_of_which_nobody_knows() {
    let mut rig = Rig::leading(&[gated("web-0")]);
    let (_, write) = rig.sent().remove(0);
    rig.stand(None);
    assert!(rig.has(|effect| matches!(effect, Effect::LeadsNoMore { .. })));
    rig.stand(Some(2));
    rig.watches.clear();
    rig.pass(4_000);
    assert!(rig.watches.is_empty(), "the write is on its way");
    rig.answer(write, Answer::Fenced);
    rig.pass(9_999);
    assert!(rig.watches.is_empty(), "it may have been sent before");
    assert_eq!(
        rig.core.next_wake(rig.now()),
        Some(rig.now().moment + Duration::from_millis(1))
    );
    rig.pass(1);
    assert_eq!(rig.watches.len(), 5);
}

#[test]
fn new_settings_wait_for_the_writes_that_know_the_old_ones() {
    let mut rig = Rig::leading(&[gated("web-0"), gated("web-1")]);
    rig.sent();
    let others = read(&SETTINGS.replace("maxReplicas: 1", "maxReplicas: 2"));
    rig.tell(Event::Settings(others));
    let took = |effect: &Effect| matches!(effect, Effect::TookSettings { .. });
    let flights: Vec<WriteId> = rig.core.flights.keys().copied().collect();
    assert!(flights.len() > 1);
    for write in flights {
        assert!(!rig.has(took));
        rig.answer(write, Answer::Done(None));
    }
    assert!(rig.has(took) && rig.has(leads));
    let stands = |effect: &Effect| matches!(effect, Effect::Stand(_));
    assert!(rig.has(stands), "others are told the new hash");
}

#[test]
fn who_stops_waits_for_its_writes_and_begins_no_more() {
    let mut rig = Rig::leading(&[gated("web-0"), gated("web-1"), gated("web-2")]);
    rig.tell(Event::Stop);
    let stopping = |effect: &Effect| matches!(effect, Effect::Stopping { dropped, .. } if dropped.len() == 1);
    assert!(rig.has(stopping), "{:?}", rig.effects);
    rig.effects.clear();
    let flights: Vec<WriteId> = rig.core.flights.keys().copied().collect();
    for write in flights {
        assert!(!rig.has(|effect| matches!(effect, Effect::Stopped)));
        rig.answer(write, Answer::Late);
    }
    assert!(rig.has(|effect| matches!(effect, Effect::Stopped)));
    rig.pass(60_000);
    assert!(rig.sent().is_empty() && !rig.core.leads());
}

#[test]
fn what_is_only_told_is_told_once() {
    let mut rig = Rig::new();
    rig.core.config.writing = Writing::Told;
    rig.list(&[]);
    rig.stand(Some(0));
    rig.list(&[gated("web-0")]);
    rig.pass(60_000);
    let planned = rig.effects.iter().filter_map(|effect| match effect {
        Effect::Planned(planned) => Some(&planned.writes),
        _ => None,
    });
    let binds = planned
        .flatten()
        .filter(|write| matches!(write.step.action, Action::Bind { .. }));
    assert_eq!(binds.count(), 1);
    assert!(!rig.has(|effect| matches!(effect, Effect::Send { .. })));
}
