use std::fs;

use crate::bed::{Bed, data};

const CATALOG: &str = "---
schema: olm.channel
package: p
name: c
entries:
- name: p.v1
- name: p.v2
  replaces: p.v1
  skipRange: '>nonsense'
---
schema: olm.channel
package: q
name: c
entries:
- name: q.v1
";

#[test]
fn draws_what_was_asked_for() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), CATALOG).unwrap();
    let all = bed.opm(&["alpha", "render-graph", "c.yaml"]).ok();
    assert!(all.stdout.starts_with("graph LR\n"), "{}", all.stdout);
    assert!(all.stdout.contains("p-c-p.v1[\"p.v1\"]-- replace --> p-c-p.v2[\"p.v2\"]"), "{}", all.stdout);
    assert!(all.stdout.contains("subgraph \"q\""), "{}", all.stdout);
    assert!(all.stderr.contains("ignoring invalid SkipRange"), "{}", all.stderr);
    let one = bed.opm(&["alpha", "render-graph", "c.yaml", "-p", "q"]).ok().stdout;
    assert!(one.contains("subgraph \"q\"") && !one.contains("subgraph \"p\""), "{one}");
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), CATALOG).unwrap();
    bed.opm(&["alpha", "render-graph", "c.yaml", "--minimum-edge", "x"])
        .fails(1, &["unknown minimum edge name: \"x\""]);
    bed.opm(&["alpha", "render-graph", &data("bundles/tea/1.0.0")])
        .fails(1, &["cannot render bundle directory: not allowed"]);
    bed.opm(&["alpha", "render-graph"]).fails(2, &["<CATALOG>"]);
}
