use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::cluster::Cluster;
use crate::query::{GetResource, ListAll, ListByNamespace, ResourceAttributes};
use crate::session::{Recording, Replay};

fn list(selector: Option<&str>) -> Query {
    Query::ListByNamespace(ListByNamespace {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        namespace: "shop".into(),
        label_selector: selector.map(Into::into),
        field_selector: None,
        field_masks: Some(BTreeSet::from(["spec.replicas".to_owned(), "status".to_owned()])),
    })
}

fn node(name: &str) -> Query {
    Query::GetResource(GetResource {
        api_version: "v1".into(),
        kind: "Node".into(),
        name: name.into(),
        namespace: None,
        disable_cache: true,
        field_masks: None,
    })
}

/// Written by kwctl's serializer: block sequences, no quotes where none are needed.
const FROM_KWCTL: &str = "\
- type: Exchange
  request: |
    !KubernetesListResourceNamespace
    api_version: apps/v1
    kind: ReplicaSet
    namespace: shop
    label_selector: app=web
    field_selector: null
    field_masks:
    - spec.replicas
    - status
  response:
    type: Success
    payload: '{\"items\":[{\"it''s\":1}]}'
- type: Exchange
  request: |
    !KubernetesGetResource
    api_version: v1
    kind: Node
    name: n1
    namespace: null
    disable_cache: true
  response:
    type: Error
    message: Cannot find v1/Node named 'n1' inside of namespace 'None'
";

#[test]
fn a_session_of_kwctl_is_replayed_in_order_and_strictly() {
    let replay = Replay::from_yaml(FROM_KWCTL).unwrap();
    assert_eq!(
        replay.answer(&list(Some("app=web"))),
        Ok(br#"{"items":[{"it's":1}]}"#.to_vec())
    );
    assert_eq!(replay.left().len(), 1);
    let strict = replay.answer(&node("n2")).unwrap_err();
    assert!(
        strict.starts_with("Replay error: unexpected request. Was expecting GetResource"),
        "{strict}"
    );
    assert_eq!(
        replay.answer(&node("n1")),
        Err("the list of recorded responses is empty".to_owned())
    );
}

#[test]
fn a_recording_is_written_as_kwctl_reads_it() {
    let cluster = |query: &Query| match query {
        Query::ListByNamespace(_) => Ok(br#"{"items":["it's"]}"#.to_vec()),
        _ => Err("two\nlines: \"a\"".to_owned()),
    };
    let recording = Recording::new(Arc::new(cluster));
    recording.answer(&list(Some("app=web"))).unwrap();
    recording.answer(&node("n1")).unwrap_err();
    assert_eq!(
        recording.to_yaml(),
        "\
- type: Exchange
  request: |
    !KubernetesListResourceNamespace
    api_version: apps/v1
    kind: ReplicaSet
    namespace: shop
    label_selector: 'app=web'
    field_selector: null
    field_masks: [spec.replicas, status]
  response:
    type: Success
    payload: '{\"items\":[\"it''s\"]}'
- type: Exchange
  request: |
    !KubernetesGetResource
    api_version: v1
    kind: Node
    name: n1
    namespace: null
    disable_cache: true
    field_masks: null
  response:
    type: Error
    message: \"two\\nlines: \\\"a\\\"\"
"
    );
    assert_eq!(Recording::new(Arc::new(cluster)).to_yaml(), "[]\n");
}

#[test]
fn what_is_no_session_is_said() {
    let error = |text: &str| Replay::from_yaml(text).unwrap_err().to_string();
    assert!(error("- type: Other").starts_with("the session cannot be read: "));
    let unknown = FROM_KWCTL.replace("!KubernetesGetResource", "!KubernetesWatch");
    assert!(error(&unknown).starts_with("[1].request cannot be read: `!KubernetesWatch` is no question"));
    let untagged = FROM_KWCTL.replace("    !KubernetesGetResource\n", "");
    assert!(error(&untagged).starts_with("[1].request cannot be read: `api_version: v1` is no question"));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[a-z]{1,5}",
        prop::sample::select(vec![
            "null", "true", "1", "~", "- a", "a: b", "é\n\t", "", "yes", "0x1", "'"
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_query() -> impl Strategy<Value = Query> {
    let option = || prop::option::of(any_text());
    let masks = || prop::option::of(prop::collection::btree_set(any_text(), 0..3));
    prop_oneof![
        (any_text(), any_text(), option(), option(), masks()).prop_map(
            |(api_version, kind, label_selector, field_selector, field_masks)| Query::ListAll(ListAll {
                api_version,
                kind,
                label_selector,
                field_selector,
                field_masks,
            })
        ),
        (any_text(), any_text(), option(), any::<bool>(), masks()).prop_map(
            |(kind, name, namespace, disable_cache, field_masks)| Query::GetResource(GetResource {
                api_version: "v1".to_owned(),
                kind,
                name,
                namespace,
                disable_cache,
                field_masks,
            })
        ),
        (
            any_text(),
            any_text(),
            option(),
            option(),
            prop::option::of(prop::collection::vec(any_text(), 0..3))
        )
            .prop_map(|(user, verb, group, namespace, groups)| Query::CanI(CanI {
                request: SubjectAccessReview {
                    groups,
                    resource_attributes: ResourceAttributes {
                        group,
                        name: None,
                        namespace,
                        resource: "pods".to_owned(),
                        subresource: None,
                        verb,
                        version: None,
                    },
                    user,
                },
                disable_cache: true,
            })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        exchanges in prop::collection::vec(
            (any_query(), prop::result::maybe_ok(any_text(), any_text())).prop_map(|(query, response)| Exchange { query, response }),
            0..4,
        )
    ) {
        prop_assert_eq!(read(&write(&exchanges)).unwrap(), exchanges);
    }
}
