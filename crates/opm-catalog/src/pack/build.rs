//! Catalogs to packs.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use opm_model::Stop;

use super::error::write_fault;
use super::packer::Packer;
use super::{Encoding, Error, Summary, digest};
use crate::{Index, Purpose};

/// What the names of unfinished packs begin and end with.
const UNFINISHED: (&str, &str) = (".opm-pack-", ".tmp");

/// Makes a pack of the catalog at `source`, a directory (see [`crate::files`]) or a single file, and puts it at `target`, where it
/// replaces what is there. Directories above it are made.
///
/// Memory grows with the number of bundles and with the content of the largest package, not with that of the catalog. What fails or
/// is stopped leaves `target` as it was; what was killed also leaves a hidden file beside it, which the next build removes.
pub fn build(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    encoding: &Encoding,
    stop: &Stop,
) -> Result<Summary, Error> {
    let (source, target) = (source.as_ref(), target.as_ref());
    // Before the catalog is read: if it is edited meanwhile, the digest does not fit, and the pack is made again.
    let digest = digest(source)?;
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory).map_err(write_fault(directory))?;
    remove_unfinished(directory);
    let mut index = Index::within(directory);
    match index.read(source, Purpose::Take, stop) {
        Err(crate::Error::Stopped) => return Err(Error::Stopped),
        read => read?,
    }
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED.0).suffix(UNFINISHED.1).tempfile_in(directory);
    let unfinished = unfinished.map_err(write_fault(target))?;
    // Held until the file has its name, so that other builds leave it alone; where there are no locks they do so anyway.
    let _locked = unfinished.as_file().try_lock();
    let write_fault = write_fault(target);
    // Servers are rarely who built the pack.
    unfinished.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(&write_fault)?;
    let spill = tempfile::tempfile_in(directory).map_err(&write_fault)?;
    let mut packer = Packer::new(unfinished.as_file(), spill, target, encoding);
    packer.packages(&index, stop)?;
    let summary = packer.finish(digest)?;
    if stop.is_asked() {
        return Err(Error::Stopped);
    }
    unfinished.as_file().sync_all().map_err(&write_fault)?;
    unfinished.persist(target).map_err(|error| write_fault(error.error))?;
    // The name is as durable as the content where directories can be synced; where not, there is nothing to be done.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(summary)
}

/// Removes what killed builds left. Whoever still builds holds a lock.
fn remove_unfinished(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_unfinished(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            let is_left = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if is_left {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Whether a file of this name is a pack that is not finished yet.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}
