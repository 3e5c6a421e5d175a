use std::fs;

use crate::bed::{Bed, data, sample_database};

#[test]
fn lists_packages_channels_and_bundles() {
    let bed = Bed::new();
    sample_database(&bed, "x.db");
    let list = |args: &[&str]| bed.opm(&[&["alpha", "list"], args].concat()).ok().stdout;
    assert_eq!(
        list(&["packages", "x.db"]),
        "NAME    DISPLAY NAME  DEFAULT CHANNEL\nkettle  Kettle        stable\ntea     Tea           stable\n"
    );
    assert_eq!(
        list(&["channels", "x.db", "tea"]),
        "PACKAGE  CHANNEL  HEAD\ntea      alpha    tea.v1.0.0\ntea      stable   tea.v1.0.0\n"
    );
    assert!(list(&["channels", "x.db"]).contains("\nkettle   stable   kettle.v1.0.1\n"));
    let bundles = list(&["bundles", "x.db", "tea"]);
    assert_eq!(bundles.lines().count(), 9, "{bundles}");
    let row = "tea      stable   tea.v1.0.0  tea.v0.3.0  tea.v0.3.1  <1.0.0          ";
    assert!(bundles.lines().any(|line| line == row), "{bundles}");
}

#[test]
fn what_is_no_valid_catalog_is_refused() {
    let bed = Bed::new();
    fs::write(bed.path("c.yaml"), "schema: olm.package\nname: p\n").unwrap();
    for what in ["packages", "channels", "bundles"] {
        bed.opm(&["alpha", "list", what, "c.yaml"]).fails(1, &["list c.yaml: invalid index"]);
        bed.opm(&["alpha", "list", what, &data("bundles/tea/1.0.0")]).fails(1, &["cannot list non-index "]);
    }
    sample_database(&bed, "x.db");
    for what in ["channels", "bundles"] {
        bed.opm(&["alpha", "list", what, "x.db", "coffee"]).fails(1, &["package \"coffee\" not found"]);
    }
}
