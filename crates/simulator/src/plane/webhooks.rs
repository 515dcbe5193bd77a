//! The other mutating webhooks of a creation, around the policy, as an API server calls them.
//!
//! In the order of the configurations' names, each on what the ones before it made of the pod, if its selector selects
//! that. If anything was changed there is one more round: whoever asked for it (`IfNeeded`), was called, and was called
//! before the last change is called again; nobody is called then for the first time
//! (apiserver, pkg/admission/plugin/webhook/mutating/dispatcher.go).

use serde_json::Value;

use crate::injector::{Injector, POLICY_CONFIGURATION};

/// The webhooks of one creation.
#[derive(Debug)]
pub(super) struct Chain<'s> {
    injectors: Vec<(&'s Injector, Called)>,
    is_injected: bool,
}

/// How often a webhook was called, and what came after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    Never,
    /// Nothing was changed since.
    Last,
    /// Something was changed since.
    Before,
}

impl<'s> Chain<'s> {
    pub(super) fn new(injectors: &'s [Injector]) -> Self {
        let mut injectors: Vec<_> = injectors
            .iter()
            .map(|injector| (injector, Called::Never))
            .collect();
        injectors.sort_by_key(|(injector, _)| &injector.name);
        Self {
            injectors,
            is_injected: false,
        }
    }

    /// Those that come before the policy.
    pub(super) fn before(&mut self, pod: &mut Value) {
        for place in 0..self.injectors.len() {
            self.call(place, pod, |injector, called| {
                called == Called::Never && injector.name.as_str() < POLICY_CONFIGURATION
            });
        }
    }

    /// Those that come after it, then the second round; `is_changed`: by the policy.
    pub(super) fn after(&mut self, pod: &mut Value, is_changed: bool) {
        if is_changed {
            self.outdate();
        }
        for place in 0..self.injectors.len() {
            self.call(place, pod, |injector, _| {
                injector.name.as_str() > POLICY_CONFIGURATION
            });
        }
        for place in 0..self.injectors.len() {
            self.call(place, pod, |injector, called| {
                called == Called::Before && injector.is_reinvoked
            });
        }
    }

    /// Whether anybody but the policy changed the pod.
    pub(super) fn is_injected(&self) -> bool {
        self.is_injected
    }

    fn call(&mut self, place: usize, pod: &mut Value, is_due: impl Fn(&Injector, Called) -> bool) {
        let Some((injector, called)) = self.injectors.get(place).copied() else {
            return;
        };
        if !is_due(injector, called) || !injector.selects(pod) {
            return;
        }
        if injector.inject(pod) {
            self.is_injected = true;
            self.outdate();
        }
        if let Some((_, called)) = self.injectors.get_mut(place) {
            *called = Called::Last;
        }
    }

    /// Something was changed.
    fn outdate(&mut self) {
        for (_, called) in &mut self.injectors {
            if *called == Called::Last {
                *called = Called::Before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rules::read_label_selector;
    use rules::{Faults, Place};
    use serde_json::json;

    use super::*;
    use crate::injector::Injection;

    /// Adds its own name as a label, to pods with this label.
    fn injector(name: &str, selecting: &str, is_reinvoked: bool) -> Injector {
        let selector = json!({"matchLabels": {selecting: "yes"}});
        Injector {
            name: name.to_owned(),
            selector: read_label_selector(&selector, &Place::Root("x"), &mut Faults::default()),
            is_reinvoked,
            injection: Injection {
                items: Vec::new(),
                texts: vec![(&["metadata", "labels"], name.to_owned(), "yes".to_owned())],
            },
        }
    }

    /// The labels of a pod with the label `first`, to which the policy gives `placed`.
    fn labels(injectors: &[Injector]) -> String {
        let mut pod = json!({"metadata": {"labels": {"first": "yes"}}});
        let mut chain = Chain::new(injectors);
        chain.before(&mut pod);
        crate::json::put(&mut pod, &["metadata", "labels", "placed"], json!("yes"));
        chain.after(&mut pod, true);
        let labels = pod["metadata"]["labels"].as_object().unwrap();
        labels.keys().cloned().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_webhooks_that_sort_behind_the_policy_see_what_it_did() {
        assert_eq!(
            labels(&[injector("sidecar", "placed", false)]),
            "first placed sidecar"
        );
        assert_eq!(
            labels(&[injector("0500-provider", "placed", false)]),
            "first placed"
        );
        // Not selected in the first round, so not called in the second.
        assert_eq!(
            labels(&[injector("0500-provider", "placed", true)]),
            "first placed"
        );
    }

    #[test]
    fn order_is_that_of_the_names() {
        let chain = [
            injector("z-second", "m-first", false),
            injector("m-first", "placed", false),
        ];
        assert_eq!(labels(&chain), "first m-first placed z-second");
        let wrong = [
            injector("m-second", "z-first", false),
            injector("z-first", "placed", false),
        ];
        assert_eq!(labels(&wrong), "first placed z-first");
    }

    /// A webhook that was called sees what came later, if it asked for it.
    #[test]
    fn who_was_called_before_a_change_may_be_called_again() {
        let counted = |is_reinvoked| {
            let mut chain = [injector("a-early", "first", is_reinvoked)];
            // Undoes what the policy says of it, so that a second call shows.
            chain[0].injection.texts = vec![(&["metadata", "labels"], "placed".to_owned(), "no".to_owned())];
            let mut pod = json!({"metadata": {"labels": {"first": "yes"}}});
            let mut calls = Chain::new(&chain);
            calls.before(&mut pod);
            crate::json::put(&mut pod, &["metadata", "labels", "placed"], json!("yes"));
            calls.after(&mut pod, true);
            (pod["metadata"]["labels"]["placed"].clone(), calls.is_injected())
        };
        assert_eq!(counted(true), (json!("no"), true));
        assert_eq!(counted(false), (json!("yes"), true));
    }
}
