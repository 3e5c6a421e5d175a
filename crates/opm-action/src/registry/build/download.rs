//! Packages out of an app-registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use opm_appregistry::{
    AppRegistryError, Client, Fault, Fetch, Files, Limits, Organisation, Repository, Request, Token, Wanted, decode,
};
use opm_image::{ErrorKind, Get};
use opm_model::PackageManifest;

use super::{lines, tell};
use crate::Context;

/// How many packages are fetched at a time.
const AT_ONCE: usize = 4;

/// Which packages to get, and the directory that they are written to, each below the name of its repository.
pub(super) struct Download<'a> {
    pub(super) organisation: &'a Organisation,
    pub(super) packages: &'a [Wanted],
    pub(super) into: &'a Path,
}

/// A repository, and the release to take.
struct Chosen {
    repository: String,
    release: String,
}

/// Asks by the client for images, which knows all about connections.
struct Web<'a> {
    images: opm_image::Client,
    context: &'a Context,
}

impl Fetch for Web<'_> {
    async fn get(&self, request: Request<'_>) -> Result<Bytes, Fault> {
        let get = Get {
            url: request.url,
            accept: request.accept,
            authorization: request.token.map(Token::header),
            limit: request.limit,
            addressed_by_content: request.addressed_by_content,
        };
        self.images.get(&get, self.context.progress.as_ref()).await.map_err(|error| match error.kind() {
            ErrorKind::Unauthorized(_) | ErrorKind::Denied(_) => Fault::Unauthorized(error.into()),
            ErrorKind::NotFound(_) => Fault::NotFound,
            ErrorKind::Limit { .. } => Fault::Large,
            _ => Fault::Other(error.into()),
        })
    }
}

impl Download<'_> {
    /// Gets the packages. Returns what cannot be had, which is an error if that is everything.
    pub(super) async fn run(
        &self,
        token: Option<Token>,
        images: opm_image::Client,
        context: &Context,
    ) -> anyhow::Result<Vec<anyhow::Error>> {
        let has_token = token.is_some();
        let client = Client::new(self.organisation.clone(), token, Web { images, context });
        let (chosen, mut findings) = self.choose(client.list().await?);
        let mut packages = BTreeMap::new();
        let mut written = false;
        let mut blobs = stream::iter(chosen)
            .map(async |chosen| {
                tell(context, &format!("pulling {}/{}...", self.organisation, chosen.repository));
                let blob = blob(&client, &chosen).await;
                (chosen.repository, blob)
            })
            .buffered(AT_ONCE);
        while let Some((repository, blob)) = blobs.next().await {
            let write = |blob: Bytes| {
                tokio::task::block_in_place(|| self.write(&repository, &blob, &mut packages))
                    .with_context(|| format!("{}/{repository}", self.organisation))
            };
            match blob.map_err(Into::into).and_then(write) {
                Ok(()) => written = true,
                Err(error) => findings.push(error),
            }
        }
        if written {
            return Ok(findings);
        }
        let (endpoint, name) = (self.organisation.endpoint(), self.organisation.name());
        // What is private is not refused to strangers, but left out.
        let advice = if findings.is_empty() && !has_token {
            "; what is private is shown to those with a token only (--auth-token-file)"
        } else {
            ""
        };
        findings.push(anyhow!("no manifests downloaded from appregistry {endpoint}/{name}{advice}"));
        Err(anyhow!(lines(&findings)))
    }

    /// The releases to get, of all repositories there are or of those that are wanted; and what is wanted and cannot be had.
    fn choose(&self, all: Vec<Repository>) -> (Vec<Chosen>, Vec<anyhow::Error>) {
        let mut all: BTreeMap<String, Repository> = all.into_iter().map(|one| (one.name.clone(), one)).collect();
        let (mut chosen, mut findings) = (Vec::new(), Vec::new());
        let mut releases: BTreeMap<&str, &str> = BTreeMap::new();
        if !self.packages.is_empty() {
            for Wanted { name, release } in self.packages {
                if !all.contains_key(name) {
                    let organisation = self.organisation.to_string();
                    findings.push(AppRegistryError::NoRepository { name: name.clone(), organisation }.into());
                }
                releases.extend(release.as_ref().map(|release| (name.as_str(), release.as_str())));
            }
            all.retain(|name, _| self.packages.iter().any(|wanted| wanted.name == *name));
        }
        for (name, repository) in all {
            match releases.get(name.as_str()).map_or_else(|| repository.release(), |release| Ok(release)) {
                Ok(release) => chosen.push(Chosen { release: release.to_owned(), repository: name }),
                Err(error) => findings.push(anyhow::Error::new(error).context(self.organisation.to_string())),
            }
        }
        (chosen, findings)
    }

    /// Writes the files of an archive, unless one of its packages is known from another repository.
    fn write(&self, repository: &str, blob: &[u8], packages: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
        let files = decode(blob, &Limits::default())?;
        let own = packages_in(&files);
        if let Some((package, other)) = own.iter().find_map(|package| packages.get_key_value(package)) {
            anyhow::bail!(
                "the package {package} is in {}/{other} as well: name with --packages those to take",
                self.organisation
            );
        }
        let directory = self.into.join(repository);
        for (path, content) in files {
            let path = directory.join(path);
            let write = || {
                fs::create_dir_all(path.parent().unwrap_or(&directory))?;
                fs::write(&path, content)
            };
            write().with_context(|| format!("write {}", path.display()))?;
        }
        packages.extend(own.into_iter().map(|package| (package, repository.to_owned())));
        Ok(())
    }
}

async fn blob<F: Fetch>(client: &Client<F>, chosen: &Chosen) -> Result<Bytes, AppRegistryError> {
    let content = client.show(&chosen.repository, &chosen.release).await?;
    client.blob(&chosen.repository, &content).await
}

/// The names of the packages that these files are about. What is wrong with a file, whoever loads it says.
fn packages_in(files: &Files) -> Vec<String> {
    const KEY: &[u8] = b"packageName";
    let mentions = |content: &&Vec<u8>| content.windows(KEY.len()).any(|window| window == KEY);
    let package = |content: &Vec<u8>| {
        let manifest = PackageManifest::from_value(&opm_document::first(content).ok()??).ok()?;
        Some(manifest.package).filter(|package| !package.is_empty())
    };
    files.values().filter(mentions).filter_map(package).collect()
}
