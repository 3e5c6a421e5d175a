mod verify;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use opm_action::index::mirror::{self, Kind, Naming, Options, Scope, Summary, TagStyle};
use opm_action::{Context, Pace, Platform};
use opm_cli::{ProgressArg, PullArgs, Shown, YesOrNo as _};

/// Copy a catalog and all its images to another registry
///
/// Images are copied byte for byte. What is at its place is not sent again, so that a run that was interrupted goes on where it
/// ended. Afterwards manifests are written that tell a cluster where the images are; they name only what arrived.
///
/// Exits with 0 when all images arrived, with 3 when some did not, and with 1 when nothing could be done.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  opm index mirror quay.io/ns/index:v1 registry.example.com/mirror/

  Where no network leads:
  opm index mirror quay.io/ns/index:v1 oci:store
  opm index mirror verify oci:store
  opm index mirror oci:store registry.example.com/mirror/

  On media of 4.7 GB, and only what the last store lacks:
  opm index mirror quay.io/ns/index:v1 oci-archive:may.tar \\
      --archive-size 4.7GB --since oci-archive:april.tar"
)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are the flags")]
pub(crate) struct Mirror {
    #[command(subcommand)]
    command: Option<Command>,

    /// Index image; or a store that this command filled, oci:DIR, oci-archive:FILE or file://PATH
    #[arg(required = true)]
    source: Option<String>,

    /// REGISTRY[/PATH][/]; or a store to be carried to another network, oci:DIR, oci-archive:FILE or file://PATH
    #[arg(required = true, value_name = "DEST")]
    destination: Option<String>,

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

    /// Most bytes of an object that says where images are
    #[arg(long, alias = "max-icsp-size", value_name = "BYTES", default_value_t = Kind::LARGEST)]
    max_idms_size: usize,

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

    /// Leave out images whose names match this regular expression; may be repeated
    #[arg(long, value_name = "REGEX")]
    skip_images: Vec<String>,

    /// Platform of the index image whose catalog is read
    #[arg(
        long,
        aliases = ["index-filter-by-os", "filter-by-os"],
        value_name = "OS/ARCH",
        default_value = "linux/amd64"
    )]
    index_platform: Platform,

    /// Copy only these platforms of images, separated by commas. Lists stay as they are, which not every registry accepts
    /// [default: all]
    #[arg(long, value_name = "PLATFORMS", value_delimiter = ',')]
    platforms: Vec<Platform>,

    /// An earlier store that was mirrored to where this one goes: what it has is left out
    #[arg(long, value_name = "STORE")]
    since: Option<String>,

    /// Divide the archive into volumes of this size, such as 4.7GB
    #[arg(long, value_name = "SIZE", value_parser = opm_cli::bytes)]
    archive_size: Option<u64>,

    /// Directory that file:// begins in [default: the working directory]
    #[arg(long, alias = "from-dir", value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Images to copy at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    parallel_images: usize,

    /// Blobs to copy at a time
    #[arg(long, value_name = "N", default_value_t = 5)]
    parallel_blobs: usize,

    /// Requests that wait for one registry at a time; fewer when it says that this is too much
    #[arg(long, value_name = "N", default_value_t = 6)]
    max_per_registry: usize,

    /// Most bytes a second, such as 20MB [default: as fast as it goes]
    #[arg(long, value_name = "SIZE", value_parser = opm_cli::bytes)]
    rate_limit: Option<u64>,

    /// Attempts at what may succeed later
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,

    /// Longest time that one image may take
    #[arg(long, value_name = "DURATION", value_parser = opm_cli::duration, default_value = "10m")]
    image_timeout: Duration,

    /// Whether to go on when an image fails
    #[arg(long, yes_or_no(), default_value_t = true)]
    continue_on_error: bool,

    /// Do not fail for images that are not where the catalog says
    #[arg(long)]
    allow_missing: bool,

    /// Leave out signatures and attestations that cosign keeps beside images, and what refers to them
    #[arg(long)]
    no_signatures: bool,

    /// File that says how far a run came that was interrupted [default: .opm-mirror-state.json beside the manifests]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Forget how far an earlier run came
    #[arg(long)]
    no_resume: bool,

    /// How progress is shown [default: tty on a terminal, else plain]
    #[arg(long, value_enum, value_name = "HOW")]
    progress: Option<ProgressArg>,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Verify),
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
        if let Some(Command::Verify(args)) = self.command {
            return args.run(context).await;
        }
        let mut images = pull.options()?;
        images.platform = Some(self.index_platform);
        images.retries.attempts = self.retries.max(1);
        images.pace = Pace { requests_per_host: self.max_per_registry.max(1), bytes_per_second: self.rate_limit };
        let usual = if std::io::stderr().is_terminal() { ProgressArg::Tty } else { ProgressArg::Plain };
        let mut context = context.clone();
        context.progress = Arc::new(Shown::new(self.progress.unwrap_or(usual)));
        let dry_run = self.dry_run;
        let options = Options {
            source: self.source.context("name an index image")?,
            destination: self.destination.context("name a destination")?,
            dir: self.dir.unwrap_or_default(),
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
            largest_object: self.max_idms_size,
            catalog_name: self.catalog_source_name,
            packages: self.packages,
            skip_images: self.skip_images,
            platforms: self.platforms,
            since: self.since,
            archive_size: self.archive_size,
            parallel_images: self.parallel_images,
            parallel_blobs: self.parallel_blobs,
            timeout: self.image_timeout,
            signatures: !self.no_signatures,
            stop_at_first: !self.continue_on_error,
            allow_missing: self.allow_missing,
            state: self.state,
            resume: !self.no_resume,
            images,
        };
        let Some(summary) = mirror::run(&options, &context).await? else { return Ok(()) };
        opm_cli::print(&told(&summary, dry_run))
    }
}

fn told(summary: &Summary, dry_run: bool) -> String {
    let Summary { copied, there, earlier, blobs, bytes, mounted, files } = summary;
    let done = if dry_run { "to copy" } else { "copied" };
    let earlier = if *earlier > 0 { format!(", {earlier} in earlier stores") } else { String::new() };
    let mut text = format!(
        "{copied} images {done}, {there} there already{earlier}; {blobs} blobs of {bytes} bytes {done}, {mounted} mounted\n"
    );
    for file in files {
        text.extend(["wrote ", &file.display().to_string(), "\n"]);
    }
    text
}
