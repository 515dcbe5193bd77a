//! What must be true of a case once it is over: nothing ever above a maximum, no gate left, order kept, and places empty only
//! where their pods went or were let go.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::runtime::watcher;
use placement_core::{Closed, Ladder};
use rules::{Binding, SubsetIx};
use spillway_e2e::{PodState, Seen, wait};

use super::stage::Stage;
use super::story::Story;
use crate::scene::WEB;

/// A failover, a gate that times out, and a machine with other work to do.
const PATIENCE: Duration = Duration::from_secs(240);

pub(super) async fn assert_judged(stage: &Stage, story: &Story) {
    let (shop, wanted) = (&story.shop, story.sizes().last().unwrap_or(0));
    let seen = until_at_rest(stage, story, wanted).await;
    let told = || {
        format!(
            "{shop}, seed {}: {:?}, {} gaps",
            story.seed,
            seen.split(),
            seen.gaps
        )
    };
    assert!(seen.gaps <= stage.outages, "{}", told());
    assert_maximums(story, &seen);
    for (name, pod) in &seen.pods {
        if let (Some(subset), Some(node)) = (&pod.subset, &pod.node) {
            assert!(
                node.starts_with(&format!("{shop}-{subset}-")),
                "{}: {name}: {pod:?}",
                told()
            );
        }
        // Who runs in no subset was let go for want of a place, and says so by its label.
        let is_explained = pod.subset.is_some() || pod.spread.is_some() || pod.node.is_none();
        assert!(pod.finished || is_explained, "{}: {name}: {pod:?}", told());
    }
    let subsets = story.spread.subsets().len();
    let closed = Closed::none();
    let ladder = Ladder::new(&story.spread, wanted, &closed);
    let is_endless = (0..subsets).any(|ix| ladder.maximum(SubsetIx::new(ix)).is_none());
    if is_endless && story.is_roomy() {
        assert_eq!(seen.unplaced(), 0, "{}", told());
    }
    // What is bound at admission was hashed over the free rungs; only what does not fit is taken back. Where pools are full a
    // rollout may be under way for ever, and of shares a revision that is not complete has what it lacks, in any order.
    let is_complete = story.spread.has_shared_maximums() || seen.revisions() == 1;
    if !story.is_job() && story.spread.binding() == Binding::Late && is_complete {
        let empty = empty_places(story, &seen, &ladder);
        let exempt = seen
            .pods
            .values()
            .filter(|pod| pod.exempt || pod.subset.is_none())
            .count();
        let excuses = seen.given_up() + exempt;
        assert!(
            empty <= excuses,
            "{}: {empty} places are empty, {excuses} were given up",
            told()
        );
    }
    if !story.is_job() && story.is_roomy() && !story.has_percents() && wanted > 2 {
        assert_order(stage, story, &seen, wanted).await;
    }
}

/// Waits until nothing is left to do for anybody.
async fn until_at_rest(stage: &Stage, story: &Story, wanted: u32) -> Seen {
    let shop = &story.shop;
    let wanted = usize::try_from(wanted).unwrap();
    if story.is_job() {
        let jobs: Api<Job> = Api::namespaced(stage.admin.clone(), shop);
        let what = format!("the Job of {shop} to end");
        wait::until(&jobs, watcher::Config::default(), &what, PATIENCE, |jobs| {
            let statuses = || jobs.values().filter_map(|job| job.status.as_ref());
            let conditions = || statuses().flat_map(|status| status.conditions.iter().flatten());
            let is_over = |kind: &str| matches!(kind, "Complete" | "Failed");
            wanted == 0 || conditions().any(|it| is_over(&it.type_) && it.status == "True")
        })
        .await
        .unwrap();
    } else if story.is_roomy() {
        let replicas = i32::try_from(wanted).unwrap();
        let what = format!("{wanted} pods of {shop}, all of the latest template");
        let deployments = stage.deployments(story);
        let config = watcher::Config::default();
        let is_rolled_out = |web: &Deployment| {
            let status = web.status.as_ref();
            status.is_some_and(|status| {
                status.observed_generation == web.metadata.generation
                    && status.replicas.unwrap_or(0) == replicas
                    && status.updated_replicas.unwrap_or(0) == replicas
                    && status.ready_replicas.unwrap_or(0) == replicas
            })
        };
        let waited = wait::until(&deployments, config, &what, PATIENCE, |found| {
            found.values().any(is_rolled_out)
        });
        if let Err(error) = waited.await {
            stuck(stage, story, &error).await;
        }
    }
    let is_roomy = story.is_roomy();
    let at_rest = |seen: &Seen| {
        let is_calm = seen.gated() == 0 && !seen.pods.values().any(|pod| pod.terminating);
        let is_told = seen
            .pods
            .values()
            .all(|pod| pod.finished || pod.subset.is_some() || pod.spread.is_some() || pod.node.is_none());
        let is_whole = story.is_job() || (seen.active() >= wanted && (!is_roomy || seen.settled_at(wanted)));
        is_calm && is_told && is_whole
    };
    match stage.witness(shop).until("rest", PATIENCE, at_rest).await {
        Ok(seen) => seen,
        Err(error) => panic!(
            "{shop}, seed {}: {error}; logs: {}",
            story.seed,
            stage.plane.folder().display()
        ),
    }
}

