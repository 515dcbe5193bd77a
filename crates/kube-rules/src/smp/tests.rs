//! The rules of the merge, one test each; the oracle holds the whole to the API server.

use serde_json::{Value, json};

use super::{Refused, merge_pod};

fn spec(before: Value, patch: Value) -> Value {
    let mut pod = merge_pod(json!({"spec": before}), &json!({"spec": patch})).unwrap();
    pod["spec"].take()
}

fn refused(before: Value, patch: Value) -> Refused {
    merge_pod(before, &patch).unwrap_err()
}

#[test]
fn maps_merge_key_by_key_and_null_deletes() {
    let pod = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
    let patch =
        json!({"metadata": {"labels": {"b": null, "c": "3"}, "annotations": {"x": "y", "gone": null}}});
    let after = merge_pod(pod, &patch).unwrap();
    assert_eq!(
        after,
        json!({"metadata": {"labels": {"a": "1", "c": "3"}, "annotations": {"x": "y"}}})
    );
}

#[test]
fn containers_merge_by_name_and_a_new_one_goes_first() {
    let after = spec(
        json!({"containers": [{"name": "main", "image": "web", "env": [{"name": "A", "value": "1"}]}]}),
        json!({"containers": [{"name": "side", "image": "log"}, {"name": "main", "env": [{"name": "B", "value": "2"}]}]}),
    );
    let env = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
    assert_eq!(
        after,
        json!({"containers": [{"name": "side", "image": "log"}, {"name": "main", "image": "web", "env": env}]})
    );
}

#[test]
fn tolerations_and_commands_are_replaced() {
    let after = spec(
        json!({"tolerations": [{"key": "a"}], "containers": [{"name": "main", "command": ["x", "y"]}]}),
        json!({"tolerations": [{"key": "b"}], "containers": [{"name": "main", "command": ["z"]}]}),
    );
    assert_eq!(
        after,
        json!({"tolerations": [{"key": "b"}], "containers": [{"name": "main", "command": ["z"]}]})
    );
}

#[test]
fn ports_collide_by_number_whatever_their_protocol() {
    let ports = json!([{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]);
    let after = spec(
        json!({"containers": [{"name": "dns", "ports": ports}]}),
        json!({"containers": [{"name": "dns", "ports": [{"containerPort": 53, "name": "dns"}]}]}),
    );
    let first = json!({"containerPort": 53, "protocol": "TCP", "name": "dns"});
    assert_eq!(
        after["containers"][0]["ports"],
        json!([first, {"containerPort": 53, "protocol": "UDP"}])
    );
}

#[test]
fn patch_replace_and_delete() {
    let before = json!({"securityContext": {"runAsUser": 1}, "volumes": [{"name": "a"}, {"name": "b"}]});
    let after = spec(
        before.clone(),
        json!({"securityContext": {"$patch": "replace", "runAsGroup": 2}, "volumes": [{"name": "a", "$patch": "delete"}]}),
    );
    assert_eq!(
        after,
        json!({"securityContext": {"runAsGroup": 2}, "volumes": [{"name": "b"}]})
    );
    let after = spec(
        before,
        json!({"securityContext": {"$patch": "delete"}, "volumes": [{"$patch": "replace"}, {"name": "c"}]}),
    );
    assert_eq!(after, json!({"securityContext": {}, "volumes": [{"name": "c"}]}));
}

#[test]
fn retain_keys_swaps_the_source_of_a_volume() {
    let after = spec(
        json!({"volumes": [{"name": "data", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "data", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/data"}}]}),
    );
    assert_eq!(
        after,
        json!({"volumes": [{"name": "data", "hostPath": {"path": "/data"}}]})
    );
}

#[test]
fn finalizers_are_a_set_to_add_to_and_delete_from() {
    let merge = |patch| {
        merge_pod(
            json!({"metadata": {"finalizers": ["a", "b"]}}),
            &json!({"metadata": patch}),
        )
        .unwrap()
    };
    assert_eq!(
        merge(json!({"finalizers": ["c", "b"]})),
        json!({"metadata": {"finalizers": ["c", "a", "b"]}})
    );
    assert_eq!(
        merge(json!({"$deleteFromPrimitiveList/finalizers": ["a", "z"]})),
        json!({"metadata": {"finalizers": ["b"]}})
    );
}

#[test]
fn set_element_order_moves_what_it_names() {
    let after = spec(
        json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}),
        json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "new"}, {"name": "a"}],
               "containers": [{"name": "new"}]}),
    );
    assert_eq!(
        after,
        json!({"containers": [{"name": "b"}, {"name": "c"}, {"name": "new"}, {"name": "a"}]})
    );
}

#[test]
fn a_float_is_not_an_integer() {
    let key = |number: Value| json!({"containers": [{"name": "a", "ports": [{"containerPort": number}]}]});
    let ports = spec(key(json!(80)), key(json!(80.0)))["containers"][0]["ports"].take();
    assert_eq!(ports, json!([{"containerPort": 80.0}, {"containerPort": 80}]));
}

#[test]
fn a_refusal_says_where_and_what_to_write() {
    let pod =
        || json!({"spec": {"containers": [{"name": "main", "env": [{"name": "A"}]}], "odd": {"deep": {}}}});
    let say = |patch| refused(pod(), patch).to_string();
    assert_eq!(
        say(json!({"spec": {"containers": [{"name": "main", "env": [{"value": "1"}]}]}})),
        "`spec.containers[0].env` is merged by `name`: give every element a `name`"
    );
    assert_eq!(
        say(json!({"spec": {"containers": [{"name": "main", "$patch": "merge"}]}})),
        "`spec.containers[0]`: `$patch` must be `replace` or `delete`; leave it out to merge"
    );
    assert_eq!(
        say(json!({"spec": {"odd": {"deep": {"x": 1}}}})),
        "`spec.odd` is not a field of a pod, so nothing can be merged into it: check its spelling"
    );
    assert_eq!(
        say(json!({"$patch": "merge"})),
        "`$patch` must be `replace` or `delete`; leave it out to merge"
    );
    assert_eq!(
        refused(json!([]), json!({})),
        Refused::NotAnObject { what: "pod" }
    );
    assert_eq!(
        say(json!({"spec": {"$retainKeys": ["containers"], "hostname": "x"}})),
        "`spec.hostname` is set but `$retainKeys` beside it does not name it: add it there"
    );
    assert_eq!(
        say(json!({"spec": {"$setElementOrder/containers": [{"name": "a"}], "containers": [{"name": "b"}]}})),
        "`spec.$setElementOrder/containers` must name every element of the patch's list, in the same order"
    );
}
