//! What users of other systems asked for in public, as scenarios: each must come out as it says, whatever is drawn.

mod common;

use std::path::Path;

use common::policy_is_there;

/// Every draw of chance is another with another seed.
const SEEDS: [&str; 2] = ["1", "7"];

#[test]
fn every_case_comes_out_as_it_says() {
    if !policy_is_there() {
        return;
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<String> = std::fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    folders.sort_unstable();
    assert!(folders.len() >= 27, "{folders:?}");
    let mut failed = Vec::new();
    for folder in &folders {
        for seed in SEEDS {
            let output = common::spillway(&["simulate", folder, "--seed", seed])
                .output()
                .unwrap();
            if output.status.code() != Some(0) {
                failed.push(format!(
                    "{folder} with seed {seed}: {}",
                    String::from_utf8_lossy(&output.stderr)
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
