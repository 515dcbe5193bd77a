//! Whether a node has room for one more pod, as far as is known: pods that no spread has are not seen, so that this says
//! where a move is worth trying, not that it will succeed.

use std::collections::BTreeMap;

use placement_core::SubsetIx;
use placement_core::nodes::{NodeAffinity, Resources, Term, Toleration, untolerated};
use placement_core::spread::{Spread, Subset};
use serde_json::{Map, Value};

use crate::record::{NodeNeeds, NodeRecord, Phase};
use crate::world::{KnownPod, SpreadId, Stage, World};

/// The nodes, and what is taken on each.
pub(crate) struct Rooms<'w> {
    world: &'w World,
    taken: BTreeMap<&'w str, Room>,
}

/// What is taken on a node.
#[derive(Default)]
struct Room {
    resources: Resources,
    pods: u64,
}

impl Room {
    fn add(&mut self, needs: &NodeNeeds) {
        self.resources.add(&needs.requests);
        self.pods += 1;
    }
}

impl<'w> Rooms<'w> {
    /// What the known pods take, and those that are on their way home.
    pub(crate) fn of(world: &'w World) -> Self {
        let mut taken: BTreeMap<&str, Room> = BTreeMap::new();
        for pod in world.pods.all().filter(|pod| pod.record.phase != Phase::Finished) {
            if let Some(node) = &pod.record.node {
                taken.entry(node).or_default().add(&pod.record.needs);
            }
        }
        let journeys = world.moves.values().filter_map(|moves| moves.last.as_ref());
        for journey in journeys.filter(|journey| journey.stage != Stage::Over) {
            taken.entry(&journey.node).or_default().add(&journey.needs);
        }
        Self { world, taken }
    }

    /// A node of a subset on which the successor of a pod of another subset has room.
    pub(crate) fn node_for(
        &self,
        id: &SpreadId,
        spread: &Spread,
        pod: &KnownPod,
        from: SubsetIx,
        to: SubsetIx,
    ) -> Option<&'w str> {
        let needs = pod.record.needs.as_ref();
        let (from, to) = (spread.subset(from)?, spread.subset(to)?);
        let spec = as_successor(spread, needs, from, to);
        let tolerations: Vec<Toleration> = items(&spec, "tolerations").map(Toleration::read).collect();
        let affinity = NodeAffinity::of_pod(&spec);
        let keeps_apart = spec
            .pointer("/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution")
            .and_then(Value::as_array)
            .is_some_and(|terms| !terms.is_empty());
        let required = to.overlay().required().map(Term::read);
        let is_fit = |node: &&NodeRecord| {
            node.takes_pods
                && required.as_ref().is_none_or(|term| term.selects(node.facts()))
                && affinity.selects(node.facts())
                && untolerated(&node.taints, &tolerations).is_none()
                && !(keeps_apart && self.has_one_of(id, &node.name))
                && self.has_room(node, needs)
        };
        self.world
            .nodes
            .values()
            .find(is_fit)
            .map(|node| node.name.as_str())
    }

    fn has_one_of(&self, id: &SpreadId, node: &str) -> bool {
        let mut pods = self.world.pods_of(id);
        pods.any(|pod| pod.record.node.as_deref() == Some(node))
    }

    fn has_room(&self, node: &NodeRecord, needs: &NodeNeeds) -> bool {
        let Some(allocatable) = &node.allocatable else {
            return true;
        };
        let nothing = Room::default();
        let taken = self.taken.get(node.name.as_str()).unwrap_or(&nothing);
        let has_pods = allocatable.pods.is_none_or(|pods| taken.pods < pods);
        has_pods && fits(&needs.requests, &taken.resources, &allocatable.resources)
    }
}

/// Whether what is asked for and what is taken is no more than there is. What is not asked for does not matter.
fn fits(asked: &Resources, taken: &Resources, all: &Resources) -> bool {
    let fits = |asked: i64, taken: i64, all: i64| asked == 0 || asked.saturating_add(taken) <= all;
    fits(asked.cpu, taken.cpu, all.cpu)
        && fits(asked.memory, taken.memory, all.memory)
        && fits(asked.storage, taken.storage, all.storage)
        && asked
            .others
            .iter()
            .all(|(name, asked)| fits(*asked, taken.other(name), all.other(name)))
}

/// What the successor of a pod will wish for: what the pod came with, and what its new subset gives. What its old one gave is
/// taken away again, as far as that can be told from what it came with.
fn as_successor(spread: &Spread, needs: &NodeNeeds, from: &Subset, to: &Subset) -> Value {
    let mut spec = needs.wishes();
    let given = |subset: &Subset, field: &str| -> Value {
        let patch = subset.overlay().patch();
        patch
            .and_then(|patch| patch.get("spec")?.get(field))
            .cloned()
            .unwrap_or_default()
    };
    let own: Vec<Value> = items(&spec, "tolerations")
        .filter(|toleration| !from.overlay().tolerations().contains(toleration))
        .cloned()
        .collect();
    let patched = given(to, "tolerations");
    let tolerations = own
        .into_iter()
        .chain(to.overlay().tolerations().iter().cloned())
        .chain(patched.as_array().into_iter().flatten().cloned())
        .collect();
    let mut selector: Map<String, Value> = spec
        .get("nodeSelector")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for key in given(from, "nodeSelector")
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        selector.remove(key);
    }
    selector.extend(given(to, "nodeSelector").as_object().cloned().unwrap_or_default());
    if let Some(affinity) = spec
        .pointer_mut("/affinity/nodeAffinity")
        .and_then(Value::as_object_mut)
    {
        const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
        let terms = affinity
            .get_mut(REQUIRED)
            .and_then(|required| required.get_mut("nodeSelectorTerms"));
        let terms = terms.and_then(Value::as_array_mut).into_iter().flatten();
        // Terms are ORed: where one was a subset's alone, the pod came with none.
        if terms.fold(false, |is_free, term| is_free | forget_subsets(spread, term)) {
            affinity.remove(REQUIRED);
        }
    }
    if let Some(fields) = spec.as_object_mut() {
        fields.insert("tolerations".to_owned(), Value::Array(tolerations));
        fields.insert("nodeSelector".to_owned(), Value::Object(selector));
    }
    spec
}

/// Takes out of a term what subsets require; whether nothing is left of it by that.
fn forget_subsets(spread: &Spread, term: &mut Value) -> bool {
    let mut is_changed = false;
    for field in ["matchExpressions", "matchFields"] {
        let required = |subset: &Subset, condition: &Value| {
            let term = subset.overlay().required();
            term.is_some_and(|term| items(term, field).any(|known| known == condition))
        };
        if let Some(conditions) = term.get_mut(field).and_then(Value::as_array_mut) {
            let before = conditions.len();
            conditions.retain(|condition| !spread.subsets().iter().any(|subset| required(subset, condition)));
            is_changed |= conditions.len() < before;
        }
    }
    is_changed && Term::read(term).is_empty()
}

fn items<'v>(object: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    object.get(field).and_then(Value::as_array).into_iter().flatten()
}
