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
const LARGEST: usize = 4 << 20;

/// So many objects are asked for at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    /// As many as there are of the usual size.
    #[default]
    Many,
    /// Where these are too large.
    Some,
    /// No object that an API server stores makes two of them too large.
    Few,
}

impl Page {
    /// How many objects it has.
    pub(crate) fn objects(self) -> u32 {
        match self {
            Self::Many => 250,
            Self::Some => 25,
            Self::Few => 2,
        }
    }

    /// The next smaller one.
    pub(crate) fn smaller(self) -> Self {
        match self {
            Self::Many => Self::Some,
            Self::Some | Self::Few => Self::Few,
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
        let is_list = query.split('&').any(|part| part.starts_with("limit="));
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
