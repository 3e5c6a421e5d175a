//! Catalogs whose bundles are given by their images.

use super::{RenderError, Renderer, entries};
use crate::blob::{Blob, Bundle, Catalog};
use crate::fields::{Fields, Read};
use crate::{Error, Origin};

#[derive(Clone, Debug)]
pub(super) struct Basic {
    entries: Vec<Blob>,
}

impl Basic {
    pub(super) fn read(mut fields: Fields<'_>, origin: &Origin) -> Read<Self> {
        Ok(Self { entries: entries(&mut fields, origin)? })
    }

    pub(super) fn references(&self) -> Vec<String> {
        let image = |entry: &Blob| match entry {
            Blob::Bundle(bundle) => Some(bundle.image.clone()),
            _ => None,
        };
        self.entries.iter().filter_map(image).collect()
    }

    pub(super) fn expand<F: FnMut(&str) -> Result<Vec<Bundle>, RenderError>>(
        self,
        mut renderer: Renderer<F>,
    ) -> Result<Catalog, Error> {
        let mut catalog = Catalog::default();
        for entry in self.entries {
            let Blob::Bundle(bundle) = entry else {
                catalog.push(entry);
                continue;
            };
            let is_bare = bundle.package.is_empty() && bundle.properties.is_empty() && bundle.related_images.is_empty();
            if !is_bare {
                let message = format!(
                    "unexpected fields present in basic template bundle {:?}: only schema and image may be given",
                    bundle.image
                );
                return Err(Error::Template(message));
            }
            if bundle.image.is_empty() {
                return Err(Error::Template(format!("basic template bundle {:?} has no image", bundle.name)));
            }
            catalog.bundles.extend(renderer.render(&bundle.image)?.into_iter().map(|rendered| rendered.bundle));
        }
        Ok(catalog)
    }
}
