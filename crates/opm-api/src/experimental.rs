//! `api.ExperimentalRegistry`: what may change without notice, for clients that say they know.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use tonic::Status;

use crate::answer::Content;
use crate::ask::Asker;
use crate::calls::Call;
use crate::listing::Listing;
use crate::registry::unknown_method;
use crate::request::{Head, message};
use crate::{encode, proto};

pub(crate) const NAME: &str = "api.ExperimentalRegistry";

/// The header by which a client says that it knows.
const ACKNOWLEDGED: &str = "x-acknowledge-experimental";

/// Whether a client says that it knows what it does.
pub(crate) fn is_acknowledged(headers: &HeaderMap) -> bool {
    headers.get_all(ACKNOWLEDGED).iter().any(|value| value == "true")
}

pub(crate) async fn answer<B: Body<Data = Bytes> + Unpin>(
    asker: &Asker,
    call: &Call,
    method: &str,
    is_acknowledged: bool,
    head: Head,
    body: B,
) -> Result<Content, Status> {
    if method != "ExperimentalListPackageCustomSchemas" {
        return Err(unknown_method(NAME, method));
    }
    let (m, _room): (proto::ExperimentalListPackageCustomSchemasRequest, _) = message(body, head, call).await?;
    if !is_acknowledged {
        return Ok(Content::One(Bytes::new(), None));
    }
    if m.schema.is_empty() {
        return Err(Status::invalid_argument("schema is required"));
    }
    check("schema", &m.schema)?;
    if !m.package_name.is_empty() {
        check("packageName", &m.package_name)?;
    }
    let (schema, package) = (m.schema, m.package_name);
    Listing::begin(
        asker,
        call,
        head,
        move |query, from, stop| query.list_blobs(&schema, &package, from, stop),
        |documents, out| documents.iter().rev().map(|document| out.framed(encode::document(document))).collect(),
    )
    .await
}

/// Refuses what no catalog can have.
fn check(what: &str, name: &str) -> Result<(), Status> {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric();
    let is_further = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match name.as_bytes() {
        [first, rest @ ..] if is_first(*first) && rest.iter().all(|&byte| is_further(byte)) => Ok(()),
        _ => Err(Status::invalid_argument(format!(
            "invalid custom schema query: invalid {what} {name:?}: must match ^[a-zA-Z0-9][a-zA-Z0-9._-]*$"
        ))),
    }
}
