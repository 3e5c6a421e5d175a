#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod blobs;
mod bundles;
mod files;
mod round_trip;
mod rules;
mod streams;
mod templates;
mod views;

use crate::{Catalog, parse};

/// The catalog in a YAML text.
fn catalog(yaml: &str) -> Catalog {
    parse(yaml.as_bytes(), None).unwrap()
}

/// A valid package `p` with two bundles in a channel `c`.
const VALID: &str = "\
schema: olm.package
name: p
defaultChannel: c
---
schema: olm.channel
package: p
name: c
entries:
- name: p.v1
- name: p.v2
  replaces: p.v1
  skips: [p.v0]
  skipRange: <2.0.0
---
schema: olm.bundle
package: p
name: p.v1
image: reg.example/p:1
properties:
- {type: olm.package, value: {packageName: p, version: 1.0.0}}
---
schema: olm.bundle
package: p
name: p.v2
image: reg.example/p:2
properties:
- {type: olm.package, value: {packageName: p, version: 2.0.0}}
";
