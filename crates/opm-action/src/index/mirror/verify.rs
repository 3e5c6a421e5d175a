//! Whether a store has all that it is to carry, found out without a network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use opm_image::mirror::{Damage, Wanted};
use opm_image::{Client, Platform};

use super::collect::Named;
use super::end::End;
use super::plan::unpack;
use super::report::Failure;
use super::store::{Inventory, Item};
use crate::Context;
use crate::failure::Incomplete;

/// What to verify.
#[derive(Clone, Debug)]
pub struct Options {
    /// `oci:DIR`, `oci-archive:FILE` or the directory alone.
    pub store: String,
    /// Whether blobs that are not what their digests say are removed, so that the next run that fills the store fetches them.
    pub remove_damaged: bool,
}

/// What is in a store that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The images in it.
    pub images: usize,
    /// Images of its catalog that earlier stores have.
    pub earlier: usize,
}

/// Reads every byte of a store.
///
/// # Errors
/// `Incomplete` with everything that is lacking or damaged; anything else when it is no store.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Verified> {
    let mut unpacked = None;
    let dir: PathBuf = match End::parse(&options.store, Path::new(""))? {
        End::Layout(dir) => dir,
        End::Archive(file) => unpacked.insert(unpack(&file, context)?).path().to_owned(),
        End::Registry(dir) if Path::new(&dir).is_dir() => dir.into(),
        End::Registry(_) | End::Tree { .. } => {
            anyhow::bail!("`{}` is no store that can be verified: write oci:DIR or oci-archive:FILE", options.store)
        }
    };
    let list = Inventory::read(&dir)?;
    let wanted = |item: &Item| Some(Wanted { name: item.path.clone(), digest: item.digest.clone()? });
    let images: Vec<Wanted> = list.images.iter().filter(|item| !item.earlier).filter_map(wanted).collect();
    let platforms = list.platforms.iter().map(|platform| platform.parse()).collect::<Result<Vec<Platform>, _>>();
    let platforms = platforms.with_context(|| format!("the list of {}", dir.display()))?;
    let client = Client::new(crate::ImageOptions::default(), context.environment.clone())?;
    let left_out = list.earlier.keys().cloned().collect();
    let verify = async { Ok(client.verify(&dir, &images, &platforms, &left_out).await) };
    let damage = context.unless_interrupted(verify).await?;
    let mut removed = 0;
    if options.remove_damaged {
        let blobs: BTreeSet<_> = damage.iter().filter_map(|damage| damage.blob.as_ref()).collect();
        for blob in &blobs {
            let path = dir.join("blobs").join(blob.algorithm()).join(blob.hex());
            std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        removed = blobs.len();
    }
    let named = |name: &str| -> Named {
        let item = list.images.iter().find(|item| item.path == name);
        item.into_iter().flat_map(|item| item.bundles.iter().cloned()).collect()
    };
    let lacking = list.images.iter().filter_map(|item| {
        let why = format!("it did not arrive in the store: {}", item.error.as_ref()?);
        Some(Damage { name: item.path.clone(), why, blob: None })
    });
    let failures: Vec<Failure> = damage
        .into_iter()
        .chain(lacking)
        .map(|Damage { name, why, .. }| Failure { named: named(&name), image: name, why, missing: false })
        .collect();
    if failures.is_empty() {
        let earlier = list.images.iter().filter(|item| item.earlier).count();
        return Ok(Verified { images: images.len(), earlier });
    }
    let mut lines: Vec<String> = failures.iter().map(Failure::text).collect();
    lines.sort();
    lines.dedup();
    let fill = format!("opm index mirror {} {}", list.catalog, options.store);
    lines.push(match (unpacked.is_some(), removed) {
        (true, _) => format!("the archive is not whole; make it again with `{fill}`"),
        (false, 0) if options.remove_damaged => format!("the store is not whole; `{fill}` fetches what is lacking"),
        (false, 0) => format!(
            "the store is not whole; `{fill}` fetches what is lacking, and what is damaged after `opm index mirror verify \
             --remove-damaged {}`",
            options.store
        ),
        (false, removed) => format!("{removed} damaged blobs were removed; `{fill}` fetches them again"),
    });
    Err(Incomplete(lines.join("\n")).into())
}
