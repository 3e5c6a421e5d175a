use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opm_action::Context;
use opm_action::alpha::bundle::convert::{self, Form, Format, Options, Provider};
use opm_cli::{PullArgs, PullToolArg};

/// Make plain Kubernetes manifests of a bundle
///
/// The manifests run the operator without the Operator Lifecycle Manager, and go to stdout, or with --output-dir into files.
/// What they cannot do is warned of on stderr. Self-signed certificates are new in every run, and their private key is
/// part of the manifests.
///
/// A Helm chart gives the same manifests with its own values, and others where its values name other namespaces or changes to
/// pods; helm says no where the operator cannot run with them.
#[derive(Args)]
#[command(after_help = "Examples:
  opm bundle convert ./bundle --install-namespace etcd \\
      | kubectl apply -f -
  opm bundle convert quay.io/ns/etcd-bundle:0.9.4 \\
      --target-namespaces team-a,team-b --cert-provider cert-manager
  opm bundle convert ./bundle --output-dir ./manifests --create-namespace
  opm bundle convert ./bundle --format helm --output-dir ./chart
  opm bundle convert ./fetched --app-template app.yaml")]
pub(crate) struct Convert {
    /// Bundle: a directory, an image, oci:DIR[:TAG] or an archive
    #[arg(value_name = "BUNDLE")]
    bundle: String,

    /// Root of the bundle within BUNDLE
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    bundle_root: String,

    /// Namespace of the operator; by default the one that the bundle suggests, else PACKAGE-system
    #[arg(short = 'n', long, value_name = "NAME")]
    install_namespace: Option<String>,

    /// Namespaces to watch, separated by commas, or "" for all; by default all, else that of the operator
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    target_namespaces: Vec<String>,

    /// Where the certificates of webhooks come from
    #[arg(long, value_enum, value_name = "PROVIDER")]
    cert_provider: Option<ProviderArg>,

    /// How long self-signed certificates hold, in days
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36500))]
    cert_days: u32,

    /// Changes to the operator's pods, in the form of a Subscription's config
    #[arg(long, value_name = "FILE")]
    deployment_config: Option<PathBuf>,

    /// Give the operator its roles in its own namespace too, if it does not watch all
    #[arg(long)]
    rbac_in_install_namespace: bool,

    /// Make the namespace of the operator too
    #[arg(long)]
    create_namespace: bool,

    /// Add annotations that tell kapp in which order to apply the manifests
    #[arg(long)]
    kapp: bool,

    /// Form of the manifests
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: FormArg,

    /// What is made of the manifests
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: FormatArg,

    /// Directory for a file for each object, and a kustomization.yaml; or for the chart
    #[arg(long, value_name = "DIR", required_if_eq("format", "helm"))]
    output_dir: Option<PathBuf>,

    /// App of kapp-controller whose first template step (olmRegistry) and namespace are used
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bundle_root", "install_namespace", "target_namespaces"])]
    app_template: Option<PathBuf>,

    /// Tool to pull the image with
    #[arg(short = 'b', long, value_enum, value_name = "TOOL", default_value_t)]
    image_builder: PullToolArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProviderArg {
    /// cert-manager makes them
    CertManager,
    /// The service CA operator of OpenShift makes them
    OpenshiftServiceCa,
    /// You see to them
    None,
    /// They are made now and are part of the manifests
    SelfSigned,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FormArg {
    /// YAML documents
    #[default]
    Yaml,
    /// One indented JSON object after another
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// Nothing but the manifests
    #[default]
    Plain,
    /// A Helm chart, whose values are the namespaces and the changes to pods
    Helm,
}

impl Convert {
    pub(super) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let options = Options {
            bundle: self.bundle,
            images: pull.options()?,
            tool: self.image_builder.into(),
            app_template: self.app_template,
            bundle_root: self.bundle_root,
            install_namespace: self.install_namespace.filter(|name| !name.is_empty()),
            target_namespaces: self.target_namespaces,
            certificates: self.cert_provider.map(|provider| match provider {
                ProviderArg::CertManager => Provider::CertManager,
                ProviderArg::OpenshiftServiceCa => Provider::OpenshiftServiceCa,
                ProviderArg::None => Provider::None,
                ProviderArg::SelfSigned => Provider::SelfSigned { days: self.cert_days },
            }),
            deployment_config: self.deployment_config,
            rbac_in_install_namespace: self.rbac_in_install_namespace,
            create_namespace: self.create_namespace,
            kapp: self.kapp,
            form: match self.output {
                FormArg::Yaml => Form::Yaml,
                FormArg::Json => Form::Json,
            },
            format: match self.format {
                FormatArg::Plain => Format::Plain,
                FormatArg::Helm => Format::Helm,
            },
            output_dir: self.output_dir,
        };
        let converted = convert::run(&options, context).await?;
        for warning in &converted.warnings {
            tracing::warn!("{warning}");
        }
        opm_cli::print(&converted.text)
    }
}
