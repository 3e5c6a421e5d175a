//! Building by ourselves: a layer on a base, or an image of nothing but this program and what it serves.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use opm_image::build::{Change, Contents, Output, Plan};
use opm_image::{Client, Digest, Platform};

use crate::{Context, ImageOptions};

/// Where images have `opm`.
const OPM: &str = "bin/opm";
/// What `opm` is called besides, and is then: links to it make it the other programs.
const LINKS: &[&str] = &["configmap-server", "grpc_health_probe", "initializer", "registry-server"];
/// The user that the programs run as, a number so that clusters see that it is not root.
const USER: &str = "1001";
/// Where they start, and whatever is temporary is: the one directory that everybody may write to.
const TEMPORARY: &str = "tmp";

/// An image in the making.
pub(crate) struct Native<'a> {
    /// The image that it is built on. Without one it has this program, to be started by its entry point, and not as root; on
    /// `scratch`, it has not.
    pub(crate) base: Option<&'a str>,
    pub(crate) contents: Contents,
    pub(crate) change: Change,
    pub(crate) images: &'a ImageOptions,
}

impl Native<'_> {
    pub(super) async fn build(mut self, outputs: &[Output], context: &Context) -> anyhow::Result<Digest> {
        let base = match self.base {
            Some("scratch") => None,
            Some(base) => Some(base.parse()?),
            None => {
                add_programs(own_binary()?, &mut self.contents, &mut self.change)?;
                None
            }
        };
        let plan = Plan { base, contents: self.contents, change: self.change };
        let client = Client::new(self.images.clone(), context.environment.clone())?;
        let work = async { Ok(client.build(&plan, outputs, context.progress.as_ref()).await?) };
        context.unless_interrupted(work).await
    }
}

/// Puts `opm` into an image that has nothing else to run, under all its names, and with what it needs.
pub(crate) fn add_programs(opm: PathBuf, contents: &mut Contents, change: &mut Change) -> anyhow::Result<()> {
    contents.file(OPM, opm, true)?;
    for name in LINKS {
        contents.link(&format!("bin/{name}"), "opm")?;
    }
    contents.directory(TEMPORARY, true)?;
    change.entrypoint = Some(vec![format!("/{OPM}")]);
    change.user = Some(USER.to_owned());
    change.working_dir = Some(format!("/{TEMPORARY}"));
    Ok(())
}

/// The file of this very program.
pub(crate) fn this_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find the file of this program")
}

/// The same, if it runs where there are no libraries.
pub(super) fn own_binary() -> anyhow::Result<PathBuf> {
    let path = this_program()?;
    runs_alone(&path, &Platform::host(), "name a base with --binary-image (of `opm registry build`: --from), or use")?;
    Ok(path)
}

/// Fails where a program does not run on a platform, or not where there are no libraries. `else_` begins what may be done about
/// the latter.
pub(crate) fn runs_alone(path: &Path, platform: &Platform, else_: &str) -> anyhow::Result<()> {
    let program = Program::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(architecture) = program.architecture() {
        ensure!(
            architecture == platform.architecture,
            "{} was built for {architecture}, but the image is for {platform}: --platform says what it is for",
            path.display()
        );
    }
    ensure!(
        program.is_static,
        "{} needs the libraries of this machine, so that an image of nothing but it would not start: {else_} a statically linked \
        opm (`make static` builds one)",
        path.display()
    );
    Ok(())
}

/// What an ELF file says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    machine: u16,
    /// Whether it has no interpreter, which would load its libraries.
    is_static: bool,
}

impl Program {
    /// Machines of ELF files with 64 bits, little-endian, and what Go calls them.
    const MACHINES: &[(u16, &str)] =
        &[(21, "ppc64le"), (62, "amd64"), (183, "arm64"), (243, "riscv64"), (258, "loong64")];

    fn read(path: &Path) -> io::Result<Self> {
        const INTERPRETER: u32 = 3;
        let mut file = File::open(path)?;
        let mut header = [0; 64];
        file.read_exact(&mut header)?;
        if &header[..6] != b"\x7fELF\x02\x01" {
            return Err(io::Error::other("it is not an ELF file for 64 bits, little-endian"));
        }
        let offset = header[32..40].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let mut is_static = true;
        for number in 0..u64::from(half(56)) {
            let mut kind = [0; 4];
            file.seek(SeekFrom::Start(offset.wrapping_add(number * u64::from(half(54)))))?;
            file.read_exact(&mut kind)?;
            is_static &= u32::from_le_bytes(kind) != INTERPRETER;
        }
        Ok(Self { machine: half(18), is_static })
    }

    fn architecture(&self) -> Option<&'static str> {
        Self::MACHINES.iter().find(|(machine, _)| *machine == self.machine).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::str::FromStr as _;

    use super::*;

    #[test]
    fn what_needs_an_interpreter_is_not_static() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("elf");
        let mut elf = vec![0_u8; 64 + 2 * 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (elf[32], elf[54], elf[56]) = (64, 56, 2);
        elf[64] = 1;
        std::fs::write(&path, &elf).unwrap();
        assert!(Program::read(&path).unwrap().is_static);
        let amd64 = Platform::from_str("linux/amd64").unwrap();
        runs_alone(&path, &amd64, "").unwrap();
        elf[18] = 183;
        std::fs::write(&path, &elf).unwrap();
        let error = runs_alone(&path, &amd64, "").unwrap_err().to_string();
        assert!(error.contains("was built for arm64, but the image is for linux/amd64"), "{error}");
        runs_alone(&path, &Platform::from_str("linux/arm64").unwrap(), "").unwrap();
        elf[64 + 56] = 3;
        std::fs::write(&path, &elf).unwrap();
        assert!(!Program::read(&path).unwrap().is_static);
        for broken in [&elf[..100], b"#!/bin/sh\n"] {
            std::fs::write(&path, broken).unwrap();
            assert!(Program::read(&path).is_err());
        }
    }
}
