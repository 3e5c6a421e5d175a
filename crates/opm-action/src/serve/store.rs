//! From a catalog of files to what answers: a cache that fits it, or a pack that is made of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use opm_catalog::pack::{self, Cache, Counts, Encoding, Error, FILE_NAME, Foreign, Pack};
use opm_model::{Query, Stop};

/// How the answers of a pack are encoded: as `opm-api` sends them.
pub(crate) const ENCODING: Encoding = Encoding { bundle: opm_api::encode::bundle, document: opm_api::encode::document };

/// What to do about a cache that does not belong to the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is an error.
    Enforce,
    /// A pack is made, which from then on is what the cache directory is opened for.
    Rebuild,
}

/// A catalog of files, and where what is made of it is kept.
pub(super) struct Store {
    source: PathBuf,
    cache: Option<PathBuf>,
    source_name: String,
    cache_name: String,
}

/// A catalog that answers.
pub(super) struct Opened {
    pub(super) catalog: Arc<dyn Query>,
    pub(super) digest: String,
    pub(super) counts: Counts,
}

impl Opened {
    fn pack(pack: Pack) -> Self {
        Self { digest: pack.digest().to_string(), counts: pack.counts(), catalog: Arc::new(pack) }
    }
}

/// What a cache directory came to.
enum Found {
    Fits(Opened),
    Misfit(Misfit),
}

/// Why a cache is not the catalog's.
enum Misfit {
    /// There is none.
    Empty,
    /// It was made of something else.
    Other { existing: String, computed: String },
    /// It cannot be used.
    Unusable(Error),
}

impl Store {
    pub(super) fn new(source: PathBuf, cache: Option<PathBuf>) -> Self {
        let name = |path: &Path| path.display().to_string();
        let cache_name = cache.as_deref().map_or_else(|| "temporary".to_owned(), name);
        Self { source_name: name(&source), source, cache, cache_name }
    }

    /// What the log calls the catalog.
    pub(super) fn source(&self) -> &str {
        &self.source_name
    }

    /// What the log calls the place of the cache.
    pub(super) fn place(&self) -> &str {
        &self.cache_name
    }

    /// Opens the catalog as it is now.
    pub(super) fn open(&self, trust: Trust, stop: &Stop) -> anyhow::Result<Opened> {
        let Some(directory) = &self.cache else {
            let temporary = crate::bundles::private("opm-serve-cache-");
            let temporary = temporary.with_context(|| {
                format!("cannot make a directory in {}; name one with --cache-dir", std::env::temp_dir().display())
            })?;
            // The pack stays readable after its directory has gone.
            return self.build(temporary.path(), stop).context("failed to load or rebuild cache");
        };
        let failed = match trust {
            Trust::Enforce => "integrity check failed",
            Trust::Rebuild => "failed to load or rebuild cache",
        };
        let misfit = match self.find(directory, stop).context(failed)? {
            Found::Fits(opened) => return Ok(opened),
            Found::Misfit(misfit) => misfit,
        };
        if trust == Trust::Enforce {
            return Err(self.refused(misfit).context(failed));
        }
        let (cache, configs) = (self.place(), self.source());
        match &misfit {
            Misfit::Empty => tracing::info!(cache, configs, "cache directory is empty, a pack is built"),
            Misfit::Other { existing, computed } => tracing::warn!(
                cache,
                computedDigest = computed,
                configs,
                existingDigest = existing,
                "cache requires rebuild"
            ),
            // It may be somebody's file.
            Misfit::Unusable(Error::NotAPack(_)) => return Err(self.refused(misfit).context(failed)),
            Misfit::Unusable(error) => {
                tracing::warn!(cache, configs, error = error as &dyn std::error::Error, "cache requires rebuild");
            }
        }
        self.build(directory, stop).context(failed)
    }

    fn refused(&self, misfit: Misfit) -> anyhow::Error {
        let (cache, configs) = (self.place(), self.source());
        match misfit {
            Misfit::Empty => {
                anyhow!(
                    "read existing cache digest: there is no cache in {cache}; fill it with `opm serve {configs} --cache-dir {cache} --cache-only`"
                )
            }
            Misfit::Other { existing, computed } => anyhow!(
                "cache requires rebuild: cache reports digest as \"{existing}\", but computed digest is \"{computed}\"; \
                rebuild it with `opm serve {configs} --cache-dir {cache} --cache-only`"
            ),
            Misfit::Unusable(error) => error.into(),
        }
    }

    /// Makes a pack in a directory, and opens it.
    fn build(&self, directory: &Path, stop: &Stop) -> anyhow::Result<Opened> {
        tracing::info!(cache = self.place(), configs = self.source(), "building cache");
        let pack = directory.join(FILE_NAME);
        pack::build(&self.source, &pack, &ENCODING, stop)?;
        Ok(Opened::pack(Pack::open(&pack)?))
    }

    /// Looks for a cache that belongs to the catalog. A pack is looked at before what the reference left: where a pack was made
    /// beside that, it did not fit.
    fn find(&self, directory: &Path, stop: &Stop) -> anyhow::Result<Found> {
        let Cache { pack, foreign } = Cache::of(directory)?;
        let mut misfit = Misfit::Empty;
        if let Some(path) = pack {
            self.say_found("pack");
            match self.check_pack(&path) {
                Ok(Found::Misfit(why)) => misfit = why,
                Ok(fits) => return Ok(fits),
                Err(error @ Error::Catalog(_)) => return Err(error.into()),
                Err(error) => misfit = Misfit::Unusable(error),
            }
        }
        if let Some(form) = foreign {
            self.say_found(match form {
                Foreign::Pogreb => "pogreb.v1",
                Foreign::Json => "json",
            });
            match self.check_foreign(directory, form, stop) {
                Ok(Found::Misfit(why)) => misfit = why,
                Ok(fits) => return Ok(fits),
                Err(error @ (Error::Catalog(_) | Error::Stopped)) => return Err(error.into()),
                Err(error) => misfit = Misfit::Unusable(error),
            }
        }
        Ok(Found::Misfit(misfit))
    }

    fn say_found(&self, backend: &str) {
        tracing::info!(backend, cache = self.place(), configs = self.source(), "found existing cache contents");
    }

    fn check_pack(&self, path: &Path) -> Result<Found, Error> {
        let pack = Pack::open(path)?;
        let computed = pack::digest(&self.source)?;
        if pack.digest() == computed {
            return Ok(Found::Fits(Opened::pack(pack)));
        }
        let existing = pack.digest().to_string();
        Ok(Found::Misfit(Misfit::Other { existing, computed: computed.to_string() }))
    }

    fn check_foreign(&self, directory: &Path, form: Foreign, stop: &Stop) -> Result<Found, Error> {
        let cache = pack::open_foreign(directory, form)?;
        let existing = cache.recorded_digest()?;
        let computed = cache.computed_digest(&self.source, stop)?;
        if existing != computed {
            return Ok(Found::Misfit(Misfit::Other { existing, computed }));
        }
        Ok(Found::Fits(Opened {
            digest: existing,
            counts: cache.counts(),
            catalog: Arc::from(cache as Box<dyn Query>),
        }))
    }
}
