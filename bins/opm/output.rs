//! How catalogs are put out.

use std::io::{self, BufWriter, IsTerminal};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use opm_action::{Context, Format, Index, Level, render};
use opm_cli::Piped;
use tokio::task::JoinHandle;

/// The form of a catalog that is put out.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct OutputArgs {
    /// Form of the output
    #[arg(short, long = "output", value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: FormatArg,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// One indented JSON object after another
    #[default]
    Json,
    /// YAML documents
    Yaml,
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Json => Self::Json,
            FormatArg::Yaml => Self::Yaml,
        }
    }
}

/// How far bundles are migrated.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct MigrateLevelArgs {
    /// Migrate to newer forms, up to and including this step: none, bundle-object-to-csv-metadata or all
    #[arg(long, value_name = "LEVEL", default_value = "", hide_default_value = true)]
    pub(crate) migrate_level: Level,
}

/// How much output is gathered before it is written, in bytes.
const BUFFER: usize = 128 << 10;

/// Writes a catalog to stdout.
pub(crate) async fn print(catalog: Index, format: Format, context: &Context) -> anyhow::Result<()> {
    let out = BufWriter::with_capacity(BUFFER, io::stdout());
    let written = render::write(catalog, format, out, context).await;
    written.map_err(|error| match error.downcast_ref().map(io::Error::kind) {
        Some(io::ErrorKind::BrokenPipe) => Piped.into(),
        Some(_) => error.context("cannot write to stdout"),
        None => error,
    })
}

/// Shows on a terminal, from the second second on, that something takes its time; until it is dropped.
pub(crate) struct Busy {
    bar: ProgressBar,
    begin: JoinHandle<()>,
}

impl Busy {
    /// Says `what` is going on. None where stderr is no terminal. Pulls show themselves: this is for what is on disk.
    pub(crate) fn with(what: &str) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        let shown = bar.clone();
        let begin = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            shown.set_draw_target(ProgressDrawTarget::stderr());
            shown.enable_steady_tick(Duration::from_millis(100));
        });
        Some(Self { bar, begin })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.begin.abort();
        self.bar.finish_and_clear();
    }
}
