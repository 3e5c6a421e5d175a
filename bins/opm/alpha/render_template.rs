use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opm_action::alpha::render_template::{self, Options};
use opm_action::{Context, Format, Index, TemplateKind};
use opm_cli::PullArgs;

use crate::output::{self, MigrateLevelArgs};

/// Expand a template to a file-based catalog
///
/// Pulls the bundle images that the template names. With one argument, that is a type of template, which is then read from
/// stdin, or a file; the schema of the template says its type where no argument does.
#[derive(Args)]
#[command(after_help = "Examples:
  opm alpha render-template basic template.yaml -o yaml > catalog.yaml
  opm alpha render-template semver < template.yaml
  opm alpha render-template template.yaml -o mermaid")]
pub(crate) struct RenderTemplate {
    /// Type of the template: basic, semver or substitutes
    #[arg(value_name = "TYPE")]
    kind: Option<String>,

    /// File of the template; - is stdin
    #[arg(value_name = "FILE")]
    file: Option<String>,

    /// Form of the output
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: OutputArg,

    #[command(flatten)]
    level: MigrateLevelArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum OutputArg {
    /// One indented JSON object after another
    #[default]
    Json,
    /// YAML documents
    Yaml,
    /// A Mermaid flowchart of the upgrade graphs
    Mermaid,
}

impl RenderTemplate {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let (kind, file) = match (self.kind, self.file) {
            (Some(kind), Some(file)) => (Some(kind.parse()?), Some(file)),
            (Some(word), None) => match word.parse::<TemplateKind>() {
                Ok(kind) => (Some(kind), None),
                Err(_) => (None, Some(word)),
            },
            (None, file) => (None, file),
        };
        let file = file.map(PathBuf::from);
        let options = Options { file, kind, level: self.level.migrate_level, images: pull.options()? };
        let catalog = render_template::run(&options, context).await?;
        match self.output {
            OutputArg::Json => output::print(Index::of(&catalog)?, Format::Json, context).await,
            OutputArg::Yaml => output::print(Index::of(&catalog)?, Format::Yaml, context).await,
            OutputArg::Mermaid => {
                let graph = render_template::draw(&catalog)?;
                graph.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                opm_cli::print(&graph.mermaid)
            }
        }
    }
}
