use clap::Args;
use opm_action::Context;
use opm_action::registry::prune_stranded::{self, Options};

use super::DatabaseArgs;

/// Remove bundles that no channel lists from a database
#[derive(Args)]
#[command(after_help = "Example:\n  opm registry prune-stranded -d index.db")]
pub(crate) struct PruneStranded {
    #[command(flatten)]
    database: DatabaseArgs,
}

impl PruneStranded {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options { database: self.database.database };
        tokio::task::block_in_place(|| prune_stranded::run(&options, context))
    }
}
