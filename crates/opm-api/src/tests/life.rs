//! From the port to the end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tonic::Code;

use super::fake::{Event, Fake, package};
use super::{PATIENCE, Running, soon};
use crate::health_proto::HealthListRequest;
use crate::health_proto::health_client::HealthClient;
use crate::{Client, ClientError, ClientOptions, Health, ServeError, Server};

#[tokio::test]
async fn questions_wait_for_the_catalog_and_health_tells_why() {
    let mut running = Running::loading(PATIENCE).await;
    let client = running.client().await;
    let mut watch = client.watch_health("").await.unwrap();
    assert_eq!(soon(watch.try_next()).await.unwrap(), Some(Health::NotServing));
    assert_eq!(client.health("").await.unwrap(), Health::NotServing);

    let question = tokio::spawn({
        let client = client.clone();
        async move { client.package("p").await }
    });
    let hasty = ClientOptions { deadline: Some(Duration::from_millis(20)), ..ClientOptions::default() };
    let hasty = Client::connect_with(&running.address, hasty).await.unwrap();
    let late = soon(hasty.package("p")).await.unwrap_err();
    assert_eq!(late.code(), Some(Code::DeadlineExceeded), "{late}");
    assert!(!question.is_finished());

    running.load(Ok(Arc::new(Fake::new().0)));
    assert_eq!(soon(question).await.unwrap().unwrap(), package("p"));
    assert_eq!(soon(watch.try_next()).await.unwrap(), Some(Health::Serving));
    assert_eq!(client.health("").await.unwrap(), Health::Serving);
    let listed = HealthClient::new(running.channel().await).list(HealthListRequest {}).await.unwrap().into_inner();
    assert_eq!(listed.statuses["api.Registry"].status, 1);
    assert_eq!(listed.statuses[""].status, 1);

    running.stop();
    assert_eq!(soon(watch.try_next()).await.unwrap(), Some(Health::NotServing));
    let end = soon(watch.try_next()).await.unwrap_err();
    assert_eq!(end.code(), Some(Code::Unavailable), "{end}");
    // Neither this client's connection nor its watching holds up the end.
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_catalog_that_cannot_be_loaded_ends_the_server() {
    let mut running = Running::loading(PATIENCE).await;
    let client = running.client().await;
    let question = tokio::spawn(async move { client.package("p").await });
    running.load(Err("it is a text file"));
    assert!(soon(question).await.unwrap().is_err());
    assert_eq!(running.ended().await.unwrap_err(), "it is a text file");
}

#[tokio::test]
async fn a_server_may_be_stopped_while_it_loads() {
    let mut running = Running::loading(PATIENCE).await;
    let client = running.client().await;
    let question = tokio::spawn({
        let client = client.clone();
        async move { client.package("p").await }
    });
    // Once this is answered, the question before it on the same connection waits.
    client.health("").await.unwrap();
    running.stop();
    assert_eq!(soon(question).await.unwrap().unwrap_err().code(), Some(Code::Unavailable));
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_running_listing_finishes_after_the_server_was_stopped() {
    let (mut fake, mut told) = Fake::new();
    (fake.bundles, fake.size) = (100, 200_000);
    let mut running = Running::serving(fake).await;
    let mut bundles = running.client().await.list_bundles().await.unwrap();
    bundles.try_next().await.unwrap().unwrap();
    running.stop();
    assert_eq!(soon(bundles.try_fold(1, async |n, _| Ok(n + 1))).await.unwrap(), 100);
    let address = running.address.clone();
    running.ended().await.unwrap();
    assert!(matches!(Client::connect(&address).await, Err(ClientError::Connect { .. })));
    let mut last = 0;
    while let Ok(Event::Page(page)) = told.try_recv() {
        last = page;
    }
    assert_eq!(last, 99);
}

#[tokio::test]
async fn what_is_stuck_is_cut_off_when_the_time_to_drain_is_over() {
    let (fake, mut told) = Fake::new();
    let mut running = Running::loading(Duration::from_millis(50)).await;
    running.load(Ok(Arc::new(fake)));
    let client = running.client().await;
    let stuck = tokio::spawn(async move { client.entries_that_replace("wait").await });
    assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    running.stop();
    running.ended().await.unwrap();
    assert_eq!(soon(told.recv()).await, Some(Event::Stopped));
    assert!(soon(stuck).await.unwrap().is_err());
}

#[tokio::test]
async fn a_server_that_nobody_polls_any_more_lets_go_of_everything() {
    let (fake, mut told) = Fake::new();
    let running = Running::serving(fake).await;
    let client = running.client().await;
    let stuck = tokio::spawn(async move { client.entries_that_replace("wait").await });
    assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    running.ended.abort();
    assert_eq!(soon(told.recv()).await, Some(Event::Stopped));
    assert!(soon(stuck).await.unwrap().is_err());
}

#[tokio::test]
async fn another_catalog_takes_over_while_answers_finish_on_the_first() {
    let (mut first, _) = Fake::new();
    (first.bundles, first.size) = (100, 200_000);
    let mut running = Running::loading(PATIENCE).await;
    let (second, _) = Fake::new();
    assert!(!running.swap.swap(Arc::new(Fake::new().0)), "there is nothing to swap yet");
    running.load(Ok(Arc::new(first)));
    let client = running.client().await;
    let mut watch = client.watch_health("").await.unwrap();
    while watch.try_next().await.unwrap() != Some(Health::Serving) {}
    let mut old = client.list_bundles().await.unwrap();
    old.try_next().await.unwrap().unwrap();

    assert!(running.swap.swap(Arc::new(second)));
    assert_eq!(client.list_bundles().await.unwrap().count().await, 3);
    assert_eq!(soon(old.try_fold(1, async |n, _| Ok(n + 1))).await.unwrap(), 100);
    let swap = running.swap.clone();
    running.stop();
    assert_eq!(watch.try_next().await.unwrap(), Some(Health::NotServing), "a swap is nobody's business");
    running.ended().await.unwrap();
    assert!(!swap.swap(Arc::new(Fake::new().0)));
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let server = Server::bind(0).await.unwrap();
    let port = server.local_port();
    let error = Server::bind(port).await.err().unwrap();
    assert!(matches!(error, ServeError::PortInUse { port: p } if p == port));
    assert_eq!(
        error.to_string(),
        format!("cannot listen on port {port}: another process uses it; stop that one or choose another port")
    );
}

#[tokio::test]
async fn both_versions_of_ip_reach_the_server() {
    let running = Running::serving(Fake::new().0).await;
    let port = running.address.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "[::1]"] {
        if host.starts_with('[') && std::net::TcpListener::bind("[::1]:0").is_err() {
            continue; // a system without IPv6
        }
        let client = Client::connect(&format!("{host}:{port}")).await.unwrap();
        assert_eq!(client.package("p").await.unwrap().name, "p", "{host}");
    }
}

#[tokio::test]
async fn a_bad_address_and_a_silent_one_differ() {
    let bad = Client::connect("no port/ here").await.unwrap_err();
    assert_eq!(bad.to_string(), "\"no port/ here\" is not an address of the form host:port");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let silent = Client::connect(&address).await.unwrap_err();
    assert_eq!(silent.to_string(), format!("cannot connect to {address}"));
}
