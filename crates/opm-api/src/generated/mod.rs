//! The messages and clients that `proto/` describes. A test writes and checks the files beside this one.

/// Package `api`.
pub(crate) mod api {
    include!("api.rs");
}

/// Package `grpc.health.v1`.
pub(crate) mod health {
    include!("grpc.health.v1.rs");
}

/// The descriptors of all files in `proto/` and of what they import, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!("descriptors.bin");
