use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::access::AccessRule;
use crate::query::{CanI, ResourceAttributes, SubjectAccessReview};

fn pod(namespace: &str, name: &str, phase: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {"nodeName": "n1"}, "status": {"phase": phase},
    })
}

fn id(namespace: &str, name: &str) -> ObjectId {
    ObjectId::of(&pod(namespace, name, "")).unwrap()
}

fn list(namespace: &str) -> ListByNamespace {
    ListByNamespace {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: namespace.into(),
        label_selector: None,
        field_selector: None,
        field_masks: Some(BTreeSet::from(["status.phase".to_owned()])),
    }
}

/// `name:phase` of each item.
fn seen(cluster: &dyn Cluster, query: &Query) -> Vec<String> {
    let answer: Value = serde_json::from_slice(&cluster.answer(query).unwrap()).unwrap();
    answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            format!(
                "{}:{}",
                item["metadata"]["name"].as_str().unwrap(),
                item["status"]["phase"].as_str().unwrap()
            )
        })
        .collect()
}

fn pods(cluster: &dyn Cluster) -> Vec<String> {
    seen(cluster, &Query::ListByNamespace(list("shop")))
}

fn filled() -> Store {
    let store = Store::new();
    store.put(0, pod("shop", "a", "Pending")).unwrap();
    store.put(5, pod("shop", "b", "Pending")).unwrap();
    store.put(9, pod("shop", "a", "Running")).unwrap();
    store.put(9, pod("other", "c", "Running")).unwrap();
    store.remove(20, &id("shop", "b")).unwrap();
    store
}

#[test]
fn a_list_has_the_shape_and_the_bytes_of_the_real_host() {
    let answer = filled()
        .answer(&Query::ListByNamespace(list("shop")), None, None)
        .unwrap();
    assert_eq!(
        String::from_utf8(answer).unwrap(),
        concat!(
            r#"{"apiVersion":"v1","kind":"PodList","metadata":{},"items":[{"metadata":{"annotations":{},"labels":{"app":"a"},"#,
            r#""managedFields":[],"name":"a","namespace":"shop"},"status":{"phase":"Running"}}]}"#
        )
    );
    let nothing = filled()
        .answer(&Query::ListByNamespace(list("empty")), None, None)
        .unwrap();
    assert_eq!(
        nothing,
        br#"{"apiVersion":"v1","kind":"PodList","metadata":{},"items":[]}"#
    );
}

#[test]
fn a_view_shows_the_past_and_a_lagging_one_reads_the_present() {
    let store = filled();
    assert_eq!(pods(&store.as_of(0)), ["a:Pending"]);
    assert_eq!(pods(&store.as_of(8)), ["a:Pending", "b:Pending"]);
    assert_eq!(pods(&store.as_of(19)), ["a:Running", "b:Pending"]);
    assert_eq!(pods(&store), ["a:Running"]);

    let get = Query::GetResource(GetResource {
        api_version: "v1".into(),
        kind: "Pod".into(),
        name: "b".into(),
        namespace: Some("shop".into()),
        disable_cache: true,
        field_masks: None,
    });
    assert!(store.as_of(19).answer(&get).is_ok());
    assert_eq!(pods(&store.lists_as_of(19)), ["a:Running", "b:Pending"]);
    assert_eq!(
        store.lists_as_of(19).answer(&get),
        Err(r#"Cannot find v1/Pod named 'b' inside of namespace 'Some("shop")'"#.to_owned())
    );
}

#[test]
fn selectors_and_scopes_choose() {
    let store = filled();
    let mut by_label = list("shop");
    by_label.label_selector = Some("app in (b,c)".into());
    assert_eq!(
        seen(&store.as_of(10), &Query::ListByNamespace(by_label.clone())),
        ["b:Pending"]
    );
    let all = ListAll {
        api_version: "v1".into(),
        kind: "Pod".into(),
        label_selector: None,
        field_selector: Some("status.phase=Running".into()),
        field_masks: None,
    };
    assert_eq!(seen(&store, &Query::ListAll(all)), ["c:Running", "a:Running"]);
    by_label.label_selector = Some("app in".into());
    assert!(
        store
            .answer(&Query::ListByNamespace(by_label), None, None)
            .unwrap_err()
            .contains("`app in`")
    );
}

#[test]
fn a_cluster_wide_kind_cannot_be_listed_in_a_namespace() {
    let store = Store::new();
    store
        .put(
            0,
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}),
        )
        .unwrap();
    let mut nodes = list("shop");
    nodes.kind = "Node".into();
    assert_eq!(
        store.answer(&Query::ListByNamespace(nodes), None, None),
        Err("resource v1/Node is cluster wide. Cannot search for it inside of a namespace".to_owned())
    );
}

