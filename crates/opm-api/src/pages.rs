//! Pages for probes and collectors: plain HTTP/1, beside the service itself.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::ServeError;

/// How many connections are held at once; more wait.
const CONNECTIONS: usize = 16;
/// How long a client may take to ask, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is answered to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status of HTTP.
    pub status: u16,
    /// The type of the text.
    pub content_type: &'static str,
    /// The content.
    pub text: String,
}

impl Page {
    /// A page of plain text.
    pub fn ok(text: String) -> Self {
        Self { status: 200, content_type: "text/plain; charset=utf-8", text }
    }
}

/// An address that waits to answer with pages.
pub struct Pages(TcpListener);

impl Pages {
    /// Listens on an address such as `localhost:9090`, or on all interfaces, as in `:9090`.
    pub async fn bind(address: &str) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Address { address: address.to_owned(), source };
        let listener = match address.strip_prefix(':') {
            Some(port) => {
                let port = port.parse().map_err(|_| failed(io::Error::other(format!("{port:?} is not a port"))))?;
                crate::server::listen(port).map_err(failed)?
            }
            None => TcpListener::bind(address).await.map_err(failed)?,
        };
        Ok(Self(listener))
    }

    /// The port that it listens on.
    pub fn local_port(&self) -> Option<u16> {
        self.0.local_addr().ok().map(|address| address.port())
    }

    /// Answers with `page` until it is dropped.
    pub async fn run(self, page: impl Fn(&str) -> Page + Send + Sync + 'static) -> Infallible {
        let page = Arc::new(page);
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let permit = Arc::clone(&room).acquire_owned().await;
            while connections.try_join_next().is_some() {}
            let Ok((stream, _)) = self.0.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let page = Arc::clone(&page);
            connections.spawn(async move {
                let answer =
                    service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(respond(&request, &*page))));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .keep_alive(false)
                    .max_buf_size(16 * 1024)
                    .serve_connection(TokioIo::new(stream), answer);
                let _gone = tokio::time::timeout(PATIENCE, connection).await;
                drop(permit);
            });
        }
    }
}

fn respond(request: &Request<Incoming>, page: &impl Fn(&str) -> Page) -> Response<Body> {
    let mut response = Response::new(Body(None));
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    let page = page(request.uri().path());
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    *response.body_mut() = Body((!page.text.is_empty()).then(|| page.text.into()));
    response
}

/// A body in one piece.
struct Body(Option<Bytes>);

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
