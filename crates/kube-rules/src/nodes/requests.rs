//! What a pod asks for, all containers together (k8s.io/component-helpers/resource, `PodRequests`).

use serde_json::Value;

use super::resources::Resources;
use super::unreadable::Unreadable;
use super::{list, text};

/// What a container without a request counts as where nodes are compared: 100m.
const USUAL_CPU: i64 = 100;
/// The same of memory: 200Mi.
const USUAL_MEMORY: i64 = 200 << 20;

/// A pod's requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// As written: what must be free on a node.
    pub exact: Resources,
    /// With a usual amount of cpu and memory for each container that names none: what nodes are compared by.
    pub usual: Resources,
}

impl Requests {
    /// Reads a pod's `spec`.
    ///
    /// # Errors
    /// At the first amount that cannot be read.
    pub fn of_pod(spec: &Value) -> Result<Self, Unreadable> {
        Ok(Self {
            exact: sum(spec, false)?,
            usual: sum(spec, true)?,
        })
    }
}

fn sum(spec: &Value, fills_in: bool) -> Result<Resources, Unreadable> {
    let mut sum = Resources::default();
    for (index, container) in list(spec, "containers").iter().enumerate() {
        sum.add(&request(
            container,
            &format!("spec.containers[{index}]"),
            fills_in,
        )?);
    }
    // Sidecars, the init containers that restart, stay; every other one runs beside those before it, then ends.
    let (mut sidecars, mut most) = (Resources::default(), Resources::default());
    for (index, container) in list(spec, "initContainers").iter().enumerate() {
        let mut own = request(container, &format!("spec.initContainers[{index}]"), fills_in)?;
        if text(container, "restartPolicy") == "Always" {
            sum.add(&own);
            sidecars.add(&own);
            most.raise_to(&sidecars);
        } else {
            own.add(&sidecars);
            most.raise_to(&own);
        }
    }
    sum.raise_to(&most);
    replace_by_pod_level(&mut sum, spec)?;
    sum.add(&Resources::read(spec.get("overhead"), "spec.overhead")?);
    Ok(sum)
}

fn request(container: &Value, path: &str, fills_in: bool) -> Result<Resources, Unreadable> {
    let list = container.pointer("/resources/requests");
    let mut read = Resources::read(list, &format!("{path}.resources.requests"))?;
    let is_missing = |name: &str| list.and_then(|list| list.get(name)).is_none();
    if fills_in && is_missing("cpu") {
        read.cpu = USUAL_CPU;
    }
    if fills_in && is_missing("memory") {
        read.memory = USUAL_MEMORY;
    }
    Ok(read)
}

/// `spec.resources` counts in place of what the containers ask for: of cpu, memory and huge pages.
fn replace_by_pod_level(sum: &mut Resources, spec: &Value) -> Result<(), Unreadable> {
    let list = spec.pointer("/resources/requests");
    let whole = Resources::read(list, "spec.resources.requests")?;
    for name in list
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
    {
        match name.as_str() {
            "cpu" => sum.cpu = whole.cpu,
            "memory" => sum.memory = whole.memory,
            name if name.starts_with("hugepages-") => {
                sum.others.insert(name.to_owned(), whole.other(name));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    fn cpu(spec: &Value) -> i64 {
        Requests::of_pod(spec).unwrap().exact.cpu
    }

    #[test]
    fn containers_add_up() {
        assert_eq!(
            cpu(&json!({"containers": [container("1"), container("500m"), {}]})),
            1500
        );
    }

    #[test]
    fn the_largest_init_container_is_the_least_that_is_asked_for() {
        let spec =
            json!({"containers": [container("1")], "initContainers": [container("3"), container("2")]});
        assert_eq!(cpu(&spec), 3000);
    }

    #[test]
    fn sidecars_run_beside_containers_and_later_init_containers() {
        let spec = json!({"containers": [container("1")], "initContainers": [container("2"), sidecar("1"), container("2")]});
        assert_eq!(cpu(&spec), 3000);
        let spec = json!({"containers": [container("3")], "initContainers": [sidecar("1"), sidecar("500m")]});
        assert_eq!(cpu(&spec), 4500);
    }

    #[test]
    fn requests_of_the_pod_replace_those_of_containers_and_overhead_comes_on_top() {
        let spec = json!({
            "containers": [{"resources": {"requests": {"cpu": "1", "memory": "1Ki", "a/b": "1"}}}],
            "resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "250m", "memory": "1Ki"},
        });
        let exact = Requests::of_pod(&spec).unwrap().exact;
        assert_eq!((exact.cpu, exact.memory, exact.other("a/b")), (3250, 2048, 1));
    }

    #[test]
    fn what_is_not_asked_for_counts_as_usual_where_nodes_are_compared() {
        let spec = json!({"containers": [container("1"), {}, {"resources": {"requests": {"cpu": "0", "memory": 5}}}]});
        let requests = Requests::of_pod(&spec).unwrap();
        assert_eq!((requests.exact.cpu, requests.exact.memory), (1000, 5));
        assert_eq!(
            (requests.usual.cpu, requests.usual.memory),
            (1100, 2 * (200 << 20) + 5)
        );
    }
}
