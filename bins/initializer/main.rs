//! `initializer`: a directory of manifests into a database. `opm` is this program, too, where it is started under its name.

mod program;

fn main() -> std::process::ExitCode {
    program::main()
}
