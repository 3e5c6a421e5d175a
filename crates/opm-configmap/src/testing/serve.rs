//! The API server in this process.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, Method, Response, Uri};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::answer::{Answer, get_or_update, status};
use super::state::{Action, Change, Fault, State, Verb, content, object, path};
use crate::{Content, Place};

/// The token that is accepted at first.
const TOKEN: &str = "first-token";

/// An API server over TLS on a free port of the loopback interface, served by a thread of its own until it is dropped. It knows
/// ConfigMaps: getting, replacing, watching.
pub struct FakeCluster {
    address: String,
    certificate: String,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    /// Rings when something has changed.
    bell: watch::Sender<()>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a connection may be made.
    fn lets_in(&self) -> bool {
        let mut state = self.lock();
        state.turned_away += usize::from(state.is_down);
        !state.is_down
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.bell.send_replace(());
        result
    }
}

impl fmt::Debug for FakeCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeCluster").field("address", &self.address).finish_non_exhaustive()
    }
}

impl FakeCluster {
    /// An empty cluster, whose certificate is for `localhost` and `127.0.0.1`.
    pub fn start() -> Self {
        let tls = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State { version: 100, token: TOKEN.to_owned(), ..State::default() };
        let shared = Shared { state: Arc::new(Mutex::new(state)), bell: watch::Sender::new(()) };
        let (stop, stopped) = oneshot::channel();
        let (acceptor, router) = (acceptor(&tls), Router::new().fallback(handle).with_state(shared.clone()));
        let at_the_door = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let tcp = TcpListener::from_std(listener).unwrap();
                let serve = axum::serve(Tls { tcp, acceptor, shared: at_the_door }, router);
                tokio::select! { _ = async { serve.await } => {}, _ = stopped => {} }
            });
        });
        Self { address, certificate: tls.cert.pem(), shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Writes a kubeconfig for this cluster, with the token that is accepted now, into a directory. Its current context is `good`; the
    /// others are `stranger` (a token that is not known), `distrustful` (another authority) and `program` (a program that prints the token).
    pub fn kubeconfig(&self, dir: &Path) -> PathBuf {
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
        let token = self.shared.lock().token.clone();
        for (name, text) in [("ca.pem", &self.certificate), ("other.pem", &other)] {
            std::fs::write(dir.join(name), text).unwrap();
        }
        let server = format!("https://{}", self.address);
        let cluster = |name, ca| json!({"name": name, "cluster": {"server": server, "certificate-authority": ca}});
        let context = |name, cluster, user| json!({"name": name, "context": {"cluster": cluster, "user": user, "namespace": "x"}});
        let credential = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
        });
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "echo", "args": [credential.to_string()],
        });
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "good",
            "clusters": [cluster("here", "ca.pem"), cluster("elsewhere", "other.pem")],
            "contexts": [
                context("good", "here", "token"),
                context("stranger", "here", "stranger"),
                context("distrustful", "elsewhere", "token"),
                context("program", "here", "program"),
            ],
            "users": [
                {"name": "token", "user": {"token": token}},
                {"name": "stranger", "user": {"token": "unknown"}},
                {"name": "program", "user": {"exec": exec}},
            ],
        });
        let path = dir.join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Makes a ConfigMap, in the place of what is there.
    pub fn put(&self, place: &Place, content: &Content) {
        self.shared.change(|state| state.change(&path(place), Some(object(place, content))));
    }

    /// What is at a place.
    pub fn get(&self, place: &Place) -> Content {
        content(&self.object(place))
    }

    /// The whole ConfigMap at a place.
    pub fn object(&self, place: &Place) -> serde_json::Value {
        self.shared.lock().objects[&path(place)].clone()
    }

    /// Deletes what is at a place.
    pub fn delete(&self, place: &Place) {
        self.shared.change(|state| state.change(&path(place), None));
    }

    /// Makes the next so many requests of a kind suffer. Faults apply in the order in which they were added.
    pub fn fail(&self, verb: Verb, times: usize, action: Action) {
        self.shared.change(|state| state.faults.push(Fault { verb, times, action }));
    }

    /// Makes an end of all faults.
    pub fn mend(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// Accepts another token from now on, and no longer the one before.
    pub fn expire_token(&self) {
        self.shared.change(|state| "second-token".clone_into(&mut state.token));
    }

    /// Ends all watches, as a cluster does now and then.
    pub fn end_watches(&self) {
        self.shared.change(|state| state.ended += 1);
    }

    /// Forgets what was, so that watches can only begin with what is.
    pub fn forget(&self) {
        self.shared.change(|state| {
            state.version += 1;
            state.oldest = state.version;
        });
    }

    /// Closes every connection, and every new one, until it is [`up`](Self::up) again.
    pub fn down(&self) {
        self.shared.change(|state| {
            state.is_down = true;
            state.ended += 1;
        });
    }

    /// Ends what [`down`](Self::down) began.
    pub fn up(&self) {
        self.shared.change(|state| state.is_down = false);
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Verb> {
        self.shared.lock().seen.clone()
    }

    /// Waits until there were so many requests of a kind.
    pub fn wait_for(&self, verb: Verb, times: usize) {
        self.wait(|state| state.seen.iter().filter(|seen| **seen == verb).count() >= times);
    }

    /// Waits until so many connections were turned away, since this is [`down`](Self::down).
    pub fn wait_for_turned_away(&self, times: usize) {
        self.wait(|state| state.turned_away >= times);
    }

    fn wait(&self, is_there: impl Fn(&State) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !is_there(&self.shared.lock()) {
            assert!(Instant::now() < end, "it does not happen; seen: {:?}", self.seen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for FakeCluster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn json_response(answer: Answer) -> Response<Body> {
    let response = Response::builder().status(answer.status).header("content-type", "application/json");
    response.body(Body::from(answer.body)).unwrap()
}

/// Ends the task that has the connection; this panic is not reported.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hung up"))
}

async fn handle(
    extract::State(shared): extract::State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let query = uri.query().unwrap_or_default();
    let verb = match method {
        Method::PUT => Verb::Update,
        _ if query.split('&').any(|part| part == "watch=true") => Verb::Watch,
        _ => Verb::Get,
    };
    let is_down = shared.change(|state| {
        state.seen.push(verb);
        state.is_down
    });
    if is_down {
        hang_up();
    }
    let token = format!("Bearer {}", shared.lock().token);
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&token) {
        return json_response(Answer::failure(401, "Unauthorized", "Unauthorized"));
    }
    if verb == Verb::Watch {
        return watching(shared, uri.path(), query);
    }
    let answer = shared.change(|state| get_or_update(state, verb, uri.path(), &body));
    answer.map_or_else(|| hang_up(), json_response)
}

/// The value of a parameter.
fn parameter<'a>(query: &'a str, name: &str) -> &'a str {
    let of = |part: &'a str| part.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value);
    query.split('&').find_map(of).unwrap_or_default()
}

fn watching(shared: Shared, collection: &str, query: &str) -> Response<Body> {
    let name = parameter(query, "fieldSelector").rsplit("%3D").next().unwrap_or_default();
    let path = format!("{collection}/{name}");
    let from = parameter(query, "resourceVersion");
    let fault = shared.change(|state| state.fault(Verb::Watch));
    let mut first = Vec::new();
    match fault {
        Some(Action::HangUp) => hang_up(),
        Some(Action::Refuse(code, reason, message)) => return json_response(Answer::failure(code, reason, &message)),
        Some(Action::FailEvent(code, reason, message)) => {
            first.push(json!({"type": "ERROR", "object": status(code, reason, &message)}));
        }
        Some(Action::Babble | Action::Flood | Action::Overtake) | None => {}
    }
    let (ended, now, oldest) = {
        let state = shared.lock();
        if from.is_empty() && first.is_empty() {
            first.extend(state.objects.get(&path).map(|object| json!({"type": "ADDED", "object": object})));
        }
        (state.ended, state.version, state.oldest)
    };
    let after = from.parse().unwrap_or(now);
    if after < oldest {
        let message = format!("too old resource version: {after} ({oldest})");
        first.push(json!({"type": "ERROR", "object": status(410, "Expired", &message)}));
    }
    let bell = shared.bell.subscribe();
    let first = stream::iter(first.into_iter().map(|event| Ok::<_, io::Error>(format!("{event}\n"))));
    let rest = stream::unfold((shared, bell, after, path), move |(shared, mut bell, after, path)| async move {
        loop {
            bell.mark_unchanged();
            {
                let state = shared.lock();
                if state.is_down {
                    return Some((Err(io::Error::other("down")), (shared.clone(), bell, after, path)));
                }
                if state.ended != ended {
                    return None;
                }
                let next = state.changes.iter().find(|change| change.version > after && change.path == path);
                if let Some(Change { version, kind, object, .. }) = next {
                    let (version, event) = (*version, json!({"type": kind, "object": object}));
                    drop(state);
                    return Some((Ok(format!("{event}\n")), (shared, bell, version, path)));
                }
            }
            bell.changed().await.ok()?;
        }
    });
    let response = Response::builder().header("content-type", "application/json");
    response.body(Body::from_stream(first.chain(rest))).unwrap()
}

fn acceptor(tls: &rcgen::CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(tls.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![tls.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    shared: Shared,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    /// One after the other, and those that fail are passed over: tests make few connections.
    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.tcp.accept().await
                && self.shared.lets_in()
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
