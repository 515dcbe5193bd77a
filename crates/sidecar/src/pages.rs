//! Pages of lists that never take much memory: an answer that would is broken off, and asked for again in smaller pages.
//!
//! How large an object is is for whoever may create it to say. A page is held three times over while it is read, so that it
//! is its bytes that must be bounded, not its objects.

use core::error::Error;
use core::pin::Pin;
use core::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::{Either, LengthLimitError, Limited};
use kube::client::Body;
use tower::{Layer, Service};

/// No page of several objects has more bytes.
const LARGEST: usize = 8 << 20;

/// So many objects are asked for at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    /// As many as there are of the usual size.
    #[default]
    Many,
    /// Where these are too large.
    Some,
    /// Where these are too large as well.
    Few,
    /// One at a time, however large it is: text that must be escaped is six times as long as it is stored.
    One,
}

impl Page {
    /// How many objects it has.
    pub(crate) fn objects(self) -> u32 {
        match self {
            Self::Many => 250,
            Self::Some => 25,
            Self::Few => 4,
            Self::One => 1,
        }
    }

    /// The next smaller one.
    pub(crate) fn smaller(self) -> Self {
        match self {
            Self::Many => Self::Some,
            Self::Some => Self::Few,
            Self::Few | Self::One => Self::One,
        }
    }
}

/// Whether a list failed because one of its pages was too large.
pub(crate) fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Bounds the pages of lists. What a watch tells has no end, and is read object by object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded;

/// A service with bounded pages.
#[derive(Clone, Debug)]
pub(crate) struct BoundedService<S>(S);

impl<S> Layer<S> for Bounded {
    type Service = BoundedService<S>;

    fn layer(&self, inner: S) -> BoundedService<S> {
        BoundedService(inner)
    }
}

impl<S, B> Service<Request<Body>> for BoundedService<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<Either<Limited<B>, B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let query = request.uri().query().unwrap_or_default();
        let is_list = is_bounded(query);
        let answer = self.0.call(request);
        Box::pin(async move {
            let bound = |body| match is_list {
                true => Either::Left(Limited::new(body, LARGEST)),
                false => Either::Right(body),
            };
            answer.await.map(|response| response.map(bound))
        })
    }
}

/// Whether a request asks for a page of several objects.
fn is_bounded(query: &str) -> bool {
    let mut limits = query.split('&').filter_map(|part| part.strip_prefix("limit="));
    limits.any(|limit| limit != "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_but_the_last_resort_is_bounded() {
        let mut page = Page::default();
        let mut sizes = vec![page.objects()];
        while page != page.smaller() {
            page = page.smaller();
            sizes.push(page.objects());
        }
        assert_eq!(sizes, [250, 25, 4, 1]);
        let is_bounded = |objects: u32| is_bounded(&format!("limit={objects}&labelSelector=a"));
        let bounded: Vec<bool> = sizes.into_iter().map(is_bounded).collect();
        assert_eq!(bounded, [true, true, true, false]);
        assert!(!super::is_bounded("watch=true&timeoutSeconds=290"));
    }
}
