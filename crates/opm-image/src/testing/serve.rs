//! The registry's server.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::Body;
use axum::extract;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Response, Uri, Version};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::image::TestImage;
use super::registry::{Action, Fault, Pushed, Quirk, Require, Seen, State};
use crate::digest::Digest;

/// A registry on a free port of the loopback interface, served by a thread of its own until it is dropped.
#[derive(Debug)]
pub struct FakeRegistry {
    host: String,
    certificate: Option<String>,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeRegistry {
    /// Serves plain HTTP.
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// Serves HTTPS, HTTP/2 for those who offer it, with a certificate for `localhost` and `127.0.0.1` that nobody trusts yet; see
    /// [`certificate`](Self::certificate).
    pub fn start_tls() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        Self::serve(Some(&rcgen::generate_simple_self_signed(names).unwrap()))
    }

    /// Serves HTTPS with a certificate for another name.
    pub fn start_tls_for(name: &str) -> Self {
        Self::serve(Some(&rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap()))
    }

    fn serve(tls: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(Mutex::new(State { base: format!("{scheme}://{address}"), ..State::default() }));
        let certificate = tls.map(|tls| tls.cert.pem());
        let acceptor = tls.map(acceptor);
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(handle).with_state(Arc::clone(&state));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let tcp = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    match acceptor {
                        Some(acceptor) => axum::serve(Tls { tcp, acceptor }, router).await,
                        None => axum::serve(tcp, router).await,
                    }
                };
                tokio::select! { _ = serve => {}, _ = stopped => {} }
            });
        });
        Self { host: address.to_string(), certificate, state, stop: Some(stop), thread: Some(thread) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Address and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The certificate in PEM format, to be trusted.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Stores an image under a tag; answers the digest of its manifest.
    pub fn push(&self, repository: &str, tag: &str, image: &TestImage) -> Digest {
        self.push_all(repository, tag, image).manifest
    }

    /// Stores an image under a tag; answers all its digests.
    pub fn push_all(&self, repository: &str, tag: &str, image: &TestImage) -> Pushed {
        self.state().put_image(repository, tag, image)
    }

    /// Stores an index of descriptors, such as [`TestImage::entry`]; answers its own descriptor.
    pub fn push_index(&self, repository: &str, tag: &str, entries: &[Value]) -> Value {
        self.state().put_index(repository, tag, entries)
    }

    /// Stores any bytes as a manifest.
    pub fn push_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        self.state().put_manifest(repository, tag, media_type, &bytes.into())
    }

    /// Stores any bytes as a blob.
    pub fn push_blob(&self, repository: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        self.state().put_blob(repository, bytes.into())
    }

    /// Answers these bytes at a path, which has its query, if any: to everybody, or to those with this header `Authorization`.
    pub fn put_page(&self, path: impl Into<String>, token: Option<&str>, bytes: impl Into<Vec<u8>>) {
        self.state().pages.insert(path.into(), (token.map(str::to_owned), bytes.into()));
    }

    /// Forgets a blob.
    pub fn remove_blob(&self, repository: &str, digest: &Digest) {
        self.state().blobs.remove(&(repository.to_owned(), digest.to_string()));
    }

    /// Whether it has a blob.
    pub fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        self.state().blobs.contains_key(&(repository.to_owned(), digest.to_string()))
    }

    /// Media type and bytes of a manifest, by tag or digest.
    pub fn manifest(&self, repository: &str, object: &str) -> Option<(String, Vec<u8>)> {
        self.state().manifests.get(&(repository.to_owned(), object.to_owned())).cloned()
    }

    /// Makes it one of the more difficult registries.
    pub fn set_quirk(&self, quirk: Quirk) {
        self.state().quirks.insert(quirk);
    }

    /// Makes the next `times` requests suffer whose `METHOD path` contains `path`. Faults apply in the order they were added.
    pub fn fail(&self, path: impl Into<String>, times: usize, action: Action) {
        self.state().faults.push(Fault { path: path.into(), times, action });
    }

    /// Says who may read from now on.
    pub fn require(&self, require: Require) {
        self.state().require = require;
    }

    /// Makes all tokens issued so far worthless.
    pub fn expire_tokens(&self) {
        self.state().tokens.clear();
    }

    /// The requests since the start or the last call.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn handle(
    extract::State(state): extract::State<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let end = lock().hangs_up(&method, &path);
    let mut stream = body.into_data_stream();
    let mut body = Vec::new();
    while end.is_none_or(|end| body.len() < end)
        && let Some(Ok(chunk)) = stream.next().await
    {
        body.extend_from_slice(&chunk);
    }
    if end.is_some() {
        // This panic is not reported, and ends the task that has the connection.
        std::panic::resume_unwind(Box::new("hung up"));
    }
    let answer = lock().answer(&method, &path, version, &headers, &body);
    if let Some(delay) = answer.delay {
        tokio::time::sleep(delay).await;
    }
    answer.response
}

fn acceptor(tls: &rcgen::CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(tls.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![tls.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    /// One after the other, and those that fail are passed over: tests make few connections.
    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
