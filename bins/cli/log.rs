//! Logs on stderr.

use std::fmt::{self, Write as _};

use clap::{Args, ValueEnum};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::lines::Stderr;

/// What to log, and how.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// How log lines are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub log_format: Format,

    /// The least severe messages to log [default: warn for commands, info for servers]
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    pub log_level: Option<Level>,

    /// Log at level debug
    #[arg(long, global = true, hide_short_help = true)]
    pub debug: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// `time="…" level=info msg="…" key=value`
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// How severe a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// What ended the run
    Error,
    /// What somebody should look at
    Warn,
    /// What happened
    Info,
    /// What helps to find a fault
    Debug,
    /// Everything
    Trace,
}

impl LogArgs {
    /// Starts logging; `default` holds where the arguments name no level.
    pub fn init(&self, default: Level) {
        let level = if self.debug { Level::Debug } else { self.log_level.unwrap_or(default) };
        let level = match level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        };
        // Of the libraries below, only warnings are of interest, unless everything is asked for; and none of those about
        // watches that end, which is what they do.
        let filter = if level == "trace" {
            level.to_owned()
        } else {
            format!("warn,kube_client=error,opm={level},{OWN}", OWN = own(level))
        };
        let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(Stderr);
        // A second start, as in tests, keeps the first.
        let _started = match self.log_format {
            Format::Text => builder.event_format(Logfmt).try_init(),
            Format::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        };
    }
}

/// Filter directives for the crates of this workspace.
fn own(level: &str) -> String {
    [
        "opm_action",
        "opm_api",
        "opm_bundle",
        "opm_catalog",
        "opm_cli",
        "opm_configmap",
        "opm_image",
        "opm_model",
        "opm_sqlite",
    ]
    .map(|name| format!("{name}={level}"))
    .join(",")
}

/// The form `time="…" level=… msg="…" key=value`.
struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let seconds = time.split('.').next().unwrap_or_default();
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warning",
            tracing::Level::INFO => "info",
            tracing::Level::DEBUG => "debug",
            tracing::Level::TRACE => "trace",
        };
        write!(writer, "time=\"{seconds}Z\" level={level} msg=")?;
        let mut fields = Fields { writer, of: Part::Message, value: String::new(), result: Ok(()) };
        event.record(&mut fields);
        fields.of = Part::Others;
        event.record(&mut fields);
        fields.result?;
        writeln!(fields.writer)
    }
}

/// Writes the fields of an event as they come.
struct Fields<'w> {
    writer: Writer<'w>,
    of: Part,
    value: String,
    result: fmt::Result,
}

/// The message comes before everything else.
#[derive(PartialEq, Eq)]
enum Part {
    Message,
    Others,
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_message = field.name() == "message";
        if self.result.is_ok() && is_message == (self.of == Part::Message) {
            let written = if is_message { Ok(()) } else { write!(self.writer, " {}=", field.name()) };
            self.result = written.and_then(|()| quote(&mut self.writer, value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = std::mem::take(&mut self.value);
        text.clear();
        if write!(text, "{value:?}").is_ok() {
            self.record_str(field, &text);
        }
        self.value = text;
    }
}

/// Writes the text, in quotes if it holds anything but plain characters.
fn quote(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/@^+".contains(&b);
    if !text.is_empty() && text.bytes().all(is_plain) { out.write_str(text) } else { write!(out, "{text:?}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    #[test]
    fn plain_values_have_no_quotes() {
        for (text, expected) in
            [("a-b.c/d@e^+1", "a-b.c/d@e^+1"), ("", "\"\""), ("a b", "\"a b\""), ("a\n\"", "\"a\\n\\\"\"")]
        {
            let mut out = String::new();
            super::quote(&mut out, text).unwrap();
            assert_eq!(out, expected);
        }
    }
}
