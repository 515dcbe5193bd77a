//! The two habits of the ReplicaSet controller that matter to an admission: it creates pods in batches that double, and it
//! does nothing more until it has seen all that it asked for.

/// The most pods created or deleted in one sync.
pub(crate) const BURST: usize = 500;

/// The batches of one sync. The next begins when every call of the last was answered; one failure ends them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlowStart {
    remaining: usize,
    batch: usize,
    unanswered: usize,
    failed: bool,
}

/// How the batches stand after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The batch goes on.
    Waiting,
    /// So many calls are to be made at once.
    Next(usize),
    /// Nothing is left to do.
    Done,
    /// A call failed, and so many pods were not asked for.
    Aborted(usize),
}

impl SlowStart {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            remaining: total,
            batch: 1,
            unanswered: 0,
            failed: false,
        }
    }

    /// The first batch.
    pub(crate) fn begin(&mut self) -> Progress {
        self.next()
    }

    /// One call was answered.
    pub(crate) fn answered(&mut self, created: bool) -> Progress {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.failed |= !created;
        if self.unanswered > 0 {
            return Progress::Waiting;
        }
        if self.failed {
            return Progress::Aborted(std::mem::take(&mut self.remaining));
        }
        self.next()
    }

    fn next(&mut self) -> Progress {
        let size = self.batch.min(self.remaining);
        if size == 0 {
            return Progress::Done;
        }
        self.remaining -= size;
        self.batch = size * 2;
        self.unanswered = size;
        Progress::Next(size)
    }
}

/// The creations and deletions that the controller's watch has yet to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expectations {
    unseen: usize,
}

impl Expectations {
    pub(crate) fn expect(&mut self, writes: usize) {
        self.unseen += writes;
    }

    /// So many were seen, or are not to be expected after all.
    pub(crate) fn lower(&mut self, writes: usize) {
        self.unseen = self.unseen.saturating_sub(writes);
    }

    /// Only then may the controller sync again.
    pub(crate) fn fulfilled(&self) -> bool {
        self.unseen == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(total: usize) -> Vec<usize> {
        let mut batches = SlowStart::new(total);
        let mut sizes = Vec::new();
        let mut progress = batches.begin();
        while let Progress::Next(size) = progress {
            sizes.push(size);
            for _ in 1..size {
                assert_eq!(batches.answered(true), Progress::Waiting);
            }
            progress = batches.answered(true);
        }
        assert_eq!(progress, Progress::Done);
        sizes
    }

    #[test]
    fn batches_double_until_nothing_is_left() {
        assert_eq!(sizes(500), [1, 2, 4, 8, 16, 32, 64, 128, 245]);
        assert_eq!(sizes(30), [1, 2, 4, 8, 15]);
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(0), Vec::<usize>::new());
    }

    #[test]
    fn a_failure_ends_the_batches_when_the_running_one_is_answered() {
        let mut batches = SlowStart::new(10);
        assert_eq!(batches.begin(), Progress::Next(1));
        assert_eq!(batches.answered(true), Progress::Next(2));
        assert_eq!(batches.answered(false), Progress::Waiting);
        assert_eq!(batches.answered(true), Progress::Aborted(7));
    }

    #[test]
    fn expectations_hold_until_everything_was_seen() {
        let mut expectations = Expectations::default();
        assert!(expectations.fulfilled());
        expectations.expect(3);
        expectations.lower(2);
        assert!(!expectations.fulfilled());
        expectations.lower(1);
        assert!(expectations.fulfilled());
    }
}
