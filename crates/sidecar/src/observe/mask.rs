//! Reads only the wanted fields of an object: what is left out is never kept, not even for a moment.

use core::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Which fields of a value are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mask {
    /// All of it.
    All,
    /// These fields of an object.
    Only(&'static [(&'static str, Mask)]),
    /// All fields of an object but these, which are wanted in part or, with no mask, not at all.
    But(&'static [(&'static str, Option<Mask>)]),
    /// The same of each item of a list.
    Each(&'static Mask),
}

/// What is kept of metadata. Of the managed fields it is only whether whoever made a pod named its node.
const METADATA: Mask = Mask::Only(&[
    ("name", Mask::All),
    ("namespace", Mask::All),
    ("uid", Mask::All),
    ("resourceVersion", Mask::All),
    ("creationTimestamp", Mask::All),
    ("deletionTimestamp", Mask::All),
    ("labels", Mask::All),
    ("annotations", Mask::All),
    ("ownerReferences", Mask::All),
    (
        "managedFields",
        Mask::Each(&Mask::Only(&[(
            "fieldsV1",
            Mask::Only(&[("f:spec", Mask::Only(&[("f:nodeName", Mask::All)]))]),
        )])),
    ),
]);

const CONDITION: Mask = Mask::Only(&[
    ("type", Mask::All),
    ("status", Mask::All),
    ("reason", Mask::All),
    ("lastTransitionTime", Mask::All),
]);

/// What a container asks of a node.
const CONTAINER: Mask = Mask::Only(&[
    ("restartPolicy", Mask::All),
    ("resources", Mask::Only(&[("requests", Mask::All)])),
    ("ports", Mask::Each(&Mask::Only(&[("hostPort", Mask::All)]))),
]);

/// What a `PodRecord` is read from.
pub(crate) const POD: Mask = Mask::Only(&[
    ("metadata", METADATA),
    (
        "spec",
        Mask::Only(&[
            ("nodeName", Mask::All),
            ("schedulingGates", Mask::All),
            ("tolerations", Mask::All),
            ("nodeSelector", Mask::All),
            ("affinity", Mask::All),
            ("containers", Mask::Each(&CONTAINER)),
            ("initContainers", Mask::Each(&CONTAINER)),
            ("resources", Mask::Only(&[("requests", Mask::All)])),
            ("overhead", Mask::All),
            (
                "topologySpreadConstraints",
                Mask::Each(&Mask::Only(&[("whenUnsatisfiable", Mask::All)])),
            ),
            (
                "volumes",
                Mask::Each(&Mask::Only(&[
                    ("persistentVolumeClaim", Mask::All),
                    ("ephemeral", Mask::Only(&[])),
                ])),
            ),
            ("resourceClaims", Mask::Each(&Mask::Only(&[("name", Mask::All)]))),
        ]),
    ),
    (
        "status",
        Mask::Only(&[
            ("phase", Mask::All),
            ("conditions", Mask::Each(&CONDITION)),
            (
                "containerStatuses",
                Mask::Each(&Mask::Only(&[("restartCount", Mask::All)])),
            ),
        ]),
    ),
]);

/// What a template requires of a node.
const TEMPLATE: Mask = Mask::Only(&[(
    "spec",
    Mask::Only(&[
        ("nodeSelector", Mask::All),
        ("affinity", Mask::Only(&[("nodeAffinity", Mask::All)])),
        ("tolerations", Mask::All),
    ]),
)]);

/// What a `WorkloadRecord` is read from. A path to the replicas may lead anywhere but into the template.
pub(crate) const WORKLOAD: Mask = Mask::Only(&[
    ("metadata", METADATA),
    (
        "spec",
        Mask::But(&[("template", Some(TEMPLATE)), ("volumeClaimTemplates", None)]),
    ),
]);

/// What a `NodeRecord` is read from.
pub(crate) const NODE: Mask = Mask::Only(&[
    ("metadata", METADATA),
    (
        "spec",
        Mask::Only(&[("taints", Mask::All), ("unschedulable", Mask::All)]),
    ),
    (
        "status",
        Mask::Only(&[("allocatable", Mask::All), ("conditions", Mask::Each(&CONDITION))]),
    ),
]);

/// A ledger, whole but for what the API server notes about it.
pub(crate) const LEDGER: Mask = Mask::Only(&[
    ("apiVersion", Mask::All),
    ("kind", Mask::All),
    ("metadata", METADATA),
    ("spec", Mask::All),
    ("status", Mask::All),
]);

/// The settings of a policy.
pub(crate) const POLICY: Mask = Mask::Only(&[
    ("metadata", METADATA),
    ("spec", Mask::Only(&[("settings", Mask::All)])),
]);

impl<'de> DeserializeSeed<'de> for Mask {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self {
            Self::All => Value::deserialize(deserializer),
            _ => deserializer.deserialize_any(Masked(self)),
        }
    }
}

