//! Validating file-based catalogs.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_catalog::{Format, Report};
use opm_document::{json, yaml};
use serde_json::{Value, json};

/// What to validate.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The catalog: a directory or a file.
    pub catalog: PathBuf,
}

/// What a validation came to.
#[derive(Debug)]
pub struct Outcome {
    options: Options,
    result: Result<Report, opm_catalog::Error>,
}

/// Validates a catalog. All its findings are reported; what cannot be read is the only finding there is.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    let path = &options.catalog;
    std::fs::metadata(path).with_context(|| format!("stat {}", path.display()))?;
    let result = opm_catalog::load(path).map(|catalog| opm_catalog::validate(&catalog));
    Ok(Outcome { options: options.clone(), result })
}

impl Outcome {
    /// An error that has all findings, where there are any.
    pub fn into_result(self) -> anyhow::Result<()> {
        Ok(self.result.and_then(Report::into_result)?)
    }

    /// An error that only says that there are findings, for those who have seen them.
    pub fn into_short_result(self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.result.is_ok_and(|report| report.is_valid()),
            "{} is not a valid catalog",
            self.options.catalog.display()
        );
        Ok(())
    }

    /// The outcome as data: whether the validation was `passed`, and where not, `error.message` and `findings`.
    pub fn to_document(&self, format: Format) -> anyhow::Result<String> {
        let error = match &self.result {
            Ok(report) => return Ok(report.to_document(format)),
            Err(error) => chain(error),
        };
        match format {
            Format::Json => {
                let message = json::to_string(&Value::String(error));
                Ok(format!("{{\n  \"passed\": false,\n  \"error\": {{\n    \"message\": {message}\n  }}\n}}\n"))
            }
            Format::Yaml => {
                let mut text = Vec::new();
                yaml::write(&json!({ "passed": false, "error": { "message": error } }), &mut text)?;
                text.push(b'\n');
                Ok(String::from_utf8(text)?)
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &opm_catalog::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
