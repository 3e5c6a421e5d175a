//! Validating file-based catalogs.

use std::path::PathBuf;

use anyhow::Context as _;
use opm_catalog::{Format, Index, Purpose, Report};
use opm_model::with_causes;

use crate::Context;
use crate::render::on_a_thread;

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
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    let (options, stop) = (options.clone(), context.stop().clone());
    let validate = move || {
        let path = &options.catalog;
        std::fs::metadata(path).with_context(|| format!("stat {}", path.display()))?;
        let mut index = Index::default();
        let read = index.read(path, Purpose::Check, &stop);
        let result = read.and_then(|()| index.validate());
        Ok(Outcome { options, result })
    };
    on_a_thread(context, validate).await
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
    pub fn to_document(&self, format: Format) -> String {
        match &self.result {
            Ok(report) => report.to_document(format),
            Err(error) => Report::of_error(error).to_document_with(&with_causes(error), format),
        }
    }
}
