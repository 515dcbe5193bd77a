//! What is counted and measured, in the OpenMetrics format.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use reconcile_core::{SpreadCounts, SpreadId};

/// From 5 ms to 5 minutes.
const BIND_BUCKETS: [f64; 15] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];
/// From 10 us to 1 s.
const PLAN_BUCKETS: [f64; 11] = [
    0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0,
];

/// All of it.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    registry: Registry,
    pods: Family<SubsetLabels, Gauge>,
    gated: Family<SpreadLabels, Gauge>,
    closed: Family<SubsetLabels, Gauge>,
    moves: Family<WayLabels, Counter>,
    ledger_age: Family<SpreadLabels, Gauge<f64, AtomicU64>>,
    bind: Histogram,
    plan: Histogram,
    writes: Family<WriteLabels, Counter>,
    retries: Counter,
    watch_errors: Family<KindLabels, Counter>,
    unreadable: Family<KindLabels, Counter>,
    lease_errors: Counter,
    leader: Gauge,
    settings_faults: Gauge,
    settings_differ: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubsetLabels {
    spread: String,
    subset: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SpreadLabels {
    spread: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WayLabels {
    spread: String,
    way: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut all = All {
            registry: Registry::with_prefix("spillway"),
            pods: Family::default(),
            gated: Family::default(),
            closed: Family::default(),
            moves: Family::default(),
            ledger_age: Family::default(),
            bind: Histogram::new(BIND_BUCKETS),
            plan: Histogram::new(PLAN_BUCKETS),
            writes: Family::default(),
            retries: Counter::default(),
            watch_errors: Family::default(),
            unreadable: Family::default(),
            lease_errors: Counter::default(),
            leader: Gauge::default(),
            settings_faults: Gauge::default(),
            settings_differ: Gauge::default(),
        };
        let registry = &mut all.registry;
        registry.register("pods", "Pods by spread and subset", all.pods.clone());
        registry.register("gated_pods", "Pods that wait for their subset", all.gated.clone());
        registry.register(
            "subset_closed",
            "1 while the scheduler finds no node for pods of a subset",
            all.closed.clone(),
        );
        registry.register(
            "moves",
            "Pods that were moved to another subset: in_place, recreate, or back where they came from; evicted to go home, as a \
             stepping_stone, unplaced or above_maximum",
            all.moves.clone(),
        );
        registry.register_with_unit(
            "ledger_age",
            "Time since the ledger of a spread was last written",
            Unit::Seconds,
            all.ledger_age.clone(),
        );
        registry.register_with_unit(
            "bind_duration",
            "Time from the creation of a pod, which is known to the second, to its binding",
            Unit::Seconds,
            all.bind.clone(),
        );
        registry.register_with_unit(
            "plan_duration",
            "Time that a plan takes",
            Unit::Seconds,
            all.plan.clone(),
        );
        registry.register("writes", "Writes by action and outcome", all.writes.clone());
        registry.register(
            "retries",
            "Requests that were sent once more",
            all.retries.clone(),
        );
        registry.register(
            "watch_errors",
            "Failures of watches by kind",
            all.watch_errors.clone(),
        );
        registry.register(
            "unreadable_objects",
            "Objects that could not be read",
            all.unreadable.clone(),
        );
        registry.register(
            "lease_errors",
            "Failures to read or write the Lease",
            all.lease_errors.clone(),
        );
        registry.register("leader", "1 while this process leads", all.leader.clone());
        registry.register(
            "settings_faults",
            "Faults of the latest settings; they are not used while there are any",
            all.settings_faults.clone(),
        );
        registry.register(
            "settings_differ",
            "1 while the Lease is held by a sidecar with other settings",
            all.settings_differ.clone(),
        );
        Self(Arc::new(all))
    }

    /// The text that a scraper reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.0.registry);
        text
    }

    /// Takes the counts of all spreads in place of earlier ones.
    pub fn count(&self, counts: &[SpreadCounts], ledger_ages: &[(SpreadId, Duration)]) {
        self.0.pods.clear();
        self.0.gated.clear();
        self.0.closed.clear();
        self.0.ledger_age.clear();
        for spread in counts {
            let name = spread.spread.to_string();
            let placed = spread
                .placed
                .iter()
                .map(|(subset, pods)| (subset.as_str(), *pods));
            for (subset, pods) in placed.chain([("", spread.unplaced)]) {
                let labels = SubsetLabels {
                    spread: name.clone(),
                    subset: subset.to_owned(),
                };
                self.0.pods.get_or_create(&labels).set(i64::from(pods));
                if !subset.is_empty() {
                    let is_closed = spread.closed.iter().any(|closed| closed == subset);
                    self.0.closed.get_or_create(&labels).set(i64::from(is_closed));
                }
            }
            self.0
                .gated
                .get_or_create(&SpreadLabels { spread: name })
                .set(i64::from(spread.gated));
        }
        for (spread, age) in ledger_ages {
            self.0
                .ledger_age
                .get_or_create(&SpreadLabels {
                    spread: spread.to_string(),
                })
                .set(age.as_secs_f64());
        }
    }

    /// Whether the Lease is held by a sidecar with other settings.
    pub fn settings_differ(&self, differ: bool) {
        self.0.settings_differ.set(i64::from(differ));
    }

    /// A pod was bound so long after its creation.
    pub fn bound(&self, after: Duration) {
        self.0.bind.observe(after.as_secs_f64());
    }

    /// A pod was moved to another subset.
    pub fn moved(&self, spread: &SpreadId, way: &'static str) {
        let spread = spread.to_string();
        self.0.moves.get_or_create(&WayLabels { spread, way }).inc();
    }

    /// A plan took so long.
    pub fn planned(&self, took: Duration) {
        self.0.plan.observe(took.as_secs_f64());
    }

    /// A write ended.
    pub fn wrote(&self, action: &'static str, outcome: &'static str) {
        self.0
            .writes
            .get_or_create(&WriteLabels { action, outcome })
            .inc();
    }

    /// A request is sent once more.
    pub fn retried(&self) {
        self.0.retries.inc();
    }

    /// A watch failed.
    pub fn watch_failed(&self, kind: &str) {
        self.0
            .watch_errors
            .get_or_create(&KindLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// An object could not be read.
    pub fn unreadable(&self, kind: &str) {
        self.0
            .unreadable
            .get_or_create(&KindLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// The Lease could not be read or written.
    pub fn lease_failed(&self) {
        self.0.lease_errors.inc();
    }

    /// Whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.0.leader.set(i64::from(leads));
    }

    /// The latest settings have so many faults.
    pub fn settings_faults(&self, faults: usize) {
        self.0
            .settings_faults
            .set(i64::try_from(faults).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(name: &str, fixed: u32) -> SpreadCounts {
        SpreadCounts {
            spread: SpreadId {
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            },
            placed: vec![("fixed".to_owned(), fixed)],
            gated: 2,
            unplaced: 0,
            closed: vec!["fixed".to_owned()],
        }
    }

    #[test]
    fn spreads_that_are_no_more_are_not_shown() {
        let metrics = Metrics::new();
        metrics.count(&[counts("old", 1)], &[]);
        metrics.count(
            &[counts("web", 3)],
            &[(counts("web", 0).spread, Duration::from_millis(1500))],
        );
        metrics.wrote("bind", "done");
        metrics.moved(&counts("web", 0).spread, "in_place");
        let text = metrics.render();
        for line in [
            r#"spillway_pods{spread="shop/web",subset="fixed"} 3"#,
            r#"spillway_gated_pods{spread="shop/web"} 2"#,
            r#"spillway_ledger_age_seconds{spread="shop/web"} 1.5"#,
            r#"spillway_writes_total{action="bind",outcome="done"} 1"#,
            r#"spillway_subset_closed{spread="shop/web",subset="fixed"} 1"#,
            r#"spillway_moves_total{spread="shop/web",way="in_place"} 1"#,
            "spillway_leader 0",
            "spillway_settings_faults 0",
        ] {
            assert!(text.lines().any(|seen| seen == line), "{line} not in\n{text}");
        }
        assert!(!text.contains("shop/old"), "{text}");
    }
}
