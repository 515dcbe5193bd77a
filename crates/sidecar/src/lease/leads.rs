//! Whether a sidecar leads, as somebody sees it who only reads the Lease.

use sidecar_core::lease::{believed, has_led, is_held};

use super::{LeaseError, Store};
use crate::clock;

/// Who leads; `None`: nobody.
///
/// # Errors
/// When the Lease cannot be read. Then nobody knows.
pub async fn leader(store: &Store) -> Result<Option<String>, LeaseError> {
    let Some(before) = store.read().await?.map(|stored| stored.known.view) else {
        return Ok(None);
    };
    if is_held(&before, clock::now()) {
        return Ok(before.holder);
    }
    // Also one that was given up: who takes it next may be about to.
    tokio::time::sleep(believed(&before)).await;
    let after = store.read().await?.map(|stored| stored.known.view);
    Ok(after.and_then(|after| has_led(&before, after)))
}
