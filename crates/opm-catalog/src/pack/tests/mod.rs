#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod answers;
mod damage;
mod digests;
mod files;
mod foreign;
mod questions;

use std::fs;
use std::path::{Path, PathBuf};

use opm_document::Value;
use opm_model::{Bundle, Cursor, Page, Query, QueryError, Reply, Stop};
use tempfile::TempDir;

use super::{Encoding, FILE_NAME, Pack, build};

/// An encoding that has texts in it as they are, in the order of the wire.
const ENCODING: Encoding = Encoding { bundle: encode, document };

#[expect(clippy::needless_pass_by_value, reason = "the type of an encoding")]
fn encode(bundle: Bundle) -> Vec<u8> {
    let Bundle { csv_name, package, channel, csv_json, objects, image, .. } = &bundle;
    let objects = objects.join("\u{2}");
    let (apis, versions) = ((&bundle.provided_apis, &bundle.required_apis), (&bundle.version, &bundle.skip_range));
    let edges = (&bundle.replaces, &bundle.skips, &bundle.deprecation);
    let pairs = bundle.dependencies.iter().chain(&bundle.properties);
    let pairs: Vec<String> = pairs.map(|pair| format!("{}={}", pair.kind, pair.value)).collect();
    let pairs = pairs.join("\u{2}");
    format!(
        "[{csv_name}\u{1}{package}\u{1}{channel}\u{1}{csv_json}\u{1}{objects}\u{1}{image}\u{1}{apis:?}\u{1}{versions:?}\u{1}{pairs}\u{1}{edges:?}]"
    )
    .into_bytes()
}

fn document(value: &Value) -> Vec<u8> {
    format!("<{value}>").into_bytes()
}

