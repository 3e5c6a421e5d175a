//! Plain Kubernetes manifests from bundles.

mod app;
mod root;
mod self_signed;
mod write;

use std::path::PathBuf;

use anyhow::Context as _;
use opm_bundle::{Certificates, DeploymentConfig, Plain};
use opm_image::{Keep, Options as ImageOptions};

use super::{files, source};
use crate::{Context, PullTool};

/// Which bundle to convert, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The bundle: a directory, an image in a registry, `oci:DIR`, or an archive.
    pub bundle: String,
    /// How registries are talked to.
    pub images: ImageOptions,
    /// What pulls the image.
    pub tool: PullTool,
    /// A file with an App of kapp-controller, whose first template step and namespace take the place of the next three.
    pub app_template: Option<PathBuf>,
    /// The root of the bundle below the directory or in the image; empty for that itself.
    pub bundle_root: String,
    /// The namespace of the operator; where there is none, the one that the bundle suggests.
    pub install_namespace: Option<String>,
    /// The namespaces that the operator watches; where there are none, its install modes decide. An empty name stands for
    /// all of them.
    pub target_namespaces: Vec<String>,
    /// Where the certificates of webhooks come from.
    pub certificates: Option<Provider>,
    /// A file with changes to the operator's pods, in the form of the `config` of a Subscription.
    pub deployment_config: Option<PathBuf>,
    /// Whether the operator also gets its roles in the install namespace.
    pub rbac_in_install_namespace: bool,
    /// Whether the install namespace is among the manifests.
    pub create_namespace: bool,
    /// Whether kapp's annotations are added.
    pub kapp: bool,
    /// The form of the manifests.
    pub form: Form,
    /// What is made of them.
    pub format: Format,
    /// A directory to write a file for each object into, with a `kustomization.yaml`; or the directory of the chart.
    pub output_dir: Option<PathBuf>,
}

/// Where the certificates of webhooks come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// cert-manager makes them.
    CertManager,
    /// The service CA operator of OpenShift makes them.
    OpenshiftServiceCa,
    /// They are the user's job.
    None,
    /// They are made at once.
    SelfSigned {
        /// How long they hold, in days.
        days: u32,
    },
}

/// The form of manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// YAML documents.
    #[default]
    Yaml,
    /// One indented JSON object after another.
    Json,
}

/// What is made of the manifests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Just they.
    #[default]
    Plain,
    /// A Helm chart, whose values are the namespaces and the deployment config.
    Helm,
}

/// What came of a conversion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// The manifests; empty where they were written into a directory.
    pub text: String,
    /// What does not come with them, in words.
    pub warnings: Vec<String>,
}

/// Converts a bundle. Nothing is written unless everything can be.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Converted> {
    let mut options = options.clone();
    if let Some(path) = &options.app_template {
        let step = app::read(path)?;
        options.bundle_root = step.bundle_root;
        options.target_namespaces = step.target_namespaces;
        options.install_namespace = Some(step.namespace);
    }
    let config = match &options.deployment_config {
        None => None,
        Some(path) => {
            let subject = || format!("deployment config in {}", path.display());
            let text = std::fs::read(path).with_context(subject)?;
            Some(DeploymentConfig::parse(&text).with_context(subject)?)
        }
    };
    let inside = root::inside(&options.bundle_root)?;
    let keep = Keep::under(["manifests", "metadata"].map(|part| format!("{inside}/{part}")));
    let bundle = source::get(&options.bundle, &keep, &options.images, options.tool, context).await?;
    let subject = format!("bundle {}", options.bundle);
    let load = || {
        let found = root::resolve(bundle.root(), &options.bundle_root)?;
        files::bundle(&found).context("loading the bundle")
    };
    let loaded = load().with_context(|| subject.clone())?;
    let result = if size(&loaded) < SMALL {
        converted(&options, config, &loaded)
    } else {
        let work = tokio::task::spawn_blocking(move || converted(&options, config, &loaded));
        context.unless_interrupted(async { work.await? }).await
    };
    result.with_context(|| subject)
}

/// A bundle of fewer bytes is converted sooner than another thread would be ready for it.
const SMALL: usize = 4 << 20;

fn size(files: &opm_bundle::Files) -> usize {
    let all = files.manifests.iter().chain(&files.metadata).flatten();
    all.filter_map(|file| file.content.as_ref().ok()).map(Vec::len).sum()
}

fn converted(
    options: &Options,
    config: Option<DeploymentConfig>,
    files: &opm_bundle::Files,
) -> anyhow::Result<Converted> {
    const DOING: &str = "converting the bundle";
    let signer = match options.certificates {
        Some(Provider::SelfSigned { days }) => Some(self_signed::Authority::new(days)?),
        _ => None,
    };
    let certificates = options.certificates.map(|provider| match (provider, &signer) {
        (Provider::CertManager, _) => Certificates::CertManager,
        (Provider::OpenshiftServiceCa, _) => Certificates::OpenshiftServiceCa,
        (Provider::SelfSigned { .. }, Some(signer)) => Certificates::SelfSigned(signer),
        _ => Certificates::None,
    });
    let plain = Plain {
        install_namespace: options.install_namespace.clone(),
        target_namespaces: options.target_namespaces.clone(),
        certificates,
        deployment_config: config,
        rbac_in_install_namespace: options.rbac_in_install_namespace,
        create_namespace: options.create_namespace,
        kapp: options.kapp,
    };
    let dir = options.output_dir.as_deref();
    if options.format == Format::Helm {
        let dir = dir.context("a helm chart is a directory: say which one")?;
        let chart = plain.chart(files).context(DOING)?;
        write::files(dir, chart.files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())))?;
        return Ok(Converted { text: String::new(), warnings: chart.warnings });
    }
    let manifests = plain.convert(files).context(DOING)?;
    let text = match dir {
        None => write::stream(&manifests.objects, options.form)?,
        Some(dir) => write::directory(&manifests.objects, options.form, dir).map(|()| String::new())?,
    };
    Ok(Converted { text, warnings: manifests.warnings })
}
