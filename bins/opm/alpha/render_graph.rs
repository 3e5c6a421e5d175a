use clap::Args;
use opm_action::alpha::render_graph::{self, Options};
use opm_action::{Context, GraphOptions};
use opm_cli::PullArgs;

/// Draw the upgrade graphs of catalogs as a Mermaid flowchart
///
/// The catalogs are not validated.
#[derive(Args)]
#[command(after_help = "Examples:
  opm alpha render-graph ./catalog -p etcd > etcd.mmd
  opm alpha render-graph quay.io/operatorhubio/catalog:latest \\
      --minimum-edge etcdoperator.v0.9.2")]
pub(crate) struct RenderGraph {
    /// Catalogs: images, databases, directories or files
    #[arg(required = true, value_name = "CATALOG")]
    catalogs: Vec<String>,

    /// Draw only what leads to this bundle or beyond, in its package
    #[arg(long, value_name = "BUNDLE", default_value = "", hide_default_value = true)]
    minimum_edge: String,

    /// Draw only this package
    #[arg(short, long, value_name = "PACKAGE", default_value = "", hide_default_value = true)]
    package_name: String,

    /// Mark what OLM v0 does not take because it is skipped
    #[arg(long)]
    draw_v0_semantics: bool,
}

impl RenderGraph {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            catalogs: self.catalogs,
            graph: GraphOptions {
                package: self.package_name,
                minimum_edge: self.minimum_edge,
                v0_semantics: self.draw_v0_semantics,
            },
            images: pull.options()?,
        };
        let graph = render_graph::run(&options, context).await?;
        graph.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        opm_cli::print(&graph.mermaid)
    }
}
