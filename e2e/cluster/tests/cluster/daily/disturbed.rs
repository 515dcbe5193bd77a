//! Rollouts in the middle of which something else happens.

use serde_json::{Value, json};
use spillway_e2e::stages::NEVER_READY_LABEL;

use super::{Day, deployment, image, quarters};
use crate::scene::fixed_first;

const EIGHT_AND_TWO: [(&str, usize); 2] = [("fixed", 8), ("elastic", 2)];

#[tokio::test]
async fn a_rollout_that_is_undone_or_never_ready_keeps_the_split() {
    let mut broken = fixed_first(8);
    broken["gateTimeoutSeconds"] = 20.into();
    let day = Day::start("daily-undone", &[("undone", fixed_first(8)), ("broken", broken)]).await;
    futures::join!(undo(&day), never_ready(&day));
    day.end().await;
}

#[tokio::test]
async fn long_a_rollout_in_the_middle_of_which_something_happens_keeps_the_split() {
    let names = ["paused", "overtaken", "resized"];
    let day = Day::start("daily-disturbed", &names.map(|name| (name, fixed_first(8)))).await;
    futures::join!(pause(&day), overtake(&day), resize(&day));
    day.end().await;
}

async fn undo(day: &Day) {
    let web = day.web(deployment("undone", 10, quarters())).await;
    web.begin_rollout(2).await;
    let seen = web.roll_out(1, 10).await;
    web.assert_split(&seen, &EIGHT_AND_TWO);
    web.assert_never_above("fixed", 8);
}

/// A template whose pods start and are never ready. Nobody waits for longer than the spread lets them.
async fn never_ready(day: &Day) {
    let web = day.web(deployment("broken", 10, quarters())).await;
    let template = |label: Value, number: usize| {
        json!({"spec": {"template": {
            "metadata": {"labels": {NEVER_READY_LABEL: label}},
            "spec": {"containers": [{"name": "main", "image": image(number)}]},
        }}})
    };
    web.change(template(json!("yes"), 2)).await;
    web.until("pods that wait", |seen| seen.gated() > 0).await;
    // Three more than ten, of which two are missing.
    web.until("every gate open", |seen| {
        seen.gated() == 0 && seen.staying() == 13 && seen.ready() == 8
    })
    .await;
    web.change(template(Value::Null, 1)).await;
    let seen = web.rolled_out(10).await;
    web.assert_split(&seen, &EIGHT_AND_TWO);
    web.assert_never_above("fixed", 8 + 3);
}

async fn pause(day: &Day) {
    let web = day.web(deployment("paused", 10, quarters())).await;
    web.begin_rollout(2).await;
    web.change(json!({"spec": {"paused": true}})).await;
    web.until_status("the rollout to be paused", |status| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.any(|condition| condition.reason.as_deref() == Some("DeploymentPaused"))
    })
    .await;
    web.until("nobody on the way out", |seen| {
        !seen.pods.values().any(|pod| pod.terminating)
    })
    .await;
    web.change(json!({"spec": {"paused": false}})).await;
    let seen = web.rolled_out(10).await;
    web.assert_split(&seen, &EIGHT_AND_TWO);
    web.assert_never_above("fixed", 8);
}

async fn overtake(day: &Day) {
    let web = day.web(deployment("overtaken", 10, quarters())).await;
    web.begin_rollout(2).await;
    web.begin_rollout(3).await;
    let seen = web.roll_out(4, 10).await;
    web.assert_split(&seen, &EIGHT_AND_TWO);
    web.assert_never_above("fixed", 8);
}

async fn resize(day: &Day) {
    let web = day.web(deployment("resized", 10, quarters())).await;
    web.begin_rollout(2).await;
    web.scale(16).await;
    web.until("more pods", |seen| seen.staying() > 13).await;
    web.scale(4).await;
    web.until("fewer pods", |seen| seen.staying() < 10).await;
    web.scale(12).await;
    let seen = web.rolled_out(12).await;
    web.assert_split(&seen, &[("fixed", 8), ("elastic", 4)]);
    web.assert_never_above("fixed", 8);
}
