use std::path::PathBuf;

use clap::{Args, Subcommand};
use opm_action::alpha::convert_template::{self, Options};
use opm_action::{Context, TemplateKind};

use crate::output::OutputArgs;

/// Convert a file-based catalog to a template that expands to it
#[derive(Args)]
#[command(after_help = "Example:\n  opm alpha convert-template basic catalog.yaml -o yaml > template.yaml")]
pub(crate) struct ConvertTemplate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Convert to a template whose bundles are given by their images
    #[command(after_help = "Example:\n  opm alpha convert-template basic catalog.yaml -o yaml > template.yaml")]
    Basic(CatalogArgs),
    /// Convert to a template in which bundles can stand in for others
    #[command(after_help = "Example:\n  opm render index.db | opm alpha convert-template substitutes -")]
    Substitutes(CatalogArgs),
}

#[derive(Args)]
struct CatalogArgs {
    /// File of the catalog; - is stdin, as is none
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,
}

impl ConvertTemplate {
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let (kind, args) = match self.command {
            Command::Basic(args) => (TemplateKind::Basic, args),
            Command::Substitutes(args) => (TemplateKind::Substitutes, args),
        };
        let options = Options { file: args.file, kind, format: args.output.output.into() };
        let text = convert_template::run(&options, context).await?;
        opm_cli::print(&text)
    }
}
