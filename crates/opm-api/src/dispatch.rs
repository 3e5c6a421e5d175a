//! From a path to the service and method that it names.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tonic::Status;

use crate::answer::Answer;
use crate::ask::{Asker, by};
use crate::reflection::{Reflection, reflection};
use crate::request::Head;
use crate::{health, reflection, registry};

/// All services, as one. Clones share everything.
#[derive(Clone)]
pub(crate) struct Dispatch(Arc<Services>);

struct Services {
    asker: Asker,
    /// What there is, sorted. A service that only some catalogs offer is listed here for those, and answered below.
    names: Vec<&'static str>,
    reflection: Reflection,
    reflection_alpha: Reflection,
}

impl Dispatch {
    pub(crate) fn new(asker: Asker) -> Self {
        let names = vec![registry::NAME, health::NAME, reflection::V1, reflection::V1ALPHA];
        let (reflection, reflection_alpha) = reflection(&names);
        Self(Arc::new(Services { asker, names, reflection, reflection_alpha }))
    }
}

impl hyper::service::Service<Request<Incoming>> for Dispatch {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let services = Arc::clone(&self.0);
        Box::pin(async move { Ok(services.respond(request).await) })
    }
}

impl Services {
    async fn respond(&self, request: Request<Incoming>) -> Response<Answer> {
        let start = Instant::now();
        if let Some(refused) = not_grpc(&request) {
            return refused;
        }
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) else {
            return Answer::response(Err(Status::unimplemented(format!("malformed method name: {path:?}"))), false);
        };
        let reflection = match service {
            reflection::V1 => Some(&self.reflection),
            reflection::V1ALPHA => Some(&self.reflection_alpha),
            _ => None,
        };
        if let Some(reflection) = reflection {
            let request = Request::from_parts(parts, tonic::body::Body::new(body));
            return reflection(request).await.map(Answer::Foreign);
        }
        let head = match Head::parse(&parts.headers) {
            Ok(head) => head,
            Err(status) => return Answer::response(Err(status), false),
        };
        let answer = by(head.deadline, self.answer(service, method, head, body)).await;
        log(service, method, start, &answer);
        Answer::response(answer, head.gzip)
    }

    async fn answer(&self, service: &str, method: &str, head: Head, body: Incoming) -> Result<Answer, Status> {
        match service {
            registry::NAME => registry::Call { asker: &self.asker, method, head, body }.answer().await,
            health::NAME => health::answer(&self.asker.cell, &self.names, method, head, body).await,
            other => Err(Status::unimplemented(format!("unknown service {other}"))),
        }
    }
}

/// What anybody else who wanders in is told.
fn not_grpc(request: &Request<Incoming>) -> Option<Response<Answer>> {
    let content_type = request.headers().get(http::header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let code = if request.method() != Method::POST {
        StatusCode::METHOD_NOT_ALLOWED
    } else if !content_type.starts_with(b"application/grpc") {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else {
        return None;
    };
    let mut response = Response::new(Answer::End);
    *response.status_mut() = code;
    Some(response)
}

/// Says how the call went; of a stream, how it began.
fn log(service: &str, method: &str, start: Instant, answer: &Result<Answer, Status>) {
    let took = start.elapsed();
    match answer {
        Ok(_) => tracing::debug!(service, method, ?took, "answered"),
        Err(status) => {
            tracing::debug!(service, method, ?took, code = ?status.code(), error = status.message(), "refused");
        }
    }
}
