//! Pools that are exactly full: a rollout that may lack no pod needs a stepping stone, and ends.

use serde_json::json;

use super::{Day, add_pool, deployment, rolling, subset_of_pool};
use crate::scene::{elastic, fixed_first, rule};

#[tokio::test]
async fn a_rollout_that_may_lack_no_pod_ends_where_the_pool_is_exactly_full() {
    add_pool("apart", 3, 10).await;
    let rules = [
        ("single", fixed_first(1)),
        ("whole", fixed_first(4)),
        ("apart", rule(&[subset_of_pool("apart", Some(3)), elastic()])),
    ];
    let day = Day::start("daily-tight", &rules).await;
    futures::join!(
        stone_beside(&day, "single", 1),
        stone_beside(&day, "whole", 4),
        one_per_node(&day)
    );
    day.end().await;
}

/// All pods are in the paid pool, which has more nodes than its maximum.
async fn stone_beside(day: &Day, name: &str, pods: usize) {
    let replicas = i32::try_from(pods).unwrap();
    let web = day.web(deployment(name, replicas, rolling(1, 0))).await;
    for image in [2, 3] {
        let seen = web.roll_out(image, pods).await;
        web.assert_split(&seen, &[("fixed", pods)]);
    }
    web.assert_never_above("fixed", pods + 1);
    web.assert_never_above("elastic", 0);
}

/// Pods that stand no two of them on a node, as many as the pool has nodes: nothing fits beside the old ones.
async fn one_per_node(day: &Day) {
    let mut apart = deployment("apart", 3, rolling(1, 0));
    apart["spec"]["template"]["spec"]["affinity"] = json!({"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "labelSelector": {"matchLabels": {"app": "apart"}},
            "topologyKey": "kubernetes.io/hostname",
        }],
    }});
    let web = day.web(apart).await;
    web.assert_split(&web.witness.seen(), &[("apart", 3)]);
    let seen = web.roll_out(2, 3).await;
    // The stepping stone went on to the open end.
    web.assert_split(&seen, &[("apart", 2), ("elastic", 1)]);
    web.assert_never_above("apart", 4);
}
