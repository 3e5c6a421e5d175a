//! Loading a directory of manifests into a database.
//!
//! The directory holds bundles (all manifests of a directory together with each CSV in it) and package manifests, in any
//! nesting. Every file is read and decoded once; directories are decoded in parallel, while those before them are stored.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use opm_bundle::{Bundle, Object, check_owned_crds};
use opm_model::PackageManifest;
use opm_sqlite::{Afterwards, Edit, StoreError};
use rayon::prelude::*;
use walkdir::{DirEntry, WalkDir};

use crate::Context;

/// How many directories are decoded at a time; this bounds what is in memory.
const DIRECTORIES_AT_ONCE: usize = 16;
/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 256 << 20;

/// What to load, and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory of manifests.
    pub manifests: PathBuf,
    /// The database. What it held before is replaced.
    pub output: PathBuf,
    /// Whether to keep what the database holds, and to add to it.
    pub append: bool,
    /// Whether to store what can be stored, and to return the findings, instead of failing.
    pub permissive: bool,
}

/// One finding, with the file or bundle that it is about.
type Finding = anyhow::Error;

/// Loads the directory. Returns what a permissive run went on with; otherwise any finding is an error, and the output is as it
/// was before.
pub fn run(options: &Options, context: &Context) -> anyhow::Result<Vec<anyhow::Error>> {
    let root = &options.manifests;
    if !fs::metadata(root)
        .with_context(|| format!("error loading manifests from directory: {}", root.display()))?
        .is_dir()
    {
        anyhow::bail!("error loading manifests from directory: {} is not a directory", root.display());
    }
    let mut findings = Vec::new();
    let work = |edit: &Edit<'_>| {
        load(edit, options, context, &mut findings)?;
        if findings.is_empty() || options.permissive { Ok(()) } else { Err(StoreError::Stopped) }
    };
    let result = if options.append {
        opm_sqlite::edit(&options.output, Afterwards::Keep, context.stop(), work)
    } else {
        opm_sqlite::create(&options.output, None, context.stop(), work)
    };
    if !findings.is_empty() && !options.permissive {
        return Err(crate::failure::all(findings).context("error loading manifests from directory"));
    }
    result?;
    Ok(findings)
}

