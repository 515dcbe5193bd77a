//! Settings: no text is read with a panic, and both ways of reading it agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy_settings::{Settings, SettingsText};

fuzz_target!(|text: &str| {
    let scanned = SettingsText::scan(text);
    match Settings::parse(text) {
        Ok(settings) => {
            let scanned = scanned.expect("checked settings can be scanned");
            assert_eq!(scanned.on_error(), settings.on_error());
            assert_eq!(scanned.custom_kinds(), settings.custom_kinds());
            assert_eq!(scanned.heads().count(), settings.spreads().len());
            for (ix, spread) in settings.spreads().iter().enumerate() {
                assert_eq!(scanned.spread(ix).as_ref(), Ok(spread));
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(
                faults
                    .iter()
                    .all(|fault| !fault.path.is_empty() && !fault.fix.is_empty())
            );
            // What was never checked must still be no reason to stop.
            if let Ok(scanned) = scanned {
                for (ix, head) in scanned.heads() {
                    let _ = (
                        head.name(),
                        head.namespace(),
                        head.target_ref(),
                        head.has_selector(),
                    );
                    let _ = scanned.spread(ix);
                }
            }
        }
    }
});
