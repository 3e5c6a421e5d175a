//! `grpc.health.v1`: whether the catalog is being served.
//!
//! One state for all: the server is a single catalog, and the reference answers any service's name with that of the server.

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http_body::Body;
use tonic::Status;

use crate::answer::{Buffers, Content, Encoder};
use crate::calls::Call;
use crate::health_proto::health_check_response::ServingStatus;
use crate::health_proto::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use crate::phase::{Cell, Phase, stopping};
use crate::registry::unknown_method;
use crate::request::{Head, message};

pub(crate) const NAME: &str = "grpc.health.v1.Health";

pub(crate) async fn answer<B>(
    state: &Cell,
    services: &[&str],
    method: &str,
    head: Head,
    body: B,
    call: &Call,
) -> Result<Content, Status>
where
    B: Body<Data = Bytes> + Unpin,
{
    let out = Encoder { gzip: head.gzip };
    let bytes = match method {
        "Check" => {
            let _: (HealthCheckRequest, _) = message(body, head, call).await?;
            out.one(response(state.is_serving()))
        }
        "List" => {
            let _: (HealthListRequest, _) = message(body, head, call).await?;
            let now = response(state.is_serving());
            let statuses = services.iter().chain(&[""]).map(|name| ((*name).to_owned(), now)).collect();
            out.one(HealthListResponse { statuses })
        }
        "Watch" => {
            let _: (HealthCheckRequest, _) = message(body, head, call).await?;
            return Ok(Content::Many(watch(state, out), call.room().try_admit(&call.peer, 0)));
        }
        other => return Err(unknown_method(NAME, other)),
    };
    bytes.map(|bytes| Content::One(bytes, None)).map_err(|error| Status::internal(error.to_string()))
}

fn response(serving: bool) -> HealthCheckResponse {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

/// The state now and whenever it changes, until the server stops; it does not wait for those who watch.
fn watch(cell: &Cell, out: Encoder) -> Buffers {
    let start = (cell.watch(), None);
    Box::pin(try_unfold(start, move |(mut phases, told)| async move {
        loop {
            let (serving, last) = match *phases.borrow_and_update() {
                Phase::Loading => (false, false),
                Phase::Serving(_) => (true, false),
                Phase::Stopping(_) => (false, true),
            };
            if told != Some(serving) {
                let bytes = out.one(response(serving)).map_err(|error| Status::internal(error.to_string()))?;
                return Ok(Some((bytes, (phases, Some(serving)))));
            }
            if last || phases.changed().await.is_err() {
                return Err(stopping());
            }
        }
    }))
}
