//! How little happens in a case.

use super::case::{Case, Happening, WorkloadCase};
use crate::judge::Calm;

impl Calm {
    pub(super) fn of(case: &Case) -> Self {
        let WorkloadCase::Deployment { replicas, .. } = case.workload else {
            return Self::default();
        };
        let mut scales: Vec<(u64, u32)> = case
            .events
            .iter()
            .filter_map(|event| match event.happening {
                Happening::Scale { replicas } => Some((event.at, replicas)),
                _ => None,
            })
            .collect();
        scales.sort_unstable();
        let sizes: Vec<u32> = core::iter::once(replicas)
            .chain(scales.into_iter().map(|(_, size)| size))
            .collect();
        let is_monotone = sizes.is_sorted();
        let has_percent = case.spread.to_string().contains('%');
        let removes = |happening: &Happening| {
            matches!(
                happening,
                Happening::Rollout { .. }
                    | Happening::LoseNode { .. }
                    | Happening::FailNode { .. }
                    | Happening::ReclaimNode { .. }
                    | Happening::DrainNode { .. }
                    | Happening::DeletePods { .. }
            )
        };
        let only_scales = case
            .events
            .iter()
            .all(|event| matches!(event.happening, Happening::Scale { .. }));
        let cluster = &case.cluster;
        let is_lossless =
            cluster.lost_requests + cluster.lost_answers + cluster.turned_away + cluster.delayed == 0;
        let is_prompt = case.events.iter().all(|event| {
            matches!(event.happening, Happening::Scale { .. } | Happening::Crash { .. })
                || removes(&event.happening)
        });
        let says = |field: &str, word: &str| {
            case.spread.get(field).and_then(serde_json::Value::as_str) == Some(word)
        };
        let is_late = !says("binding", "Admission") && !says("capacity", "BestEffort");
        if case.load.is_some() {
            // The HPA scales in whenever it likes.
            return Self {
                is_lossless,
                ..Self::default()
            };
        }
        Self {
            keeps_order: only_scales && is_lossless && !has_percent && is_late,
            is_prompt: is_prompt && is_lossless && !has_percent && is_late && !says("rollout", "Surge"),
            is_growing: is_monotone
                && !has_percent
                && case.events.iter().all(|event| !removes(&event.happening)),
            is_faultless: only_scales && is_lossless,
            is_lossless,
        }
    }
}
