//! Questions that nobody waits for any more, and those that go wrong.

use std::time::Duration;

use tonic::Code;

use super::fake::{Event, Fake};
use super::{Running, soon};
use crate::{Client, ClientOptions, Health};

async fn hasty(running: &Running) -> Client {
    let options = ClientOptions { deadline: Some(Duration::from_millis(250)), ..ClientOptions::default() };
    Client::connect_with(&running.address, options).await.unwrap()
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_question() {
    let (fake, mut told) = Fake::new();
    let running = Running::serving(fake).await;
    let client = running.client().await;
    let question = tokio::spawn(async move { client.entries_that_replace("wait").await });
    assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    question.abort();
    assert_eq!(soon(told.recv()).await, Some(Event::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_stops_lookups_and_scans() {
    let (fake, mut told) = Fake::new();
    let running = Running::serving(fake).await;
    let client = hasty(&running).await;

    let late = soon(client.package("wait")).await.unwrap_err();
    assert_eq!(late.code(), Some(Code::DeadlineExceeded), "{late}");
    assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    assert_eq!(soon(told.recv()).await, Some(Event::Stopped));

    let late = soon(client.entries_that_replace("wait")).await.unwrap_err();
    assert_eq!(late.code(), Some(Code::DeadlineExceeded), "{late}");
    assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    assert_eq!(soon(told.recv()).await, Some(Event::Stopped));
}

#[tokio::test]
async fn a_client_that_goes_away_stops_its_lookup() {
    let (fake, mut told) = Fake::new();
    let running = Running::serving(fake).await;
    let client = running.client().await;
    let question = tokio::spawn(async move { client.package("wait").await });
    assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    question.abort();
    assert_eq!(soon(told.recv()).await, Some(Event::Stopped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_that_hang_leave_health_alone() {
    let (fake, mut told) = Fake::new();
    let release = fake.release.clone();
    let running = Running::serving(fake).await;
    let client = running.client().await;
    for _ in 0..2 {
        let client = client.clone();
        tokio::spawn(async move { client.package("wait").await });
        assert_eq!(soon(told.recv()).await, Some(Event::Waits));
    }
    // One hangs on a worker, the other beside it.
    assert_eq!(soon(client.health("")).await.unwrap(), Health::Serving);
    assert!(told.try_recv().is_err(), "both still hang");
    release.ask();
}

#[tokio::test]
async fn a_deadline_ends_a_listing() {
    let (mut fake, _told) = Fake::new();
    fake.bundles = u64::MAX;
    let running = Running::serving(fake).await;
    let mut bundles = hasty(&running).await.list_bundles().await.unwrap();
    let late = loop {
        match soon(futures_util::StreamExt::next(&mut bundles)).await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(late.code(), Some(Code::DeadlineExceeded), "{late}");
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let running = Running::serving(Fake::new().0).await;
    let client = running.client().await;
    for _ in 0..3 {
        assert_eq!(client.package("panic").await.unwrap_err().code(), Some(Code::Internal));
        assert_eq!(client.entries_that_replace("panic").await.unwrap_err().code(), Some(Code::Internal));
    }
    assert_eq!(client.package("p").await.unwrap().name, "p");
}
