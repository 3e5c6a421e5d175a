//! How catalogs are put out.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use opm_action::{Catalog, Format, Level, render};
use opm_cli::Piped;

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

/// Writes a catalog to stdout.
pub(crate) fn print(catalog: &Catalog, format: Format) -> anyhow::Result<()> {
    let mut out = Stdout { failure: None };
    let written = render::write(catalog, format, &mut out);
    match out.failure {
        Some(failure) => Err(failure),
        None => written,
    }
}

/// Stdout, in pieces that are whole texts. Remembers why it cannot be written to.
struct Stdout {
    failure: Option<anyhow::Error>,
}

impl Write for Stdout {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let written = std::str::from_utf8(text).map_err(anyhow::Error::from).and_then(opm_cli::print);
        if let Err(error) = written {
            let kind = if error.is::<Piped>() { io::ErrorKind::BrokenPipe } else { io::ErrorKind::Other };
            self.failure = Some(error);
            return Err(kind.into());
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