#[test]
fn what_cannot_be_stored_is_said() {
    let store = filled();
    assert_eq!(
        store.put(3, pod("shop", "a", "Failed")),
        Err(StoreError::Backwards {
            id: "v1/Pod shop/a".into(),
            at: 3,
            last: 9
        })
    );
    assert_eq!(
        store.put(30, json!({"kind": "Pod"})),
        Err(StoreError::Unnamed("/apiVersion"))
    );
    assert_eq!(store.put(30, json!(1)), Err(StoreError::Unnamed("/apiVersion")));
}

#[test]
fn rights_are_the_first_rule_that_fits() {
    let store = Store::new();
    let ask = |verb: &str| {
        let review = Query::CanI(CanI {
            request: SubjectAccessReview {
                groups: None,
                resource_attributes: ResourceAttributes {
                    group: Some("apps".into()),
                    name: None,
                    namespace: Some("shop".into()),
                    resource: "replicasets".into(),
                    subresource: None,
                    verb: verb.into(),
                    version: None,
                },
                user: "policy-server".into(),
            },
            disable_cache: false,
        });
        String::from_utf8(store.answer(&review, None, None).unwrap()).unwrap()
    };
    let rule = |allow, verb: &str| AccessRule {
        allow,
        user: "*".into(),
        verb: verb.into(),
        group: "apps".into(),
        resource: "*".into(),
        namespace: "shop".into(),
    };
    assert_eq!(ask("list"), r#"{"allowed":false,"reason":"no rule allows it"}"#);
    store.set_access(Access::new(vec![rule(false, "watch"), rule(true, "*")]));
    assert_eq!(ask("list"), r#"{"allowed":true}"#);
    assert_eq!(ask("watch"), r#"{"allowed":false,"reason":"no rule allows it"}"#);
}

proptest! {
    /// Whatever happens to objects, a view equals a store that was given only what had happened by then, and forgetting
    /// changes nothing that can still be asked.
    #[test]
    fn a_view_is_the_store_of_its_moment(
        changes in prop::collection::vec((0..4_u64, 0..5_usize, prop::option::of(0..3_usize)), 0..40),
        moment in 0..60_u64,
        forget in 0..60_u64,
    ) {
        let names = ["a", "b", "c", "d", "e"];
        let phases = ["Pending", "Running", "Failed"];
        let (store, early) = (Store::new(), Store::new());
        let mut now = 0;
        for (step, name, phase) in changes {
            now += step;
            for store in [Some(&store), (now <= moment).then_some(&early)].into_iter().flatten() {
                match phase {
                    Some(phase) => { store.put(now, pod("shop", names[name], phases[phase])).unwrap(); }
                    None => store.remove(now, &id("shop", names[name])).unwrap(),
                }
            }
        }
        let latest = pods(&store);
        prop_assert_eq!(pods(&store.as_of(moment)), pods(&early));
        store.forget_before(forget);
        if forget <= moment {
            prop_assert_eq!(pods(&store.as_of(moment)), pods(&early));
        }
        prop_assert_eq!(pods(&store), latest);
    }
}
