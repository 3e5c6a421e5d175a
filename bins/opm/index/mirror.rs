use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opm_action::index::mirror::{self, Kind, Naming, Options, Scope, TagStyle};
use opm_action::{Context, Platform};
use opm_cli::PullArgs;

/// Copy a catalog and all its images to another registry
///
/// All platforms are copied, byte for byte. What is at its place is not sent again, so that a run that was interrupted goes on
/// where it ended. Afterwards manifests are written that tell a cluster where the images are; they name only what arrived.
///
/// Exits with 0 when all images arrived, with 3 when some did not, and with 1 when nothing could be done.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  opm index mirror quay.io/ns/index:v1 registry.example.com/mirror/\n\n  Where no network leads:\n  \
    opm index mirror quay.io/ns/index:v1 oci:store\n  opm index mirror oci:store registry.example.com/mirror/"
)]
pub(crate) struct Mirror {
    /// Index image, or oci:DIR for a store that this command filled
    source: String,

    /// REGISTRY[/PATH][/], or oci:DIR for a store to be carried to another network
    #[arg(value_name = "DEST")]
    destination: String,

    /// Directory that the manifests are written to
    #[arg(long, visible_alias = "manifests", value_name = "DIR", default_value = "manifests")]
    to_manifests: PathBuf,

    /// Only write the manifests
    #[arg(long, conflicts_with = "dry_run")]
    manifests_only: bool,

    /// Write the manifests, and tell what there is to copy
    #[arg(long)]
    dry_run: bool,

    /// Most components of a repository's path at the destination; 0 for as many as there are
    #[arg(long, value_name = "N", default_value_t = 2)]
    max_components: usize,

    /// Tags of images that the catalog names by their digests alone
    #[arg(long, value_enum, value_name = "STYLE", default_value_t)]
    tag_style: TagStyleArg,

    /// Names of images at the destination
    #[arg(long, value_enum, value_name = "NAMING", default_value_t)]
    naming: NamingArg,

    /// What one entry of a manifest is about
    #[arg(long, alias = "icsp-scope", value_enum, value_name = "SCOPE", default_value_t)]
    idms_scope: ScopeArg,

    /// Manifests to write, separated by commas
    #[arg(
        long,
        value_enum,
        value_name = "KINDS",
        value_delimiter = ',',
        default_values_t = [KindArg::Idms, KindArg::Itms, KindArg::CatalogSource]
    )]
    kinds: Vec<KindArg>,

    /// Name of the catalog's objects [default: made of the name of the index image]
    #[arg(long, value_name = "NAME")]
    catalog_source_name: Option<String>,

    /// Mirror only images of these packages, separated by commas
    #[arg(long, value_name = "PACKAGES")]
    packages: Vec<String>,

    /// Platform of the index image whose catalog is read
    #[arg(long, alias = "index-filter-by-os", value_name = "OS/ARCH", default_value = "linux/amd64")]
    index_platform: Platform,

    /// Images to copy at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    parallel_images: usize,

    /// Blobs to copy at a time
    #[arg(long, value_name = "N", default_value_t = 5)]
    parallel_blobs: usize,

    /// Attempts at what may succeed later
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,

    /// Leave out signatures and attestations that cosign keeps beside images
    #[arg(long)]
    no_signatures: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TagStyleArg {
    /// A short hash, as `oc adm catalog mirror` makes it
    #[default]
    Fnv,
    /// sha256-DIGITS
    Digest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum NamingArg {
    /// The path of the source, as `oc adm catalog mirror` does
    #[default]
    Oc,
    /// The same, below the name of the source's registry
    KeepHost,
    /// Registry and path in one component
    Flat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ScopeArg {
    /// One repository
    #[default]
    Repository,
    /// Repositories that differ in their last component
    Namespace,
    /// All repositories of a registry
    Registry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// ImageDigestMirrorSet
    Idms,
    /// ImageTagMirrorSet
    Itms,
    /// ImageContentSourcePolicy, for OpenShift before 4.13
    Icsp,
    /// CatalogSource
    #[value(name = "catalogsource")]
    CatalogSource,
    /// ClusterCatalog
    #[value(name = "clustercatalog")]
    ClusterCatalog,
}

impl From<KindArg> for Kind {
    fn from(arg: KindArg) -> Self {
        match arg {
            KindArg::Idms => Self::Idms,
            KindArg::Itms => Self::Itms,
            KindArg::Icsp => Self::Icsp,
            KindArg::CatalogSource => Self::CatalogSource,
            KindArg::ClusterCatalog => Self::ClusterCatalog,
        }
    }
}

impl Mirror {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let mut images = pull.options()?;
        images.platform = Some(self.index_platform);
        images.retries.attempts = self.retries.max(1);
        let dry_run = self.dry_run;
        let options = Options {
            source: self.source,
            destination: self.destination,
            manifests: self.to_manifests,
            manifests_only: self.manifests_only,
            dry_run,
            max_components: self.max_components,
            tags: match self.tag_style {
                TagStyleArg::Fnv => TagStyle::Fnv,
                TagStyleArg::Digest => TagStyle::Digest,
            },
            naming: match self.naming {
                NamingArg::Oc => Naming::Oc,
                NamingArg::KeepHost => Naming::KeepHost,
                NamingArg::Flat => Naming::Flat,
            },
            scope: match self.idms_scope {
                ScopeArg::Repository => Scope::Repository,
                ScopeArg::Namespace => Scope::Namespace,
                ScopeArg::Registry => Scope::Registry,
            },
            kinds: self.kinds.into_iter().map(Into::into).collect(),
            catalog_name: self.catalog_source_name,
            packages: self.packages,
            parallel_images: self.parallel_images,
            parallel_blobs: self.parallel_blobs,
            signatures: !self.no_signatures,
            images,
        };
        let Some(summary) = mirror::run(&options, context).await? else { return Ok(()) };
        let copied = if dry_run { "to copy" } else { "copied" };
        opm_cli::print(&format!(
            "{} images {copied}, {} there already; {} blobs of {} bytes {copied}, {} mounted\n",
            summary.copied, summary.there, summary.blobs, summary.bytes, summary.mounted
        ))
    }
}
