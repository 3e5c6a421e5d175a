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
            // Scripts take the line apart, so it has the form that it always had.
            Output::Text => format!(
                "Version: version.Version{{OpmVersion:{:?}, GitCommit:{:?}, BuildDate:{:?}, GoOs:{:?}, GoArch:{:?}}}",
                version.opm_version, version.git_commit, version.build_date, version.os, version.arch,
            ),
        };
        opm_cli::print(&format!("{text}\n"))
    }
}
