//! Server reflection, for tools that ask a server what it can be asked. In both versions, as clients know one or the other.

use std::pin::Pin;
use std::sync::Arc;

use tonic::body::Body;
use tonic::codegen::Service;
use tonic_reflection::server::Builder;

use crate::generated::DESCRIPTORS;

pub(crate) const V1: &str = "grpc.reflection.v1.ServerReflection";
pub(crate) const V1ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

type Response = Pin<Box<dyn Future<Output = http::Response<Body>> + Send>>;

/// One version of the service.
pub(crate) type Reflection = Arc<dyn Fn(http::Request<Body>) -> Response + Send + Sync>;

/// The services of version 1 and 1alpha, which list these names.
#[expect(clippy::expect_used, reason = "the descriptors are a constant; a test asks for them")]
pub(crate) fn reflection(services: &[&str]) -> (Reflection, Reflection) {
    let build = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
        services.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let v1 = build().build_v1().expect("the descriptors are well-formed");
    let v1alpha = build().build_v1alpha().expect("the descriptors are well-formed");
    (service(v1), service(v1alpha))
}

fn service<S>(service: S) -> Reflection
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = std::convert::Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    Arc::new(move |request| {
        // Always ready, so nothing is polled first.
        let answer = service.clone().call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => response,
            }
        })
    })
}
