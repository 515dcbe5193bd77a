//! Where answers about a cluster come from: the store, a recorded session, or anything that can watch one.

use crate::query::Query;

/// Answers questions about a cluster. It is asked only what the grants allow.
pub trait Cluster: Send + Sync {
    /// Answers with JSON text: a list, an object, or the status of an access review.
    ///
    /// # Errors
    /// The text reaches the guest behind `Callback evaluation failure: `.
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String>;
}

impl<F> Cluster for F
where
    F: Fn(&Query) -> Result<Vec<u8>, String> + Send + Sync,
{
    fn answer(&self, query: &Query) -> Result<Vec<u8>, String> {
        self(query)
    }
}
