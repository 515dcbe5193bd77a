//! The result, as a table and as JSON.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::measure::Pair;

/// What the wasm should not exceed, in bytes.
const SIZE_AIM: usize = 300 * 1024;

/// All that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) requests: u32,
    pub(crate) wasm: Sizes,
    pub(crate) cases: Vec<Figures>,
}

/// Sizes of the modules, in bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Sizes {
    pub(crate) policy: usize,
    pub(crate) base: usize,
}

/// One case; times are in microseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    pub(crate) concerned: bool,
    pub(crate) by_ledger: bool,
    pub(crate) listed: usize,
    pub(crate) spreads: usize,
    pub(crate) host_calls: u64,
    pub(crate) https: Pair,
    pub(crate) in_process: Pair,
    pub(crate) instantiate: Pair,
    pub(crate) aim: Option<f64>,
}

impl Report {
    /// The aims that were missed, by name.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.wasm.policy > SIZE_AIM {
            missed.push(format!("size {} > {SIZE_AIM} bytes", self.wasm.policy));
        }
        for case in &self.cases {
            if let Some(aim) = case.aim
                && case.https.ratio.p50 > aim
            {
                missed.push(format!("{} {:.2} > {aim}", case.name(), case.https.ratio.p50));
            }
        }
        missed
    }

    /// The table, with the sizes below it.
    pub(crate) fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header([
            "pod",
            "pods",
            "spreads",
            "host calls",
            "HTTPS p50",
            "base",
            "ratio",
            "HTTPS p99",
            "base",
            "ratio",
            "in process p50",
            "base",
            "instantiate",
            "aim",
        ]);
        for case in &self.cases {
            let (https, inside) = (&case.https, &case.in_process);
            table.add_row([
                case.what().to_owned(),
                case.listed.to_string(),
                case.spreads.to_string(),
                case.host_calls.to_string(),
                micros(https.policy.p50),
                micros(https.base.p50),
                times(https.ratio.p50),
                micros(https.policy.p99),
                micros(https.base.p99),
                times(https.ratio.p99),
                micros(inside.policy.p50),
                micros(inside.base.p50),
                micros(case.instantiate.policy.p50),
                case.aim.map_or_else(String::new, |aim| {
                    format!("{}, {}", times(aim), verdict(https.ratio.p50 <= aim))
                }),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!(
            "{table}\nwasm: {:.1} KiB (aim {} KiB, {}), base {:.1} KiB; {} requests each, in turn",
            kibibytes(self.wasm.policy),
            SIZE_AIM / 1024,
            verdict(self.wasm.policy <= SIZE_AIM),
            kibibytes(self.wasm.base),
            self.requests,
        )
    }
}

impl Figures {
    fn what(&self) -> &'static str {
        match (self.concerned, self.by_ledger) {
            (_, true) => "placed by ledger",
            (true, _) => "placed",
            (false, _) => "not concerned",
        }
    }

    fn name(&self) -> String {
        format!("{}/{} pods/{} spreads", self.what(), self.listed, self.spreads)
    }
}

fn micros(time: f64) -> String {
    format!("{time:.0} µs")
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2} x")
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

#[expect(clippy::cast_precision_loss, reason = "modules are smaller than 2^52 bytes")]
fn kibibytes(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::measure::Times;

    fn report(ratio: f64, size: usize) -> Report {
        let times = |p50| Times { p50, p99: 2.0 * p50 };
        let pair = Pair {
            policy: times(100.0 * ratio),
            base: times(100.0),
            ratio: times(ratio),
        };
        Report {
            requests: 10,
            wasm: Sizes {
                policy: size,
                base: 65_536,
            },
            cases: vec![Figures {
                concerned: true,
                by_ledger: false,
                listed: 100,
                spreads: 1,
                host_calls: 2,
                https: pair,
                in_process: pair,
                instantiate: pair,
                aim: Some(2.0),
            }],
        }
    }

    #[test]
    fn aims_are_met_or_named() {
        assert_eq!(report(2.0, SIZE_AIM).missed(), Vec::<String>::new());
        assert_eq!(
            report(2.5, SIZE_AIM + 1).missed(),
            ["size 307201 > 307200 bytes", "placed/100 pods/1 spreads 2.50 > 2"]
        );
    }

    #[test]
    fn the_table_shows_each_case_and_the_sizes() {
        let table = report(1.5, 2048).table();
        assert!(
            table.contains("1.50 x") && table.contains("2.00 x, met"),
            "{table}"
        );
        assert!(
            table.ends_with("wasm: 2.0 KiB (aim 300 KiB, met), base 64.0 KiB; 10 requests each, in turn"),
            "{table}"
        );
    }
}
