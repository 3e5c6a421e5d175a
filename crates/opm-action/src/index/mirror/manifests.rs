//! What a cluster has to know of a mirror: where its images are, and its catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};

use super::mapping::Mapped;
use crate::index::pipeline::write_atomically;

/// The file that says where each image is.
const MAPPING: &str = "mapping.txt";

/// The kinds of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `ImageDigestMirrorSet`, in `imageDigestMirrorSet.yaml`.
    Idms,
    /// `ImageTagMirrorSet`, in `imageTagMirrorSet.yaml`.
    Itms,
    /// `ImageContentSourcePolicy`, in `imageContentSourcePolicy.yaml`.
    Icsp,
    /// `CatalogSource`, in `catalogSource.yaml`.
    CatalogSource,
    /// `ClusterCatalog`, in `clusterCatalog.yaml`.
    ClusterCatalog,
}

impl Kind {
    /// Those that are written unless others are asked for.
    pub const USUAL: [Self; 3] = [Self::Idms, Self::Itms, Self::CatalogSource];

    /// The most bytes of one object, which is what clusters take.
    pub const LARGEST: usize = 250_000;

    const ALL: [Self; 5] = [Self::Idms, Self::Itms, Self::Icsp, Self::CatalogSource, Self::ClusterCatalog];

    fn file(self) -> &'static str {
        match self {
            Self::Idms => "imageDigestMirrorSet.yaml",
            Self::Itms => "imageTagMirrorSet.yaml",
            Self::Icsp => "imageContentSourcePolicy.yaml",
            Self::CatalogSource => "catalogSource.yaml",
            Self::ClusterCatalog => "clusterCatalog.yaml",
        }
    }

    /// API version, kind and list, of those that are sets.
    fn set(self) -> Option<[&'static str; 3]> {
        match self {
            Self::Idms => Some(["config.openshift.io/v1", "ImageDigestMirrorSet", "imageDigestMirrors"]),
            Self::Itms => Some(["config.openshift.io/v1", "ImageTagMirrorSet", "imageTagMirrors"]),
            Self::Icsp => {
                Some(["operator.openshift.io/v1alpha1", "ImageContentSourcePolicy", "repositoryDigestMirrors"])
            }
            Self::CatalogSource | Self::ClusterCatalog => None,
        }
    }
}

/// How much one entry of a set is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// One repository.
    #[default]
    Repository,
    /// All repositories that differ in their last component only.
    Namespace,
    /// All repositories of a registry.
    Registry,
}

/// What to write of a mirror.
pub(super) struct Manifests<'a> {
    /// The images that are at their places.
    pub(super) images: &'a [Mapped],
    /// The catalog; absent when it is not at its place.
    pub(super) catalog: Option<&'a Mapped>,
    /// Where the names of objects come from: the repository of the catalog.
    pub(super) repository: &'a str,
    pub(super) catalog_name: Option<&'a str>,
    pub(super) kinds: &'a [Kind],
    pub(super) scope: Scope,
    /// The most bytes of one object.
    pub(super) largest: usize,
}

/// `SOURCE=PLACE`, a line for each image, as `oc image mirror -f` reads it.
fn mapping(images: &[Mapped]) -> String {
    let mut lines: Vec<String> =
        images.iter().map(|image| format!("{}={}:{}\n", source_key(image), image.repository, image.tag)).collect();
    lines.sort();
    lines.concat()
}

/// The image as it is asked for: by its digest if it has one.
pub(super) fn source_key(image: &Mapped) -> String {
    let source = &image.source;
    let host = image.hosts.first().map_or(source.registry(), String::as_str);
    let name = format!("{host}/{}", source.repository());
    match (source.digest(), source.tag()) {
        (Some(digest), _) => format!("{name}@{digest}"),
        (None, tag) => format!("{name}:{}", tag.unwrap_or("latest")),
    }
}

