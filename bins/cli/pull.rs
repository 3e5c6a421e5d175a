//! How images are pulled: the options that every command which touches registries takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use opm_action::{Cache, ImageOptions, PullTool, Tls};

/// A tool that pulls images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PullToolArg {
    /// This program itself
    #[default]
    None,
    /// docker, which must be installed
    Docker,
    /// podman, which must be installed
    Podman,
}

impl From<PullToolArg> for PullTool {
    fn from(arg: PullToolArg) -> Self {
        match arg {
            PullToolArg::None => Self::None,
            PullToolArg::Docker => Self::Docker,
            PullToolArg::Podman => Self::Podman,
        }
    }
}

/// How to talk to image registries.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Image registries")]
#[expect(clippy::struct_excessive_bools, reason = "the fields are the flags")]
pub struct PullArgs {
    /// Talk plain HTTP to image registries
    #[arg(long, global = true)]
    pub use_http: bool,

    /// Do not verify the certificates of image registries
    #[arg(long, global = true)]
    pub skip_tls_verify: bool,

    /// Former name of --use-http
    #[arg(long, global = true, hide = true)]
    pub skip_tls: bool,

    /// PEM file with certificates to trust besides those of the system
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// File with registry credentials, instead of those in the usual places
    #[arg(long, global = true, value_name = "FILE")]
    pub authfile: Option<PathBuf>,

    /// Directory to keep what was pulled in, for the next time [default: $OPM_CACHE_DIR, else opm in the user's directory for caches]
    // `opm serve` has a flag of this name for itself.
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache_dir: Option<PathBuf>,

    /// Pull everything anew, and keep nothing of it
    #[arg(long, global = true)]
    pub no_cache: bool,
}

impl PullArgs {
    /// What the options mean. Those that contradict each other are an error.
    pub fn options(&self) -> anyhow::Result<ImageOptions> {
        let clashes = [
            (self.use_http && self.skip_tls, "invalid flag combination: cannot use --use-http with --skip-tls"),
            (
                self.skip_tls_verify && self.skip_tls,
                "invalid flag combination: cannot use --skip-tls-verify with --skip-tls",
            ),
            (
                self.use_http && self.skip_tls_verify,
                "invalid flag combination: --use-http and --skip-tls-verify cannot both be true",
            ),
            (self.ca_file.is_some() && self.skip_tls_verify, "--skip-tls-verify must be false when --ca-file is set"),
        ];
        if let Some((_, why)) = clashes.iter().find(|(clash, _)| *clash) {
            anyhow::bail!("{why}");
        }
        let tls = match (self.use_http || self.skip_tls, self.skip_tls_verify) {
            (true, _) => Tls::PlainHttp,
            (_, true) => Tls::SkipVerify,
            _ => Tls::Verify,
        };
        Ok(ImageOptions {
            tls,
            ca_file: self.ca_file.clone(),
            auth_file: self.authfile.clone(),
            cache: if self.no_cache { Cache::Off } else { Cache::on(self.cache_dir.clone()) },
            ..ImageOptions::default()
        })
    }
}
