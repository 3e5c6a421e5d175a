//! Building by ourselves: a layer on a base, or an image of nothing but this program and what it serves.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use opm_image::build::{Change, Contents, Output, Plan};
use opm_image::{Client, Digest};

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

/// The file of this very program, if it runs where there are no libraries.
pub(super) fn own_binary() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("cannot find the file of this program")?;
    alone(&path, "name a base with --binary-image (of `opm registry build`: --from), or use")?;
    Ok(path)
}

/// Fails where a program does not run where there are no libraries. `else_` begins what may be done about that.
pub(crate) fn alone(path: &Path, else_: &str) -> anyhow::Result<()> {
    match is_static(path) {
        Ok(true) => Ok(()),
        Ok(false) => bail!(
            "{} needs the libraries of this machine, so that an image of nothing but it would not start: {else_} a statically \
            linked opm (`make static` builds one)",
            path.display()
        ),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Whether an ELF file has no interpreter, which would load its libraries.
fn is_static(path: &Path) -> io::Result<bool> {
    const INTERPRETER: u32 = 3;
    let mut file = File::open(path)?;
    let mut header = [0; 64];
    file.read_exact(&mut header)?;
    if &header[..6] != b"\x7fELF\x02\x01" {
        return Err(io::Error::other("it is not an ELF file for 64 bits, little-endian"));
    }
    let (offset, rest) = (&header[32..40], &header[54..58]);
    let offset = offset.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let half = |at: usize| u64::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
    let (size, count) = (half(0), half(2));
    for number in 0..count {
        let mut kind = [0; 4];
        file.seek(SeekFrom::Start(offset + number * size))?;
        file.read_exact(&mut kind)?;
        if u32::from_le_bytes(kind) == INTERPRETER {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
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
        assert!(is_static(&path).unwrap());
        elf[64 + 56] = 3;
        std::fs::write(&path, &elf).unwrap();
        assert!(!is_static(&path).unwrap());
        for broken in [&elf[..100], b"#!/bin/sh\n"] {
            std::fs::write(&path, broken).unwrap();
            assert!(is_static(&path).is_err());
        }
    }
}
