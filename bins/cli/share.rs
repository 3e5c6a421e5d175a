//! What a program says of itself in files: man pages and completion scripts, made of the same definitions as its `--help`.
//!
//! Every binary writes its own when it is called with `--write-share DIR` and nothing else, which is for `make install` and
//! packagers and therefore not in the help. Below `DIR` they lie as man and the shells look for them below `/usr/share`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

const FLAG: &str = "--write-share";
const MANUAL: &str = "man/man1";

/// The shells that programs are completed for: where their scripts lie, and what is put before and behind the program's name.
const SHELLS: &[(Shell, &str, &str, &str)] = &[
    (Shell::Bash, "bash-completion/completions", "", ""),
    (Shell::Zsh, "zsh/site-functions", "_", ""),
    (Shell::Fish, "fish/vendor_completions.d", "", ".fish"),
];

/// Writes the files of `P` if this process was started for that.
pub(crate) fn write_if_asked<P: CommandFactory>() -> Option<anyhow::Result<()>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(flag), Some(directory), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return None;
    };
    (flag == OsStr::new(FLAG)).then(|| write(P::command(), Path::new(&directory)))
}

fn write(command: Command, directory: &Path) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    for (shell, below, before, behind) in SHELLS {
        let place = made(directory, below)?;
        let path = place.join(format!("{before}{name}{behind}"));
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut command.clone(), &name, &mut script);
        fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let place = made(directory, MANUAL)?;
    let source = format!("{name} {}", command.get_version().unwrap_or_default());
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_pages(command, &source, &place)
}

fn made(directory: &Path, below: &str) -> anyhow::Result<std::path::PathBuf> {
    let place = directory.join(below);
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    Ok(place)
}

/// A page for the command and for each below it.
fn write_pages(command: Command, source: &str, place: &Path) -> anyhow::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_pages(below.clone(), source, place)?;
    }
    let examples = command.get_after_help().map(ToString::to_string);
    // A page is long help, where every argument is explained.
    let command = command.after_help(None::<&str>).mut_args(|argument| argument.hide_short_help(false));
    let page = Man::new(command).source(source).manual("Operator catalogs");
    let path = place.join(page.get_filename());
    let written = File::create(&path).and_then(|mut file| {
        page.render(&mut file)?;
        write_examples(examples.as_deref().unwrap_or_default(), &mut file)?;
        file.flush()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// What follows the help: a heading, and examples line by line.
fn write_examples(text: &str, page: &mut File) -> io::Result<()> {
    let mut lines = text.lines();
    let Some(heading) = lines.next() else { return Ok(()) };
    let mut roff = Roff::new();
    roff.control("SH", [heading.trim_end_matches(':').to_uppercase().as_str()]).control("nf", []);
    for line in lines {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
