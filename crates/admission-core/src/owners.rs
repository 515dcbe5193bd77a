//! The chain of owners above a pod, asked for one by one and only where a spread needs it; or told by the pod's own fields,
//! where the cluster is not to be asked.

use placement_core::facts::{FieldError, OwnerReference, PodHead, WorkloadFacts, items, named};
use placement_core::shard::deployment_of;
use rules::names::POD_TEMPLATE_HASH;
use rules::{CustomKind, GroupKind, Owner, WorkloadKind, is_followed};
use serde_json::value::RawValue;

use crate::cluster::{Cluster, ListQuery, ObjectQuery};
use crate::response::Trouble;

/// The owners of one pod, nearest first.
pub(crate) struct Owners<'c> {
    /// Who is asked; `None`: nobody, names must do.
    cluster: Option<&'c dyn Cluster>,
    namespace: &'c str,
    custom: &'c [CustomKind],
    template_hash: Option<&'c str>,
    links: Vec<Link>,
}

struct Link {
    owner: Owner,
    /// `None`: not asked for yet. `Some(None)`: asked for, and not there.
    object: Option<Option<Object>>,
}

/// What is read of an owner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    /// Its own controller.
    pub(crate) controller: Option<Owner>,
    /// The replicas that it asks for itself.
    pub(crate) replicas: u32,
    /// The replicas that its Deployment asks for.
    pub(crate) desired_by_owner: Option<u32>,
    /// The first ordinal of a StatefulSet.
    pub(crate) first_ordinal: u32,
    /// The object as it was answered.
    pub(crate) text: String,
}

impl<'c> Owners<'c> {
    /// The chain above a pod; it asks for nothing yet. Pods without a controller, or with one of a
    /// kind that is not followed, have none.
    pub(crate) fn of(
        pod: &'c PodHead<'_>,
        namespace: &'c str,
        custom: &'c [CustomKind],
        cluster: Option<&'c dyn Cluster>,
    ) -> Self {
        let first = pod
            .controller()
            .and_then(owner)
            .filter(|owner| is_followed(&owner.kind, custom));
        Self {
            cluster,
            namespace,
            custom,
            template_hash: pod.label(POD_TEMPLATE_HASH),
            links: first
                .into_iter()
                .map(|owner| Link { owner, object: None })
                .collect(),
        }
    }

    /// The pod's controller.
    pub(crate) fn nearest(&self) -> Option<&Owner> {
        self.links.first().map(|link| &link.owner)
    }

    /// The kind of the pod's controller, where it is known.
    pub(crate) fn nearest_known(&self) -> Option<WorkloadKind> {
        self.nearest().and_then(|owner| owner.kind.known())
    }

    /// How far above the pod a workload is, counted from 0; `None` where it is not in the chain.
    pub(crate) fn find(&mut self, kind: &GroupKind, name: &str) -> Result<Option<usize>, Trouble> {
        let mut level = 0;
        loop {
            let Some(link) = self.links.get(level) else {
                return Ok(None);
            };
            if link.owner.kind == *kind && link.owner.name == name {
                return Ok(Some(level));
            }
            level += 1;
            if level == self.links.len() && !self.climb(kind, name)? {
                return Ok(None);
            }
        }
    }

    /// What is known of an owner; asks for it once. `None` where it is not there, or nobody is asked.
    pub(crate) fn object(&mut self, level: usize) -> Result<Option<&Object>, Trouble> {
        let (Some(link), Some(cluster)) = (self.links.get_mut(level), self.cluster) else {
            return Ok(None);
        };
        if link.object.is_none() {
            link.object = Some(fetch(cluster, self.custom, self.namespace, &link.owner)?);
        }
        Ok(link.object.as_ref().and_then(Option::as_ref))
    }

    /// Looks at an owner again, past the list that was late.
    pub(crate) fn refresh(&mut self, level: usize) {
        if let (Some(link), Some(cluster)) = (self.links.get_mut(level), self.cluster)
            && let Some(fresh) = fetch_fresh(cluster, self.custom, self.namespace, &link.owner)
        {
            link.object = Some(Some(fresh));
        }
    }

