//! What an error says, in one line: the client's own text repeats itself, and leaves out why a connection failed.

use core::error::Error;
use core::fmt;

use kube::runtime::watcher;

/// An error of the client, for people.
#[derive(Debug)]
pub(crate) struct Said<'e>(pub(crate) &'e kube::Error);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let kube::Error::Api(status) = self.0 {
            return write!(f, "{} {}: {}", status.code, status.reason, status.message.trim());
        }
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
            source = error.source();
        }
        f.write_str(&text)
    }
}

/// What a watch says, and the code of the answer, where there was one.
pub(crate) fn of_watch(error: &watcher::Error) -> (Option<u16>, String) {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
            let code = if let kube::Error::Api(status) = error {
                Some(status.code)
            } else {
                None
            };
            (code, Said(error).to_string())
        }
        WatchError(status) => (Some(status.code), status.message.clone()),
        NoResourceVersion => (None, "the answer has no resourceVersion".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn an_answer_is_told_once() {
        let status = Status {
            code: 404,
            reason: "NotFound".to_owned(),
            message: "pods \"a\" not found".to_owned(),
            ..Status::default()
        };
        assert_eq!(
            Said(&kube::Error::Api(status.boxed())).to_string(),
            "404 NotFound: pods \"a\" not found"
        );
    }

    #[test]
    fn the_cause_of_a_broken_connection_is_told() {
        let inner = std::io::Error::other("connection refused");
        let error = kube::Error::ReadEvents(std::io::Error::other(inner));
        let text = Said(&error).to_string();
        assert_eq!(text.matches("connection refused").count(), 1, "{text}");
    }
}
