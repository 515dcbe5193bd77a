//! Whether a sidecar leads, as somebody sees it who only reads the Lease.
//!
//! A Lease that was renewed a moment ago has a holder that lives. One that looks old may come from a clock that is
//! behind, one that lies ahead from a clock that is ahead: so it is looked at again when a living holder would have renewed
//! it, and then only whether it changed counts.

use core::time::Duration;

use kube_rules::time::UnixMillis;

use super::LeaseView;

/// How much longer than it lasts a Lease is believed: for a slow request, and clocks that differ a little.
const MARGIN: Duration = Duration::from_secs(5);

/// No sidecar takes a Lease for longer; whoever wrote more by hand is not waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// How long a Lease is believed to have a holder that lives.
#[must_use]
pub fn believed(lease: &LeaseView) -> Duration {
    lease.duration.min(LONGEST) + MARGIN
}

/// Whether it was renewed a moment ago.
#[must_use]
pub fn is_held(lease: &LeaseView, now: UnixMillis) -> bool {
    let age = UnixMillis::parse(&lease.renewed).map(|renewed| now.since(renewed));
    let is_young = age
        .and_then(|age| u64::try_from(age).ok())
        .is_some_and(|age| Duration::from_millis(age) <= believed(lease));
    lease.holder.is_some() && is_young
}

/// Who leads, if the Lease was written since.
#[must_use]
pub fn has_led(before: &LeaseView, after: LeaseView) -> Option<String> {
    if after == *before { None } else { after.holder }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_262_400_000);

    fn lease(holder: Option<&str>, renewed_before: i64) -> LeaseView {
        LeaseView {
            holder: holder.map(ToOwned::to_owned),
            renewed: NOW.plus(-renewed_before).to_string(),
            duration: Duration::from_secs(15),
            transitions: 3,
        }
    }

    #[test]
    fn a_lease_that_was_renewed_within_its_time_is_held() {
        for age in [0, 5_000, 15_000, 20_000] {
            assert!(is_held(&lease(Some("a"), age), NOW), "{age}");
        }
        for age in [20_001, 600_000, -1, -600_000] {
            assert!(!is_held(&lease(Some("a"), age), NOW), "{age}: looked at again");
        }
        assert!(!is_held(&lease(None, 1_000), NOW), "it was given up");
        let mut odd = lease(Some("a"), 0);
        odd.renewed = "yesterday".to_owned();
        assert!(!is_held(&odd, NOW));
        odd = lease(Some("a"), 70_000);
        odd.duration = Duration::from_secs(86_400);
        assert!(!is_held(&odd, NOW), "nobody takes it for a day");
    }

    #[test]
    fn who_renewed_it_meanwhile_leads_whatever_the_clocks_say() {
        let before = lease(Some("a"), 600_000);
        assert_eq!(has_led(&before, before.clone()), None);
        assert_eq!(has_led(&before, lease(Some("a"), 595_000)).as_deref(), Some("a"));
        assert_eq!(has_led(&before, lease(Some("b"), 0)).as_deref(), Some("b"));
        assert_eq!(has_led(&before, lease(None, 0)), None, "given up meanwhile");
        assert_eq!(
            has_led(&lease(None, 0), lease(Some("b"), 0)).as_deref(),
            Some("b")
        );
    }
}
