//! The Job controller: active pods are counted, never indexes.

use std::rc::Rc;

use super::{Owned, Sync};
use crate::plane::Plane;
use crate::plane::objects::{Job, Object, Pod};
use crate::plane::setup::Kind;

impl Plane<'_> {
    pub(super) fn sync_job(&mut self, workload: usize) {
        let what = Sync::Job(workload);
        let Some(job) = self.controllers.jobs.get(&workload).cloned() else {
            return;
        };
        let Some(Kind::Job {
            completions,
            backoff_limit,
            ..
        }) = self.setup.workloads.get(workload).map(|workload| &workload.kind)
        else {
            return;
        };
        let (completions, backoff_limit) = (*completions, *backoff_limit);
        if job.ended || !self.is_idle(what) {
            return;
        }
        let succeeded = self
            .controllers
            .pods
            .get(&what.maker())
            .map_or(0, Owned::succeeded);
        let failed = self.failures.get(&workload).copied().unwrap_or(0);
        let active: Vec<Rc<Pod>> = self.active_pods(what);
        if succeeded >= usize::try_from(completions).unwrap_or(usize::MAX) || failed > backoff_limit {
            let version = self.store.next_version();
            self.put(Object::Job(Rc::new(Job {
                ended: true,
                version,
                ..job.as_ref().clone()
            })));
            self.give_up(&what, &active, active.len());
            return;
        }
        if !self.is_expecting_nothing(what) {
            return;
        }
        let left = usize::try_from(completions)
            .unwrap_or(0)
            .saturating_sub(succeeded);
        let wanted = usize::try_from(job.parallelism).unwrap_or(0).min(left);
        if active.len() < wanted {
            self.create(&what, wanted - active.len());
        } else if active.len() > wanted {
            self.give_up(&what, &active, active.len() - wanted);
        }
    }
}
