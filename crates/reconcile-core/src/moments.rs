//! Moments that were noted by a clock which may have been set back since: one that lies too far ahead says nothing.

use kube_rules::time::UnixMillis;

/// Whether less than so many milliseconds have passed. What lies ahead was noted before the clock was set back.
pub(crate) fn is_recent(at: UnixMillis, now: UnixMillis, millis: i64) -> bool {
    (0..millis).contains(&now.since(at))
}

/// A moment that is waited for, where it is ahead. No wait is longer than so many milliseconds.
pub(crate) fn ahead(at: UnixMillis, now: UnixMillis, longest: i64) -> Option<UnixMillis> {
    (1..=longest).contains(&at.since(now)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_too_far_ahead_was_noted_by_another_clock() {
        let now = UnixMillis(1_000_000);
        let told = |millis: i64| {
            let at = now.plus(millis);
            (is_recent(at, now, 100), ahead(at, now, 100).is_some())
        };
        let cases = [-100, -99, 0, 1, 100, 101];
        assert_eq!(
            cases.map(told),
            [
                (false, false),
                (true, false),
                (true, false),
                (false, true),
                (false, true),
                (false, false)
            ]
        );
    }
}
