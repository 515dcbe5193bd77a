//! A hot standby takes over from a leader that was killed, stopped or asked to end in the middle of a burst.

use std::collections::BTreeMap;

use spillway_e2e::{Seen, Sidecar, Witness};

use crate::ground::{
    BINDS, Ground, PATIENCE, assert_exact, bound, holder, term, until_counted, until_logged,
};

/// A lease this short makes the standby wait 5 s for it, and 10 s for writes that may be on their way.
const SHORT: [&str; 2] = ["--lease-duration", "5"];

const PODS: usize = 300;
const MAXIMUM: usize = 150;

/// A burst in which so many pods are bound, and many others are not.
async fn burst_until_bound(ground: &Ground, witness: &Witness, pods: usize) -> Seen {
    ground.scale(PODS.try_into().unwrap()).await;
    witness
        .until("some bound pods", PATIENCE, |seen| bound(seen) >= pods)
        .await
        .unwrap()
}

async fn until_settled(witness: &Witness, pods: usize) -> Seen {
    witness
        .until("every pod ready", PATIENCE, |seen| seen.settled_at(pods))
        .await
        .unwrap()
}

async fn binds(sidecar: &Sidecar) -> f64 {
    sidecar.metrics().await.unwrap().sum(BINDS.0, &BINDS.1)
}

#[tokio::test]
async fn a_killed_leader_is_replaced_and_the_burst_ends_exact() {
    let ground = Ground::exact(MAXIMUM).await;
    let mut leader = ground.sidecar("leader", &SHORT).await;
    let before = ground.until_held_by("leader").await;
    let standby = ground.sidecar("standby", &SHORT).await;
    let (_policy, witness) = ground.open().await;

    burst_until_bound(&ground, &witness, 40).await;
    leader.process().kill().unwrap();
    let seen = until_settled(&witness, PODS).await;

    assert_exact(&seen, PODS, MAXIMUM);
    assert_eq!(seen.gaps, 0);
    let after = ground.until_held_by("standby").await;
    assert_eq!(term(&after), term(&before) + 1);
    assert!(binds(&standby).await > 0.0, "the standby had something to do");
}

#[tokio::test]
async fn a_stopped_leader_writes_nothing_once_another_leads() {
    let ground = Ground::exact(MAXIMUM).await;
    let mut leader = ground.sidecar("leader", &SHORT).await;
    ground.until_held_by("leader").await;
    let mut standby = ground.sidecar("standby", &SHORT).await;
    let (_policy, witness) = ground.open().await;

    burst_until_bound(&ground, &witness, 40).await;
    leader.process().freeze().unwrap();
    until_counted(&standby, BINDS.0, &BINDS.1, 1.0).await;
    leader.process().thaw().unwrap();
    until_logged(leader.process().log(), "this process leads no more").await;
    let seen = until_settled(&witness, PODS).await;

    assert_exact(&seen, PODS, MAXIMUM);
    assert_eq!(seen.gaps, 0);
    // It stands by from now on, and is fit to lead again.
    let given_up = ground.until_held_by("standby").await;
    assert!(standby.process().terminate().unwrap().success());
    let taken = ground.until_held_by("leader").await;
    assert_eq!(term(&taken), term(&given_up) + 1);
    ground.scale(10).await;
    let seen = witness
        .until("10 pods", PATIENCE, |seen| seen.settled_at(10))
        .await
        .unwrap();
    assert_eq!((seen.placed("fixed"), seen.most_placed("fixed")), (10, MAXIMUM));
}

#[tokio::test]
async fn a_leader_that_is_asked_to_end_gives_its_lease_up() {
    let ground = Ground::exact(MAXIMUM).await;
    // Whoever had to wait for this lease would wait a minute.
    let long = ["--lease-duration", "60"];
    let mut leader = ground.sidecar("leader", &long).await;
    let before = ground.until_held_by("leader").await;
    let mut standby = ground.sidecar("standby", &long).await;
    let (_policy, witness) = ground.open().await;

    burst_until_bound(&ground, &witness, 40).await;
    assert!(leader.process().terminate().unwrap().success());
    let seen = until_settled(&witness, PODS).await;

    assert_exact(&seen, PODS, MAXIMUM);
    assert_eq!(seen.gaps, 0);
    let said = std::fs::read_to_string(leader.process().log()).unwrap();
    assert!(said.contains("the Lease was given up"), "{said}");
    let said = until_logged(standby.process().log(), "the Lease was taken").await;
    assert!(said.contains("after_wait=false"), "{said}");
    let after = ground.until_held_by("standby").await;
    assert_eq!(term(&after), term(&before) + 1);
    assert!(binds(&standby).await > 0.0, "the standby had something to do");
}

/// What befalls a leader.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Kill,
    Freeze,
}

/// Numbers that are the same in each run: Knuth's linear congruence.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[tokio::test]
async fn blow_after_blow_at_random_moments_leaves_the_burst_exact() {
    const BLOWS: usize = 4;
    let (pods, maximum) = (600, 300);
    let ground = Ground::exact(maximum).await;
    let mut draw = Draw(4);
    let mut sidecars = BTreeMap::new();
    for number in 0..2 {
        let name = format!("sidecar-{number}");
        sidecars.insert(name.clone(), ground.sidecar(&name, &SHORT).await);
    }
    let (_policy, witness) = ground.open().await;
    ground.scale(pods.try_into().unwrap()).await;

    let mut target = 0;
    for number in 0..BLOWS {
        let more = usize::try_from(draw.below(60)).unwrap();
        target += 10 + more;
        let blow = if draw.below(2) == 0 {
            Blow::Kill
        } else {
            Blow::Freeze
        };
        let what = format!("{target} bound pods, for blow {number}, {blow:?}");
        let seen = witness
            .until(&what, PATIENCE, |seen| bound(seen) >= target)
            .await
            .unwrap();
        target = bound(&seen);
        let lease = ground
            .until_lease("a holder", |lease| !holder(lease).is_empty())
            .await;
        let (name, _) = holder(&lease).rsplit_once('_').unwrap();
        let leader = sidecars.get_mut(name).unwrap().process();
        match blow {
            Blow::Kill => {
                leader.kill().unwrap();
            }
            Blow::Freeze => leader.freeze().unwrap(),
        }
        let next = format!("sidecar-{}", number + 2);
        sidecars.insert(next.clone(), ground.sidecar(&next, &SHORT).await);
        ground
            .until_lease("another holder", |now| term(now) > term(&lease))
            .await;
        if matches!(blow, Blow::Freeze) {
            sidecars.get_mut(name).unwrap().process().thaw().unwrap();
        }
    }
    let seen = until_settled(&witness, pods).await;
    assert_exact(&seen, pods, maximum);
    assert_eq!(seen.gaps, 0);
}
