use std::path::PathBuf;

use clap::Args;
use opm_action::Context;
use opm_action::alpha::bundle::extract::{self, Options};

/// Extract a bundle into a ConfigMap
///
/// Puts the files of manifests/ and metadata/ in a directory into a ConfigMap that is there already, in the place of what
/// it holds; annotations.yaml becomes annotations. OLM runs this in the image of a bundle to unpack it, with the image's
/// reference in $CONTAINER_IMAGE. All files are stored, or none.
///
/// $KUBECONFIG goes before --kubeconfig. Without either, the service account of the pod is used, which needs the verbs get and
/// update for the ConfigMap.
#[derive(Args)]
#[command(after_help = "Examples:
  opm bundle extract -m ./bundle -c etcd-bundle -n olm
  opm bundle extract -m / -c etcd-bundle -n olm --gzip")]
pub(crate) struct Extract {
    /// Directory with manifests/ and metadata/
    #[arg(short, long, value_name = "DIR", default_value = "/")]
    manifestsdir: PathBuf,

    /// Name of the ConfigMap
    #[arg(short, long, value_name = "NAME")]
    configmapname: String,

    /// Namespace of the ConfigMap
    #[arg(short, long, value_name = "NAMESPACE", default_value = "openshift-operator-lifecycle-manager")]
    namespace: String,

    /// Kubeconfig file
    #[arg(short, long, value_name = "FILE", value_parser = opm_cli::path())]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use, if not the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Most bytes that all files may have together, as they are stored
    #[arg(short = 'l', long, value_name = "BYTES", default_value_t = 1 << 20)]
    datalimit: u64,

    /// Compress the files
    #[arg(short = 'z', long)]
    gzip: bool,
}

impl Extract {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            manifests: self.manifestsdir,
            name: self.configmapname,
            namespace: self.namespace,
            kubeconfig: self.kubeconfig,
            variable: std::env::var_os("KUBECONFIG"),
            context: self.context,
            limit: self.datalimit,
            gzip: self.gzip,
            image: std::env::var("CONTAINER_IMAGE").unwrap_or_default(),
        };
        extract::run(&options, context).await
    }
}
