//! What `opm` is when it is started as `grpc_health_probe`, so that an image with nothing else in it can be probed.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use opm_action::Context;
use opm_action::grpc_health_probe::{self, Options, Outcome};

/// The name that makes this program the probe.
pub(crate) const NAME: &str = "grpc_health_probe";

/// Ask a gRPC server whether it is healthy
///
/// Exit status: 0 healthy, 1 wrong usage, 2 no connection, 3 no answer, 4 not healthy.
#[derive(Parser)]
#[command(
    name = NAME,
    version,
    after_help = "Examples:
  grpc_health_probe -addr=:50051
  grpc_health_probe -addr=localhost:50051 -connect-timeout=5s -rpc-timeout=5s"
)]
struct Probe {
    /// Address of the server, [HOST]:PORT
    #[arg(long, value_name = "ADDRESS")]
    addr: String,

    /// Service to ask for; empty for the whole server
    #[arg(long, default_value = "", hide_default_value = true)]
    service: String,

    /// How long to try to connect
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = opm_cli::duration)]
    connect_timeout: Duration,

    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = opm_cli::duration)]
    rpc_timeout: Duration,

    /// What to send as user-agent
    #[arg(long, value_name = "NAME", default_value = NAME)]
    user_agent: String,

    /// Accepted, and without effect
    #[arg(short, hide = true)]
    v: bool,
}

/// Asks once, and says what came of it.
pub(crate) fn main() -> ExitCode {
    if let Some(code) = opm_cli::write_share::<Probe>() {
        return code;
    }
    let probe = match Probe::try_parse_from(std::env::args_os().map(with_two_dashes)) {
        Ok(probe) => probe,
        Err(error) => {
            // Nobody may be there to read it.
            let _unread = error.print();
            let is_asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return ExitCode::from(u8::from(!is_asked));
        }
    };
    let options = Options {
        address: probe.addr,
        service: probe.service,
        connect_timeout: probe.connect_timeout,
        deadline: probe.rpc_timeout,
        user_agent: probe.user_agent,
    };
    let mut status = 0;
    let ended = opm_cli::run(&opm_cli::LogArgs::default(), opm_cli::Level::Warn, async |context: Context| {
        let (number, text) = match grpc_health_probe::run(&options, &context).await? {
            Outcome::Serving => (0, "status: SERVING".to_owned()),
            Outcome::BadAddress(error) => (1, format!("error: {error:#}")),
            Outcome::Unreachable(error) => (2, format!("error: {error:#}")),
            Outcome::Failed(error) => (3, format!("error: {error:#}")),
            Outcome::Unhealthy(state) => (4, format!("service unhealthy (responded with {state:?})")),
        };
        status = number;
        opm_cli::print(&format!("{text}\n"))
    });
    if status == 0 { ended } else { ExitCode::from(status) }
}

/// Flags may have one dash, as Go programs take them.
fn with_two_dashes(argument: OsString) -> OsString {
    match argument.to_str() {
        Some(text) if text.len() > 2 && text.starts_with('-') && !text.starts_with("--") => format!("-{text}").into(),
        _ => argument,
    }
}
