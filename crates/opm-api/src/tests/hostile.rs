//! Clients that mean no good, or are broken: whatever they do, others are served.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use opm_model::BundleKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use super::fake::Fake;
use super::{PATIENCE, Running, soon};
use crate::proto::registry_client::RegistryClient;
use crate::{Client, ServeOptions, proto};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const NO_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A server that has little patience with those who take nothing.
async fn impatient(bundles: u64, size: usize) -> Running {
    let (mut fake, _) = Fake::new();
    (fake.bundles, fake.size, fake.encoded) = (bundles, size, true);
    let options = ServeOptions { drain: PATIENCE, patience: Duration::from_millis(300), ..ServeOptions::default() };
    let mut running = Running::with(options).await;
    running.load(Ok(Arc::new(fake)));
    running
}

/// A connection whose client takes no more than 64 KiB of all that is sent to it.
async fn greedy(running: &Running) -> RegistryClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).unwrap();
    let endpoint = endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    RegistryClient::new(endpoint.connect().await.unwrap()).max_decoding_message_size(usize::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_that_nobody_reads_leave_room_for_others() {
    let running = impatient(9, 500_000).await;
    let mut streams: Vec<tokio::task::JoinHandle<Option<Streaming<proto::Bundle>>>> = Vec::new();
    for _ in 0..10 {
        let client = greedy(&running).await;
        for _ in 0..100 {
            let mut client = client.clone();
            streams.push(tokio::spawn(async move {
                client.list_bundles(proto::ListBundlesRequest {}).await.ok().map(tonic::Response::into_inner)
            }));
        }
    }
    let client = running.client().await;
    assert_eq!(soon(client.package("p")).await.unwrap().name, "p");
    // There is no room for another listing until somebody has to leave.
    let listed = soon(client.list_bundles()).await.unwrap();
    assert_eq!(soon(listed.try_fold(0, async |n, _| Ok(n + 1))).await.unwrap(), 9);
    for stream in streams {
        stream.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_that_nobody_takes_leave_room_for_others() {
    let running = impatient(1, 4 << 20).await;
    let ask = || proto::GetBundleRequest {
        pkg_name: "p".to_owned(),
        channel_name: "c".to_owned(),
        csv_name: "large".to_owned(),
    };
    let mut calls = Vec::new();
    for _ in 0..3 {
        let client = greedy(&running).await;
        // The connection's window is taken by a stream that nobody reads, so that nothing else comes through.
        let mut first = client.clone();
        let blocked = first.list_bundles(proto::ListBundlesRequest {}).await.unwrap().into_inner();
        calls.push(tokio::spawn(async move {
            let _held = blocked;
            std::future::pending::<()>().await;
        }));
        for _ in 0..30 {
            let mut client = client.clone();
            calls.push(tokio::spawn(async move { drop(client.get_bundle(ask()).await) }));
        }
    }
    let client = running.client().await;
    assert_eq!(soon(client.package("p")).await.unwrap().name, "p");
    let key = BundleKey { package: "p", channel: "c", csv_name: "large" };
    assert_eq!(soon(client.bundle(&key)).await.unwrap().csv_json.len(), 4 << 20);
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn what_a_client_left_unread_is_forgotten_with_it() {
    let (mut fake, _) = Fake::new();
    (fake.bundles, fake.size, fake.encoded) = (9, 200_000, true);
    let catalog = Arc::new(fake);
    let mut running = Running::loading(PATIENCE).await;
    running.load(Ok(Arc::clone(&catalog) as _));
    for _ in 0..5 {
        let mut bundles = running.client().await.list_bundles().await.unwrap();
        soon(bundles.next()).await.unwrap().unwrap();
    }
    // The server holds the catalog once; every call under way holds it once more.
    soon(async {
        while Arc::strong_count(&catalog) > 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let page = running.metrics.page("/metrics").text;
    assert!(page.contains("grpc_method=\"ListBundles\",grpc_code=\"Canceled\"} 5\n"), "{page}");
}

/// Frames of HTTP/2 that no client should send, with what they are.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let frame = |length: u32, kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let begin = [PREFACE, NO_SETTINGS].concat();
    let with = |rest: Vec<u8>| [begin.clone(), rest].concat();
    let bomb: Vec<u8> = std::iter::once(frame(1, 1, 0, 1, &[0x82]))
        .chain((0..2000).map(|_| frame(16_384, 9, 0, 1, &[0x82; 16_384])))
        .flatten()
        .collect();
    let resets: Vec<u8> = (0..5000u32)
        .flat_map(|n| [frame(1, 1, 4, 2 * n + 1, &[0x82]), frame(4, 3, 0, 2 * n + 1, &[0, 0, 0, 8])])
        .flatten()
        .collect();
    vec![
        ("HTTP/1", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("noise", (0..=255).cycle().take(100_000).collect()),
        ("a preface alone", PREFACE.to_vec()),
        ("a frame of sixteen megabytes", with(frame(0xff_ffff, 0, 0, 1, &[0; 100]))),
        ("data before its headers", with(frame(4, 0, 0, 1, b"abcd"))),
        ("headers that are none", with(frame(5, 1, 4, 1, &[0xff; 5]))),
        ("settings that are too short", with(frame(5, 4, 0, 0, &[0; 5]))),
        ("a window that overflows", with(frame(4, 8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]))),
        ("headers without end", with(bomb)),
        ("calls that are taken back", with(resets)),
    ]
}

#[tokio::test]
async fn malformed_frames_end_their_connection_only() {
    let running = Running::serving(Fake::new().0).await;
    let client = running.client().await;
    for (what, bytes) in malformed() {
        let mut stream = TcpStream::connect(&running.address).await.unwrap();
        // The server may hang up on it before all is said.
        let _cut_off = soon(stream.write_all(&bytes)).await;
        drop(stream.shutdown().await);
        let mut answer = Vec::new();
        let _reset = soon(stream.read_to_end(&mut answer)).await;
        assert!(answer.len() < 1_000_000, "{what}");
        assert_eq!(soon(client.package("p")).await.unwrap().name, "p", "{what}");
    }
}

#[tokio::test]
async fn a_text_is_no_longer_than_clients_take() {
    let running = Running::serving(Fake::new().0).await;
    let client: Client = running.client().await;
    let key = BundleKey { package: "nothing", channel: &"ü".repeat(100_000), csv_name: "b" };
    let refused = soon(client.bundle(&key)).await.unwrap_err().to_string();
    assert!(refused.contains("no entry found for nothing üü") && refused.len() < 5000, "{}", refused.len());
}
