//! The address at which the Go program offered its profiles. Here it only answers those who still ask.

use std::convert::Infallible;

use opm_api::{Metrics, Page, Pages};

/// Where clients look for the profile of the start.
const START: &str = "/debug/pprof/startup/cpu";

/// Answers at the address for ever. That it cannot is no reason not to serve.
pub(super) async fn answer(address: Option<&str>, metrics: &Metrics) -> Infallible {
    let Some(address) = address else { return std::future::pending().await };
    match Pages::bind(address).await {
        Ok(pages) => {
            tracing::info!(address, "starting pprof endpoint");
            let metrics = metrics.clone();
            pages.run(move |path| page(path, metrics.page("/readyz").status == 200)).await
        }
        Err(error) => {
            let error = crate::report(&error.into()).join(": ");
            tracing::warn!(address, error, "could not start pprof endpoint");
            std::future::pending().await
        }
    }
}

fn page(path: &str, is_serving: bool) -> Page {
    match path {
        START if is_serving => Page::ok(String::new()),
        START => Page { status: 503, ..Page::ok("cpu profile cache is not yet ready\n".to_owned()) },
        _ => Page {
            status: 404,
            ..Page::ok("this program has no profiles of this kind; see --metrics-addr for its numbers\n".to_owned())
        },
    }
}
