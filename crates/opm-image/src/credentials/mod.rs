//! Whose name to ask a registry in.
//!
//! One primary file (`$REGISTRY_AUTH_FILE`, else `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`) and then the
//! places that podman, buildah and docker write to are asked in turn; the first that knows the repository wins. A file given
//! by the caller is the only one asked.

mod file;
mod helper;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use crate::environment::Environment;
use crate::error::ErrorKind;
use file::{AuthFile, Loaded};

/// A name and its secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) username: String,
    pub(crate) password: String,
    /// An OAuth2 refresh token, which token services take instead.
    pub(crate) identity_token: Option<String>,
    /// Where it was found, for people.
    pub(crate) origin: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({} from {})", self.username, self.origin)
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.username.is_empty() {
            write!(f, "the token from {}", self.origin)
        } else {
            write!(f, "user `{}` from {}", self.username, self.origin)
        }
    }
}

/// What a search has come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) credential: Option<Arc<Credential>>,
    /// The places searched in vain, and why each had nothing; absent files are not named.
    pub(crate) looked: Vec<String>,
}

/// Answers of helper programs, by program and server.
type Helped = BTreeMap<(String, String), Option<Arc<Credential>>>;

/// All credentials of a client.
#[derive(Debug)]
pub(crate) struct Credentials {
    environment: Environment,
    files: OnceCell<Vec<AuthFile>>,
    helped: Mutex<Helped>,
}

impl Credentials {
    pub(crate) fn new(environment: Environment, only: Option<PathBuf>) -> Result<Self, ErrorKind> {
        let files = match only {
            None => OnceCell::new(),
            Some(path) => {
                let file = AuthFile::load(path.clone(), false);
                let bad = |why: String| ErrorKind::AuthFile { path, why };
                match &file.loaded {
                    Loaded::Absent => return Err(bad("there is no such file".to_owned())),
                    Loaded::Malformed(why) => return Err(bad(why.clone())),
                    Loaded::Config(_) => OnceCell::from(vec![file]),
                }
            }
        };
        Ok(Self { environment, files, helped: Mutex::default() })
    }

    /// The credential for a repository. What cannot be read or run is passed over.
    pub(crate) async fn find(&self, registry: &str, repository: &str) -> Found {
        let files = self.files.get_or_init(|| async { load_all(&self.environment) }).await;
        let keys = candidates(registry, repository);
        let mut found = Found::default();
        for file in files {
            let path = file.path.display();
            let config = match &file.loaded {
                Loaded::Absent => continue,
                Loaded::Malformed(why) => {
                    tracing::debug!(%path, why, "credentials file passed over");
                    found.looked.push(format!("{path} (unreadable: {why})"));
                    continue;
                }
                Loaded::Config(config) => config,
            };
            let mut credential = None;
            if let Some((server, helper)) = config.helper(&keys) {
                credential = self.help(helper, server).await;
            }
            if credential.is_none() {
                credential = config.entry(&keys, &file.path).map(Arc::new);
            }
            if credential.is_none()
                && let Some(store) = &config.store
            {
                let server = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
                credential = self.help(store, server).await;
            }
            if credential.is_some() {
                found.credential = credential;
                return found;
            }
            found.looked.push(format!("{path} (has none for it)"));
        }
        found
    }

    async fn help(&self, helper: &str, server: &str) -> Option<Arc<Credential>> {
        let key = (helper.to_owned(), server.to_owned());
        // Held while the program runs, so that it is asked once.
        let mut answers = self.helped.lock().await;
        if let Some(known) = answers.get(&key) {
            return known.clone();
        }
        let answer = match helper::get(helper, server, self.environment.path.as_deref()).await {
            Ok(credential) => credential.map(Arc::new),
            Err(why) => {
                tracing::debug!(helper, server, why, "credential helper passed over");
                None
            }
        };
        answers.insert(key, answer.clone());
        answer
    }
}

/// What a credential for a repository may be filed under, best first: `host/a/b`, `host/a`, `host`.
fn candidates(registry: &str, repository: &str) -> Vec<String> {
    let whole = format!("{registry}/{repository}");
    let mut keys = vec![whole.clone()];
    keys.extend(whole.rmatch_indices('/').map(|(at, _)| whole[..at].to_owned()));
    keys
}

fn load_all(environment: &Environment) -> Vec<AuthFile> {
    let Environment { registry_auth_file, docker_config, home, xdg_runtime_dir, xdg_config_home, uid, .. } =
        environment;
    let docker = home.as_ref().map(|home| home.join(".docker/config.json"));
    let primary = registry_auth_file
        .clone()
        .or_else(|| docker_config.as_ref().map(|dir| dir.join("config.json")))
        .or_else(|| docker.clone());
    let runtime = xdg_runtime_dir
        .clone()
        .or_else(|| uid.map(|uid| PathBuf::from(format!("/run/containers/{uid}"))))
        .map(|dir| if xdg_runtime_dir.is_some() { dir.join("containers/auth.json") } else { dir.join("auth.json") });
    let config = xdg_config_home
        .clone()
        .or_else(|| home.as_ref().map(|home| home.join(".config")))
        .map(|dir| dir.join("containers/auth.json"));
    let legacy = home.as_ref().map(|home| home.join(".dockercfg"));
    let mut files: Vec<AuthFile> = Vec::new();
    for (path, is_legacy) in [(primary, false), (runtime, false), (config, false), (docker, false), (legacy, true)] {
        if let Some(path) = path
            && files.iter().all(|file| file.path != path)
        {
            files.push(AuthFile::load(path, is_legacy));
        }
    }
    files
}

/// The name that a file with this text has for a repository. Helpers are only looked up, never run.
#[cfg(feature = "fuzzing")]
pub(crate) fn named_in(text: &[u8], is_legacy: bool, registry: &str, repository: &str) -> Option<Credential> {
    let config = file::parse(text, is_legacy).ok()?;
    let keys = candidates(registry, repository);
    let _helper = config.helper(&keys);
    config.entry(&keys, std::path::Path::new("auth.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_go_from_repository_to_host() {
        assert_eq!(candidates("h:5000", "a/b/c"), ["h:5000/a/b/c", "h:5000/a/b", "h:5000/a", "h:5000"]);
    }
}
