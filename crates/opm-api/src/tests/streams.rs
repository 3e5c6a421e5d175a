//! Clients that take their time.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use tonic::transport::Endpoint;

use super::fake::{Event, Fake};
use super::{Running, soon};
use crate::proto;
use crate::proto::registry_client::RegistryClient;

const STREAMS: usize = 50;
const PAGES: u8 = 8;

#[tokio::test]
async fn pages_are_fetched_only_as_clients_take_them() {
    let (mut fake, mut told) = Fake::new();
    (fake.bundles, fake.size) = (u64::from(PAGES), 300_000);
    let running = Running::serving(fake).await;

    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let channel = Endpoint::from_shared(format!("http://{}", running.address))
            .unwrap()
            .initial_stream_window_size(65_535)
            .initial_connection_window_size(65_535)
            .connect()
            .await
            .unwrap();
        let answer = RegistryClient::new(channel).list_bundles(proto::ListBundlesRequest {}).await.unwrap();
        streams.push(answer.into_inner());
    }
    // Nobody reads. When nothing happens any more, every stream holds the page that it sends and the one after it.
    for _ in 0..STREAMS {
        assert!(matches!(soon(told.recv()).await, Some(Event::Page(_))));
    }
    let mut pages = STREAMS;
    while let Ok(Some(Event::Page(_))) = tokio::time::timeout(Duration::from_millis(200), told.recv()).await {
        pages += 1;
    }
    assert!(pages <= STREAMS * 2, "{pages} pages for {STREAMS} streams");

    for stream in streams {
        let lengths: Vec<_> = soon(stream.map_ok(|b| b.csv_json.len()).try_collect()).await.unwrap();
        assert_eq!(lengths, [300_000; PAGES as usize]);
    }
}
