//! Reads the traffic of `scenario.yaml`.

use std::collections::BTreeMap;

use super::events_reader::{Known, read_workload};
use super::reader::At;
use super::script::Demand;
use crate::checks::Names;
use crate::load::{Cpu, MOST_PER_SECOND, Point, Service, Shape, Traffic, parse_rate};
use crate::time::Millis;

const RATE: &str = "requests per second such as `120` or `0.5`";

/// `names`: the subsets; `None` where they are not known, because of faults or other settings.
pub(super) fn read_traffic(at: &At<'_>, known: &Known<'_>, names: Option<&Names>) -> Vec<Demand> {
    let mut demands: Vec<Demand> = Vec::new();
    for item in at.as_list("a list of workloads with their requests") {
        let Some(demand) = read_demand(&item, known, names) else {
            continue;
        };
        if demands.iter().any(|other| other.workload == demand.workload) {
            let name = name_of(known, demand.workload);
            item.fault(format!(
                "a second entry for `{name}`; write all its points into one"
            ));
        }
        demands.push(demand);
    }
    demands
}

fn name_of<'k>(known: &Known<'k>, workload: usize) -> &'k str {
    known.workloads.get(workload).map_or("", |spec| &spec.name)
}

fn read_demand(at: &At<'_>, known: &Known<'_>, names: Option<&Names>) -> Option<Demand> {
    let fields = at.as_map("`deployment`, `points` and `requestsPerSecond`")?;
    let workload = read_workload(&fields, known);
    let shape = fields.optional("shape").map_or(Some(Shape::Linear), |at| {
        at.as_one_of(&[("linear", Shape::Linear), ("steps", Shape::Steps)])
    });
    let points = fields.required(
        "points",
        "a list such as `[{at: 0s, rps: 50}, {at: 1m, rps: 400}]`",
    );
    let points: Option<Vec<Point>> = points.as_ref().and_then(|at| {
        let items = at.as_list("a list of points");
        // Every point is looked at, for its faults.
        let read: Vec<Option<Point>> = items.iter().map(read_point).collect();
        read.into_iter().collect()
    });
    let is_daily = fields.optional("daily").map_or(Some(false), |at| {
        at.as_one_of(&[("true", true), ("false", false)])
    });
    let rate = fields
        .required("requestsPerSecond", "what a ready pod serves")
        .and_then(|at| read_rate(&at));
    let by_subset = fields
        .optional("bySubset")
        .map(|at| at.as_entries("a map from subset to requests per second"))
        .unwrap_or_default();
    if let (Some(workload), Some(names)) = (workload, names) {
        let subsets: Vec<&str> = names.subsets_of(workload).collect();
        let ticked: Vec<String> = subsets.iter().map(|subset| format!("`{subset}`")).collect();
        for (subset, at) in by_subset.iter().filter(|(subset, _)| !subsets.contains(subset)) {
            at.fault(format!(
                "no subset `{subset}` of `{}` in the settings; write one of {}",
                name_of(known, workload),
                ticked.join(", ")
            ));
        }
    }
    let by_subset: BTreeMap<String, u64> = by_subset
        .into_iter()
        .filter_map(|(subset, at)| Some((subset.to_owned(), read_rate(&at)?)))
        .collect();
    let timeout = fields
        .optional("timeout")
        .map_or(Some(Millis::ZERO), |at| at.as_span());
    let scrape = fields
        .optional("scrape")
        .map_or(Some(Millis(5000)), |at| at.as_span());
    let cpu = fields
        .optional("cpu")
        .map_or(Some(Cpu::default()), |at| read_cpu(&at));
    fields.no_others();
    let (points, shape, is_daily) = (points?, shape?, is_daily?);
    let traffic = Traffic::new(points, shape);
    let traffic = traffic.and_then(|traffic| if is_daily { traffic.daily() } else { Ok(traffic) });
    let traffic = match traffic {
        Ok(traffic) => traffic,
        Err(fault) => {
            at.fault(fault.to_string());
            return None;
        }
    };
    Some(Demand {
        workload: workload?,
        traffic,
        service: Service {
            requests_per_second: rate?,
            by_subset,
            timeout: timeout?,
            cpu: cpu?,
        },
        scrape: scrape?,
    })
}

fn read_point(at: &At<'_>) -> Option<Point> {
    let fields = at.as_map("`at` and `rps`")?;
    let moment = fields
        .required("at", "a time such as `10s`")
        .and_then(|at| at.as_span());
    let rate = fields.required("rps", RATE).and_then(|at| read_rate(&at));
    fields.no_others();
    Some(Point {
        at: moment?,
        rate: rate?,
    })
}

/// Millionths of a request per second.
fn read_rate(at: &At<'_>) -> Option<u64> {
    let rate = parse_rate(&at.as_written()?);
    if rate.is_none() {
        at.fault(format!(
            "found `{}`; write {RATE}, at most {MOST_PER_SECOND}",
            at.as_written()?
        ));
    }
    rate
}

fn read_cpu(at: &At<'_>) -> Option<Cpu> {
    let fields = at.as_map("`idle`, `perRequest` and `limit`")?;
    let idle = fields
        .optional("idle")
        .map_or(Some(0), |at| at.as_number(0, 1_000_000));
    let per_request = fields
        .required("perRequest", "microseconds of a core for each request")
        .and_then(|at| at.as_number(0, 1_000_000_000));
    let limit = fields.optional("limit").map(|at| at.as_number(1, 1_000_000));
    fields.no_others();
    Some(Cpu {
        idle: idle?,
        per_request: per_request?,
        limit: limit.map_or(Some(None), |limit| limit.map(Some))?,
    })
}
