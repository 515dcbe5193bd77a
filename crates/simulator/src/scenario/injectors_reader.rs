//! Reads the injectors of `scenario.yaml`.

use kube_rules::labels::LabelSelector;
use rules::{Faults as SelectorFaults, Place, read_label_selector};

use super::reader::At;
use crate::injector::{Injection, Injector, POLICY_CONFIGURATION};

pub(super) fn read_injectors(at: &At<'_>) -> Vec<Injector> {
    let mut injectors: Vec<Injector> = Vec::new();
    for item in at.as_list("a list of webhooks") {
        let Some(injector) = read_injector(&item) else {
            continue;
        };
        let is_taken = injectors.iter().any(|other| other.name == injector.name);
        if is_taken || injector.name == POLICY_CONFIGURATION {
            item.fault(format!(
                "a second webhook `{}`; write another name",
                injector.name
            ));
        }
        injectors.push(injector);
    }
    injectors
}

fn read_injector(at: &At<'_>) -> Option<Injector> {
    let fields = at.as_map("`name`, `objectSelector` and `inject`")?;
    let name = fields.required("name", "the name of its MutatingWebhookConfiguration");
    let name = name.and_then(|at| at.as_text("the name of its MutatingWebhookConfiguration"));
    let selector = fields.optional("objectSelector").map(|at| read_selector(&at));
    let is_reinvoked = fields.optional("reinvocationPolicy").map_or(Some(false), |at| {
        at.as_one_of(&[("Never", false), ("IfNeeded", true)])
    });
    let injection = fields.required("inject", "what it adds, such as `containers`");
    let injection = injection.and_then(|at| read_injection(&at));
    fields.no_others();
    Some(Injector {
        name: name?.to_owned(),
        selector: selector.map_or(Some(None), |selector| selector.map(Some))?,
        is_reinvoked: is_reinvoked?,
        injection: injection?,
    })
}

fn read_selector(at: &At<'_>) -> Option<LabelSelector> {
    let mut found = SelectorFaults::default();
    let read = read_label_selector(&at.value(), &Place::Root("objectSelector"), &mut found);
    if read.is_none() {
        at.fault("not a label selector; write one such as `matchLabels: {needs-sidecar: \"true\"}`");
    }
    read
}

fn read_injection(at: &At<'_>) -> Option<Injection> {
    const LISTS: [(&str, bool); 3] = [
        ("containers", true),
        ("initContainers", true),
        ("tolerations", false),
    ];
    const TEXTS: [(&str, &[&str]); 3] = [
        ("labels", &["metadata", "labels"]),
        ("annotations", &["metadata", "annotations"]),
        ("nodeSelector", &["spec", "nodeSelector"]),
    ];
    let fields = at.as_map("what it adds")?;
    let mut injection = Injection::default();
    for (name, is_named) in LISTS {
        let list = fields.optional(name).map(|at| at.as_list("a list"));
        for item in list.into_iter().flatten() {
            let map = item.as_map("a map")?;
            if is_named {
                let name = map.required("name", "the container's name");
                name?.as_text("the container's name")?;
            }
            injection.items.push((name, item.value()));
        }
    }
    for (name, path) in TEXTS {
        let texts = fields.optional(name).map(|at| at.as_texts("a map of texts"));
        let texts = texts.into_iter().flatten();
        injection.texts.extend(texts.map(|(key, text)| (path, key, text)));
    }
    fields.no_others();
    if injection == Injection::default() {
        at.fault("adds nothing; write `containers`, `initContainers`, `tolerations`, `labels`, `annotations` or `nodeSelector`");
    }
    Some(injection)
}
