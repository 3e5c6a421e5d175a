//! Requests as any client may send them: none stops the server, and each call gets an answer.
//!
//! The first byte says what the rest is: bytes of a connection after its beginning, or the message of a call, with the method, the
//! encoding and the pieces that it comes in.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use opm_api::{Client, ServeOptions, Server, encode};
use opm_catalog::pack::{Encoding, Pack, build};
use opm_model::{Query, Stop};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// How long an answer may take. Nothing here takes longer than milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const METHODS: [&str; 17] = [
    "/api.Registry/ListPackages",
    "/api.Registry/GetPackage",
    "/api.Registry/GetBundle",
    "/api.Registry/GetBundleForChannel",
    "/api.Registry/GetChannelEntriesThatReplace",
    "/api.Registry/GetBundleThatReplaces",
    "/api.Registry/GetChannelEntriesThatProvide",
    "/api.Registry/GetLatestChannelEntriesThatProvide",
    "/api.Registry/GetDefaultBundleThatProvides",
    "/api.Registry/ListBundles",
    "/api.ExperimentalRegistry/ListPackageCustomSchemas",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/List",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/api.Registry/Nothing",
    "/",
];
const CATALOG: &str = include_str!("../seeds/templates/catalog");

struct Served {
    runtime: Runtime,
    address: String,
}

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    // Server and client share a thread, so that little time goes into waking others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let home = std::env::temp_dir().join(format!("opm-fuzz-requests-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a temporary directory");
    let (source, target) = (home.join("catalog.yaml"), home.join("opm.pack"));
    std::fs::write(&source, CATALOG).expect("a temporary file");
    let encoding = Encoding { bundle: encode::bundle, document: encode::document };
    build(&source, &target, &encoding, &Stop::new()).expect("a pack");
    let pack: Arc<dyn Query> = Arc::new(Pack::open(&target).expect("a pack"));
    std::fs::remove_dir_all(&home).expect("the temporary directory");
    let server = runtime.block_on(Server::bind(0)).expect("a port");
    let address = format!("127.0.0.1:{}", server.local_port());
    let options = ServeOptions { experimental: true, ..ServeOptions::default() };
    let load = async { Ok::<_, std::convert::Infallible>(pack) };
    runtime.spawn(server.run(load, std::future::pending(), options));
    Served { runtime, address }
});

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Whatever comes of it, the connection ends once the client has nothing more to say.
async fn connection(address: &str, bytes: &[u8]) {
    let mut stream = connect(address).await;
    // The server may have gone away in the middle.
    let _sent = stream.write_all(&[HELLO, bytes].concat()).await;
    let _half = stream.shutdown().await;
    let mut heard = [0; 4096];
    while let Ok(1..) = stream.read(&mut heard).await {}
}

async fn call(address: &str, method: &str, kind: u8, message: &[u8]) {
    let stream = connect(address).await;
    let (sender, connection) = h2::client::handshake(stream).await.expect("a server of HTTP/2");
    let connection = tokio::spawn(connection);
    let mut request = http::Request::post(format!("http://x{method}")).header("content-type", "application/grpc");
    for (bit, name, value) in
        [(1, "grpc-encoding", "gzip"), (2, "grpc-timeout", "1S"), (4, "grpc-accept-encoding", "gzip")]
    {
        if kind & bit != 0 {
            request = request.header(name, value);
        }
    }
    // One that has its prefix, or whatever there is.
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    let prefix = [&[kind & 1][..], &length].concat();
    let body = if kind & 8 == 0 { [&prefix, message].concat() } else { message.to_vec() };
    let mut sender = sender.ready().await.expect("a server that listens");
    let (answer, mut out) = sender.send_request(request.body(()).expect("a request"), false).expect("a stream");
    let piece = usize::from(kind >> 4) * 7 + 1;
    for part in body.chunks(piece.max(body.len() / 16).max(1)) {
        if out.send_data(Bytes::copy_from_slice(part), false).is_err() {
            break;
        }
    }
    let _ended = out.send_data(Bytes::new(), true);
    let mut answer = answer.await.expect("an answer").into_body();
    while let Some(Ok(part)) = answer.data().await {
        let _room = answer.flow_control().release_capacity(part.len());
    }
    drop((sender, answer));
    connection.abort();
}

fuzz_target!(|data: &[u8]| {
    let Served { runtime, address } = &*SERVED;
    match data {
        [0xff, raw @ ..] => {
            let ended = async { tokio::time::timeout(PATIENCE, connection(address, raw)).await };
            assert!(runtime.block_on(ended).is_ok(), "the connection stays open");
        }
        [method, kind, message @ ..] => {
            let method = METHODS[usize::from(*method) % METHODS.len()];
            let answered = async { tokio::time::timeout(PATIENCE, call(address, method, *kind, message)).await };
            assert!(runtime.block_on(answered).is_ok(), "{method} has no answer");
        }
        _ => {
            // From time to time, whether others are still served.
            let asked = async {
                let client = Client::connect(address).await?;
                client.list_packages().await
            };
            assert_eq!(runtime.block_on(asked).expect("an answer"), ["p"]);
        }
    }
});
