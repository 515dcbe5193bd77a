//! Nodes for the pods that fit nowhere.

use crate::scheduling::{HOSTNAME, Needs, Node, NodeId, Nodes};

use super::{Action, Autoscaler, View};

impl Autoscaler {
    pub(super) fn scale_out(&mut self, view: View<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        for group in 0..self.groups.len() {
            while self
                .groups
                .get(group)
                .is_some_and(|known| self.size(group) < known.min)
            {
                let node = self.next(group);
                actions.extend(self.order(group, node, view));
            }
        }
        if view.pending.is_empty() {
            return actions;
        }
        // Pods are placed one after the other, so that one new node serves as many as it takes.
        let mut planned = view.nodes.clone();
        for name in &self.leaving {
            planned.remove(name);
        }
        for node in self.coming.values() {
            planned.put(node.clone());
        }
        for (index, needs) in view.pending.iter().enumerate() {
            let place = best(&mut planned, needs).or_else(|| {
                let (group, node) = self.first_that_takes(needs, &mut planned)?;
                let id = planned.put(node.clone());
                actions.extend(self.order(group, node, view));
                Some(id)
            });
            if let Some(place) = place {
                planned.assume(u64::MAX - index as u64, needs.clone(), place);
            }
        }
        actions
    }

    /// The first group with room for one more whose nodes would take the pod, and that node.
    fn first_that_takes(&self, needs: &Needs, planned: &mut Nodes) -> Option<(usize, Node)> {
        (0..self.groups.len()).find_map(|group| {
            if self
                .groups
                .get(group)
                .is_none_or(|known| self.size(group) >= known.max)
            {
                return None;
            }
            let node = self.next(group);
            let id = planned.put(node.clone());
            let takes = planned
                .scores(needs)
                .is_ok_and(|scores| scores.iter().any(|choice| choice.node == id));
            planned.remove(&node.name);
            takes.then_some((group, node))
        })
    }

    /// The next node of a group, not yet ordered.
    fn next(&self, group: usize) -> Node {
        let Some(known) = self.groups.get(group) else {
            return Node::roomy("");
        };
        let number = self.numbers.get(&group).copied().unwrap_or_default();
        let free = (number + 1..).map(|number| format!("{}-{number}", known.name));
        let name = free
            .into_iter()
            .find(|name| !self.members.contains_key(name))
            .unwrap_or_default();
        let mut node = known.template.clone();
        node.labels.insert(HOSTNAME.to_owned(), name.clone());
        node.name = name;
        node
    }

    fn order(&mut self, group: usize, node: Node, view: View<'_>) -> Option<Action> {
        let known = self.groups.get(group)?;
        let number = node
            .name
            .rsplit('-')
            .next()
            .and_then(|number| number.parse().ok());
        self.numbers.insert(group, number.unwrap_or_default());
        self.members.insert(node.name.clone(), group);
        self.coming.insert(node.name.clone(), node.clone());
        self.last_added = Some(view.now);
        Some(Action::Add {
            group: known.name.clone(),
            node,
            at: view.now + known.delay,
        })
    }
}

/// The first of the best nodes: what is drawn among equals does not matter to a plan.
pub(super) fn best(nodes: &mut Nodes, needs: &Needs) -> Option<NodeId> {
    let scores = nodes.scores(needs).ok()?;
    let highest = scores.iter().map(|choice| choice.score).max()?;
    scores
        .iter()
        .find(|choice| choice.score == highest)
        .map(|choice| choice.node)
}
