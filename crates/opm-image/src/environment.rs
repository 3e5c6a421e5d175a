//! What the crate may know of the process it runs in.

use std::ffi::OsString;
use std::path::PathBuf;

/// Everything that is taken from the environment, and only through this value.
///
/// [`Environment::default`] knows nothing: no credentials, mirrors or policy are found, no proxy is used. Two reads remain inside libraries:
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
    /// `$XDG_CACHE_HOME`.
    pub xdg_cache_home: Option<PathBuf>,
    /// `$OPM_CACHE_DIR`, where blobs are kept when that is wanted; see [`Cache`](crate::Cache).
    pub opm_cache_dir: Option<PathBuf>,
    /// `$CONTAINERS_REGISTRIES_CONF`: the one file to read instead of all `registries.conf`.
    pub containers_registries_conf: Option<PathBuf>,
    /// The directory of the machine's `registries.conf`, `registries.conf.d` and `policy.json`: `/etc/containers`.
    pub system_config_dir: Option<PathBuf>,
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
            xdg_cache_home: var("XDG_CACHE_HOME").map(PathBuf::from),
            opm_cache_dir: var("OPM_CACHE_DIR").map(PathBuf::from),
            containers_registries_conf: var("CONTAINERS_REGISTRIES_CONF").map(PathBuf::from),
            system_config_dir: cfg!(unix).then(|| PathBuf::from("/etc/containers")),
            uid: own_uid(),
            path: var("PATH"),
            temp_dir: Some(std::env::temp_dir()),
            source_date_epoch: var("SOURCE_DATE_EPOCH"),
            proxies: true,
        }
    }

    /// The user's own directory of container settings: `$XDG_CONFIG_HOME/containers`, else `~/.config/containers`.
    pub(crate) fn user_config_dir(&self) -> Option<PathBuf> {
        let config = self.xdg_config_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        config.map(|dir| dir.join("containers"))
    }

    /// Where blobs are usually kept: `$OPM_CACHE_DIR`, else `$XDG_CACHE_HOME/opm`, else `~/.cache/opm`.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let cache = || self.xdg_cache_home.clone().or_else(|| self.home.as_ref().map(|home| home.join(".cache")));
        self.opm_cache_dir.clone().or_else(|| cache().map(|dir| dir.join("opm")))
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
