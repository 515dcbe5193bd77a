//! Makes a failing case as small as it gets while it fails: less happens, fewer pods, no lags, nothing lost.

use serde_json::{Value, json};

use super::case::{Case, Happening, WorkloadCase};
use crate::plane::setup::Lag;

/// Simpler cases than this one, the boldest first.
fn simpler(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut changed = case.clone();
        change(&mut changed);
        if changed != *case {
            found.push(changed);
        }
    };
    let events = case.events.len();
    let mut length = events / 2;
    while length > 0 {
        for from in (0..events).step_by(length) {
            with(&|case| {
                case.events.drain(from..(from + length).min(events));
            });
        }
        length /= 2;
    }
    for ix in 0..case.sidecars.len() {
        with(&|case| without_sidecar(case, ix));
    }
    for ix in 1..case.policies.len() {
        with(&|case| {
            case.policies.remove(ix);
        });
    }
    with(&|case| {
        let cluster = &mut case.cluster;
        (
            cluster.lost_requests,
            cluster.lost_answers,
            cluster.turned_away,
            cluster.delayed,
        ) = (0, 0, 0, 0);
    });
    for rate in 0..4 {
        with(&|case| {
            let cluster = &mut case.cluster;
            let rates = [
                &mut cluster.lost_requests,
                &mut cluster.lost_answers,
                &mut cluster.turned_away,
                &mut cluster.delayed,
            ];
            if let Some(rate) = rates.into_iter().nth(rate) {
                *rate = 0;
            }
        });
    }
    for ix in 0..events {
        for smaller in smaller_happenings(case, ix) {
            with(&|case| {
                if let Some(event) = case.events.get_mut(ix) {
                    event.happening = smaller.clone();
                }
            });
        }
        with(&|case| {
            if let Some(event) = case.events.get_mut(ix) {
                event.at = rounded(event.at);
            }
        });
    }
    for lag in 0..lags(&mut case.clone()).len() {
        for simple in [
            Lag::default(),
            Lag {
                millis: 10,
                jitter: 0,
            },
            Lag {
                millis: 100,
                jitter: 0,
            },
        ] {
            with(&|case| {
                if let Some(lag) = lags(case)
                    .into_iter()
                    .nth(lag)
                    .filter(|lag| cost(**lag) > cost(simple))
                {
                    *lag = simple;
                }
            });
        }
        with(&|case| {
            if let Some(lag) = lags(case).into_iter().nth(lag) {
                lag.jitter = 0;
            }
        });
    }
    with(&|case| case.sidecars.iter_mut().for_each(|sidecar| sidecar.skew = 0));
    with(&|case| case.policies.iter_mut().for_each(|policy| policy.skew = 0));
    with(&|case| case.request_millis = 0);
    with(&|case| case.min_available = None);
    with(&|case| case.load = None);
    let rates = case.load.as_ref().map_or(0, |load| load.rates.len());
    // The last one lets the cluster come to rest.
    for ix in 0..rates.saturating_sub(1) {
        with(&|case| {
            if let Some(load) = &mut case.load {
                load.rates.remove(ix);
            }
        });
    }
    for ix in 0..case.pools.len() {
        with(&|case| {
            if let Some(pool) = case.pools.get_mut(ix) {
                pool.taint = None;
            }
        });
        for smaller in [|number: u32| number / 2, |number: u32| number.saturating_sub(1)] {
            with(&|case| {
                if let Some(pool) = case.pools.get_mut(ix) {
                    pool.nodes = smaller(pool.nodes).max(1);
                }
            });
        }
    }
    simpler_rules(case, &mut found);
    found
}

fn cost(lag: Lag) -> u64 {
    lag.millis + 2 * lag.jitter
}

/// To one digit, then to none.
fn rounded(number: u64) -> u64 {
    let step = 10_u64.pow(number.max(1).ilog10());
    let rounded = number / step * step;
    if rounded == number { number } else { rounded.max(1) }
}

fn without_sidecar(case: &mut Case, gone: usize) {
    if case.sidecars.len() < 2 {
        return;
    }
    case.sidecars.remove(gone);
    let index = |sidecar: u32| usize::try_from(sidecar).unwrap_or(0);
    case.events
        .retain(|event| sidecar_of(&event.happening).is_none_or(|sidecar| index(sidecar) != gone));
    for event in &mut case.events {
        if let Happening::Crash { sidecar, .. }
        | Happening::Stop { sidecar, .. }
        | Happening::Freeze { sidecar, .. } = &mut event.happening
            && index(*sidecar) > gone
        {
            *sidecar -= 1;
        }
    }
}

fn sidecar_of(happening: &Happening) -> Option<u32> {
    match happening {
        Happening::Crash { sidecar, .. }
        | Happening::Stop { sidecar, .. }
        | Happening::Freeze { sidecar, .. } => Some(*sidecar),
        _ => None,
    }
}

