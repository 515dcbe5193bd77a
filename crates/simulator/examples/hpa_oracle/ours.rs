//! What the simulator's controller answers to a case, in the judge's words.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use simulator::Millis;
use simulator::hpa::{
    ContainerUsage, Controller, Flags, Gates, Hpa, Metric, MetricId, Outcome, PodPhase, PodRequests,
    PodSample, PodUsage, Readings, Ready, Scale,
};

/// Plays a whole case.
pub(crate) fn answer(case: &Value) -> Value {
    let mut manifest = case["hpa"].clone();
    manifest["metadata"]["namespace"] = json!("shop");
    let gates = Gates {
        scale_to_zero: case["scaleToZero"] == true,
    };
    let Ok(hpa) = Hpa::read(&manifest, gates) else {
        return json!({"refused": true});
    };
    let mut controller = Controller::new(hpa, Flags::default(), gates);
    let steps: Vec<Value> = list(&case["steps"])
        .iter()
        .map(|step| given(&look(&mut controller, step, &case["template"])))
        .collect();
    if steps.is_empty() {
        json!({})
    } else {
        json!({ "steps": steps })
    }
}

fn look(controller: &mut Controller, step: &Value, template: &Value) -> Outcome {
    let readings = readings(controller.hpa(), &step["readings"]);
    let pods: Vec<PodSample> = list(&step["pods"])
        .iter()
        .map(|found| pod(found, template))
        .collect();
    let scale = Scale {
        spec: count(&step["spec"]),
        status: count(&step["status"]),
        selector: "app=web",
        claimed_by: &[],
    };
    controller.reconcile(millis(&step["at"]), scale, &readings, &pods)
}

/// A pod runs, and has the spec of the template, unless it says something else.
fn pod(pod: &Value, template: &Value) -> PodSample {
    let ready = pod["ready"].as_object().map(|ready| Ready {
        status: ready["status"] == true,
        since: millis(&ready["since"]),
    });
    PodSample {
        name: text(&pod["name"]),
        phase: match pod["phase"].as_str() {
            Some("Pending") => PodPhase::Pending,
            Some("Succeeded") => PodPhase::Succeeded,
            Some("Failed") => PodPhase::Failed,
            _ => PodPhase::Running,
        },
        deleting: pod["deleting"] == true,
        ready,
        started: pod["started"].as_u64().map(Millis),
        requests: PodRequests::of(pod.get("spec").unwrap_or(template)),
    }
}

fn readings(hpa: &Hpa, read: &Value) -> Readings {
    let mut readings = Readings {
        resources: resources(&read["resources"]),
        ..Readings::default()
    };
    for metric in &hpa.metrics {
        match metric {
            Metric::Resource { .. } => {}
            Metric::Pods { metric, .. } => {
                let values = custom(read, metric).map(|values| {
                    let of = |value: &Value| (text(&value["pod"]), number(&value["value"]));
                    values.iter().map(of).collect()
                });
                readings.pods.insert(metric.clone(), values);
            }
            Metric::Object {
                described, metric, ..
            } => {
                let value = custom(read, metric).map(|values| number(&values[0]["value"]));
                readings
                    .objects
                    .insert((described.clone(), metric.clone()), value);
            }
            Metric::External { metric, .. } => {
                let values = custom(read, metric);
                let values =
                    values.map(|values| values.iter().map(|value| number(&value["value"])).collect());
                readings.external.insert(metric.clone(), values);
            }
        }
    }
    readings
}

fn resources(read: &Value) -> Result<Vec<PodUsage>, String> {
    failure(read)?;
    let container = |container: &Value| ContainerUsage {
        name: text(&container["name"]),
        usage: container["usage"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), number(value)))
            .collect::<BTreeMap<_, _>>(),
    };
    Ok(list(&read["pods"])
        .iter()
        .map(|usage| PodUsage {
            pod: text(&usage["pod"]),
            at: millis(&usage["at"]),
            window: millis(&usage["window"]),
            containers: list(&usage["containers"]).iter().map(container).collect(),
        })
        .collect())
}

fn custom<'a>(read: &'a Value, metric: &MetricId) -> Result<&'a [Value], String> {
    let found = list(&read["custom"])
        .iter()
        .find(|custom| custom["name"] == metric.name.as_str())
        .ok_or("no such metric")?;
    failure(found)?;
    Ok(list(&found["values"]))
}

fn failure(read: &Value) -> Result<(), String> {
    match read["error"].as_str() {
        Some(error) if !error.is_empty() => Err(error.to_owned()),
        _ => Ok(()),
    }
}

fn given(outcome: &Outcome) -> Value {
    let events: Vec<Value> = outcome
        .events
        .iter()
        .map(|event| json!({"reason": event.reason, "message": event.message}))
        .collect();
    let conditions: Vec<Value> = outcome
        .conditions
        .iter()
        .map(|condition| {
            json!({
                "type": format!("{:?}", condition.kind),
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
            })
        })
        .collect();
    let current: Vec<Value> = outcome
        .current
        .iter()
        .map(|found| {
            let Some(found) = found else { return Value::Null };
            let mut fields = serde_json::Map::new();
            if let Some(percent) = found.average_utilization {
                fields.insert("averageUtilization".to_owned(), json!(percent));
            }
            if let Some(milli) = found.average_value {
                fields.insert("averageValue".to_owned(), json!(milli));
            }
            if let Some(milli) = found.value {
                fields.insert("value".to_owned(), json!(milli));
            }
            Value::Object(fields)
        })
        .collect();
    json!({
        "desired": outcome.desired,
        "events": events,
        "conditions": conditions,
        "current": current,
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn count(value: &Value) -> u32 {
    u32::try_from(number(value)).unwrap_or_default()
}

fn millis(value: &Value) -> Millis {
    Millis(value.as_u64().unwrap_or_default())
}
