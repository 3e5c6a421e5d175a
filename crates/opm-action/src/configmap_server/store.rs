//! From what a ConfigMap holds to a database that answers.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use anyhow::Context as _;
use opm_api::Facts;
use opm_configmap::{Catalog as Source, Found, Place};
use opm_model::{Query as _, Stop};
use opm_sqlite::{Catalog, Content, Edit, SchemaUpgrade, StoreError};
use tempfile::TempDir;

use super::Options;
use crate::serve::listen::{Loaded, milliseconds};

/// Makes a database of each state of a ConfigMap.
pub(super) struct Store {
    place: Place,
    database: PathBuf,
    permissive: bool,
    port: u16,
    stop: Stop,
    served: Mutex<Vec<Served>>,
}

/// A state that somebody may still be reading. It has a database of its own, so that the next one does not change what it answers.
struct Served {
    catalog: Weak<Catalog>,
    directory: TempDir,
    /// What the catalog itself has put aside.
    private: PathBuf,
}

impl Store {
    pub(super) fn new(options: &Options, place: Place, port: u16, stop: Stop) -> Self {
        let (database, permissive) = (options.database.clone(), options.permissive);
        Self { place, database, permissive, port, stop, served: Mutex::default() }
    }

    /// Makes the database anew, and opens it. Where that fails, it is what it was before.
    pub(super) fn load(&self, found: &Found) -> anyhow::Result<Loaded> {
        let begin = Instant::now();
        let findings = self.fill(found)?;
        for finding in &findings {
            for line in crate::report(finding) {
                tracing::warn!("permissive mode enabled: error loading manifests from configmap: {line}");
            }
        }
        let directory = crate::bundles::private("opm-configmap-");
        let directory = directory.with_context(|| format!("cannot use {}", std::env::temp_dir().display()))?;
        let copy = directory.path().join("catalog.db");
        fs::copy(&self.database, &copy)
            .with_context(|| format!("copy {} to {}", self.database.display(), copy.display()))?;
        let catalog = Arc::new(Catalog::open(&copy, Content::Always, SchemaUpgrade::Refuse)?);
        let packages = catalog.list_packages(&self.stop)?.len();
        {
            let private = catalog.private_dir().to_owned();
            let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            served.retain(|served| served.catalog.strong_count() > 0);
            served.push(Served { catalog: Arc::downgrade(&catalog), directory, private });
        }
        tracing::info!(
            configMapName = self.place.name,
            configMapNamespace = self.place.namespace,
            ms = milliseconds(begin),
            packages,
            resourceVersion = found.version,
            port = self.port,
            "serving registry"
        );
        let facts =
            Facts { packages: Some(packages as u64), seconds: begin.elapsed().as_secs_f64(), ..Facts::default() };
        Ok(Loaded { catalog, facts })
    }

    /// Makes the database anew; answers what a permissive run goes on with.
    fn fill(&self, found: &Found) -> anyhow::Result<Vec<anyhow::Error>> {
        let (source, faults) = Source::read(&found.content);
        let mut findings: Vec<anyhow::Error> = faults.into_iter().map(Into::into).collect();
        let result = opm_sqlite::create(&self.database, None, &self.stop, |edit| {
            insert(edit, &source, &mut findings)?;
            if findings.is_empty() || self.permissive { Ok(()) } else { Err(StoreError::Stopped) }
        });
        if !findings.is_empty() && !self.permissive {
            let error = crate::failure::all(findings).context("error loading manifests from configmap");
            return Err(error.context("permissive mode disabled"));
        }
        result?;
        Ok(findings)
    }

    /// Removes all that is temporary. Answers that were cut off may hold a catalog a little longer, but the process ends now.
    pub(super) fn clean_up(&self) {
        for served in self.served.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _gone = fs::remove_dir_all(&served.private);
            drop(served.directory);
        }
    }
}

fn insert(edit: &Edit<'_>, source: &Source, findings: &mut Vec<anyhow::Error>) -> Result<(), StoreError> {
    for bundle in &source.bundles {
        match edit.insert_bundle(bundle, false) {
            Err(error @ StoreError::Sql(_)) => return Err(error),
            Err(error) => findings.push(error.into()),
            Ok(()) => {}
        }
    }
    for manifest in &source.packages {
        match edit.load_package(manifest) {
            Err(error @ StoreError::Sql(_)) => return Err(error),
            Err(error) => {
                let about = format!("error loading package {}", manifest.package);
                findings.extend(error.flatten().into_iter().map(|e| anyhow::Error::new(e).context(about.clone())));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