/// A catalog in a directory of its own, and beside it room for packs.
struct Fixture(TempDir);

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Self(tempfile::tempdir().unwrap());
        fs::create_dir(fixture.source()).unwrap();
        for (name, text) in files {
            fixture.write(name, text);
        }
        fixture
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.source().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn source(&self) -> PathBuf {
        self.0.path().join("configs")
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn target(&self) -> PathBuf {
        self.cache().join(FILE_NAME)
    }

    fn build(&self) -> Result<super::Summary, super::Error> {
        build(self.source(), self.target(), &ENCODING, &Stop::new())
    }

    fn pack(&self) -> Pack {
        self.build().unwrap();
        Pack::open(self.target()).unwrap()
    }

    /// The names of everything in the cache directory.
    fn cached(&self) -> Vec<String> {
        names(&self.cache())
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All of a listing, and the lengths of its pages.
fn pages(
    mut fetch: impl FnMut(Cursor) -> Result<Page<Vec<u8>>, QueryError>,
) -> Result<(Vec<u8>, Vec<usize>), QueryError> {
    let (mut all, mut lengths, mut next) = (Vec::new(), Vec::new(), Some(Cursor::default()));
    while let Some(at) = next {
        let page = fetch(at)?;
        lengths.push(page.items.len());
        all.extend(page.items);
        next = page.next;
    }
    Ok((all, lengths))
}

fn encoded<T>(reply: Reply<T>) -> Vec<u8> {
    match reply {
        Reply::Encoded(bytes) => bytes,
        Reply::Value(_) => panic!("a value"),
    }
}

fn page_of<T>(page: Page<Reply<T>>) -> Page<Vec<u8>> {
    Page { items: encoded(page.items), next: page.next }
}

fn list(catalog: &impl Query) -> Result<(Vec<u8>, Vec<usize>), QueryError> {
    pages(|at| catalog.list_bundles(at, &Stop::new()).map(page_of))
}

fn blobs(catalog: &impl Query, schema: &str, package: &str) -> Result<(Vec<u8>, Vec<usize>), QueryError> {
    pages(|at| catalog.list_blobs(schema, package, at, &Stop::new()).map(page_of))
}

/// Two packages: `p` with the channels `a` and `b`, and `q` with the channel `a`; bundles with and without images; blobs.
const CATALOG: &str = r#"
schema: olm.package
name: p
defaultChannel: b
description: "packs & more"
icon: {base64data: aWNvbg==, mediatype: image/png}
---
schema: olm.channel
package: p
name: b
entries:
- {name: p.v2, replaces: p.v1, skips: [p.v0, p.v1], skipRange: "<2.0.0"}
- {name: p.v1}
---
schema: olm.channel
package: p
name: a
entries:
- {name: p.v1, replaces: p.v0}
---
schema: olm.bundle
package: p
name: p.v1
properties:
- {type: olm.package, value: {packageName: p, version: 1.0.0}}
- {type: olm.gvk, value: {group: g, kind: K, version: v1}}
- {type: olm.bundle.object, value: {data: eyJraW5kIjoiU2VjcmV0In0=}}
- {type: olm.bundle.object, value: {data: eyJraW5kIjoiQ2x1c3RlclNlcnZpY2VWZXJzaW9uIn0K}}
---
schema: olm.bundle
package: p
name: p.v2
image: reg.example/p:2
relatedImages: [{name: z, image: reg.example/z:1}, {name: "", image: reg.example/y:1}]
properties:
- {type: olm.package, value: {packageName: p, version: 2.0.0}}
- {type: olm.gvk, value: {group: g, kind: K, version: v1}}
- {type: olm.gvk, value: {group: g, kind: L, version: v2}}
- {type: olm.gvk.required, value: {group: h, kind: M, version: v1}}
- {type: olm.package.required, value: {packageName: r, versionRange: ">=1.0.0 & <2"}}
- {type: custom, value: {b: "<x>", a: [1, 2]}}
- type: olm.csv.metadata
  value:
    annotations: {k: "<v>"}
    displayName: P
    crdDescriptions: {owned: [{name: ks.g, version: v1, kind: K}]}
    provider: {name: Corp}
    minKubeVersion: 1.20.0
---
schema: olm.deprecations
package: p
entries:
- {reference: {schema: olm.package}, message: old package}
- {reference: {schema: olm.channel, name: a}, message: old channel}
- {reference: {schema: olm.bundle, name: p.v1}, message: old bundle}
---
schema: custom.one
package: p
name: first
---
schema: custom.two
number: 1.50
---
schema: custom.one
package: p
name: second
---
schema: olm.package
name: q
defaultChannel: a
---
schema: olm.channel
package: q
name: a
entries:
- {name: q.v1, skips: [p.v1, p.v1]}
---
schema: olm.bundle
package: q
name: q.v1
image: reg.example/q:1
properties:
- {type: olm.package, value: {packageName: q, version: 1.0.0}}
- {type: olm.gvk, value: {group: g, kind: K, version: v1}}
"#;

/// A catalog with the texts of this length, so that they are shared.
fn large(length: usize) -> String {
    let object = |text: &str| {
        use base64::Engine;
        let json = format!("{{\"kind\":\"{text}\",\"x\":\"{}\"}}", "y".repeat(length));
        format!(
            "- {{type: olm.bundle.object, value: {{data: {}}}}}\n",
            base64::engine::general_purpose::STANDARD.encode(json)
        )
    };
    let channel = |name| {
        let head = format!("---\nschema: olm.channel\npackage: l\nname: {name}\n");
        head + "entries:\n- {name: l.v1}\n- {name: l.v2, replaces: l.v1}\n"
    };
    let bundle = |version| {
        let head = format!("---\nschema: olm.bundle\npackage: l\nname: l.v{version}\nproperties:\n");
        let own = format!("- {{type: olm.package, value: {{packageName: l, version: {version}.0.0}}}}\n");
        head + &own + &object("ClusterServiceVersion") + &object("Secret")
    };
    let package = "schema: olm.package\nname: l\ndefaultChannel: a\n".to_owned();
    package + &channel("a") + &channel("b") + &bundle(1) + &bundle(2)
}

/// A whole error, with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