impl Manifests<'_> {
    /// Writes all files, each in one step. Those of kinds that there is nothing for are removed.
    pub(super) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let mut files = vec![(MAPPING, mapping(self.images))];
        for kind in Kind::ALL {
            files.push((kind.file(), if self.kinds.contains(&kind) { self.text(kind)? } else { String::new() }));
        }
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        for (name, text) in files {
            let path = dir.join(name);
            let written = if text.is_empty() && name != MAPPING {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                    removed => removed,
                }
            } else {
                write_atomically(&path, text.as_bytes())
            };
            written.with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }

    fn text(&self, kind: Kind) -> anyhow::Result<String> {
        let name = sanitized(self.repository.split_once('/').map_or(self.repository, |(_, rest)| rest));
        match kind.set() {
            Some(set) => documents(set, &name, &self.entries(kind)?, self.largest),
            None => Ok(self.catalog.map_or_else(String::new, |catalog| self.of_catalog(kind, catalog))),
        }
    }

    /// The mirrors of each source.
    fn entries(&self, kind: Kind) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
        let mut entries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for image in self.images {
            let wanted = match kind {
                Kind::Itms => image.source.tag().is_some() && self.catalog.is_none_or(|catalog| catalog != image),
                _ => image.source.digest().is_some(),
            };
            if wanted {
                for host in &image.hosts {
                    let (source, mirror) = self.scope.entry(image, host)?;
                    entries.entry(source).or_default().insert(mirror);
                }
            }
        }
        if self.scope != Scope::Repository
            && let Some((source, mirrors)) = entries.iter().find(|(_, mirrors)| mirrors.len() > 1)
        {
            let mirrors: Vec<&str> = mirrors.iter().map(String::as_str).collect();
            return Err(anyhow!("{source} is spread over {}; use --idms-scope repository", mirrors.join(", ")));
        }
        Ok(entries)
    }

    fn of_catalog(&self, kind: Kind, catalog: &Mapped) -> String {
        let last = self.repository.rsplit('/').next().unwrap_or_default();
        let name = self.catalog_name.map_or_else(|| sanitized(last), str::to_owned);
        let repository = &catalog.repository;
        let place = match catalog.source.digest() {
            Some(digest) => format!("{repository}@{digest}"),
            None => format!("{repository}:{}", catalog.tag),
        };
        if kind == Kind::ClusterCatalog {
            return format!(
                "apiVersion: olm.operatorframework.io/v1\nkind: ClusterCatalog\nmetadata:\n  name: {name}\nspec:\n  source:\n    \
                 image:\n      ref: {place}\n    type: Image\n"
            );
        }
        format!(
            "apiVersion: operators.coreos.com/v1alpha1\nkind: CatalogSource\nmetadata:\n  name: {name}\n  namespace: \
             openshift-marketplace\nspec:\n  image: {place}\n  sourceType: grpc\n"
        )
    }
}

impl Scope {
    /// The source and the mirror that say where an image is.
    fn entry(self, image: &Mapped, host: &str) -> anyhow::Result<(String, String)> {
        let path = image.source.repository();
        let (kept, common) = match self {
            Self::Repository => return Ok((format!("{host}/{path}"), image.repository.clone())),
            Self::Namespace => path
                .rsplit_once('/')
                .map_or((host.to_owned(), path), |(namespace, last)| (format!("{host}/{namespace}"), last)),
            Self::Registry => (host.to_owned(), path),
        };
        match image.repository.strip_suffix(common).and_then(|rest| rest.strip_suffix('/')) {
            Some(mirror) => Ok((kept, mirror.to_owned())),
            None => Err(anyhow!(
                "{host}/{path} is at {}, which no entry for {kept} can say; use --idms-scope repository, or keep paths as they are \
                 with --max-components 0",
                image.repository
            )),
        }
    }
}

/// As many documents as it takes to keep each of them below `largest` bytes.
fn documents(
    [version, kind, list]: [&str; 3],
    name: &str,
    entries: &BTreeMap<String, BTreeSet<String>>,
    largest: usize,
) -> anyhow::Result<String> {
    let head = |number: usize| {
        format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata:\n  labels:\n    operators.openshift.org/catalog: \"true\"\n  \
             name: {name}-{number}\nspec:\n  {list}:\n"
        )
    };
    let (mut all, mut number) = (String::new(), 0);
    let mut document = head(0);
    for (source, mirrors) in entries {
        let mut entry = "  - mirrors:\n".to_owned();
        for mirror in mirrors {
            writeln!(entry, "    - {mirror}")?;
        }
        writeln!(entry, "    source: {source}")?;
        if document.len() + entry.len() > largest && document.len() > head(number).len() {
            write!(all, "---\n{document}")?;
            number += 1;
            document = head(number);
        }
        ensure!(
            document.len() + entry.len() <= largest,
            "the entry of {source} does not fit into an object of {largest} bytes; allow more with --max-idms-size"
        );
        document.push_str(&entry);
    }
    if !entries.is_empty() {
        write!(all, "---\n{document}")?;
    }
    Ok(all)
}

