//! The three questions to an app-registry, and their answers.

use std::error::Error;

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::organisation::is_component;
use crate::repository::{self, Repository};
use crate::{AppRegistryError, Organisation, Token};

/// The media type of all operators, although they are no charts of Helm.
const MEDIA_TYPE: &str = "helm";
/// The largest list of repositories, in bytes.
const LARGEST_LIST: u64 = 32 << 20;
/// The largest description of a release, in bytes.
const LARGEST_RELEASE: u64 = 1 << 20;
/// The largest archive, in bytes. Real ones stay below a tenth of this.
const LARGEST_BLOB: u64 = 32 << 20;

/// What is to be asked with GET.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The address.
    pub url: &'a str,
    /// The header `Accept`.
    pub accept: &'static str,
    /// The header `Authorization`, for the host of the address and no other.
    pub token: Option<&'a Token>,
    /// The longest answer that is read, in bytes.
    pub limit: u64,
    /// Whether the answer is checked against a digest, so that it may come from anywhere.
    pub addressed_by_content: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Fault {
    /// It is not for everybody, or not for this token (401, 403).
    Unauthorized(Box<dyn Error + Send + Sync>),
    /// There is no such thing (404).
    NotFound,
    /// The answer is longer than wanted.
    Large,
    /// Anything else, after all that can be tried.
    Other(Box<dyn Error + Send + Sync>),
}

/// What asks: it owns the connections, tries again what failed for a passing reason, and follows redirects.
pub trait Fetch {
    /// The body of the answer, if that is a success.
    fn get(&self, request: Request<'_>) -> impl Future<Output = Result<Bytes, Fault>> + Send;
}

/// The content of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub(crate) digest: String,
    pub(crate) size: Option<u64>,
}

impl Content {
    /// The SHA-256 digest of the archive: 64 hexadecimal digits in lower case.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The size of the archive in bytes, if it is told.
    pub fn size(&self) -> Option<u64> {
        self.size
    }
}

/// A release on the wire.
#[derive(Deserialize)]
struct Release {
    content: WireContent,
}

#[derive(Deserialize)]
struct WireContent {
    digest: String,
    size: Option<u64>,
}

/// A client for one organisation.
#[derive(Debug)]
pub struct Client<F> {
    organisation: Organisation,
    token: Option<Token>,
    fetch: F,
}

impl<F: Fetch> Client<F> {
    /// A client that asks by `fetch`, with a token where the organisation is not everybody's.
    pub fn new(organisation: Organisation, token: Option<Token>, fetch: F) -> Self {
        Self { organisation, token, fetch }
    }

    /// The repositories of the organisation, sorted by name.
    pub async fn list(&self) -> Result<Vec<Repository>, AppRegistryError> {
        let what = || format!("list of the repositories of {}", self.organisation);
        let mut url = self.organisation.url(&[]);
        url.query_pairs_mut().append_pair("media_type", MEDIA_TYPE).append_pair("namespace", self.organisation.name());
        let answer = self.json(url.as_str(), LARGEST_LIST, what).await?;
        let wire: Vec<repository::Wire> = parse(&answer, what)?;
        let mut all = Vec::with_capacity(wire.len());
        for wire in wire {
            let one = Repository::of(wire, self.organisation.name());
            all.extend(one.map_err(|why| AppRegistryError::Answer { what: what(), why })?);
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(twice) = all.windows(2).find(|pair| pair[0].name == pair[1].name) {
            let why = format!("it names {} twice", twice[0].name);
            return Err(AppRegistryError::Answer { what: what(), why });
        }
        Ok(all)
    }

    /// What a release of a repository consists of.
    pub async fn show(&self, repository: &str, release: &str) -> Result<Content, AppRegistryError> {
        let what = || format!("release {release} of {}/{repository}", self.organisation);
        if !is_component(release) {
            return Err(AppRegistryError::Answer { what: what(), why: "that cannot be a release".to_owned() });
        }
        let url = self.organisation.url(&[self.organisation.name(), repository, release, MEDIA_TYPE]);
        let answer = self.json(url.as_str(), LARGEST_RELEASE, what).await?;
        let Release { content } = parse(&answer, what)?;
        let digest = content.digest.strip_prefix("sha256:").unwrap_or(&content.digest).to_ascii_lowercase();
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let why = format!("its digest is {:?}, expected 64 hexadecimal digits", content.digest);
            return Err(AppRegistryError::Answer { what: what(), why });
        }
        Ok(Content { digest, size: content.size })
    }

    /// The archive that a release of a repository consists of: of the right digest, and of the right size where that is told.
    pub async fn blob(&self, repository: &str, content: &Content) -> Result<Bytes, AppRegistryError> {
        let what = || format!("archive {} of {}/{repository}", content.digest, self.organisation);
        if content.size.is_some_and(|size| size > LARGEST_BLOB) {
            return Err(AppRegistryError::Large { what: what(), limit: LARGEST_BLOB });
        }
        let url = self.organisation.url(&[self.organisation.name(), repository, "blobs", "sha256", &content.digest]);
        let request = Request {
            url: url.as_str(),
            accept: "application/x-gzip",
            token: self.token.as_ref(),
            limit: LARGEST_BLOB,
            addressed_by_content: true,
        };
        let blob = self.get(request, what).await?;
        if let Some(expected) = content.size.filter(|size| *size != blob.len() as u64) {
            return Err(AppRegistryError::Size { what: what(), expected, found: blob.len() as u64 });
        }
        let found = hex::encode(Sha256::digest(&blob));
        if found != content.digest {
            return Err(AppRegistryError::Digest { what: what(), expected: content.digest.clone(), found });
        }
        Ok(blob)
    }

    async fn json(&self, url: &str, limit: u64, what: impl Fn() -> String) -> Result<Bytes, AppRegistryError> {
        let token = self.token.as_ref();
        self.get(Request { url, accept: "application/json", token, limit, addressed_by_content: false }, what).await
    }

    async fn get(&self, request: Request<'_>, what: impl Fn() -> String) -> Result<Bytes, AppRegistryError> {
        self.fetch.get(request).await.map_err(|fault| match fault {
            Fault::Unauthorized(source) => {
                AppRegistryError::Unauthorized { what: what(), with_token: request.token.is_some(), source }
            }
            Fault::NotFound => AppRegistryError::NotFound { what: what() },
            Fault::Large => AppRegistryError::Large { what: what(), limit: request.limit },
            Fault::Other(source) => AppRegistryError::Fetch { what: what(), source },
        })
    }
}

fn parse<'a, T: Deserialize<'a>>(answer: &'a [u8], what: impl Fn() -> String) -> Result<T, AppRegistryError> {
    serde_json::from_slice(answer).map_err(|error| AppRegistryError::Answer { what: what(), why: error.to_string() })
}
