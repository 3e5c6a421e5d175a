use std::path::PathBuf;

use clap::Args;
use opm_action::generate::dockerfile::{self, DEFAULT_SERVER_IMAGE, Options};

/// Write the Dockerfile of a catalog's image beside the catalog
///
/// The file is called NAME.Dockerfile, where NAME is that of the directory. It must not exist.
#[derive(Args)]
#[command(after_help = "Examples:
  opm generate dockerfile ./catalog \\
      && podman build -f catalog.Dockerfile -t quay.io/ns/catalog:latest .
  opm generate dockerfile ./catalog -i scratch -l vendor=acme,stage=beta")]
pub(crate) struct Dockerfile {
    /// Directory of the file-based catalog
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,

    /// Image that the catalog's is built on: one that has opm, or scratch
    #[arg(short = 'i', long, value_name = "IMAGE", default_value = DEFAULT_SERVER_IMAGE)]
    base_image: String,

    /// Image that has opm, in which the cache of the catalog is made [default: quay.io/operator-framework/opm:latest]
    #[arg(short, long, value_name = "IMAGE")]
    builder_image: Option<String>,

    /// Former name of --base-image, which then counts for --builder-image, too
    #[arg(long, value_name = "IMAGE", hide = true, conflicts_with = "base_image")]
    binary_image: Option<String>,

    /// Further labels of the image, as KEY=VALUE, separated by commas
    #[arg(short = 'l', long, value_name = "LABELS", value_delimiter = ',')]
    extra_labels: Vec<String>,
}

impl Dockerfile {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.binary_image.is_some() {
            tracing::warn!("Flag --binary-image has been deprecated, use --base-image instead");
        }
        let builder = self.builder_image.or_else(|| self.binary_image.clone());
        dockerfile::run(&Options {
            catalog: self.directory,
            base_image: self.binary_image.unwrap_or(self.base_image),
            builder_image: builder.unwrap_or_else(|| DEFAULT_SERVER_IMAGE.to_owned()),
            labels: self.extra_labels,
        })
    }
}
