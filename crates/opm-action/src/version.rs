//! The version of this program.

use serde::Serialize;

/// What `version` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The version of the programs.
    pub opm_version: &'static str,
    /// The commit that they were built from; empty where it is not known.
    pub git_commit: &'static str,
    /// The compiler's target, as `OS/ARCH`.
    pub platform: String,
}

/// The version of this program.
pub fn run() -> Version {
    Version {
        opm_version: env!("CARGO_PKG_VERSION"),
        git_commit: option_env!("GIT_COMMIT").unwrap_or_default(),
        platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    }
}