impl Mask {
    /// The mask of a field; `None`: it is not wanted.
    fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::All => Some(Self::All),
            Self::Only(fields) => fields
                .iter()
                .find(|(field, _)| *field == name)
                .map(|(_, mask)| *mask),
            Self::But(fields) => match fields.iter().find(|(field, _)| *field == name) {
                Some((_, mask)) => *mask,
                None => Some(Self::All),
            },
            Self::Each(_) => None,
        }
    }
}

struct Masked(Mask);

/// An object of another shape than expected becomes what it is; the records say what is wrong with it.
impl<'de> Visitor<'de> for Masked {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut kept = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            match self.0.field(&name) {
                Some(mask) => {
                    kept.insert(name, map.next_value_seed(mask)?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(kept))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Value, S::Error> {
        let Mask::Each(mask) = self.0 else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(*mask)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use reconcile_core::{NodeRecord, PodRecord};
    use serde_json::json;

    use super::*;

    fn masked(mask: Mask, object: &Value) -> Value {
        let text = object.to_string();
        mask.deserialize(&mut serde_json::Deserializer::from_str(&text))
            .unwrap()
    }

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "web-1", "namespace": "shop", "uid": "u1", "resourceVersion": "17",
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:01:00Z",
                "labels": {"app": "web"}, "annotations": {"controller.kubernetes.io/pod-deletion-cost": "3"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d", "uid": "o", "controller": true}],
                "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:metadata": {}, "f:spec": {"f:nodeName": {}, "f:containers": {}}}}],
            },
            "spec": {
                "nodeName": "n1", "schedulingGates": [{"name": "spillway.dev/placement"}],
                "tolerations": [{"operator": "Exists"}], "nodeSelector": {"a": "b"}, "affinity": {"nodeAffinity": {}},
                "containers": [{
                    "name": "c", "env": [{"name": "SECRET", "value": "x"}], "ports": [{"containerPort": 80, "hostPort": 80}],
                    "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "4"}},
                }],
                "initContainers": [{"name": "i", "restartPolicy": "Always", "resources": {"requests": {"memory": "1Gi"}}}],
                "overhead": {"cpu": "10m"}, "priority": 0, "volumes": [{"name": "v", "secret": {"secretName": "s"}}],
            },
            "status": {
                "phase": "Running", "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:30Z", "message": "m"}],
                "containerStatuses": [{"restartCount": 4, "image": "i"}, {"restartCount": 1}],
            },
        })
    }

    #[test]
    fn a_masked_pod_reads_as_the_whole_one() {
        let mut gone = pod();
        let mut alive = pod();
        alive["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("deletionTimestamp");
        for pod in [&mut gone, &mut alive] {
            assert_eq!(
                PodRecord::read(&masked(POD, pod)).unwrap(),
                PodRecord::read(pod).unwrap()
            );
        }
    }

    #[test]
    fn what_no_record_holds_is_left_out() {
        let kept = masked(POD, &pod());
        assert_eq!(
            kept["spec"]["containers"],
            json!([{"resources": {"requests": {"cpu": "2"}}, "ports": [{"hostPort": 80}]}])
        );
        assert_eq!(kept["spec"]["volumes"], json!([{}]));
        assert_eq!(
            kept["metadata"]["managedFields"],
            json!([{"fieldsV1": {"f:spec": {"f:nodeName": {}}}}])
        );
        assert_eq!(
            kept["status"]["containerStatuses"],
            json!([{"restartCount": 4}, {"restartCount": 1}])
        );
        let workload = json!({"metadata": {"name": "w"}, "spec": {
            "replicas": 3, "pools": [{"size": 2}],
            "template": {"metadata": {}, "spec": {"containers": [], "nodeSelector": {"a": "b"}}},
        }});
        assert_eq!(
            masked(WORKLOAD, &workload),
            json!({"metadata": {"name": "w"}, "spec": {
                "replicas": 3, "pools": [{"size": 2}], "template": {"spec": {"nodeSelector": {"a": "b"}}},
            }})
        );
    }

    #[test]
    fn a_masked_node_reads_as_the_whole_one() {
        let node = json!({
            "metadata": {"name": "n1", "labels": {"pool": "fixed"}},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}], "podCIDR": "10.0.0.0/24", "unschedulable": true},
            "status": {
                "images": [{"names": ["a"]}], "allocatable": {"cpu": "4", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "False"}],
            },
        });
        assert_eq!(
            NodeRecord::read(&masked(NODE, &node)).unwrap(),
            NodeRecord::read(&node).unwrap()
        );
    }

    #[test]
    fn nonsense_is_kept_as_it_is_or_dropped() {
        assert_eq!(
            masked(POD, &json!({"spec": 3, "status": "x", "metadata": null})),
            json!({"spec": 3, "status": "x", "metadata": null})
        );
        assert_eq!(masked(POD, &json!({"spec": [1, 2]})), json!({"spec": null}));
    }
}
