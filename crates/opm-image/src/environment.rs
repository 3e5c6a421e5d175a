//! What the crate may know of the process it runs in.

use std::ffi::OsString;
use std::path::PathBuf;

/// Everything that is taken from the environment, and only through this value.
///
/// [`Environment::default`] knows nothing: no credentials are found, no proxy is used. Two reads remain inside libraries:
/// proxy variables, when [`proxies`](Self::proxies) allows it, and the system's certificates.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `$REGISTRY_AUTH_FILE`.
    pub registry_auth_file: Option<PathBuf>,
    /// `$DOCKER_CONFIG`, a directory.
    pub docker_config: Option<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// The user's number, for `/run/containers/UID/auth.json`.
    pub uid: Option<u32>,
    /// `$PATH`, where `docker-credential-NAME` programs are looked up.
    pub path: Option<OsString>,
    /// Where archives are spooled to; the system's temporary directory when absent.
    pub temp_dir: Option<PathBuf>,
    /// `$SOURCE_DATE_EPOCH`, the moment that built images are given.
    pub source_date_epoch: Option<OsString>,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (and the desktop's settings on macOS and Windows)
    /// are honoured.
    pub proxies: bool,
}

impl Environment {
    /// The environment of this process. Empty variables count as unset.
    pub fn from_process() -> Self {
        let var = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        Self {
            registry_auth_file: var("REGISTRY_AUTH_FILE").map(PathBuf::from),
            docker_config: var("DOCKER_CONFIG").map(PathBuf::from),
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            xdg_runtime_dir: var("XDG_RUNTIME_DIR").map(PathBuf::from),
            xdg_config_home: var("XDG_CONFIG_HOME").map(PathBuf::from),
            uid: own_uid(),
            path: var("PATH"),
            temp_dir: Some(std::env::temp_dir()),
            source_date_epoch: var("SOURCE_DATE_EPOCH"),
            proxies: true,
        }
    }

    pub(crate) fn temp_dir(&self) -> PathBuf {
        self.temp_dir.clone().unwrap_or_else(std::env::temp_dir)
    }
}

/// The owner of this process, without a call into libc.
#[cfg(unix)]
fn own_uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|meta| meta.uid())
}

#[cfg(not(unix))]
fn own_uid() -> Option<u32> {
    None
}