    /// Adds the next owner, if it can be the one that is looked for or lead to it.
    fn climb(&mut self, kind: &GroupKind, name: &str) -> Result<bool, Trouble> {
        let level = self.links.len() - 1;
        let Some(last) = self.links.last().map(|link| link.owner.clone()) else {
            return Ok(false);
        };
        let named_after = self.deployment_of(&last);
        let leads_on = match (last.kind.known(), kind.known()) {
            // A kind that the settings name can stand anywhere in the chain.
            (None, _) | (_, None) => true,
            (Some(WorkloadKind::ReplicaSet), Some(WorkloadKind::Deployment)) => {
                named_after.is_none_or(|deployment| deployment == name)
            }
            _ => false,
        };
        if !leads_on {
            return Ok(false);
        }
        let derived = named_after.map(ToOwned::to_owned);
        let next = match self.object(level)? {
            Some(object) => object.controller.clone(),
            // The ReplicaSet is younger than what the host sees of it, or nobody is asked: its name must do.
            None => derived.map(|name| Owner {
                kind: GroupKind {
                    group: WorkloadKind::Deployment.group().to_owned(),
                    kind: WorkloadKind::Deployment.kind().to_owned(),
                },
                name,
            }),
        };
        let next = next.filter(|owner| is_followed(&owner.kind, self.custom));
        // Owners cannot own themselves, but what is read can say so.
        let next = next.filter(|owner| self.links.iter().all(|link| link.owner != *owner));
        let Some(owner) = next else { return Ok(false) };
        self.links.push(Link { owner, object: None });
        Ok(true)
    }

    /// The Deployment that a ReplicaSet is named after: `web` for `web-abc` with the hash `abc`.
    fn deployment_of<'o>(&self, owner: &'o Owner) -> Option<&'o str> {
        deployment_of(owner.kind.known()?, &owner.name, self.template_hash)
    }
}

fn fetch(
    cluster: &dyn Cluster,
    custom: &[CustomKind],
    namespace: &str,
    owner: &Owner,
) -> Result<Option<Object>, Trouble> {
    let Some(query) = ListQuery::of(&owner.kind, custom, namespace) else {
        return Ok(None);
    };
    let asked = "the pod's owner";
    let answer = cluster
        .list(&query)
        .map_err(|error| Trouble::Host { asked, error })?;
    let items = items(&answer).map_err(|error| Trouble::Answer {
        asked,
        error: error.to_string(),
    })?;
    if let Some(item) = named(&items, &owner.name) {
        return read(item.get(), owner)
            .map(Some)
            .map_err(|error| Trouble::Answer {
                asked,
                error: error.to_string(),
            });
    }
    // The first pods of a workload come within milliseconds, before any watch shows it.
    Ok(fetch_fresh(cluster, custom, namespace, owner))
}

/// The object itself in place of a list that is late. A refusal is no trouble: what the list shows,
/// or the owner's name tells, is then all there is.
fn fetch_fresh(
    cluster: &dyn Cluster,
    custom: &[CustomKind],
    namespace: &str,
    owner: &Owner,
) -> Option<Object> {
    let query = ObjectQuery::of(&owner.kind, custom, namespace, &owner.name)?;
    let answer = cluster.object(&query).ok()?;
    let item: &RawValue = serde_json::from_str(core::str::from_utf8(&answer).ok()?).ok()?;
    let item = named(&[item], &owner.name)?;
    read(item.get(), owner).ok()
}

fn read(item: &str, owner: &Owner) -> Result<Object, FieldError> {
    let known = owner.kind.known();
    let facts = WorkloadFacts::read(item)?;
    Ok(Object {
        controller: facts.controller().and_then(self::owner),
        replicas: known.map_or(0, |known| facts.replicas(known)),
        desired_by_owner: facts.desired_by_owner(),
        first_ordinal: facts.first_ordinal(),
        text: item.to_owned(),
    })
}

fn owner(reference: &OwnerReference<'_>) -> Option<Owner> {
    Some(Owner {
        kind: reference.group_kind()?,
        name: reference.name.as_str().to_owned(),
    })
}
