//! Where each image of a catalog goes in another registry, by the rules of `oc adm catalog mirror`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{anyhow, bail, ensure};
use opm_image::Reference;

use super::collect::Named;

/// How the tags of images are called that are named by their digests alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagStyle {
    /// A short hash of the name, as `oc adm catalog mirror` makes it.
    #[default]
    Fnv,
    /// `sha256-` and the digits of the digest.
    Digest,
}

/// What of an image's name is kept in its new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// The repository, as `oc adm catalog mirror` does.
    #[default]
    Oc,
    /// The repository below a component that stands for the registry.
    KeepHost,
    /// Registry and repository as one component.
    Flat,
}

/// A registry and a path in it that images go below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Below {
    registry: String,
    path: Vec<String>,
}

/// The rules.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) below: Below,
    /// The most components of a repository; 0 for as many as there are.
    pub(crate) max_components: usize,
    pub(crate) tags: TagStyle,
    pub(crate) naming: Naming,
}

/// An image and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// How the catalog spells it.
    pub(crate) written: String,
    /// What the image is to the cluster.
    pub(crate) source: Reference,
    /// The names of its registry that the catalog uses: clusters know mirrors by them.
    pub(crate) hosts: BTreeSet<String>,
    /// Its place: registry and repository.
    pub(crate) repository: String,
    pub(crate) tag: String,
    /// Who names it.
    pub(crate) named: Named,
}

impl Below {
    /// Reads `registry[:port][/path][/]`; a tag is passed over, as the reference does.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let rest = text.strip_prefix("docker://").unwrap_or(text).trim_end_matches('/');
        let (registry, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let has_port = registry.rsplit_once(':').is_some_and(|(_, port)| is_port(port));
        ensure!(
            has_port || registry.contains('.') || registry == "localhost",
            "`{text}` is no place for a mirror: begin it with a registry, such as registry.example.com/{rest}"
        );
        let path = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => path,
            _ => path,
        };
        // What is asked for is whether images can be called so.
        let probe = if path.is_empty() { "image" } else { path };
        format!("{registry}/{probe}:tag").parse::<Reference>()?;
        let path = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Ok(Self { registry: registry.to_owned(), path })
    }
}

/// The image that a catalog names, which may lack what tells one image of a repository from another.
pub(crate) fn parse(image: &str) -> anyhow::Result<Reference> {
    let name = image.strip_prefix("docker://").unwrap_or(image);
    if !name.contains('/') && (name.starts_with("localhost") || name.split(':').next().unwrap_or(name).contains('.')) {
        bail!("`{image}` does not name an image: it is only a registry");
    }
    if name.starts_with("sha256:") || name.starts_with("sha512:") {
        bail!("`{image}` does not name an image: it is only a digest");
    }
    let after_slash = name.rfind('/').map_or(0, |at| at + 1);
    let lacks_object = !name.contains('@') && !name[after_slash..].contains(':');
    let whole = if lacks_object { format!("{name}:latest") } else { name.to_owned() };
    Ok(whole.parse::<Reference>()?)
}

impl Rules {
    /// The place of an image; `written` is how it is named.
    pub(crate) fn place(&self, written: &str, image: &Reference) -> anyhow::Result<(String, String)> {
        let host = || image.registry().replace(['.', ':', '[', ']'], "-").trim_matches('-').to_owned();
        let own: Vec<String> = match self.naming {
            Naming::Oc => image.repository().split('/').map(str::to_owned).collect(),
            Naming::KeepHost => [host()].into_iter().chain(image.repository().split('/').map(str::to_owned)).collect(),
            Naming::Flat => vec![format!("{}-{}", host(), image.repository().replace(['/', '.'], "-"))],
        };
        let mut parts: Vec<String> = self.below.path.iter().cloned().chain(own).collect();
        if self.max_components > 0 && parts.len() > self.max_components {
            let last = parts.split_off(self.max_components - 1).join("-");
            parts.push(last);
        }
        let repository = format!("{}/{}", self.below.registry, parts.join("/"));
        let tag = match (image.tag(), image.digest(), self.tags) {
            (Some(tag), ..) => tag.to_owned(),
            (None, Some(digest), TagStyle::Digest) => format!("{}-{}", digest.algorithm(), digest.hex()),
            (None, ..) => format!("{:x}", fnv1a(&hashed(written))),
        };
        // Joined names may be longer than a registry takes.
        format!("{repository}:{tag}")
            .parse::<Reference>()
            .map_err(|error| anyhow!("{image} has no place: {error}; allow more components with --max-components"))?;
        Ok((repository, tag))
    }

