//! The served-rate model: each ready pod serves so many requests per second; what cannot be served waits, and what waits
//! longer than the timeout is lost.

use std::collections::{BTreeMap, VecDeque};

use super::traffic::{MICRO, mul_div};
use crate::time::Millis;

/// What a pod can do and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Millionths of a request per second that a ready pod serves.
    pub requests_per_second: u64,
    /// The same for the pods of one subset, where it differs: a CPU architecture may be faster.
    pub by_subset: BTreeMap<String, u64>,
    /// How long a request waits; nothing waits where it is zero.
    pub timeout: Millis,
    /// What a pod's CPU use is.
    pub cpu: Cpu,
}

/// A pod's CPU: `idle + served x per request`, at most the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpu {
    /// Millicores without any request.
    pub idle: u64,
    /// Microseconds of a core for each request.
    pub per_request: u64,
    /// Millicores it never exceeds.
    pub limit: Option<u64>,
}

/// Requests that wait, and the sums since the beginning. Millionths of a request throughout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    waiting: VecDeque<Batch>,
    arrived: u64,
    served: u64,
    lost: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Batch {
    /// The end of the step in which it arrived.
    at: Millis,
    amount: u64,
}

/// What happened in a step. Millionths of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// New requests.
    pub arriving: u64,
    /// Answered, whenever they came.
    pub served: u64,
    /// Given up: they waited too long.
    pub lost: u64,
    /// Still waiting at the end.
    pub queued: u64,
    /// In the order of the pods given.
    pub pods: Vec<PodLoad>,
}

/// One pod in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodLoad {
    /// Millionths of a request.
    pub served: u64,
    /// Thousandths of what it could serve.
    pub utilisation: u64,
    /// Millicores.
    pub cpu: u64,
}

impl Service {
    /// What a ready pod of a subset serves, in millionths of a request per second.
    pub fn rate(&self, subset: Option<&str>) -> u64 {
        subset
            .and_then(|subset| self.by_subset.get(subset).copied())
            .unwrap_or(self.requests_per_second)
    }
}

impl Queue {
    /// Plays from `from` to `to`; `pods` are the subsets of the ready ones. Requests go to the pods evenly; a pod that can
    /// do no more leaves them to the others.
    pub fn step(
        &mut self,
        service: &Service,
        from: Millis,
        to: Millis,
        arriving: u64,
        pods: &[Option<&str>],
    ) -> Step {
        let span = to - from;
        let capacity = |subset: &Option<&str>| mul_div(service.rate(*subset), span.0, 1000);
        let capacities: Vec<u64> = pods.iter().map(capacity).collect();
        let most = capacities.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
        if arriving > 0 {
            self.waiting.push_back(Batch {
                at: to,
                amount: arriving,
            });
        }
        let served = self.take(most);
        let lost = self.give_up(to, service.timeout);
        self.arrived += arriving;
        self.served += served;
        self.lost += lost;
        let shares = spread(served, &capacities);
        Step {
            arriving,
            served,
            lost,
            queued: self.queued(),
            pods: shares
                .into_iter()
                .zip(capacities)
                .map(|(served, capacity)| PodLoad {
                    served,
                    utilisation: mul_div(served, 1000, capacity),
                    cpu: service.cpu.milli(served, span),
                })
                .collect(),
        }
    }

    /// Waiting now.
    pub fn queued(&self) -> u64 {
        self.waiting.iter().map(|batch| batch.amount).sum()
    }

    /// Arrived since the beginning.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Answered since the beginning; what a counter of requests shows.
    pub fn served(&self) -> u64 {
        self.served
    }

    /// Lost since the beginning.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes up to `most`, the oldest first.
    fn take(&mut self, most: u64) -> u64 {
        let mut left = most;
        while left > 0
            && let Some(oldest) = self.waiting.front_mut()
        {
            let taken = oldest.amount.min(left);
            oldest.amount -= taken;
            left -= taken;
            if oldest.amount == 0 {
                self.waiting.pop_front();
            }
        }
        most - left
    }

    fn give_up(&mut self, now: Millis, timeout: Millis) -> u64 {
        let mut lost = 0;
        while let Some(oldest) = self.waiting.front()
            && (timeout == Millis::ZERO || now - oldest.at > timeout)
        {
            lost += oldest.amount;
            self.waiting.pop_front();
        }
        lost
    }
}

impl Cpu {
    fn milli(self, served: u64, span: Millis) -> u64 {
        let over = span.0.saturating_mul(MICRO);
        let used = self.idle.saturating_add(mul_div(served, self.per_request, over));
        used.min(self.limit.unwrap_or(u64::MAX))
    }
}

/// Shares `amount`, which is at most the sum of the capacities, evenly: the smallest capacities are filled first, so that
/// what they leave goes to the others, and nothing remains.
fn spread(amount: u64, capacities: &[u64]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..capacities.len()).collect();
    order.sort_by_key(|&pod| capacities.get(pod).copied());
    let mut shares = vec![0; capacities.len()];
    let mut left = amount;
    for (done, pod) in order.into_iter().enumerate() {
        let others = (capacities.len() - done) as u64;
        if let (Some(share), Some(&capacity)) = (shares.get_mut(pod), capacities.get(pod)) {
            *share = capacity.min(left / others);
            left -= *share;
        }
    }
    shares
}
