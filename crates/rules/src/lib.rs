//! A rule: whose pods it places, into which subsets, and what each of them gets.
//!
//! [`SpreadDraft`] is what somebody wrote, field by field; [`Spread`] is what can be acted on. The
//! only way from one to the other is [`SpreadDraft::check`], which reports every fault it finds, so
//! that code behind it has no case for a bad rule. This crate decides nothing about pods.
//!
//! ```text
//!  text --(a reader of settings)--> SpreadDraft --check--> Spread
//!                                        '----> Faults: number, path, value seen, what to write
//! ```

mod amount;
mod binding;
mod check;
mod draft;
mod fault;
mod matching;
pub mod names;
mod overlay;
mod patch;
pub mod read;
mod rebalance;
mod requirement;
mod rule_hash;
mod selector;
mod spread;
mod target;
mod terms;
mod tolerations;
mod weights;

pub use amount::{Amount, AmountError};
pub use draft::{Field, SpreadDraft, SubsetDraft, TargetDraft};
pub use fault::{Fault, FaultCode, Faults, Place};
pub use matching::{Owner, is_followed};
pub use overlay::Overlay;
pub use rebalance::{MovesPerMinute, Rebalance, When};
pub use rule_hash::{is_same_rule, rule_hash};
pub use selector::read_label_selector;
pub use spread::{
    Binding, Bounds, Capacity, Fill, Patience, Rollout, Spread, Strategy, Subset, SubsetIx, Terminating,
};
pub use target::{CustomKind, GroupKind, ReplicasPath, Target, WorkloadKind};
pub use weights::greatest_common_divisor;
