//! What a server tells of itself, in the text format of Prometheus (version 0.0.4).

use std::fmt::{self, Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tonic::Code;

use crate::calls::{BUCKETS, METHODS, Tallies, Tally, name};
use crate::pages::Page;
use crate::phase::Cell;
use crate::process;

/// What is known of the catalog that is served.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// What identifies its content; empty where nothing does.
    pub digest: String,
    /// How many packages it has, if that is known.
    pub packages: Option<u64>,
    /// How many bundles it has, each counted at each of its places, if that is known.
    pub bundles: Option<u64>,
    /// How long it took to make it ready, in seconds.
    pub seconds: f64,
}

/// The numbers of one server. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    tallies: Arc<Tallies>,
    cell: Cell,
    facts: Mutex<Option<Facts>>,
    reloads: [AtomicU64; 2],
}

impl Metrics {
    pub(crate) fn new(tallies: Arc<Tallies>, cell: Cell) -> Self {
        Self(Arc::new(Inner { tallies, cell, facts: Mutex::default(), reloads: Default::default() }))
    }

    /// Tells of the catalog that is served from now on.
    pub fn loaded(&self, facts: Facts) {
        *self.0.facts.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }

    /// Counts an attempt to put another catalog in the place of the one that is served.
    pub fn reloaded(&self, succeeded: bool) {
        self.0.reloads[usize::from(!succeeded)].fetch_add(1, Ordering::Relaxed);
    }

    /// Answers `/metrics`, and the probes `/healthz` (the process answers) and `/readyz` (the catalog is served).
    pub fn page(&self, path: &str) -> Page {
        match path {
            "/metrics" => Page { content_type: "text/plain; version=0.0.4; charset=utf-8", ..Page::ok(self.text()) },
            "/healthz" => Page::ok("ok\n".to_owned()),
            "/readyz" if self.0.cell.is_serving() => Page::ok("ok\n".to_owned()),
            "/readyz" => Page { status: 503, ..Page::ok("the catalog is not served\n".to_owned()) },
            _ => Page { status: 404, ..Page::ok("there are /metrics, /healthz and /readyz\n".to_owned()) },
        }
    }

    /// All numbers as text.
    fn text(&self) -> String {
        let mut out = Text(String::with_capacity(16 * 1024));
        out.calls(&self.0.tallies);
        out.family("opm_serving", "gauge", "Whether the catalog is served.");
        out.line("opm_serving", "", u8::from(self.0.cell.is_serving()));
        let facts = self.0.facts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(facts) = facts {
            out.facts(&facts);
        }
        out.family("opm_catalog_reloads_total", "counter", "Attempts to serve the catalog anew.");
        for (result, count) in ["ok", "failed"].iter().zip(&self.0.reloads) {
            let labels = format!("result=\"{result}\"");
            out.line("opm_catalog_reloads_total", &labels, count.load(Ordering::Relaxed));
        }
        out.process();
        out.0
    }
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let (open, close) = if labels.is_empty() { ("", "") } else { ("{", "}") };
        self.write(format_args!("{name}{open}{labels}{close} {value}\n"));
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        // A string takes everything.
        self.0.write_fmt(text).unwrap_or_default();
    }

    fn calls(&mut self, tallies: &Tallies) {
        let methods: Vec<(String, &Tally)> = METHODS
            .iter()
            .zip(&tallies.0)
            .map(|((service, method, kind), tally)| {
                (format!("grpc_type=\"{kind}\",grpc_service=\"{service}\",grpc_method=\"{method}\""), tally)
            })
            .collect();
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        // Ended calls are read first, so that no more of them appear than have begun.
        let ended: Vec<u64> = methods.iter().map(|(_, tally)| tally.ended.iter().map(get).sum()).collect();

        self.family("grpc_server_handled_total", "counter", "Calls that have ended, by code.");
        for (labels, tally) in &methods {
            for (code, count) in (0..).map(Code::from_i32).zip(&tally.ended) {
                if get(count) > 0 || code == Code::Ok {
                    let labels = format!("{labels},grpc_code=\"{}\"", name(code));
                    self.line("grpc_server_handled_total", &labels, get(count));
                }
            }
        }
        self.family("grpc_server_started_total", "counter", "Calls that have begun.");
        for (labels, tally) in &methods {
            self.line("grpc_server_started_total", labels, get(&tally.started));
        }
        self.family("opm_grpc_in_flight", "gauge", "Calls under way.");
        for ((labels, tally), ended) in methods.iter().zip(ended) {
            self.line("opm_grpc_in_flight", labels, get(&tally.started).saturating_sub(ended));
        }
        self.family("opm_grpc_sent_bytes_total", "counter", "Bytes of messages sent in calls that have ended.");
        for (labels, tally) in &methods {
            self.line("opm_grpc_sent_bytes_total", labels, get(&tally.bytes));
        }
        self.family("grpc_server_handling_seconds", "histogram", "How long calls took, to the end of their answers.");
        for (labels, tally) in methods.iter().filter(|(_, tally)| get(&tally.started) > 0) {
            let mut count = 0;
            for (bound, calls) in BUCKETS.iter().map(Some).chain([None]).zip(&tally.took) {
                count += get(calls);
                let bound = bound.map_or("+Inf".to_owned(), |&bound| seconds(bound));
                self.line("grpc_server_handling_seconds_bucket", &format!("{labels},le=\"{bound}\""), count);
            }
            self.line("grpc_server_handling_seconds_sum", labels, seconds(get(&tally.microseconds)));
            self.line("grpc_server_handling_seconds_count", labels, count);
        }
    }

    fn facts(&mut self, facts: &Facts) {
        if !facts.digest.is_empty() {
            self.family("opm_catalog_info", "gauge", "The digest of the catalog that is served.");
            self.line("opm_catalog_info", &format!("digest={:?}", facts.digest), 1);
        }
        for (name, help, count) in [
            ("opm_catalog_packages", "Packages in the catalog.", facts.packages),
            ("opm_catalog_bundles", "Bundles in the catalog, each counted at each of its places.", facts.bundles),
        ] {
            if let Some(count) = count {
                self.family(name, "gauge", help);
                self.line(name, "", count);
            }
        }
        self.family("opm_catalog_load_seconds", "gauge", "How long it took to make the catalog ready.");
        self.line("opm_catalog_load_seconds", "", facts.seconds);
    }

    fn process(&mut self) {
        for (name, kind, help, value) in [
            ("process_cpu_seconds_total", "counter", "Processor time used.", process::cpu_seconds()),
            ("process_resident_memory_bytes", "gauge", "Memory that is resident.", process::resident_bytes()),
            ("process_open_fds", "gauge", "Open file descriptors.", process::open_files()),
            ("process_start_time_seconds", "gauge", "When the process began, since 1970.", process::start_seconds()),
        ] {
            if let Some(value) = value {
                self.family(name, kind, help);
                self.line(name, "", value);
            }
        }
    }
}

/// Microseconds as seconds.
fn seconds(microseconds: u64) -> String {
    let text = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
