use clap::{Args, ValueEnum};

/// Print the version
#[derive(Args)]
#[command(after_help = "Examples:\n  opm version\n  opm version -o json")]
pub(crate) struct Version {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Output {
    #[default]
    Text,
    Json,
}

impl Version {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let version = opm_action::version::run();
        let text = match self.output {
            Output::Json => serde_json::to_string_pretty(&version)?,
            Output::Text => {
                let commit = if version.git_commit.is_empty() { "unknown" } else { version.git_commit };
                format!("Version: {}\nCommit: {commit}\nPlatform: {}", version.opm_version, version.platform)
            }
        };
        opm_cli::print(&format!("{text}\n"))
    }
}
