//! A scheduler that follows the plugins' prose, pod by pod, with nothing remembered.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use simulator::scheduling::Node;

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

#[derive(Debug, Clone)]
pub(crate) struct NodeCase {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
    pub(crate) pods: usize,
    pub(crate) pool: usize,
    pub(crate) zone: Option<usize>,
    /// `Some(true)`: PreferNoSchedule; `Some(false)`: NoSchedule.
    pub(crate) is_soft_taint: Option<bool>,
    pub(crate) is_cordoned: bool,
}

/// The pairs begin with whether the topology is the node, not the zone.
#[derive(Debug, Clone)]
pub(crate) struct PodCase {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
    pub(crate) app: usize,
    pub(crate) tolerates: bool,
    pub(crate) pool: Option<usize>,
    pub(crate) preferred_pool: Option<(usize, i64)>,
    pub(crate) hard_spread: Option<(bool, i64)>,
    pub(crate) soft_spread: Option<(bool, i64)>,
    /// And whether it is wanted, not shunned.
    pub(crate) company: Option<(bool, bool)>,
    /// And its weight; below zero where it is shunned.
    pub(crate) liked_company: Option<(bool, i64)>,
}

pub(crate) struct Naive {
    nodes: Vec<NodeCase>,
    pods: BTreeMap<usize, (usize, PodCase)>,
}

pub(crate) fn number(name: &str) -> usize {
    name.trim_start_matches("node-").parse().unwrap()
}

impl NodeCase {
    pub(crate) fn read(&self, number: usize) -> Node {
        let mut labels = json!({HOST: format!("node-{number}"), "pool": self.pool.to_string()});
        if let Some(zone) = self.zone {
            labels[ZONE] = json!(zone.to_string());
        }
        let taints: Vec<Value> = self
            .is_soft_taint
            .iter()
            .map(|soft| json!({"key": "k", "effect": if *soft { "PreferNoSchedule" } else { "NoSchedule" }}))
            .collect();
        Node::read(&json!({
            "metadata": {"name": format!("node-{number}"), "labels": labels},
            "spec": {"taints": taints, "unschedulable": self.is_cordoned},
            "status": {"allocatable": {"cpu": self.cpu, "memory": format!("{}Gi", self.memory), "pods": self.pods}},
        }))
        .unwrap()
    }
}

impl PodCase {
    pub(crate) fn value(&self) -> Value {
        let key = |is_host: bool| if is_host { HOST } else { ZONE };
        let same = json!({"matchLabels": {"app": self.app.to_string()}});
        let mut requests = json!({});
        if self.cpu > 0 {
            requests["cpu"] = json!(self.cpu);
        }
        if self.memory > 0 {
            requests["memory"] = json!(format!("{}Gi", self.memory));
        }
        let mut spec = json!({"containers": [{"resources": {"requests": requests}}]});
        if self.tolerates {
            spec["tolerations"] = json!([{"key": "k", "operator": "Exists"}]);
        }
        if let Some(pool) = self.pool {
            spec["nodeSelector"] = json!({"pool": pool.to_string()});
        }
        if let Some((pool, weight)) = self.preferred_pool {
            let preference = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool.to_string()]}]});
            spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
                json!([{"weight": weight, "preference": preference}]);
        }
        let mut constraints = Vec::new();
        for (spread, unsatisfiable) in [
            (self.hard_spread, "DoNotSchedule"),
            (self.soft_spread, "ScheduleAnyway"),
        ] {
            constraints.extend(spread.map(|(is_host, skew)| {
                json!({"topologyKey": key(is_host), "maxSkew": skew, "whenUnsatisfiable": unsatisfiable, "labelSelector": same})
            }));
        }
        spec["topologySpreadConstraints"] = json!(constraints);
        if let Some((is_host, is_wanted)) = self.company {
            let kind = if is_wanted {
                "podAffinity"
            } else {
                "podAntiAffinity"
            };
            spec["affinity"][kind]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!([{"topologyKey": key(is_host), "labelSelector": same}]);
        }
        if let Some((is_host, weight)) = self.liked_company {
            let kind = if weight > 0 {
                "podAffinity"
            } else {
                "podAntiAffinity"
            };
            let term = json!({"topologyKey": key(is_host), "labelSelector": same});
            spec["affinity"][kind]["preferredDuringSchedulingIgnoredDuringExecution"] =
                json!([{"weight": weight.abs(), "podAffinityTerm": term}]);
        }
        json!({"metadata": {"namespace": "shop", "labels": {"app": self.app.to_string()}}, "spec": spec})
    }

    fn usual_memory(&self) -> f64 {
        if self.memory > 0 {
            self.memory as f64 * 1024.0
        } else {
            200.0
        }
    }

    fn usual_cpu(&self) -> f64 {
        if self.cpu > 0 {
            self.cpu as f64 * 1000.0
        } else {
            100.0
        }
    }
}

