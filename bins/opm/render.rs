use std::path::Path;

use clap::Args;
use opm_action::render::{self, Allowed, ImageTemplate, Options};
use opm_action::{Context, Level};
use opm_cli::PullArgs;

use crate::output::{self, MigrateLevelArgs, OutputArgs};

/// Print catalogs and bundles as one file-based catalog
///
/// A reference is a directory or file of a file-based catalog, a database, a bundle directory (with manifests/ and
/// metadata/), or an image of any of these, in a registry, a layout (oci:DIR[:TAG]) or an archive. Blobs come in the order
/// of the references; they are not validated. Databases are only read, whatever their schema.
#[derive(Args)]
#[command(after_help = "Examples:
  opm render quay.io/operatorhubio/catalog:latest -o yaml
  opm render index.db > catalog.json
  opm render quay.io/ns/etcd-bundle:0.9.4 ./catalog --migrate
  opm render ./etcd/0.9.4 \\
      --alpha-image-ref-template 'quay.io/ns/{{.Package}}-bundle:v{{.Version}}'")]
pub(crate) struct Render {
    /// What to render
    #[arg(required = true, value_name = "REFERENCE")]
    references: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,

    /// Migrate to the newest forms
    #[arg(long, conflicts_with = "migrate_level")]
    migrate: bool,

    #[command(flatten)]
    level: MigrateLevelArgs,

    /// Reference for the images of bundles that are in no registry, made of {{.Package}}, {{.Name}} and {{.Version}}
    #[arg(long, value_name = "TEMPLATE", hide_short_help = true)]
    alpha_image_ref_template: Option<ImageTemplate>,
}

impl Render {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            references: self.references,
            allowed: Allowed::Everything,
            level: if self.migrate { Level::ALL } else { self.level.migrate_level },
            image_template: self.alpha_image_ref_template,
            images: pull.options()?,
        };
        let is_local = options.references.iter().all(|reference| Path::new(reference).exists());
        let busy = is_local.then(|| output::Busy::with("reading")).flatten();
        let catalog = render::run(&options, context).await?;
        drop(busy);
        output::print(catalog, self.output.output.into(), context).await
    }
}
