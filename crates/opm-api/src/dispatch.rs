//! From a path to the service and method that it names.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tonic::Status;

use crate::answer::{Answer, Content};
use crate::ask::{Asker, by};
use crate::calls::{Call, Shared};
use crate::reflection::{Reflection, reflection};
use crate::request::Head;
use crate::room::Peer;
use crate::{experimental, health, reflection, registry};

/// All services, as one. Clones share everything.
#[derive(Clone)]
pub(crate) struct Dispatch(Arc<Services>);

struct Services {
    asker: Asker,
    shared: Arc<Shared>,
    /// What there is, sorted.
    names: Vec<&'static str>,
    /// Both versions of the service; made when somebody asks, which is seldom.
    reflection: OnceLock<(Reflection, Reflection)>,
}

impl Dispatch {
    pub(crate) fn new(asker: Asker, shared: Arc<Shared>, with_experimental: bool) -> Self {
        let names = [experimental::NAME, registry::NAME, health::NAME, reflection::V1, reflection::V1ALPHA];
        let names = names.into_iter().filter(|&name| with_experimental || name != experimental::NAME).collect();
        Self(Arc::new(Services { asker, shared, names, reflection: OnceLock::new() }))
    }

    /// Answers one request.
    pub(crate) async fn respond(
        self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> Result<Response<Answer>, Infallible> {
        let services = &*self.0;
        if let Some(refused) = not_grpc(&request) {
            return Ok(refused);
        }
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) else {
            let call = Call::begin(&services.shared, &peer, "", path);
            let status = Status::unimplemented(format!("malformed method name: {path:?}"));
            return Ok(Answer::response(Err(status), false, call));
        };
        let call = Call::begin(&services.shared, &peer, service, method);
        if let Some(reflection) = services.reflection(service) {
            let request = Request::from_parts(parts, tonic::body::Body::new(body));
            return Ok(Answer::foreign(reflection(request).await, call));
        }
        let head = match Head::parse(&parts.headers) {
            Ok(head) => head,
            Err(status) => return Ok(Answer::response(Err(status), false, call)),
        };
        let answer = services.answer(service, method, &parts, head, body, &call);
        let answer = by(head.deadline, answer).await;
        Ok(Answer::response(answer, head.gzip, call))
    }
}

impl Services {
    fn reflection(&self, service: &str) -> Option<&Reflection> {
        let both = || self.reflection.get_or_init(|| reflection(&self.names));
        match service {
            reflection::V1 => Some(&both().0),
            reflection::V1ALPHA => Some(&both().1),
            _ => None,
        }
    }

    async fn answer(
        &self,
        service: &str,
        method: &str,
        parts: &http::request::Parts,
        head: Head,
        body: Incoming,
        call: &Call,
    ) -> Result<Content, Status> {
        match service {
            registry::NAME => registry::Question { asker: &self.asker, call, method, head, body }.answer().await,
            health::NAME => health::answer(&self.asker.cell, &self.names, method, head, body, call).await,
            experimental::NAME if self.names.contains(&experimental::NAME) => {
                let is_acknowledged = experimental::is_acknowledged(&parts.headers);
                experimental::answer(&self.asker, call, method, is_acknowledged, head, body).await
            }
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
    let mut response = Response::new(Answer::nothing());
    *response.status_mut() = code;
    Some(response)
}