fn load(edit: &Edit<'_>, options: &Options, context: &Context, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let (directories, unread) = directories(&options.manifests);
    findings.extend(unread);
    let mut packages = Vec::new();
    let mut decoded: Vec<Directory> = Vec::new();
    let mut chunks = directories.chunks(DIRECTORIES_AT_ONCE);
    loop {
        let next = chunks.next();
        let decode = || next.map(|chunk| chunk.par_iter().map(|files| Directory::read(files)).collect::<Vec<_>>());
        let store = || -> Result<(), StoreError> {
            for directory in decoded.drain(..) {
                findings.extend(directory.findings);
                packages.extend(directory.packages);
                for bundle in directory.bundles {
                    store_bundle(edit, bundle, options.permissive, findings)?;
                }
            }
            Ok(())
        };
        let (stored, next) = overlapped(store, decode);
        stored?;
        match next {
            Some(next) if !context.stop().is_asked() => decoded = next,
            Some(_) => return Err(StoreError::Stopped),
            None => break,
        }
    }
    for (path, manifest) in packages {
        match edit.load_package(&manifest) {
            Err(error @ StoreError::Sql(_)) => return Err(error),
            Err(error) => {
                for error in error.flatten() {
                    let about = format!("error loading package into db: {}", path.display());
                    findings.push(anyhow::Error::new(error).context(about));
                }
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Runs `store` here, since a database belongs to its thread, and `decode` on the pool meanwhile.
fn overlapped<A, B: Send>(store: impl FnOnce() -> A, decode: impl FnOnce() -> B + Send) -> (A, B) {
    let mut decoded = None;
    let stored = rayon::in_place_scope(|scope| {
        scope.spawn(|_| decoded = Some(decode()));
        store()
    });
    #[expect(clippy::expect_used, reason = "the scope ends after what it spawned, or panics")]
    let decoded = decoded.expect("decoded within the scope");
    (stored, decoded)
}

fn store_bundle(
    edit: &Edit<'_>,
    bundle: Candidate,
    permissive: bool,
    findings: &mut Vec<Finding>,
) -> Result<(), StoreError> {
    let is_sound = bundle.unsound.is_none();
    findings.extend(bundle.unsound);
    // What owns a CRD that is not there is stored all the same by a permissive run.
    if let Some(content) = bundle.content.filter(|_| is_sound || permissive) {
        match edit.insert_bundle(&content, false) {
            Err(StoreError::Sql(error)) => return Err(error.into()),
            Err(error) => findings.push(error.into()),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// The files of each directory below the root, in the order of a walk by name, and what could not be looked at. Entries whose
/// name begins with a dot are passed over, and so is what is behind links to directories.
fn directories(root: &Path) -> (Vec<Vec<PathBuf>>, Vec<Finding>) {
    let is_visible = |e: &DirEntry| e.depth() == 0 || !e.file_name().to_string_lossy().starts_with('.');
    let mut directories: std::collections::BTreeMap<PathBuf, Vec<PathBuf>> = std::collections::BTreeMap::new();
    let mut unread = Vec::new();
    for entry in WalkDir::new(root).follow_root_links(true).sort_by_file_name().into_iter().filter_entry(is_visible) {
        match entry {
            Ok(entry) if entry.path().is_file() => {
                let parent = entry.path().parent().unwrap_or(root).to_owned();
                directories.entry(parent).or_default().push(entry.into_path());
            }
            Ok(_) => {}
            Err(error) => unread.push(error.into()),
        }
    }
    (directories.into_values().collect(), unread)
}

/// A bundle as found: it can be stored if its content is there, and should be if it is sound.
struct Candidate {
    content: Option<Bundle>,
    unsound: Option<Finding>,
}

/// What one directory holds.
#[derive(Default)]
struct Directory {
    bundles: Vec<Candidate>,
    packages: Vec<(PathBuf, PackageManifest)>,
    findings: Vec<Finding>,
}

impl Directory {
    fn read(files: &[PathBuf]) -> Self {
        let mut directory = Self::default();
        let mut objects: Vec<(&PathBuf, Object)> = Vec::new();
        let decoded: Vec<_> = files.par_iter().map(|path| (path, decode(path))).collect();
        for (path, value) in decoded {
            let value = match value {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(error) => {
                    directory.findings.push(error);
                    continue;
                }
            };
            match PackageManifest::from_value(&value) {
                Ok(manifest) if manifest.package.is_empty() => {}
                Ok(manifest) => directory.packages.push((path.clone(), manifest)),
                Err(why) if is_manifest(path) => {
                    directory.findings.push(anyhow::Error::new(why).context(undecodable(path)));
                }
                Err(_) => {}
            }
            objects.extend(Object::from_value(value).map(|object| (path, object)));
        }
        for (path, csv) in objects.iter().filter(|(_, o)| o.is_csv()) {
            let own: Vec<&Object> =
                objects.iter().map(|(_, o)| o).filter(|o| !o.is_csv() || o.name() == csv.name()).collect();
            let unsound =
                check_owned_crds(&own).err().map(|e| anyhow::Error::new(e).context(path.display().to_string()));
            let content = Bundle::from_objects(&own);
            let (content, unsound) = match content {
                Ok(bundle) => (Some(bundle), unsound),
                Err(why) => {
                    let about = format!("{}: error adding operator bundle {}//", path.display(), csv.name());
                    directory.findings.extend(unsound);
                    (None, Some(anyhow::Error::new(why).context(about)))
                }
            };
            directory.bundles.push(Candidate { content, unsound });
        }
        directory
    }
}

/// Whether the name of a file says that it is a manifest.
fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}

fn undecodable(path: &Path) -> String {
    format!("could not decode contents of file {} into package", path.display())
}

/// The first document of a file; `None` where it is empty, or is no manifest by its name and none by its content.
fn decode(path: &Path) -> Result<Option<serde_json::Value>, Finding> {
    let about = |what| format!("{what} {}", path.display());
    let size = fs::metadata(path).with_context(|| about("read"))?.len();
    anyhow::ensure!(
        size <= LARGEST_FILE,
        "{}: its {size} bytes are more than the {LARGEST_FILE} that a manifest may have",
        path.display()
    );
    let content = fs::read(path).with_context(|| about("read"))?;
    match opm_document::first(&content) {
        Ok(value) => Ok(value),
        Err(why) if is_manifest(path) => Err(anyhow::Error::new(why).context(undecodable(path))),
        Err(_) => Ok(None),
    }
}
