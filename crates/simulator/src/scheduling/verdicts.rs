//! What the nodes are to a pod whatever runs on them: judged once for pods of equal wishes.

use kube_rules::nodes::{Taint, TaintEffect, untolerated};

use super::needs::Wishes;
use super::node::{Node, NodeRoom};
use super::reason::Reason;

/// One node to one kind of pod.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    /// The first reason against it.
    pub(super) against: Option<Reason>,
    /// Whether selector and required affinity select it.
    pub(super) is_affine: bool,
    /// Whether every taint that keeps pods away is tolerated.
    pub(super) is_tolerated: bool,
    /// How many `PreferNoSchedule` taints are not tolerated.
    pub(super) avoided: i64,
    /// The weights of the preferred terms that select it.
    pub(super) preferred: i64,
}

#[derive(Debug, Clone)]
struct Judged {
    wishes: Wishes,
    by_slot: Vec<Option<Verdict>>,
    asked: u64,
}

/// Kinds of pods that are remembered at a time.
const MOST: usize = 64;

#[derive(Debug, Clone, Default)]
pub(super) struct Verdicts {
    judged: Vec<Judged>,
    asked: u64,
}

impl Verdicts {
    /// The verdict on each node, by slot.
    pub(super) fn of(&mut self, wishes: &Wishes, slots: &[Option<NodeRoom>]) -> &[Option<Verdict>] {
        self.asked += 1;
        let index = self
            .judged
            .iter()
            .position(|judged| judged.wishes == *wishes)
            .unwrap_or_else(|| {
                if self.judged.len() >= MOST
                    && let Some((oldest, _)) = self
                        .judged
                        .iter()
                        .enumerate()
                        .min_by_key(|(_, judged)| judged.asked)
                {
                    self.judged.swap_remove(oldest);
                }
                self.judged.push(Judged {
                    wishes: wishes.clone(),
                    by_slot: Vec::new(),
                    asked: 0,
                });
                self.judged.len() - 1
            });
        let Some(judged) = self.judged.get_mut(index) else {
            return &[];
        };
        judged.asked = self.asked;
        judged.by_slot.resize(slots.len(), None);
        for (verdict, room) in judged.by_slot.iter_mut().zip(slots) {
            if verdict.is_none()
                && let Some(room) = room
            {
                *verdict = Some(judge(wishes, &room.node));
            }
        }
        &judged.by_slot
    }

    /// A node changed, came or went.
    pub(super) fn forget(&mut self, slot: usize) {
        for judged in &mut self.judged {
            if let Some(verdict) = judged.by_slot.get_mut(slot) {
                *verdict = None;
            }
        }
    }
}

/// In the order of the default profile's filters.
fn judge(wishes: &Wishes, node: &Node) -> Verdict {
    let is_tolerated = untolerated(&node.taints, &wishes.tolerations).is_none();
    let is_affine = wishes.affinity.selects(node.facts());
    let is_left_out = wishes
        .affinity
        .names()
        .is_some_and(|names| !names.contains(&node.name));
    let is_another = wishes.node_name.as_ref().is_some_and(|name| *name != node.name);
    let against = if is_left_out {
        Some(Reason::NotNamed)
    } else if node.unschedulable && !tolerates(wishes, &cordon()) {
        Some(Reason::Cordoned)
    } else if is_another {
        Some(Reason::NodeName)
    } else if !is_tolerated {
        Some(Reason::Taint)
    } else if !is_affine {
        Some(Reason::NodeAffinity)
    } else {
        None
    };
    let avoided = node.taints.iter().filter(|taint| {
        let soft = |taint: &Taint| taint.effect == TaintEffect::PreferNoSchedule;
        soft(taint) && !tolerates(wishes, taint)
    });
    Verdict {
        against,
        is_affine,
        is_tolerated,
        avoided: i64::try_from(avoided.count()).unwrap_or(i64::MAX),
        preferred: wishes.preferred.score(node.facts()),
    }
}

fn tolerates(wishes: &Wishes, taint: &Taint) -> bool {
    wishes
        .tolerations
        .iter()
        .any(|toleration| toleration.tolerates(taint))
}

/// Who tolerates this taint may go onto a cordoned node.
fn cordon() -> Taint {
    Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
    }
}