/// Fails with what there is to see of a rollout that does not end.
async fn stuck(stage: &Stage, story: &Story, error: &impl std::fmt::Display) -> ! {
    let web = stage.deployments(story).get(WEB).await.unwrap();
    panic!(
        "{}, seed {}: {error}; {:?}; {:#?}; logs: {}",
        story.shop,
        story.seed,
        web.status,
        stage.witness(&story.shop).seen().pods,
        stage.plane.folder().display()
    );
}

/// Of percentages, the most that ever held.
fn assert_maximums(story: &Story, seen: &Seen) {
    let closed = Closed::none();
    for (ix, subset) in story.spread.subsets().iter().enumerate() {
        let maximums = story
            .sizes()
            .map(|size| Ladder::new(&story.spread, size, &closed).maximum(SubsetIx::new(ix)));
        let Some(maximum) = maximums.collect::<Option<Vec<u32>>>() else {
            continue;
        };
        let maximum = usize::try_from(maximum.into_iter().max().unwrap_or(0)).unwrap();
        let most = match story.spread.has_shared_maximums() {
            true => seen.most_bound(subset.name()),
            false => seen.most_bound_of_a_revision(subset.name()),
        };
        let about = format!("{}, seed {}, {}", story.shop, story.seed, subset.name());
        assert!(most <= maximum, "{about}: {most} of {maximum} at one moment");
    }
}

/// Places that the ladder wants taken by as many pods as have one, and that are not.
fn empty_places(story: &Story, seen: &Seen, ladder: &Ladder<'_>) -> usize {
    let subsets = story.spread.subsets();
    let placed: usize = subsets.iter().map(|subset| seen.placed(subset.name())).sum();
    let mut wanted = vec![0_usize; subsets.len()];
    for rung in ladder.rungs().take(placed) {
        wanted[rung.subset.index()] += 1;
    }
    let short = subsets
        .iter()
        .zip(wanted)
        .map(|(subset, wanted)| wanted.saturating_sub(seen.placed(subset.name())));
    short.sum()
}

/// Scales in by a third: who goes costs no more than who stays, and is not in an earlier subset.
async fn assert_order(stage: &Stage, story: &Story, before: &Seen, wanted: u32) {
    let left = usize::try_from(wanted - wanted / 3).unwrap();
    stage.scale(story, u32::try_from(left).unwrap()).await;
    let what = format!("{left} pods after the scale-in");
    let witness = stage.witness(&story.shop);
    let after = witness.until(&what, PATIENCE, |seen| seen.settled_at(left)).await;
    let after = after.unwrap_or_else(|error| panic!("{}, seed {}: {error}", story.shop, story.seed));
    let by_uid = |seen: &Seen| -> BTreeMap<String, PodState> {
        let pods = seen.pods.values();
        pods.map(|pod| (pod.uid.clone(), pod.clone())).collect()
    };
    let stayed = by_uid(&after);
    let gone: Vec<PodState> = by_uid(before)
        .into_iter()
        .filter(|(uid, _)| !stayed.contains_key(uid))
        .map(|(_, pod)| pod)
        .collect();
    let dearest = gone.iter().map(|pod| pod.cost).max();
    let cheapest = stayed.values().map(|pod| pod.cost).min();
    assert!(
        dearest <= cheapest,
        "{}, seed {}: a pod of {dearest:?} went and one of {cheapest:?} stayed",
        story.shop,
        story.seed
    );
    let place = |pod: &PodState| {
        let subset = pod
            .subset
            .as_deref()
            .and_then(|name| story.spread.subset_named(name));
        subset.map_or(usize::MAX, SubsetIx::index)
    };
    if !story.has_minimums() && !before.pods.values().any(|pod| pod.exempt) {
        let first = gone.iter().map(place).min();
        let last = stayed.values().map(place).max();
        assert!(
            first >= last,
            "{}, seed {}: a pod of subset {first:?} went and one of {last:?} stayed",
            story.shop,
            story.seed
        );
    }
}
