//! The fence: nothing is written once the lease may be another's.
//!
//! It stands at the socket, below TLS, so that a process that was stopped between two instructions and goes on a minute
//! later does not send what it had prepared: the check comes right before the system call that writes. Only the
//! monotonic clock is asked, which goes on while a process is stopped.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use tower::Service;

/// Until when may be written. Closed at first.
#[derive(Clone, Debug)]
pub struct Fence {
    start: Instant,
    /// Microseconds after the start.
    open_until: Arc<AtomicU64>,
}

impl Fence {
    /// A closed fence.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            start: Instant::now(),
            open_until: Arc::default(),
        }
    }

    /// Opens it until a moment, in place of any earlier one.
    pub fn open_until(&self, until: Instant) {
        let after = until.saturating_duration_since(self.start).as_micros();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.open_until.store(after, Ordering::SeqCst);
    }

    /// Closes it at once.
    pub fn close(&self) {
        self.open_until.store(0, Ordering::SeqCst);
    }

    /// For how long it stays open; `None`: it is closed.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let until = self.start + Duration::from_micros(self.open_until.load(Ordering::SeqCst));
        until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }

    /// Whether may be written now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.remaining().is_some()
    }

    fn check(&self) -> io::Result<()> {
        if self.is_open() {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the lease is not held any more",
            ))
        }
    }
}

/// Connects; what it connects stops writing when the fence closes.
#[derive(Clone, Debug)]
pub(crate) struct FencedConnector {
    pub(crate) inner: HttpConnector,
    pub(crate) fence: Fence,
}

/// A connection behind the fence.
pub(crate) struct Fenced<C> {
    inner: C,
    fence: Fence,
}

impl Service<http::Uri> for FencedConnector {
    type Response = Fenced<<HttpConnector as Service<http::Uri>>::Response>;
    type Error = <HttpConnector as Service<http::Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: http::Uri) -> Self::Future {
        let fence = self.fence.clone();
        let connecting = self.inner.call(uri);
        Box::pin(async move { connecting.await.map(|inner| Fenced { inner, fence }) })
    }
}

impl<C: Read + Unpin> Read for Fenced<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<C: Write + Unpin> Write for Fenced<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.fence.check()?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.fence.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
}

impl<C: Connection> Connection for Fenced<C> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;

    use super::*;

    #[test]
    fn a_fence_is_closed_until_it_is_opened_and_after_its_time() {
        let fence = Fence::closed();
        assert!(!fence.is_open());
        let now = Instant::now();
        fence.open_until(now + Duration::from_secs(60));
        assert!(fence.is_open() && fence.clone().is_open());
        fence.open_until(now);
        assert!(!fence.is_open());
        fence.open_until(now + Duration::from_secs(60));
        fence.close();
        assert!(!fence.is_open());
    }

    #[tokio::test]
    async fn nothing_reaches_the_socket_behind_a_closed_fence() {
        let (ours, theirs) = tokio::io::duplex(64);
        let fence = Fence::closed();
        let mut fenced = Fenced {
            inner: TokioIo::new(ours),
            fence: fence.clone(),
        };
        let refused = std::future::poll_fn(|cx| Pin::new(&mut fenced).poll_write(cx, b"late")).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fence.open_until(Instant::now() + Duration::from_secs(60));
        let written = std::future::poll_fn(|cx| Pin::new(&mut fenced).poll_write(cx, b"good")).await;
        assert_eq!(written.unwrap(), 4);
        drop(fenced);
        let mut text = String::new();
        let mut theirs = tokio::io::BufReader::new(theirs);
        tokio::io::AsyncReadExt::read_to_string(&mut theirs, &mut text)
            .await
            .unwrap();
        assert_eq!(text, "good");
    }
}
