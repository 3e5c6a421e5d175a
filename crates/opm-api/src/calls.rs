//! Calls: what can be called, what came of it, in numbers and in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tonic::{Code, Status};

use crate::room::{Peer, Room};

/// A method of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rpc(usize);

/// Whether a method answers once or in a stream, in the words of logs and metrics.
const UNARY: &str = "unary";
const STREAM: &str = "server_stream";
const BOTH: &str = "bidi_stream";

/// All methods: their service, name and kind. What is called and is not here counts as the last one.
pub(crate) const METHODS: [(&str, &str, &str); 17] = [
    ("api.Registry", "ListPackages", STREAM),
    ("api.Registry", "GetPackage", UNARY),
    ("api.Registry", "GetBundle", UNARY),
    ("api.Registry", "GetBundleForChannel", UNARY),
    ("api.Registry", "GetBundleThatReplaces", UNARY),
    ("api.Registry", "GetChannelEntriesThatReplace", STREAM),
    ("api.Registry", "GetChannelEntriesThatProvide", STREAM),
    ("api.Registry", "GetLatestChannelEntriesThatProvide", STREAM),
    ("api.Registry", "GetDefaultBundleThatProvides", UNARY),
    ("api.Registry", "ListBundles", STREAM),
    ("api.ExperimentalRegistry", "ExperimentalListPackageCustomSchemas", STREAM),
    ("grpc.health.v1.Health", "Check", UNARY),
    ("grpc.health.v1.Health", "List", UNARY),
    ("grpc.health.v1.Health", "Watch", STREAM),
    ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", BOTH),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", BOTH),
    ("unknown", "unknown", UNARY),
];

impl Rpc {
    fn of(service: &str, method: &str) -> Self {
        let known = METHODS.iter().position(|&(s, m, _)| m == method && s == service);
        Self(known.unwrap_or(METHODS.len() - 1))
    }
}

/// The upper bounds of the histogram's buckets, in microseconds.
pub(crate) const BUCKETS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
/// How many codes gRPC has.
pub(crate) const CODES: usize = 17;

/// What came of all calls of one method. Written to by every call, so that each has cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    pub(crate) started: AtomicU64,
    pub(crate) ended: [AtomicU64; CODES],
    /// Calls by duration; those beyond the last bound come last.
    pub(crate) took: [AtomicU64; BUCKETS.len() + 1],
    pub(crate) microseconds: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

/// What came of all calls.
#[derive(Default)]
pub(crate) struct Tallies(pub(crate) [Tally; METHODS.len()]);

/// What all calls of a server share.
pub(crate) struct Shared {
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) room: Room,
}

/// A call under way. It is counted and logged when it is dropped; until it has [ended](Call::end), that means that its client
/// went away.
pub(crate) struct Call {
    shared: Arc<Shared>,
    pub(crate) peer: Arc<Peer>,
    rpc: Rpc,
    /// The path, where there is no such method.
    path: Option<Box<str>>,
    start: Instant,
    bytes: u64,
    code: Code,
    error: Option<Box<str>>,
}

/// How much of a path that names no method is logged, in bytes.
const LONGEST_PATH: usize = 200;

impl Call {
    pub(crate) fn begin(shared: &Arc<Shared>, peer: &Arc<Peer>, service: &str, method: &str) -> Self {
        let rpc = Rpc::of(service, method);
        shared.tallies.0[rpc.0].started.fetch_add(1, Ordering::Relaxed);
        let path = (rpc.0 == METHODS.len() - 1).then(|| {
            let path = format!("{service}/{method}");
            path[..path.floor_char_boundary(LONGEST_PATH)].into()
        });
        Self {
            shared: Arc::clone(shared),
            peer: Arc::clone(peer),
            rpc,
            path,
            start: Instant::now(),
            bytes: 0,
            code: Code::Cancelled,
            error: None,
        }
    }

    pub(crate) fn room(&self) -> &Room {
        &self.shared.room
    }

    /// Notes that the client's connection took so much of the answer.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.room().took(&self.peer);
    }

    /// Notes how the call ended: well, unless there is a status.
    pub(crate) fn end(&mut self, status: Option<&Status>) {
        self.code = status.map_or(Code::Ok, Status::code);
        self.error = status.map(Status::message).filter(|text| !text.is_empty()).map(Into::into);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let took = self.start.elapsed();
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let tally = &self.shared.tallies.0[self.rpc.0];
        let code = usize::try_from(i32::from(self.code)).unwrap_or_default();
        tally.ended[code.min(CODES - 1)].fetch_add(1, Ordering::Relaxed);
        tally.took[BUCKETS.partition_point(|&bound| bound < microseconds)].fetch_add(1, Ordering::Relaxed);
        tally.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        tally.bytes.fetch_add(self.bytes, Ordering::Relaxed);
        self.log(took);
    }
}

impl Call {
    /// One line at the level that the code deserves. Nothing that a client sent is in it but the name of the method.
    fn log(&self, took: Duration) {
        let (service, method, kind) = METHODS[self.rpc.0];
        macro_rules! line {
            ($level:ident) => {
                tracing::event!(
                    target: "opm_api::calls",
                    tracing::Level::$level,
                    grpc.bytes = self.bytes,
                    grpc.code = name(self.code),
                    grpc.error = self.error.as_deref(),
                    grpc.method = method,
                    grpc.method_type = kind,
                    grpc.path = self.path.as_deref(),
                    grpc.service = service,
                    grpc.time_ms = format_args!("{}.{:03}", took.as_millis(), took.subsec_micros() % 1000),
                    peer.address = &*self.peer.address,
                    "finished call"
                )
            };
        }
        match self.code {
            Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => line!(ERROR),
            Code::DeadlineExceeded
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable => line!(WARN),
            _ => line!(INFO),
        }
    }
}

/// The name of a code in logs and metrics.
pub(crate) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}
