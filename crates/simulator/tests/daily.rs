//! A few ordinary days, always the same: the split holds at every rest. `spillway torture --daily` draws many more.

use simulator::torture::{Case, NativeAdmission, play};

#[test]
fn the_split_holds_on_ordinary_days() {
    for seed in SEEDS {
        let case = Case::draw_daily(seed);
        assert!(case.rest_millis.is_some());
        let played = play(&case, &mut |case| Box::new(NativeAdmission::of(case))).unwrap();
        assert_eq!(played.violation, None, "seed {seed}: {}", case.text());
        assert!(played.tally.pods > 0);
    }
}

const SEEDS: core::ops::Range<u64> = 1..18;
