//! Whether a layout has all of its images, whole and unchanged. Nothing but the layout is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt, stream};

use super::blobs::on_a_thread;
use crate::client::Client;
use crate::digest::Digest;
use crate::error::ErrorKind;
use crate::layout::{Files, Layout, Stock, hashed};
use crate::platform::Platform;
use crate::progress::Silent;
use crate::resolve::whole;
use crate::source::Source;
use crate::unpack::check_content;

/// An image that is to be in a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called there.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
}

/// What is wrong with an image of a layout.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// What the image is called.
    pub name: String,
    /// What is wrong, with the digest of what is concerned.
    pub why: String,
    /// What is there and is not what its digest says.
    pub blob: Option<Digest>,
}

impl Client {
    /// Reads every blob of all these images, and tells what is lacking or is not what its digest says; sorted, and nothing if all is
    /// well. Of images with several platforms, those of `platforms` are looked for, or all if none is named. What is in `left_out`
    /// need not be there.
    pub async fn verify(
        &self,
        dir: &Path,
        images: &[Wanted],
        platforms: &[Platform],
        left_out: &BTreeSet<Digest>,
    ) -> Vec<Damage> {
        let (mut damage, mut blobs) = (Vec::new(), BTreeMap::<(Digest, u64), Vec<&str>>::new());
        // What is wrong with the index, each image tells.
        let names = Stock::names(dir).unwrap_or_default();
        for image in images {
            let source = Source::OciLayout { dir: dir.to_owned(), tag: Some(image.name.clone()) };
            let why = match whole(self, (&source, names.get(&image.name)), platforms, &Silent).await {
                Ok(whole) => {
                    for blob in whole.blobs {
                        blobs.entry(blob).or_default().push(&image.name);
                    }
                    match whole.documents.last() {
                        Some(top) if top.digest == image.digest => continue,
                        Some(top) => format!("it is {}, and should be {}", top.digest, image.digest),
                        None => "there is no manifest".to_owned(),
                    }
                }
                Err(error) => error.to_string(),
            };
            damage.push(Damage { name: image.name.clone(), why, blob: None });
        }
        blobs.retain(|(digest, _), _| !left_out.contains(digest));
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let checks: Vec<_> =
            blobs.into_iter().map(|(blob, images)| async { (check(dir, blob).await, images) }).collect();
        let mut checked = stream::iter(checks).buffer_unordered(cores);
        while let Some((checked, images)) = checked.next().await {
            if let Err((why, blob)) = checked {
                let of = |name: &str| Damage { name: name.to_owned(), why: why.clone(), blob: blob.clone() };
                damage.extend(images.into_iter().map(of));
            }
        }
        damage.sort();
        damage
    }
}

/// What is wrong with a blob, and its digest if it has other content. What cannot be read may be whole.
async fn check(dir: &Path, (digest, size): (Digest, u64)) -> Result<(), (String, Option<Digest>)> {
    let found = Files::dir(dir).and_then(|files| Layout::Oci(files).blob(&digest));
    let path = found.map_err(|_| (format!("blob {digest} is not there"), None))?;
    let expected = digest.clone();
    let checked = on_a_thread(move || {
        let mut file = std::fs::File::open(&path).map_err(ErrorKind::io(&path))?;
        let (found, length) = hashed(&mut file, &expected).map_err(ErrorKind::io(&path))?;
        Ok(check_content("the blob", &expected, size, found.finish(), length))
    });
    let content = checked.await.map_err(|error| (error.to_string(), None))?;
    content.map_err(|error| (error.to_string(), Some(digest)))
}
