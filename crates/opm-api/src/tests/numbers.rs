//! What a server counts.
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use futures_util::TryStreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::fake::Fake;
use super::{PATIENCE, Running, soon};
use crate::{Facts, Pages};

/// The value of a sample.
#[track_caller]
fn sample(page: &str, name: &str, labels: &[&str]) -> f64 {
    let is_it = |line: &&str| {
        let (sample, _) = line.rsplit_once(' ').unwrap();
        sample.split('{').next() == Some(name) && labels.iter().all(|label| sample.contains(label))
    };
    let mut found = page.lines().filter(|line| !line.starts_with('#')).filter(is_it);
    let line = found.next().unwrap_or_else(|| panic!("no {name} {labels:?} in {page}"));
    assert!(found.next().is_none(), "{name} {labels:?} is more than one");
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn calls_are_counted_by_method_and_code() {
    let running = Running::serving(Fake::new().0).await;
    let client = running.client().await;
    for _ in 0..3 {
        client.package("p").await.unwrap();
    }
    client.package("nothing").await.unwrap_err();
    let bundles: Vec<_> = client.list_bundles().await.unwrap().try_collect().await.unwrap();
    assert_eq!(bundles.len(), 3);
    let _watching = client.watch_health("").await.unwrap();

    let page = running.metrics.page("/metrics").text;
    let package = "grpc_method=\"GetPackage\"";
    assert_eq!(sample(&page, "grpc_server_handled_total", &[package, "grpc_code=\"OK\""]), 3.0);
    assert_eq!(sample(&page, "grpc_server_handled_total", &[package, "grpc_code=\"Unknown\""]), 1.0);
    assert_eq!(sample(&page, "grpc_server_started_total", &[package]), 4.0);
    assert_eq!(sample(&page, "opm_grpc_in_flight", &[package]), 0.0);
    assert_eq!(sample(&page, "opm_grpc_in_flight", &["grpc_method=\"Watch\""]), 1.0);
    assert_eq!(sample(&page, "grpc_server_handling_seconds_bucket", &[package, "le=\"+Inf\""]), 4.0);
    assert!(sample(&page, "grpc_server_handling_seconds_sum", &[package]) < 10.0);
    assert!(sample(&page, "opm_grpc_sent_bytes_total", &["grpc_method=\"ListBundles\""]) > 600.0);
    assert!(sample(&page, "process_resident_memory_bytes", &[]) > 1e6);
    assert!(sample(&page, "process_start_time_seconds", &[]) > 1e9);
    assert!(sample(&page, "process_open_fds", &[]) > 3.0);
    assert!(sample(&page, "process_cpu_seconds_total", &[]) >= 0.0);
}

#[tokio::test]
async fn the_catalog_has_its_numbers_and_probes_know_whether_it_is_served() {
    let mut running = Running::loading(PATIENCE).await;
    let metrics = running.metrics.clone();
    assert_eq!(metrics.page("/healthz").status, 200);
    assert_eq!(metrics.page("/readyz").status, 503);
    assert_eq!(metrics.page("/").status, 404);
    assert_eq!(sample(&metrics.page("/metrics").text, "opm_serving", &[]), 0.0);

    running.load(Ok(std::sync::Arc::new(Fake::new().0)));
    running.client().await.package("p").await.unwrap();
    metrics.loaded(Facts { digest: "a\"b".to_owned(), packages: Some(2), bundles: Some(7), seconds: 0.25 });
    metrics.reloaded(true);
    metrics.reloaded(false);
    metrics.reloaded(false);
    assert_eq!(metrics.page("/readyz").status, 200);
    let page = metrics.page("/metrics").text;
    assert_eq!(sample(&page, "opm_serving", &[]), 1.0);
    assert_eq!(sample(&page, "opm_catalog_info", &["digest=\"a\\\"b\""]), 1.0);
    assert_eq!(sample(&page, "opm_catalog_bundles", &[]), 7.0);
    assert_eq!(sample(&page, "opm_catalog_load_seconds", &[]), 0.25);
    assert_eq!(sample(&page, "opm_catalog_reloads_total", &["failed"]), 2.0);

    running.stop();
    running.ended().await.unwrap();
    assert_eq!(metrics.page("/readyz").status, 503);
}

#[tokio::test]
async fn pages_are_served_to_whoever_asks_and_only_read() {
    let pages = Pages::bind("localhost:0").await.unwrap();
    let port = pages.local_port().unwrap();
    let running = Running::serving(Fake::new().0).await;
    let metrics = running.metrics.clone();
    let serving = tokio::spawn(pages.run(move |path| metrics.page(path)));
    let ask = async |request: &str| {
        let mut stream = tokio::net::TcpStream::connect(("localhost", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    };
    let answer = ask("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("version=0.0.4"), "{answer}");
    assert!(answer.contains("\ngrpc_server_started_total{") && answer.ends_with('\n'), "{answer}");
    assert!(ask("HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.ends_with("\r\n\r\n"));
    assert!(ask("POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.contains(" 405 "));
    assert!(ask("what?\r\n\r\n").await.contains(" 400 "));
    assert!(Pages::bind(&format!("localhost:{port}")).await.err().unwrap().to_string().contains(&port.to_string()));
    assert!(Pages::bind(":none").await.is_err());
    serving.abort();
}