/// A name as Kubernetes takes it for objects and for the services that come of them: a DNS label that begins with a letter.
fn sanitized(name: &str) -> String {
    let plain: String =
        name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let plain = plain.trim_matches('-');
    let named =
        if plain.starts_with(|c: char| c.is_ascii_lowercase()) { plain.to_owned() } else { format!("catalog-{plain}") };
    // Sets have numbers behind their names.
    named.chars().take(58).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::collect::Named;
    use super::super::mapping::parse;
    use super::*;

    fn mapped(source: &str, repository: &str, tag: &str) -> Mapped {
        let (repository, tag) = (repository.to_owned(), tag.to_owned());
        let (written, source) = (source.to_owned(), parse(source).unwrap());
        let hosts = BTreeSet::from([source.registry().to_owned()]);
        Mapped { written, source, hosts, repository, tag, named: Named::new() }
    }

    fn manifests(images: &[Mapped], scope: Scope) -> Manifests<'_> {
        let (catalog, kinds) = (images.last(), &Kind::ALL);
        Manifests {
            images,
            catalog,
            repository: "src/My_Index.x",
            catalog_name: None,
            kinds,
            scope,
            largest: Kind::LARGEST,
        }
    }

    #[test]
    fn files_are_as_oc_writes_them() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let images = [
            mapped(&format!("quay.io/a/b@{digest}"), "r.io/ns/a-b", "3ba272f3"),
            mapped("quay.io/c/d:1", "r.io/ns/c-d", "1"),
            mapped(&format!("quay.io/e/f:2@{digest}"), "r.io/ns/e-f", "2"),
            mapped("quay.io/src/index:v1", "r.io/ns/src-index", "v1"),
        ];
        let dir = tempfile::tempdir().unwrap();
        manifests(&images, Scope::Repository).write(dir.path()).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(
            read("mapping.txt"),
            format!(
                "quay.io/a/b@{digest}=r.io/ns/a-b:3ba272f3\nquay.io/c/d:1=r.io/ns/c-d:1\nquay.io/e/f@{digest}=r.io/ns/e-f:2\n\
                 quay.io/src/index:v1=r.io/ns/src-index:v1\n"
            )
        );
        assert_eq!(
            read("imageDigestMirrorSet.yaml"),
            "---\napiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  labels:\n    \
             operators.openshift.org/catalog: \"true\"\n  name: my-index-x-0\nspec:\n  imageDigestMirrors:\n  - mirrors:\n    \
             - r.io/ns/a-b\n    source: quay.io/a/b\n  - mirrors:\n    - r.io/ns/e-f\n    source: quay.io/e/f\n"
        );
        let itms = read("imageTagMirrorSet.yaml");
        assert!(itms.contains("source: quay.io/c/d\n") && itms.contains("source: quay.io/e/f\n"));
        assert!(!itms.contains("quay.io/a/b") && !itms.contains("index\n"), "{itms}");
        assert!(read("imageContentSourcePolicy.yaml").contains("  repositoryDigestMirrors:\n"));
        assert!(read("catalogSource.yaml").contains("  name: my-index-x\n"));
        assert!(read("catalogSource.yaml").contains("  image: r.io/ns/src-index:v1\n"));
        assert!(read("clusterCatalog.yaml").contains("      ref: r.io/ns/src-index:v1\n"));
        // What is not there any more is not promised any more.
        Manifests { kinds: &[], ..manifests(&images[..1], Scope::Repository) }.write(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn sets_are_split_by_their_final_size() {
        let images: Vec<_> =
            (0..20).map(|n| mapped(&format!("q.io/a/i{n:02}:1"), &format!("r.io/a-i{n:02}"), "1")).collect();
        let entries = manifests(&images, Scope::Repository).entries(Kind::Itms).unwrap();
        let text = documents(["v", "k", "l"], "n", &entries, 400).unwrap();
        let parts: Vec<&str> = text.split("---\n").skip(1).collect();
        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= 400), "{text}");
        assert!(parts[1].contains("name: n-1\n"));
        assert_eq!(text.matches("source: ").count(), 19);
        assert!(documents(["v", "k", "l"], "n", &entries, 50).is_err());
    }

    #[test]
    fn wide_scopes_are_refused_where_they_are_wrong() {
        let of = |images: &[Mapped], scope| manifests(images, scope).text(Kind::Itms);
        let other = mapped("x.io/y:1", "r.io/y", "1");
        let kept = [mapped("q.io/a/b:1", "r.io/ns/a/b", "1"), mapped("q.io/c:1", "r.io/ns/c", "1"), other.clone()];
        assert!(of(&kept, Scope::Registry).unwrap().contains("- r.io/ns\n    source: q.io\n"));
        assert!(of(&kept, Scope::Namespace).unwrap().contains("- r.io/ns/a\n    source: q.io/a\n"));
        let joined = [mapped("q.io/a/b:1", "r.io/ns/a-b", "1"), other.clone()];
        assert!(of(&joined, Scope::Registry).is_err());
        let spread = [mapped("q.io/a/b:1", "r.io/n/a/b", "1"), mapped("q.io/a/c:1", "r.io/m/a/c", "1"), other];
        assert!(of(&spread, Scope::Registry).unwrap_err().to_string().contains("spread over"));
    }

    #[test]
    fn names_are_labels() {
        for (name, expected) in
            [("src/catalog", "src-catalog"), ("v4.18_x", "v4-18-x"), ("4x", "catalog-4x"), ("a-", "a")]
        {
            assert_eq!(sanitized(name), expected);
        }
        assert!(sanitized(&"x".repeat(80)).len() <= 63);
    }
}
