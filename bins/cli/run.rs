//! A run from its arguments to its exit code.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use opm_action::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::output::eprint;
use crate::progress::Shown;
use crate::{Level, LogArgs, Piped};

/// The exit status of a run that was called wrongly.
const USAGE: u8 = 2;

/// How long to wait for what still runs after the deed.
const CLEANUP: Duration = Duration::from_millis(500);

/// Reads the arguments. Where they are wrong, or ask for help, says so and returns the status to exit with.
///
/// `add` gives the status 2 another meaning, so that its usage errors exit with 1 as all its errors do.
///
/// A program that was called to write its man pages and completions has done so, and the status says how that went.
fn parse<P: Parser>() -> Result<P, ExitCode> {
    if let Some(code) = write_share::<P>() {
        return Err(code);
    }
    P::try_parse().map_err(|error| {
        let is_add = std::env::args().skip(1).filter(|a| !a.starts_with('-')).nth(1).as_deref() == Some("add");
        // Help that cannot be written because nobody reads it is no failure.
        let _unread = error.print();
        match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => ExitCode::SUCCESS,
            _ if is_add => ExitCode::from(1),
            _ => ExitCode::from(USAGE),
        }
    })
}

/// What the `main` of a binary does: reads the arguments and does what they say, or says what is wrong with them.
pub fn start<P: Parser>(program: impl FnOnce(P) -> ExitCode) -> ExitCode {
    match parse() {
        Ok(args) => program(args),
        Err(code) => code,
    }
}

/// Writes the man pages and completions of `P` where the arguments are `--write-share DIR`, and says with which status to exit.
pub fn write_share<P: CommandFactory>() -> Option<ExitCode> {
    let written = crate::share::write_if_asked::<P>()?;
    Some(written.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS))
}

/// Runs a deed to its end, and says how it ended. SIGINT and SIGTERM interrupt the deed, which then cleans up; a second one
/// ends the process at once.
///
/// A server ends by being interrupted, and that is no failure; for a command it is one.
pub fn run<F>(log: &LogArgs, level: Level, deed: impl FnOnce(Context) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>>,
{
    log.init(level);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    let mut context = Context::default();
    context.progress = Arc::new(Shown::on_terminals());
    let outcome = runtime.block_on(async {
        // Signals are heard by a thread of the runtime: this one is busy where the deed blocks it.
        let number = interrupt_on_signals(context.clone());
        let result = deed(context).await;
        (result, number.get().copied())
    });
    // What still runs, such as answers that were cut off, is dropped, and cleans up.
    runtime.shutdown_timeout(CLEANUP);
    crate::lines::flush();
    match outcome {
        (Ok(()), _) => ExitCode::SUCCESS,
        (Err(error), _) if error.is::<Piped>() => ExitCode::SUCCESS,
        (Err(error), None) => failed(&error),
        (Err(error), Some(number)) => {
            failed(&error);
            ExitCode::from(128 + number)
        }
    }
}

/// Interrupts the context at the first SIGINT or SIGTERM, whose number it gives then. The second one ends the process.
fn interrupt_on_signals(context: Context) -> Arc<OnceLock<u8>> {
    let number = Arc::new(OnceLock::new());
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return number;
    };
    let first = Arc::clone(&number);
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = int.recv() => 2,
                _ = term.recv() => 15,
            }
        };
        let number = next().await;
        let _is_first = first.set(number);
        context.interrupt();
        next().await;
        #[expect(clippy::exit, reason = "the user asks a second time, and does not want to wait")]
        std::process::exit(128 + i32::from(number));
    });
    number
}

fn failed(error: &anyhow::Error) -> ExitCode {
    for line in opm_action::report(error) {
        eprint(&format!("Error: {line}\n"));
    }
    ExitCode::from(opm_action::exit_code(error))
}