    /// The places of all images, by what they are to the cluster; each image once, whatever its spellings.
    ///
    /// # Errors
    /// When two images would be at one place.
    pub(crate) fn all(&self, images: &BTreeMap<String, (Reference, Named)>) -> anyhow::Result<Vec<Mapped>> {
        let mut by_name: BTreeMap<String, Mapped> = BTreeMap::new();
        for (written, (source, named)) in images {
            let key = source.to_string();
            if let Some(known) = by_name.get_mut(&key) {
                known.named.extend(named.iter().cloned());
                known.hosts.insert(host(written, source));
                continue;
            }
            let (repository, tag) = self.place(written, source)?;
            let hosts = BTreeSet::from([host(written, source)]);
            let (written, source, named) = (written.clone(), source.clone(), named.clone());
            by_name.insert(key, Mapped { written, source, hosts, repository, tag, named });
        }
        let all: Vec<Mapped> = by_name.into_values().collect();
        let mut places: BTreeMap<(&str, &str), &Mapped> = BTreeMap::new();
        let mut clashes = Vec::new();
        for mapped in &all {
            match places.insert((&mapped.repository, &mapped.tag), mapped) {
                Some(other) if other.source.digest().is_none() || other.source.digest() != mapped.source.digest() => {
                    clashes.push(format!(
                        "{} and {} would both be {}:{}",
                        other.source, mapped.source, mapped.repository, mapped.tag
                    ));
                }
                _ => {}
            }
        }
        ensure!(
            clashes.is_empty(),
            "{}\nkeep them apart with --naming keep-host, --tag-style digest or --max-components 0",
            clashes.join("\n")
        );
        Ok(all)
    }
}

/// The registry as it is written: Docker Hub has several names.
fn host(written: &str, image: &Reference) -> String {
    let written = written.strip_prefix("docker://").unwrap_or(written);
    match written.split_once('/') {
        Some((host @ "index.docker.io", _)) => host.to_owned(),
        _ => image.registry().to_owned(),
    }
}

/// What is hashed of a name: all of it, with the repository that Docker Hub's short names stand for.
fn hashed(written: &str) -> String {
    let written = written.strip_prefix("docker://").unwrap_or(written);
    match written.split_once('/') {
        Some((registry @ ("docker.io" | "index.docker.io"), rest)) if !rest.contains('/') => {
            format!("{registry}/library/{rest}")
        }
        _ => written.to_owned(),
    }
}

