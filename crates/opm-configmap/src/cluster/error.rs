//! What a cluster refuses, and why it cannot be asked, in words for the person who has to act.

use std::error::Error;
use std::fmt;
use std::io;

use kube::core::Status;
use rustls::CertificateError;

use crate::Place;

/// What was asked of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Get,
    Update,
    Watch,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::Watch => "watch",
        })
    }
}

/// Why a cluster cannot be asked, or does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The kubeconfig cannot be used.
    #[error("Cannot load config for REST client: kubeconfig {files}: {why}")]
    Kubeconfig {
        /// The files.
        files: String,
        /// What is wrong.
        why: String,
    },
    /// This is no pod.
    #[error(
        "Cannot load config for REST client: {why}: outside of a pod, name a kubeconfig with --kubeconfig or $KUBECONFIG"
    )]
    InCluster {
        /// What is missing.
        why: String,
    },
    /// The credentials cannot be had, or make no sense.
    #[error("cluster {server}: cannot get credentials: {why}")]
    Credentials {
        /// The address of the cluster.
        server: String,
        /// What is wrong.
        why: String,
    },
    /// There is no such ConfigMap, or no such namespace.
    #[error("{message}: there is no ConfigMap {:?} in namespace {:?}: check both names", place.name, place.namespace)]
    NotFound {
        /// Where it should be.
        place: Place,
        /// What the cluster says.
        message: String,
    },
    /// The account may not do this.
    #[error("{message}: the account needs a Role with the verb {verb} for ConfigMap {place}")]
    Forbidden {
        /// The ConfigMap.
        place: Place,
        /// The verb of the permission that is missing.
        verb: String,
        /// What the cluster says.
        message: String,
    },
    /// The account is not known.
    #[error("cluster {server} does not accept the credentials ({message}): a token may have expired; get a new one")]
    Unauthorized {
        /// The address of the cluster.
        server: String,
        /// What the cluster says.
        message: String,
    },
    /// Somebody else kept changing the ConfigMap.
    #[error(
        "ConfigMap {place} was changed by somebody else each of the {attempts} times that it was to be replaced: see who else writes it"
    )]
    Conflict {
        /// The ConfigMap.
        place: Place,
        /// How often it was tried.
        attempts: u32,
    },
    /// The cluster does not take so much.
    #[error("ConfigMap {place} is too large for the cluster ({message}): store less, or compress it with --gzip")]
    TooLarge {
        /// The ConfigMap.
        place: Place,
        /// What the cluster says.
        message: String,
    },
    /// The state that a watch should begin at is forgotten.
    #[error("the cluster has forgotten the state of ConfigMap {0} that was seen last")]
    Gone(Place),
    /// The cluster refuses for another reason.
    #[error("cannot {verb} ConfigMap {place}: the cluster says {code}: {message}")]
    Refused {
        /// The ConfigMap.
        place: Place,
        /// What was asked for.
        verb: String,
        /// The HTTP status.
        code: u16,
        /// What the cluster says.
        message: String,
    },
    /// There is no connection.
    #[error("cluster {server} cannot be reached: {why}")]
    Unreachable {
        /// The address of the cluster.
        server: String,
        /// Why not.
        why: String,
    },
    /// There is no secure connection.
    #[error("cluster {server}: no secure connection: {why}")]
    Tls {
        /// The address of the cluster.
        server: String,
        /// Why not.
        why: String,
    },
    /// The cluster does not answer in time.
    #[error("cluster {server} does not answer within {seconds} seconds")]
    Timeout {
        /// The address of the cluster.
        server: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What answers is no cluster, or the answer broke off.
    #[error("cluster {server}: its answer cannot be read: {why}")]
    Answer {
        /// The address of the cluster.
        server: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ClusterError {
    /// Of the preparation of a client, for which this program was to get credentials.
    pub(super) fn of_client(error: &kube::Error, program: Option<&str>, server: &str) -> Self {
        let (server, why) = (server.to_owned(), deepest(error));
        match (error, program) {
            (kube::Error::Auth(error), None) => Self::Credentials { server, why: error.to_string() },
            (kube::Error::Auth(error), Some(program)) => {
                Self::Credentials { server, why: format!("program {program}: {error}") }
            }
            _ => Self::Tls { server, why },
        }
    }

    /// Of a question about a ConfigMap.
    pub(super) fn of(error: kube::Error, asked: Asked, place: &Place, server: &str) -> Self {
        let server = server.to_owned();
        match error {
            kube::Error::Api(status) => Self::of_status(&status, asked, place, server),
            kube::Error::Auth(error) => Self::Credentials { server, why: error.to_string() },
            // Of the two names that make an address, one is none.
            kube::Error::BuildRequest(error) => Self::NotFound { place: place.clone(), message: error.to_string() },
            error => Self::of_transport(&error, server),
        }
    }

    pub(super) fn of_status(status: &Status, asked: Asked, place: &Place, server: String) -> Self {
        let place = place.clone();
        let message = match status.message.lines().next().unwrap_or_default() {
            "" => status.reason.clone(),
            line => line.chars().take(300).collect(),
        };
        match status.code {
            404 => Self::NotFound { place, message },
            403 => Self::Forbidden { place, verb: asked.to_string(), message },
            401 => Self::Unauthorized { server, message },
            409 => Self::Conflict { place, attempts: 1 },
            410 => Self::Gone(place),
            413 => Self::TooLarge { place, message },
            422 if message.contains("Too long") || message.contains("too large") => Self::TooLarge { place, message },
            code => Self::Refused { place, verb: asked.to_string(), code, message },
        }
    }

    fn of_transport(error: &kube::Error, server: String) -> Self {
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Tls { server, why: tls_words(tls) };
        }
        if let Some(auth) = find::<kube::client::AuthError>(error) {
            return Self::Credentials { server, why: auth.to_string() };
        }
        if let kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) = error {
            return Self::Answer { server, why: deepest(error) };
        }
        let why = match find::<io::Error>(error) {
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _ => deepest(error),
        };
        Self::Unreachable { server, why }
    }
}

fn tls_words(error: &rustls::Error) -> String {
    const AUTHORITY: &str = "give the certificate of its authority in the kubeconfig (certificate-authority)";
    match error {
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        // The latter where both authorities have the same name.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            format!("its certificate is signed by an unknown authority; {AUTHORITY}")
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another host".to_owned(),
        rustls::Error::InvalidCertificate(other) => format!("its certificate is not acceptable ({other}); {AUTHORITY}"),
        other => other.to_string(),
    }
}

/// The first error of a type on the way to the cause, also inside I/O errors.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// What the cause says.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
