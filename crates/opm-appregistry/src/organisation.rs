//! Where repositories are.

use std::fmt;

use url::Url;

use crate::AppRegistryError;

/// Quay's app-registry.
pub const DEFAULT_ENDPOINT: &str = "https://quay.io/cnr";

/// An organisation of an app-registry: a namespace of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    endpoint: Url,
    name: String,
}

impl Organisation {
    /// The organisation that `ORG` or `HOST/ORG` names. A host sets the endpoint to `https://HOST/cnr`, so that it goes with no
    /// `endpoint`; with neither, that is [`DEFAULT_ENDPOINT`].
    pub fn new(text: &str, endpoint: Option<&str>) -> Result<Self, AppRegistryError> {
        let bad = |why| AppRegistryError::Organisation { text: text.to_owned(), why };
        let (host, name) = match text.rsplit_once('/') {
            Some((host, name)) => (Some(host), name),
            None => (None, text),
        };
        match (host, name) {
            (None | Some(""), "") => return Err(AppRegistryError::NoOrganisation),
            (_, name) if !is_component(name) => return Err(bad("expected ORG or HOST/ORG")),
            (Some(host), _) if host.is_empty() || host.contains(['/', '@', '?', '#']) => {
                return Err(bad("expected ORG or HOST/ORG"));
            }
            (Some(_), _) if endpoint.is_some() => {
                return Err(bad("it has a host already, so that it goes with no endpoint"));
            }
            _ => {}
        }
        let endpoint = match host {
            Some(host) => parse(&format!("https://{host}/cnr"))?,
            None => parse(endpoint.unwrap_or(DEFAULT_ENDPOINT))?,
        };
        Ok(Self { endpoint, name: name.to_owned() })
    }

    /// Its name, without a host.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The endpoint, without a slash at its end.
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }

    /// The address of something below `api/v1/packages`.
    pub(crate) fn url(&self, below: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        // What has a host has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1", "packages"]).extend(below);
        }
        url
    }
}

/// `HOST[:PORT]/ORG`.
impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.endpoint.host_str().unwrap_or_default())?;
        if let Some(port) = self.endpoint.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.name)
    }
}

fn parse(text: &str) -> Result<Url, AppRegistryError> {
    let bad = |why: &str| AppRegistryError::Endpoint { text: text.to_owned(), why: why.to_owned() };
    let expected = "expected https://HOST[:PORT][/PATH]";
    let url = Url::parse(text).map_err(|error| bad(&format!("{error}; {expected}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        let text = format!("{}://…", url.scheme());
        return Err(AppRegistryError::Endpoint { text, why: "it holds a user; give a token instead".to_owned() });
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() || url.fragment().is_some()
    {
        return Err(bad(expected));
    }
    Ok(url)
}

/// Whether a name can be one segment of an address, and one component of a path.
pub(crate) fn is_component(name: &str) -> bool {
    const LONGEST: usize = 255;
    !matches!(name, "" | "." | "..")
        && name.len() <= LONGEST
        && !name.contains(|c: char| c.is_control() || "/\\".contains(c))
}
