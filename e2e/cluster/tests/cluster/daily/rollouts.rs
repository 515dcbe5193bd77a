//! Rollouts of every strategy, one after the other.

use serde_json::{Value, json};

use super::{Day, add_pool, deployment, quarters, rolling, subset_of_pool};
use crate::scene::{elastic, fixed, fixed_first, rule};

/// Plays so many rollouts of Deployments of ten pods with eight paid places, one Deployment for each strategy.
async fn roll_out_each(shop: &str, times: usize) {
    let strategies = [
        ("quarters", quarters()),
        ("surge-one", rolling(1, 0)),
        ("lack-one", rolling(0, 1)),
        ("surge-all", rolling("100%", 0)),
        ("recreate", json!({"type": "Recreate"})),
    ];
    let rules: Vec<(&str, Value)> = strategies
        .iter()
        .map(|(name, _)| (*name, fixed_first(8)))
        .collect();
    let day = Day::start(shop, &rules).await;
    let played = strategies.into_iter().map(|(name, strategy)| {
        let day = &day;
        async move {
            let web = day.web(deployment(name, 10, strategy)).await;
            for image in 2..times + 2 {
                let seen = web.roll_out(image, 10).await;
                web.assert_split(&seen, &[("fixed", 8), ("elastic", 2)]);
            }
            web.assert_never_above("fixed", 8);
        }
    });
    futures::future::join_all(played).await;
    day.end().await;
}

#[tokio::test]
async fn a_rollout_of_any_strategy_keeps_the_split() {
    roll_out_each("daily-rollout", 1).await;
}

#[tokio::test]
async fn long_three_rollouts_of_any_strategy_keep_the_split() {
    roll_out_each("daily-rollouts", 3).await;
}

#[tokio::test]
async fn shares_are_those_of_the_ladder_after_rollouts() {
    add_pool("spare", 2, 100).await;
    let mut subsets = [fixed(), elastic(), subset_of_pool("spare", None)];
    for (subset, share) in subsets.iter_mut().zip(["34%", "33%", "33%"]) {
        subset["replicas"] = share.into();
    }
    let rules = [("nine", rule(&subsets)), ("ten", rule(&subsets))];
    let day = Day::start("daily-shares", &rules).await;
    let played = [("nine", 9, 3), ("ten", 10, 4)].map(|(name, pods, first)| {
        let day = &day;
        async move {
            let web = day.web(deployment(name, pods, quarters())).await;
            for image in [2, 3] {
                let seen = web.roll_out(image, usize::try_from(pods).unwrap()).await;
                web.assert_split(&seen, &[("fixed", first), ("elastic", 3), ("spare", 3)]);
            }
        }
    });
    futures::future::join_all(played).await;
    day.end().await;
}
