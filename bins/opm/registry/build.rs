use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use opm_action::Context;
use opm_action::registry::build::{self, Options, Source, Token};
use opm_cli::PullArgs;

use crate::index::target::tell_built;

/// Where a token may be, so that lists of processes do not show it.
const TOKEN: &str = "OPM_APPREGISTRY_TOKEN";

/// Make an index image of the packages in an app-registry
///
/// Downloads the packages of an organisation, loads them into a database, and builds and pushes the image that serves it, without
/// a container tool. Where the image is built on no other, it holds nothing but this opm and the database.
///
/// Every package is tried before the command fails and names all that cannot be had or stored; nothing is written then. With
/// --best-effort the index has what there is, and the exit status is 3 if that is not all.
///
/// A token for private organisations is taken from --auth-token, --auth-token-file or the environment variable
/// OPM_APPREGISTRY_TOKEN. It is sent as it is: Quay's begin with "basic ".
#[derive(Args)]
#[command(
    group = ArgGroup::new("source").args(["appregistry_org", "manifest_dir"]),
    after_help = "Examples:
  opm registry build --appregistry-org community-operators \\
      --from quay.io/operator-framework/opm:latest --to r.example.com/ns/index:1
  opm registry build --appregistry-org quay.io/ns --auth-token-file token \\
      --packages etcd,tea:1.2.0 --db-only --to-db index.db
  opm registry build --manifest-dir manifests --save index.tar"
)]
pub(crate) struct Build {
    /// Organisation of the app-registry: ORG, or HOST/ORG for the endpoint https://HOST/cnr
    #[arg(short = 'o', long, visible_alias = "appregistry-namespace", value_name = "ORG")]
    appregistry_org: Option<String>,

    /// Address of the app-registry [default: https://quay.io/cnr]
    #[arg(long, value_name = "URL", conflicts_with = "manifest_dir")]
    appregistry_endpoint: Option<String>,

    /// Token for the app-registry, which anybody on this machine can then see
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["auth_token_file", "manifest_dir"])]
    auth_token: Option<String>,

    /// File with the token for the app-registry
    #[arg(long, value_name = "FILE", conflicts_with = "manifest_dir")]
    auth_token_file: Option<PathBuf>,

    /// Packages to take, with their releases if these are not the default ones, separated by commas; all where none is named
    #[arg(long, value_name = "NAME[:RELEASE]", conflicts_with = "manifest_dir")]
    packages: Vec<String>,

    /// Directory of manifests to take instead of what is in an app-registry
    #[arg(long, value_name = "DIR")]
    manifest_dir: Option<PathBuf>,

    /// Image that the index is built on [default: nothing but this opm]
    #[arg(long, alias = "binary-image", value_name = "IMAGE")]
    from: Option<String>,

    /// Where the image is pushed to: REGISTRY/REPOSITORY:TAG, or another place such as oci:DIR
    #[arg(long, value_name = "IMAGE")]
    to: Option<String>,

    /// File to write the image to: an OCI archive, or what docker-archive:FILE[:NAME:TAG] or oci:DIR[:TAG] say
    #[arg(long, value_name = "FILE")]
    save: Option<String>,

    /// File to write the database to
    #[arg(short = 'd', long, value_name = "FILE")]
    to_db: Option<PathBuf>,

    /// Only write the database
    #[arg(long, requires = "to_db", conflicts_with_all = ["to", "save", "from"])]
    db_only: bool,

    /// Go on with what there is when packages cannot be had or stored
    #[arg(long)]
    best_effort: bool,

    /// The opposite of --best-effort, and the default
    #[arg(long, hide = true, conflicts_with = "best_effort")]
    strict: bool,
}

impl Build {
    pub(crate) async fn run(self, pull: &PullArgs, context: &Context) -> anyhow::Result<()> {
        let token = self.token()?;
        let source = match self.manifest_dir {
            Some(directory) => Source::Directory(directory),
            None => Source::AppRegistry {
                organisation: self.appregistry_org.unwrap_or_default(),
                endpoint: self.appregistry_endpoint,
                packages: self.packages,
                token,
            },
        };
        let options = Options {
            source,
            base: self.from,
            to: self.to,
            save: self.save,
            database: self.to_db,
            best_effort: self.best_effort,
            images: pull.options()?,
        };
        let outcome = build::run(&options, context).await?;
        tell_built(outcome.built.as_ref())?;
        outcome.complete()
    }

    /// The token, from the first place that has one.
    fn token(&self) -> anyhow::Result<Option<Token>> {
        if self.manifest_dir.is_some() {
            return Ok(None);
        }
        let (text, place) = match (&self.auth_token, &self.auth_token_file) {
            (Some(text), _) => (text.clone(), "--auth-token".to_owned()),
            (None, Some(file)) => {
                let doing = || format!("read the token in {}", file.display());
                (std::fs::read_to_string(file).with_context(doing)?, file.display().to_string())
            }
            (None, None) => match std::env::var(TOKEN) {
                Ok(text) if !text.is_empty() => (text, TOKEN.to_owned()),
                Err(std::env::VarError::NotUnicode(_)) => anyhow::bail!("{TOKEN}: its value is no text"),
                _ => return Ok(None),
            },
        };
        Ok(Some(Token::new(&text).context(place)?))
    }
}
