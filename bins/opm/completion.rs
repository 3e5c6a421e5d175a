use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print the completion script of a shell
#[derive(Args)]
#[command(after_help = "Examples:\n  source <(opm completion bash)\n  opm completion zsh > \"${fpath[1]}/_opm\"")]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,

    /// Accepted for compatibility
    #[arg(long, hide = true)]
    no_descriptions: bool,
}

impl Completion {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Opm::command(), "opm", &mut script);
        opm_cli::print(&String::from_utf8_lossy(&script))
    }
}
