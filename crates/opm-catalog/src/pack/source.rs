//! The packages of a catalog, one after the other.

use std::borrow::Cow;
use std::path::Path;

use opm_model::Stop;

use super::Error;
use crate::blob::{Bundle, Catalog, Meta};
use crate::{Index, Purpose};

/// Reads the catalog at `root`; what is in the way meanwhile is put into `directory`.
pub(super) fn scan(root: &Path, directory: &Path, stop: &Stop) -> Result<Index, Error> {
    let mut index = Index::within(directory);
    match index.read(root, Purpose::Take, stop) {
        Err(crate::Error::Stopped) => Err(Error::Stopped),
        read => Ok(read.map(|()| index)?),
    }
}

/// What belongs to a package.
pub(super) struct Part {
    pub(super) catalog: Catalog,
}

impl Part {
    pub(super) fn load(index: &Index, package: &str) -> Result<Self, crate::Error> {
        Ok(Self { catalog: index.load(package)? })
    }

    /// How large a bundle is, roughly, in bytes.
    #[expect(clippy::unused_self, reason = "sizes need not be known of the bundle itself")]
    pub(super) fn size(&self, bundle: &Bundle) -> usize {
        bundle.properties.iter().map(|property| property.value.len()).sum()
    }

    /// A bundle with all its content.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "content need not be in memory")]
    pub(super) fn whole<'b>(&'b self, bundle: &'b Bundle) -> Result<Cow<'b, Bundle>, crate::Error> {
        Ok(Cow::Borrowed(bundle))
    }

    /// The text of a blob.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "content need not be in memory")]
    pub(super) fn text<'b>(&'b self, _: usize, blob: &'b Meta) -> Result<Cow<'b, str>, crate::Error> {
        Ok(Cow::Borrowed(&blob.json))
    }
}
