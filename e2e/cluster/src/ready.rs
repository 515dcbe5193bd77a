//! Waits until servers are ready. There is no event for that: they are asked again and again.

use std::time::Duration;

use kube::Client;

use crate::error::ClusterError;

const PAUSE: Duration = Duration::from_millis(50);

/// Asks `path` until it is answered, or `alive` fails, or time is up.
///
/// # Errors
/// When it is not ready within `patience`, or `alive` says it never will be.
pub async fn until_ready(
    client: &Client,
    path: &str,
    what: &str,
    patience: Duration,
    mut alive: impl FnMut() -> Result<(), ClusterError>,
) -> Result<(), ClusterError> {
    let asked = async {
        loop {
            alive()?;
            if get(client, path).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(done) => done,
        Err(_) => Err(ClusterError::Late {
            what: format!("{what} to be ready"),
            after: patience,
            seen: match get(client, path).await {
                Ok(_) => "just now it is".to_owned(),
                Err(error) => error.to_string(),
            },
        }),
    }
}

/// The text at a path of a server.
///
/// # Errors
/// When it cannot be had.
pub async fn get(client: &Client, path: &str) -> Result<String, ClusterError> {
    let doing = || format!("get `{path}`");
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| ClusterError::Text {
            what: doing(),
            reason: error.to_string(),
        })?;
    client
        .request_text(request)
        .await
        .map_err(ClusterError::kube(doing()))
}
