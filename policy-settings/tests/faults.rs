//! Every fault, from settings that have it; and the table of faults in the documentation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions but not their helpers"
)]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::{files, golden, here, yaml};
use policy_settings::{Fault, FaultCode, Settings};

/// The faults of an input: YAML, or text as it is where JSON itself is the matter.
fn faults_of(input: &Path) -> Vec<Fault> {
    let text = if input.extension().unwrap() == "json" {
        fs::read_to_string(input).unwrap()
    } else {
        yaml(input).to_string()
    };
    match Settings::parse(&text) {
        Ok(_) => panic!("{input:?} has no fault"),
        Err(faults) => faults,
    }
}

fn inputs() -> Vec<std::path::PathBuf> {
    let mut inputs = files("tests/faults", ".input.yaml");
    inputs.extend(files("tests/faults", ".input.json"));
    inputs
}

#[test]
fn every_input_has_exactly_the_faults_beside_it() {
    for input in inputs() {
        let text: String = faults_of(&input)
            .iter()
            .map(|fault| format!("{fault}\n"))
            .collect();
        let name = input.file_name().unwrap().to_str().unwrap();
        let (stem, _) = name.split_once(".input.").unwrap();
        golden(&input.with_file_name(format!("{stem}.faults.txt")), &text);
    }
}

#[test]
fn every_code_has_an_input_that_is_named_by_its_number() {
    for code in FaultCode::ALL {
        let number = code.to_string().to_lowercase();
        let found = inputs().into_iter().any(|input| {
            let name = input.file_name().unwrap().to_str().unwrap().to_owned();
            name.starts_with(&number) && faults_of(&input).iter().any(|fault| fault.code == *code)
        });
        assert!(found, "no input `{number}-*` has the fault {code}");
    }
}

#[test]
fn every_fault_says_where_it_is_and_what_to_write() {
    for input in inputs() {
        for fault in faults_of(&input) {
            assert!(
                !fault.path.is_empty() && !fault.fix.is_empty(),
                "{input:?}: {fault:?}"
            );
            assert!(fault.seen.chars().count() <= 63, "{input:?}: {fault:?}");
            assert!(
                !fault.fix.ends_with('.') && !fault.fix.starts_with(char::is_uppercase),
                "{fault:?}"
            );
        }
    }
}

#[test]
fn numbers_are_unique_and_in_order() {
    let numbers: Vec<u16> = FaultCode::ALL.iter().map(|code| code.number()).collect();
    assert!(numbers.is_sorted_by(|left, right| left < right), "{numbers:?}");
}

#[test]
fn the_table_in_the_documentation_is_up_to_date() {
    let mut table = String::from(
        "# Faults of the settings\n\n\
         Settings are refused with every fault at once: its number, where it is, what was found there and what to\n\
         write instead. Numbers never change their meaning. This table is written by\n\
         `UPDATE_GOLDEN=1 cargo test -p policy-settings`.\n\n\
         | number | rule | why | example |\n|---|---|---|---|\n",
    );
    for code in FaultCode::ALL {
        let number = code.to_string().to_lowercase();
        let example = inputs()
            .into_iter()
            .filter(|input| input.file_name().unwrap().to_str().unwrap().starts_with(&number))
            .flat_map(|input| faults_of(&input))
            .find(|fault| fault.code == *code)
            .unwrap();
        let found = match example.seen.as_str() {
            "" => String::new(),
            seen => format!(" found `{seen}`;"),
        };
        let example = format!("`{}`:{found} {}", example.path, example.fix).replace('|', "\\|");
        writeln!(
            table,
            "| {code} | {} | {} | {example} |",
            code.title(),
            code.explanation()
        )
        .unwrap();
    }
    golden(&here("../docs/settings-faults.md"), &table);
}
