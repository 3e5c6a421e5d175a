//! A build from its plan to its outputs.

use std::path::Path;

use super::{Blobs, Output, Plan, epoch_of, make};
use crate::client::Client;
use crate::digest::Digest;
use crate::error::{ErrorKind, ImageError};
use crate::layout;
use crate::progress::{Event, Progress};
use crate::push;

impl Client {
    /// Builds an image and writes it to each of the outputs, in their order. The answer is the digest of what the name of the
    /// first output then leads to: a manifest, or an index of several.
    ///
    /// Media types are the base's, OCI's from scratch. OCI image layouts have OCI's always, because other tools look for no
    /// others there, and so the digest in them is another when the base has Docker's.
    ///
    /// The same plan, base and [`source_date_epoch`](crate::Environment::source_date_epoch) give the same digest. On failure,
    /// or when the future is dropped, the output at hand is as it was, though a registry may keep blobs that nothing names;
    /// those before it are written.
    ///
    /// # Errors
    /// When the base is not there, is for another platform than asked for or is damaged; when a file cannot be read, or an
    /// output not be written. The text names the base, or the output.
    pub async fn build(&self, plan: &Plan, outputs: &[Output], progress: &dyn Progress) -> Result<Digest, ImageError> {
        for output in outputs {
            check(output).map_err(|kind| ImageError::of(output, kind))?;
        }
        let epoch = epoch_of(self.source_date_epoch())?;
        let blobs = Blobs::new(self)?;
        let made = make::make(&blobs, plan, epoch, progress).await?;
        let oci = made.as_oci()?;
        let mut first = None;
        for output in outputs {
            let text = output.to_string();
            progress.event(Event::Writing { output: &text });
            let written = match output {
                Output::Registry(to) => push::push(&blobs, &made, to, progress).await.map(|()| &made),
                Output::OciLayout { dir, tag } => {
                    layout::write_dir(&blobs, &oci, dir, tag.as_deref(), progress).await.map(|()| &oci)
                }
                Output::OciArchive { file, tag } => {
                    layout::write_oci(&blobs, &oci, (file, tag.as_deref()), epoch, progress).await.map(|()| &oci)
                }
                Output::DockerArchive { file, tag } => {
                    layout::write_docker(&blobs, &made, (file, tag.as_deref()), epoch, progress).await.map(|()| &made)
                }
            };
            let digest = &written.map_err(|error| error.or_of(output))?.top.digest;
            first.get_or_insert_with(|| digest.clone());
            progress.event(Event::Written { output: &text, digest });
        }
        if plan.base.is_some() {
            progress.event(Event::Done);
        }
        Ok(first.unwrap_or_else(|| made.top.digest.clone()))
    }
}

/// Finds out early what would fail late.
fn check(output: &Output) -> Result<(), ErrorKind> {
    output.check(&output.to_string()).map_err(ErrorKind::Reference)?;
    if let Some(file) = output.file() {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::metadata(parent).map_err(ErrorKind::io(parent))?;
        if std::fs::metadata(file).is_ok_and(|meta| !meta.is_file()) {
            return Err(ErrorKind::layout(file, "it is not a file"));
        }
    }
    Ok(())
}
