use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::validate::{self, Options};

use crate::output::{Busy, FormatArg};

/// Check a file-based catalog
///
/// Reports everything that is wrong with it, not only the first finding. The exit status is 1 where there is any.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  opm validate ./catalog\n  opm validate ./catalog -o json | jq '.findings[]? | .file, .line, .message'"
)]
pub(crate) struct Validate {
    /// Directory or file of the catalog
    #[arg(value_name = "CATALOG")]
    catalog: PathBuf,

    /// Print the outcome as data, in this form
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<FormatArg>,
}

impl Validate {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options { catalog: self.catalog };
        let busy = Busy::with("validating");
        let outcome = validate::run(&options, context).await?;
        drop(busy);
        match self.output {
            None => outcome.into_result(),
            Some(format) => {
                opm_cli::print(&outcome.to_document(format.into()))?;
                outcome.into_short_result()
            }
        }
    }
}