fn smaller_happenings(case: &Case, ix: usize) -> Vec<Happening> {
    let Some(event) = case.events.get(ix) else {
        return Vec::new();
    };
    let halves = |number: u32| {
        [number / 2, number.saturating_sub(1)]
            .into_iter()
            .filter(move |half| *half < number && *half > 0)
    };
    match event.happening.clone() {
        Happening::Scale { replicas } => halves(replicas)
            .map(|replicas| Happening::Scale { replicas })
            .collect(),
        Happening::DeletePods { count } => halves(count)
            .map(|count| Happening::DeletePods { count })
            .collect(),
        Happening::EditGated { count } => halves(count)
            .map(|count| Happening::EditGated { count })
            .collect(),
        _ => Vec::new(),
    }
}

fn lags(case: &mut Case) -> Vec<&mut Lag> {
    let cluster = &mut case.cluster;
    let mut lags = vec![
        &mut cluster.controllers,
        &mut cluster.scheduler,
        &mut cluster.admission,
        &mut cluster.startup,
        &mut cluster.termination,
    ];
    for policy in &mut case.policies {
        lags.extend([&mut policy.ledgers, &mut policy.leases]);
    }
    for sidecar in &mut case.sidecars {
        lags.extend([
            &mut sidecar.pods,
            &mut sidecar.workloads,
            &mut sidecar.others,
            &mut sidecar.requests,
        ]);
    }
    lags
}

/// Smaller bounds, fewer subsets, plain tastes.
fn simpler_rules(case: &Case, found: &mut Vec<Case>) {
    let mut with = |change: &dyn Fn(&mut Value)| {
        let mut changed = case.clone();
        change(&mut changed.spread);
        if changed.spread != case.spread && changed.rule().is_ok() {
            found.push(changed);
        }
    };
    for field in ["binding", "rollout", "terminating", "scheduleStrategy"] {
        with(&|spread| {
            if let Some(fields) = spread.as_object_mut() {
                fields.remove(field);
            }
        });
    }
    let subsets = case
        .spread
        .get("subsets")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    for ix in 0..subsets {
        if subsets > 1 {
            with(&|spread| {
                if let Some(subsets) = spread.get_mut("subsets").and_then(Value::as_array_mut) {
                    subsets.remove(ix);
                }
            });
        }
        for field in ["minReplicas", "tolerations", "patch", "requiredNodeSelectorTerm"] {
            with(&|spread| {
                if let Some(subset) = spread
                    .pointer_mut(&format!("/subsets/{ix}"))
                    .and_then(Value::as_object_mut)
                {
                    subset.remove(field);
                }
            });
        }
        for field in ["minReplicas", "maxReplicas"] {
            let at = format!("/subsets/{ix}/{field}");
            let Some(number) = case.spread.pointer(&at).and_then(Value::as_u64) else {
                continue;
            };
            for smaller in [number / 2, number.saturating_sub(1)] {
                with(&|spread| {
                    if let Some(bound) = spread.pointer_mut(&at) {
                        *bound = json!(smaller);
                    }
                });
            }
        }
    }
    if let WorkloadCase::Deployment {
        max_surge,
        max_unavailable,
        replicas,
        is_recreated,
    } = &case.workload
    {
        let plain = WorkloadCase::Deployment {
            replicas: *replicas,
            max_surge: "25%".to_owned(),
            max_unavailable: "25%".to_owned(),
            is_recreated: false,
        };
        if *is_recreated || max_surge != "25%" || max_unavailable != "25%" {
            found.push(Case {
                workload: plain,
                ..case.clone()
            });
        }
    }
}

/// The smallest case that still fails, and how often it was played. `fails` is asked at most `most` times.
pub fn shrink(case: &Case, most: u32, fails: &mut dyn FnMut(&Case) -> bool) -> (Case, u32) {
    let (mut smallest, mut played) = (case.clone(), 0);
    'again: loop {
        for simpler in simpler(&smallest) {
            if played == most {
                return (smallest, played);
            }
            played += 1;
            if fails(&simpler) {
                smallest = simpler;
                continue 'again;
            }
        }
        return (smallest, played);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let matters = |case: &Case| {
            case.events
                .iter()
                .any(|event| matches!(event.happening, Happening::Scale { replicas } if replicas > 2))
        };
        let rich = |case: &Case| matters(case) && case.events.len() > 5 && case.sidecars.len() > 1;
        let case = (0..).map(Case::draw).find(rich).unwrap();
        let (small, _) = shrink(&case, 10_000, &mut |case| matters(case));
        assert_eq!(small.events.len(), 1, "{small:?}");
        assert!(matches!(
            small.events[0].happening,
            Happening::Scale { replicas: 3 }
        ));
        assert_eq!((small.sidecars.len(), small.policies.len()), (1, 1));
        assert_eq!(
            lags(&mut small.clone())
                .into_iter()
                .map(|lag| cost(*lag))
                .sum::<u64>(),
            0
        );
        assert!(small.rule().is_ok());
    }

    #[test]
    fn it_ends_when_it_has_been_asked_often_enough() {
        let (_, played) = shrink(&Case::draw(7), 5, &mut |_| true);
        assert_eq!(played, 5);
    }
}
