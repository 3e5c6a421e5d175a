//! Puts load on a catalog server and says what came of it, for benchmarks: `press ADDRESS list N STREAMS` lists all bundles N times on
//! each of so many streams at once, `press ADDRESS package SECONDS CONNECTIONS` asks for packages as fast as they are answered.
//! One line of JSON is the result; for packages with the times that 99 of 100 answers and the slowest one took, in milliseconds.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use opm_api::Client;

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, what, amount, parallel] = &args[..] else {
        return Err("usage: press ADDRESS list N STREAMS, or press ADDRESS package SECONDS CONNECTIONS".into());
    };
    let (amount, parallel): (u64, usize) = (amount.parse()?, parallel.parse()?);
    let clients = {
        let mut clients = Vec::new();
        for _ in 0..parallel {
            clients.push(Client::connect(address).await?);
        }
        clients
    };
    let (answers, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let times = Arc::new(Mutex::new(Vec::new()));
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for client in clients {
        let (answers, bytes) = (Arc::clone(&answers), Arc::clone(&bytes));
        match what.as_str() {
            "list" => tasks.spawn(list(client, amount, answers, bytes)),
            "package" => tasks.spawn(package(client, begin + Duration::from_secs(amount), answers, Arc::clone(&times))),
            other => return Err(format!("{other} is neither list nor package").into()),
        };
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let (answers, bytes) = (answers.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
    let mut times = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    times.sort_unstable();
    let slow = |hundredths: usize| {
        times.get((times.len() * hundredths / 100).saturating_sub(1)).map(|t: &Duration| t.as_secs_f64() * 1000.0)
    };
    let slow = match (slow(99), slow(100)) {
        (Some(p99), Some(max)) => format!(",\"p99_ms\":{p99:.3},\"max_ms\":{max:.3}"),
        _ => String::new(),
    };
    println!("{{\"seconds\":{seconds:.3},\"answers\":{answers},\"bytes\":{bytes}{slow}}}");
    Ok(())
}

async fn list(client: Client, times: u64, answers: Arc<AtomicU64>, bytes: Arc<AtomicU64>) -> Result<(), Fault> {
    for _ in 0..times {
        let mut bundles = client.list_bundles().await?;
        while let Some(bundle) = bundles.next().await {
            let bundle = bundle?;
            let content = bundle.csv_json.len() + bundle.objects.iter().map(String::len).sum::<usize>();
            bytes.fetch_add(content as u64, Ordering::Relaxed);
            answers.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

async fn package(
    client: Client,
    end: Instant,
    answers: Arc<AtomicU64>,
    times: Arc<Mutex<Vec<Duration>>>,
) -> Result<(), Fault> {
    let names = client.list_packages().await?;
    let mut taken = Vec::new();
    for name in names.iter().cycle() {
        let begin = Instant::now();
        if begin >= end {
            break;
        }
        client.package(name).await?;
        taken.push(begin.elapsed());
        answers.fetch_add(1, Ordering::Relaxed);
    }
    times.lock().unwrap_or_else(PoisonError::into_inner).append(&mut taken);
    Ok(())
}
