//! How connections are secured.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::ErrorKind;
use crate::options::Tls;

/// The settings for all connections: TLS 1.2 or newer, by the ring provider, whatever the process has installed.
pub(super) fn config(tls: Tls, ca_file: Option<&Path>) -> Result<ClientConfig, ErrorKind> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ErrorKind::Setup(error.to_string()))?;
    let builder = match tls {
        Tls::SkipVerify => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider))),
        Tls::Verify | Tls::PlainHttp => builder.with_root_certificates(roots(ca_file)?),
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's authorities and those of the file. A system without any is no error until one is needed: its registry may
/// be signed by the file's.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, ErrorKind> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::debug!(%error, "system certificates");
    }
    let (_, ignored) = roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        tracing::debug!(ignored, "the system trusts no certificate authority");
    }
    if let Some(path) = ca_file {
        let bad = |why: String| ErrorKind::CaFile { path: path.to_owned(), why };
        let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|error| bad(format!("not in PEM format: {error}")))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(bad("there is no certificate in PEM format in it".to_owned()));
        }
    }
    Ok(roots)
}

/// Whether the system trusts no certificate authority at all, as in an image that has none.
pub(super) fn is_without_roots() -> bool {
    rustls_native_certs::load_native_certs().certs.is_empty()
}

/// Takes every certificate, but still makes sure that the server holds its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
