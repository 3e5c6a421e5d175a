use clap::{Args, ValueEnum};
use opm_action::registry::add::{self, Bundles, Options};
use opm_action::{Context, Mode, PullTool};
use opm_cli::{PullArgs, PullToolArg};

use super::DatabaseArgs;

/// Add bundles to a database
///
/// Pulls the bundle images, several at a time, and adds them in one step: all of them, or none. A bundle may also be a
/// directory with manifests/ and metadata/, an image layout (oci:DIR[:TAG]), an image archive, or an image that podman
/// (containers-storage:NAME) or docker (docker-daemon:NAME) has; then the database holds its content.
///
/// Exit status: 2 where a bundle image is in the database already, 3 where another image with the same CSV is, 1 for all
/// other errors.
#[derive(Args)]
#[command(after_help = "Examples:
  opm registry add -d index.db -b quay.io/ns/etcd-bundle:0.9.4
  opm registry add -d index.db --mode semver \\
      -b quay.io/ns/etcd:0.9.0,quay.io/ns/etcd:0.9.2
  opm registry add -d index.db -b ./etcd/0.9.4 --permissive")]
pub(crate) struct Add {
    #[command(flatten)]
    database: DatabaseArgs,

    /// Bundles to add, separated by commas; none only creates or upgrades the database
    #[arg(short, long, value_name = "BUNDLES", value_delimiter = ',')]
    bundle_images: Vec<String>,

    #[command(flatten)]
    how: HowArgs,

    /// Tool to pull images with
    #[arg(short, long, value_enum, value_name = "TOOL", default_value_t)]
    container_tool: PullToolArg,
}

/// How bundles are added.
#[derive(Args, Clone, Debug)]
pub(crate) struct HowArgs {
    /// How the upgrade graph comes about: from what bundles replace and skip, or from their versions
    #[arg(long, value_enum, ignore_case = true, default_value_t)]
    mode: ModeArg,

    /// Add what can be added, and only warn about the rest
    #[arg(long)]
    permissive: bool,

    /// Replace the head of a channel by another image with the same CSV
    #[arg(long, hide_short_help = true)]
    overwrite_latest: bool,

    /// Allow alpha features: bundles that stand in for others (olm.substitutesFor)
    #[arg(long, hide_short_help = true)]
    enable_alpha: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModeArg {
    /// Bundles replace and skip what they say; the highest version heads a channel
    #[default]
    Replaces,
    /// Each bundle replaces the next lower version
    Semver,
    /// Like semver, but bundles skip the lower patch versions of their minor version
    SemverSkippatch,
}

impl HowArgs {
    pub(crate) fn bundles(&self, references: &[String], tool: PullTool, pull: &PullArgs) -> anyhow::Result<Bundles> {
        Ok(Bundles {
            references: references.iter().filter(|r| !r.is_empty()).cloned().collect(),
            mode: match self.mode {
                ModeArg::Replaces => Mode::Replaces,
                ModeArg::Semver => Mode::SemVer,
                ModeArg::SemverSkippatch => Mode::SkipPatch,
            },
            overwrite_latest: self.overwrite_latest,
            alpha: self.enable_alpha,
            permissive: self.permissive,
            images: pull.options()?,
            tool,
        })
    }
}

impl Add {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let tool = self.container_tool.into();
        if pull.ca_file.is_some() && tool != PullTool::None {
            anyhow::bail!(
                "--ca-file cannot be set with --container-tool={tool}; certificates must be configured specifically for {tool}"
            );
        }
        let bundles = self.how.bundles(&self.bundle_images, tool, pull)?;
        let findings = add::run(&Options { database: self.database.database, bundles }, context).await?;
        opm_cli::warn(&findings);
        Ok(())
    }
}