impl Naive {
    pub(crate) fn of(nodes: &[NodeCase]) -> Self {
        Self {
            nodes: nodes.to_vec(),
            pods: BTreeMap::new(),
        }
    }

    pub(crate) fn put(&mut self, key: usize, node: usize, pod: PodCase) {
        self.pods.insert(key, (node, pod));
    }

    pub(crate) fn forget(&mut self, key: usize) {
        self.pods.remove(&key);
    }

    pub(crate) fn scores(&self, pod: &PodCase) -> Vec<(usize, i64)> {
        let taking: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.takes(*node, pod))
            .collect();
        let over = |of: &dyn Fn(usize) -> i64| taking.iter().map(|node| of(*node)).max().unwrap_or(0);
        let avoided = |node: usize| i64::from(self.nodes[node].is_soft_taint == Some(true) && !pod.tolerates);
        let preferred = |node: usize| match pod.preferred_pool {
            Some((pool, weight)) if self.nodes[node].pool == pool => weight,
            _ => 0,
        };
        let (spread, liked) = (self.spread(&taking, pod), self.liked(&taking, pod));
        let score = |(index, node): (usize, &usize)| {
            let taints = 100
                - if over(&avoided) == 0 {
                    0
                } else {
                    100 * avoided(*node) / over(&avoided)
                };
            let affinity = if over(&preferred) == 0 {
                0
            } else {
                100 * preferred(*node) / over(&preferred)
            };
            let score =
                3 * taints + 2 * affinity + 2 * spread[index] + 2 * liked[index] + self.resources(*node, pod);
            (*node, score)
        };
        taking.iter().enumerate().map(score).collect()
    }

    fn on(&self, node: usize) -> impl Iterator<Item = &PodCase> {
        self.pods
            .values()
            .filter(move |(on, _)| *on == node)
            .map(|(_, pod)| pod)
    }

    fn domain(&self, node: usize, is_host: bool) -> Option<usize> {
        if is_host {
            Some(node)
        } else {
            self.nodes[node].zone
        }
    }

    /// How many pods of the app are in the node's domain.
    fn company(&self, node: usize, is_host: bool, app: usize, counts: &dyn Fn(usize) -> bool) -> Option<i64> {
        let domain = self.domain(node, is_host)?;
        let in_domain = |(on, other): &&(usize, PodCase)| {
            other.app == app && counts(*on) && self.domain(*on, is_host) == Some(domain)
        };
        Some(self.pods.values().filter(in_domain).count() as i64)
    }

    fn takes(&self, node: usize, pod: &PodCase) -> bool {
        let case = &self.nodes[node];
        let sum = |of: fn(&PodCase) -> i64| self.on(node).map(of).sum::<i64>();
        let fits = (pod.cpu == 0 || sum(|one| one.cpu) + pod.cpu <= case.cpu)
            && (pod.memory == 0 || sum(|one| one.memory) + pod.memory <= case.memory)
            && self.on(node).count() < case.pods;
        let is_chosen = pod.pool.is_none_or(|pool| pool == case.pool);
        let tolerated = pod.tolerates || case.is_soft_taint != Some(false);
        fits && is_chosen
            && tolerated
            && !case.is_cordoned
            && self.keeps_skew(node, pod)
            && self.keeps_company(node, pod)
    }

    fn keeps_skew(&self, node: usize, pod: &PodCase) -> bool {
        let Some((is_host, skew)) = pod.hard_spread else {
            return true;
        };
        let counts = |node: usize| pod.pool.is_none_or(|pool| self.nodes[node].pool == pool);
        let domains = (0..self.nodes.len()).filter(|node| counts(*node));
        let least = domains
            .filter_map(|node| self.company(node, is_host, pod.app, &counts))
            .min()
            .unwrap_or(0);
        self.company(node, is_host, pod.app, &counts)
            .is_some_and(|there| there + 1 - least <= skew)
    }

    fn keeps_company(&self, node: usize, pod: &PodCase) -> bool {
        let company = |is_host, app| self.company(node, is_host, app, &|_| true);
        let own = match pod.company {
            None => true,
            Some((is_host, false)) => company(is_host, pod.app).unwrap_or(0) == 0,
            Some((is_host, true)) => {
                let is_alone = !self
                    .pods
                    .values()
                    .any(|(on, other)| other.app == pod.app && self.domain(*on, is_host).is_some());
                company(is_host, pod.app).is_some_and(|there| there > 0 || is_alone)
            }
        };
        let shuns = |(on, other): &(usize, PodCase)| match other.company {
            Some((is_host, false)) => {
                let domain = self.domain(*on, is_host);
                other.app == pod.app && domain.is_some() && domain == self.domain(node, is_host)
            }
            _ => false,
        };
        own && !self.pods.values().any(shuns)
    }

    fn spread(&self, taking: &[usize], pod: &PodCase) -> Vec<i64> {
        let Some((is_host, skew)) = pod.soft_spread else {
            return vec![0; taking.len()];
        };
        let counts = |node: usize| is_host || pod.pool.is_none_or(|pool| self.nodes[node].pool == pool);
        let scored: Vec<usize> = taking
            .iter()
            .copied()
            .filter(|node| self.domain(*node, is_host).is_some())
            .collect();
        let domains: BTreeSet<Option<usize>> =
            scored.iter().map(|node| self.domain(*node, is_host)).collect();
        let weight = (domains.len() as f64 + 2.0).ln();
        let raw = |node: usize| {
            let there = self.company(node, is_host, pod.app, &counts)?;
            Some((there as f64 * weight + (skew - 1) as f64).round() as i64)
        };
        let least = scored.iter().filter_map(|node| raw(*node)).min().unwrap_or(0);
        let most = scored.iter().filter_map(|node| raw(*node)).max().unwrap_or(0);
        let score = |node: &usize| match raw(*node) {
            None => 0,
            Some(_) if most == 0 => 100,
            Some(raw) => 100 * (most + least - raw) / most,
        };
        taking.iter().map(score).collect()
    }

    fn liked(&self, taking: &[usize], pod: &PodCase) -> Vec<i64> {
        let raw = |node: &usize| -> i64 {
            let near = |on: usize, is_host: bool| {
                let domain = self.domain(*node, is_host);
                domain.is_some() && domain == self.domain(on, is_host)
            };
            let likes = |(on, other): &(usize, PodCase)| {
                if other.app != pod.app {
                    return 0;
                }
                let own = pod.liked_company.filter(|(is_host, _)| near(*on, *is_host));
                let theirs = other.liked_company.filter(|(is_host, _)| near(*on, *is_host));
                let required = other
                    .company
                    .filter(|(is_host, is_wanted)| *is_wanted && near(*on, *is_host));
                own.map_or(0, |own| own.1)
                    + theirs.map_or(0, |theirs| theirs.1)
                    + i64::from(required.is_some())
            };
            self.pods.values().map(likes).sum()
        };
        let least = taking.iter().map(raw).min().unwrap_or(0);
        let most = taking.iter().map(raw).max().unwrap_or(0);
        let score = |node: &usize| {
            if most == least {
                0
            } else {
                (100.0 * ((raw(node) - least) as f64 / (most - least) as f64)) as i64
            }
        };
        taking.iter().map(score).collect()
    }

    fn resources(&self, node: usize, pod: &PodCase) -> i64 {
        let case = &self.nodes[node];
        let (cpu, memory) = (case.cpu as f64 * 1000.0, case.memory as f64 * 1024.0);
        let usual = |of: fn(&PodCase) -> f64| self.on(node).map(of).sum::<f64>() + of(pod);
        let free = |taken: f64, all: f64| {
            if taken > all {
                0
            } else {
                ((all - taken) * 100.0 / all).floor() as i64
            }
        };
        let least = (free(usual(PodCase::usual_cpu), cpu) + free(usual(PodCase::usual_memory), memory)) / 2;
        if pod.cpu == 0 && pod.memory == 0 {
            return least;
        }
        let exact = |of: fn(&PodCase) -> i64| self.on(node).map(of).sum::<i64>();
        let balance = |cpu: i64, memory: i64| {
            let share = |taken: i64, all: i64| (taken as f64 / all as f64).min(1.0);
            let apart = (share(cpu, case.cpu) - share(memory, case.memory)).abs() / 2.0;
            ((1.0 - apart) * 100.0) as i64
        };
        let (cpu, memory) = (exact(|one| one.cpu), exact(|one| one.memory));
        least + 50 + (50 + balance(cpu + pod.cpu, memory + pod.memory) - balance(cpu, memory)) / 2
    }
}