/// FNV-1a of 32 bits.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn rules(below: &str, max_components: usize) -> Rules {
        let below = Below::parse(below).unwrap();
        Rules { below, max_components, tags: TagStyle::Fnv, naming: Naming::Oc }
    }

    fn place(rules: &Rules, image: &str) -> String {
        let (repository, tag) = rules.place(image, &parse(image).unwrap()).unwrap();
        format!("{repository}:{tag}")
    }

    #[test]
    fn images_get_the_names_that_others_gave_them() {
        let (a, b) = ("a".repeat(64), "b".repeat(128));
        let cases = [
            ("busybox:1".to_owned(), "library-busybox:1"),
            (format!("busybox@sha256:{a}"), "library-busybox:ed97b182"),
            (format!("docker.io/library/busybox@sha256:{a}"), "library-busybox:d4571dbf"),
            (format!("my/image@sha256:{a}"), "my-image:c566dcda"),
            (format!("docker.io/my/image@sha256:{a}"), "my-image:f657ecd9"),
            (format!("index.docker.io/my/image@sha256:{a}"), "my-image:57033b9f"),
            ("quay.io/a/b".to_owned(), "a-b:latest"),
            (format!("quay.io/a/b@sha256:{a}"), "a-b:3ba272f3"),
            (format!("quay.io/a/b:t@sha256:{a}"), "a-b:t"),
            (format!("quay.io/a/b/c/d@sha256:{a}"), "a-b-c-d:4b94444e"),
            (format!("quay.io/a/b@sha512:{b}"), "a-b:6ab555f0"),
            (format!("quay.io/foo@sha256:{a}"), "foo:32912edd"),
            (format!("quay.io/a_b/c__d@sha256:{a}"), "a_b-c__d:fb67b237"),
            (
                "quay.io/coreos/etcd-operator@sha256:c0301e4686c3ed4206e370b42de5a3bd2229b9fb4906cf85f3f30650424abec2"
                    .to_owned(),
                "coreos-etcd-operator:2f1eb95",
            ),
            ("registry:5000/x/y:z".to_owned(), "x-y:z"),
        ];
        for (image, expected) in cases {
            assert_eq!(place(&rules("r.io/ns", 2), &image), format!("r.io/ns/{expected}"), "{image}");
        }
    }

    #[test]
    fn destinations_have_many_forms() {
        let image = "h.io/imgspec/src/multi/deep/img:1";
        for (below, most, expected) in [
            ("r.io", 2, "r.io/imgspec/src-multi-deep-img:1"),
            ("r.io/ns", 2, "r.io/ns/imgspec-src-multi-deep-img:1"),
            ("r.io/ns/", 2, "r.io/ns/imgspec-src-multi-deep-img:1"),
            ("docker://r.io/ns:tag", 2, "r.io/ns/imgspec-src-multi-deep-img:1"),
            ("r:5000", 2, "r:5000/imgspec/src-multi-deep-img:1"),
            ("r.io/a/b/c", 2, "r.io/a/b-c-imgspec-src-multi-deep-img:1"),
            ("r.io/ns", 3, "r.io/ns/imgspec/src-multi-deep-img:1"),
            ("r.io/ns", 4, "r.io/ns/imgspec/src/multi-deep-img:1"),
            ("r.io/ns", 0, "r.io/ns/imgspec/src/multi/deep/img:1"),
        ] {
            assert_eq!(place(&rules(below, most), image), expected, "{below} {most}");
        }
        assert_eq!(place(&rules("r.io", 0), "quay.io/foo:1"), "r.io/foo:1");
        for bad in ["ns", "registry/ns", "registry:port/ns", "", "r.io/NS"] {
            assert!(Below::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_names_no_image_is_refused() {
        for bad in [
            "${IMAGE}",
            "https://quay.io/a:1",
            "quay.io/a@sha256:12",
            "a b",
            "quay.io",
            "localhost:5000",
            "sha256:12",
            "",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn two_images_at_one_place_are_an_error_unless_they_are_the_same() {
        let images = |all: &[&str]| -> BTreeMap<String, (Reference, Named)> {
            all.iter().map(|i| ((*i).to_owned(), (parse(i).unwrap(), Named::new()))).collect()
        };
        let rules = rules("r.io/ns", 2);
        let clash = images(&["quay.io/a-b/c:t", "quay.io/a/b-c:t"]);
        let error = rules.all(&clash).unwrap_err().to_string();
        assert!(error.contains("would both be r.io/ns/a-b-c:t") && error.contains("keep-host"), "{error}");
        let hosts = images(&["quay.io/x/y:1", "docker.io/x/y:1"]);
        assert!(rules.all(&hosts).is_err());
        let kept = Rules { naming: Naming::KeepHost, ..rules.clone() }.all(&hosts).unwrap();
        assert_eq!(kept[0].repository, "r.io/ns/docker-io-x-y");
        // Spellings of one image are one image, called by the one that sorts first.
        let digest = "a".repeat(64);
        let spelt = [format!("docker.io/my/image@sha256:{digest}"), format!("my/image@sha256:{digest}")];
        let all = rules.all(&images(&[&spelt[0], &spelt[1]])).unwrap();
        assert_eq!((all.len(), all[0].tag.as_str()), (1, "f657ecd9"));
        let all = rules.all(&images(&["docker.io/a/b:1", "index.docker.io/a/b:1", "a/b:1"])).unwrap();
        assert_eq!((all.len(), all[0].hosts.len()), (1, 2));
    }
}
