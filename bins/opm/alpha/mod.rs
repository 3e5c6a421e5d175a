pub(crate) mod bundle;
mod convert_template;
mod list;
mod render_graph;
mod render_template;

use clap::{Args, Subcommand};
use opm_action::Context;
use opm_cli::PullArgs;

/// List and draw catalogs, and make them from templates
#[derive(Args)]
#[command(
    after_help = "Examples:\n  opm alpha list packages index.db\n  opm alpha render-template basic template.yaml"
)]
pub(crate) struct Alpha {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bundle(bundle::Bundle),
    List(list::List),
    RenderGraph(render_graph::RenderGraph),
    RenderTemplate(render_template::RenderTemplate),
    ConvertTemplate(convert_template::ConvertTemplate),
}

impl Alpha {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Bundle(args) => args.run(pull, context).await,
            Command::List(args) => args.run(pull, context).await,
            Command::RenderGraph(args) => args.run(pull, context).await,
            Command::RenderTemplate(args) => args.run(pull, context).await,
            Command::ConvertTemplate(args) => args.run(context).await,
        }
    }
}
