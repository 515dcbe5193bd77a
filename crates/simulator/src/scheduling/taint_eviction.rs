//! Which pods a node's `NoExecute` taints drive away, and when (pkg/controller/tainteviction).

use kube_rules::nodes::{Taint, TaintEffect, Toleration};

/// For how long a pod may stay under the taints of its node, in seconds; `None` is for ever, 0 is not at all.
pub fn stays_for(taints: &[Taint], tolerations: &[Toleration]) -> Option<u64> {
    let mut least: Option<u64> = None;
    for taint in taints
        .iter()
        .filter(|taint| taint.effect == TaintEffect::NoExecute)
    {
        // The first toleration that matches counts, as the controller reads them.
        let Some(toleration) = tolerations.iter().find(|toleration| toleration.tolerates(taint)) else {
            return Some(0);
        };
        if let Some(seconds) = toleration.seconds() {
            let seconds = u64::try_from(seconds).unwrap_or_default();
            least = Some(least.map_or(seconds, |least| least.min(seconds)));
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stays(tolerations: &[Value]) -> Option<u64> {
        let taints = ["a", "b"].map(|key| Taint {
            key: key.to_owned(),
            value: String::new(),
            effect: TaintEffect::NoExecute,
        });
        let tolerations: Vec<Toleration> = tolerations.iter().map(Toleration::read).collect();
        stays_for(&taints, &tolerations)
    }

    #[test]
    fn every_taint_must_be_tolerated_and_the_shortest_time_counts() {
        let toleration = |key: &str, seconds: Value| json!({"key": key, "operator": "Exists", "tolerationSeconds": seconds});
        assert_eq!(stays(&[]), Some(0));
        assert_eq!(stays(&[toleration("a", json!(300))]), Some(0));
        assert_eq!(
            stays(&[toleration("a", json!(300)), toleration("b", json!(30))]),
            Some(30)
        );
        assert_eq!(
            stays(&[toleration("a", json!(300)), toleration("b", json!(null))]),
            Some(300)
        );
        assert_eq!(stays(&[json!({"operator": "Exists"})]), None);
        assert_eq!(stays(&[toleration("", json!(-5))]), Some(0));
    }

    #[test]
    fn other_effects_drive_nobody_away() {
        let taint = Taint {
            key: "a".to_owned(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
        };
        assert_eq!(stays_for(&[taint], &[]), None);
    }
}
