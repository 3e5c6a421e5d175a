//! What can go wrong on either side of the wire.

use std::io;

use tonic::Code;

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error("cannot listen on port {port}: another process uses it; stop that one or choose another port")]
    PortInUse {
        /// The port asked for.
        port: u16,
    },
    /// The system reserves the port for privileged users.
    #[error("cannot listen on port {port}: this user may not; choose a port above 1023")]
    PortForbidden {
        /// The port asked for.
        port: u16,
    },
    /// Something else is in the way.
    #[error("cannot listen on port {port}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Pages cannot be had at this address.
    #[error("cannot listen on {address}")]
    Address {
        /// The address asked for.
        address: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ServeError {
    pub(crate) fn new(port: u16, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse { port },
            io::ErrorKind::PermissionDenied => Self::PortForbidden { port },
            _ => Self::Listen { port, source },
        }
    }
}

/// Why a client has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be one.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// The address as it was given.
        address: String,
    },
    /// Nobody answers there.
    #[error("cannot connect to {address}")]
    Connect {
        /// The address as it was given.
        address: String,
        /// What the transport said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refused or failed to answer.
    #[error("{method} at {address}: {message} ({code:?})")]
    Call {
        /// The name of the method, such as `GetPackage`.
        method: &'static str,
        /// The address as it was given.
        address: String,
        /// The status that the server, or the transport in its place, answered.
        code: Code,
        /// The status's text: that of the server where it sent one.
        message: String,
    },
}

impl ClientError {
    /// The status of a call that failed; `None` where there was no call.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Call { code, .. } => Some(*code),
            Self::Address { .. } | Self::Connect { .. } => None,
        }
    }
}
