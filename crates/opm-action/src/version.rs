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
    /// When they were built; empty where it is not known.
    pub build_date: &'static str,
    /// The operating system that they were built for, as container images name it.
    pub os: &'static str,
    /// The architecture that they were built for, as container images name it.
    pub arch: &'static str,
}

/// The version of this program.
pub fn run() -> Version {
    Version {
        opm_version: env!("CARGO_PKG_VERSION"),
        git_commit: option_env!("GIT_COMMIT").unwrap_or_default(),
        build_date: option_env!("BUILD_DATE").unwrap_or_default(),
        os: std::env::consts::OS,
        arch: match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        },
    }
}
