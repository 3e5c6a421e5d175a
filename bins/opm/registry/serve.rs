use clap::Args;
use opm_action::Context;
use opm_action::registry::serve;
use opm_cli::ServeArgs;

/// Serve an operator catalog from a database over gRPC
///
/// Answers the api.Registry service, health checks and reflection. The port opens at once; health is NOT_SERVING until the
/// catalog is ready. SIGTERM and SIGINT stop the server gracefully.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  opm registry serve -d index.db -p 50051\n  opm registry serve -d index.db --timeout-seconds 600"
)]
pub(crate) struct Serve {
    #[command(flatten)]
    serve: ServeArgs,

    /// Seconds after which the server stops by itself
    #[arg(long, value_name = "SECONDS", default_value = "infinite", value_parser = timeout)]
    timeout_seconds: Timeout,
}

#[derive(Clone, Copy, Debug)]
struct Timeout(Option<u16>);

fn timeout(text: &str) -> Result<Timeout, String> {
    if text == "infinite" {
        return Ok(Timeout(None));
    }
    text.parse()
        .map(|seconds| Timeout(Some(seconds)))
        .map_err(|_| "give a whole number from 0 to 65535, or infinite".to_owned())
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let keep = self.timeout_seconds.0.map_or_else(|| "infinite".to_owned(), |s| s.to_string());
        tracing::info!("Keeping server open for {keep} seconds");
        serve::run(&self.serve.options(self.timeout_seconds.0), context).await
    }
}
