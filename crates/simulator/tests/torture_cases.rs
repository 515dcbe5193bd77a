//! The saved cases are played again and stay clean: what once failed, and what is worth seeing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::path::PathBuf;

use simulator::torture::{Case, NativeAdmission, Played, play};

fn saved() -> Vec<(String, Case)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut cases: Vec<(String, Case)> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let case = Case::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, case)
        })
        .collect();
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    cases
}

fn played(case: &Case) -> Played {
    play(case, &mut |case| Box::new(NativeAdmission::of(case))).unwrap()
}

fn named(name: &str) -> Played {
    let (_, case) = saved().into_iter().find(|(saved, _)| saved == name).unwrap();
    played(&case)
}

#[test]
fn every_saved_case_is_clean() {
    let cases = saved();
    assert!(cases.len() >= 16);
    for (name, case) in cases {
        let played = played(&case);
        assert_eq!(played.violation, None, "{name}");
        assert!(played.tolerated.led, "{name} ends without a leader");
    }
}

#[test]
fn every_saved_case_is_clean_under_other_seeds() {
    for (name, case) in saved() {
        for seed in 2..6 {
            let case = Case { seed, ..case.clone() };
            assert_eq!(played(&case).violation, None, "{name}, seed {seed}");
        }
    }
}

#[test]
fn a_burst_of_600_fills_300_places_with_one_write_for_each_pod_that_waited() {
    let played = named("burst-600");
    let tally = &played.tally;
    assert_eq!((tally.pods, played.tolerated.empty), (600, 0));
    assert_eq!((tally.bound, tally.costs, tally.refused), (tally.gated, 0, 0));
}

#[test]
fn what_strikes_strikes_while_pods_are_waiting() {
    for name in [
        "leader-killed-in-a-burst",
        "leader-frozen-in-a-burst",
        "api-restart-in-a-burst",
    ] {
        let played = named(name);
        assert!(played.tally.struck > 0, "{name}: {:?}", played.tally);
    }
    assert!(named("leader-frozen-in-a-burst").tally.leaders > 1);
    assert!(named("edited-meanwhile").tally.refused > 0);
    assert!(named("adoption-with-lost-answers").tally.adopted > 0);
    assert!(named("bound-at-admission").tally.surplus > 0);
}
