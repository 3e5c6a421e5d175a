//! `initializer`: a directory of manifests into a database. `opm` is this program, too, where it is started under its name.

mod program;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    program::main()
}
