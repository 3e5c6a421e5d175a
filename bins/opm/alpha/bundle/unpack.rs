use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::alpha::bundle::unpack::{self, Options};
use opm_cli::PullArgs;

/// Unpack a bundle into a directory
///
/// Checks the bundle first, and writes all of its files or none. The mode of the directory stays as it is.
#[derive(Args)]
#[command(after_help = "Examples:
  opm bundle unpack -o ./bundle quay.io/ns/etcd-bundle:0.9.4
  opm bundle unpack --skip-validation oci:./layout")]
pub(crate) struct Unpack {
    /// Bundle: an image, oci:DIR[:TAG], an archive or a directory
    #[arg(value_name = "BUNDLE")]
    bundle: String,

    /// Directory to unpack into; it is made where it is missing
    #[arg(short, long, value_name = "DIR", default_value = "./")]
    out: PathBuf,

    /// Do not check the bundle
    #[arg(short = 'v', long)]
    skip_validation: bool,

    /// Former name of --ca-file
    #[arg(short = 'c', long, value_name = "FILE", hide = true, conflicts_with = "ca_file")]
    root_ca: Option<PathBuf>,

    /// Short for --skip-tls
    #[arg(short = 's', hide = true)]
    plain_http: bool,

    /// Short for --debug, which changes nothing here
    #[arg(short = 'd', hide = true)]
    verbose: bool,
}

impl Unpack {
    pub(super) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let mut pull = pull.clone();
        pull.skip_tls |= self.plain_http;
        pull.ca_file = pull.ca_file.or(self.root_ca);
        let options = Options {
            bundle: self.bundle,
            out: self.out,
            skip_validation: self.skip_validation,
            images: pull.options()?,
        };
        if self.verbose {
            tracing::debug!("unpacking {}", options.bundle);
        }
        unpack::run(&options, context).await
    }
}
