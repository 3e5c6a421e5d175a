use opm_image::testing::{FakeRegistry, Layer, TestImage};

use super::{DATABASE_LABEL, push_index};
use crate::bed::{Bed, push};

#[test]
fn manifests_from_images_and_from_the_catalog() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let index = push_index(&bed, &registry);
    let export = |index: &str, package: &str| {
        bed.opm(&["index", "export", "--use-http", "-i", index, "-p", package, "-f", "out"])
    };
    export(&index, "coffee").fails(1, &["no package found for packagename coffee"]);
    assert!(bed.files().is_empty());
    export(&index, "kettle").ok();
    assert_eq!(
        std::fs::read_to_string(bed.path("out/kettle/package.yaml")).unwrap(),
        "packageName: kettle\nchannels:\n    - name: stable\n      currentCSV: kettle.v1.0.1\ndefaultChannel: stable\n"
    );
    // Without images, the catalog's own content is exported; what comes out can be loaded again.
    bed.run("initializer", &["-m", "out", "-o", "again.db"]).ok();

    let images = ["tea/0.1.0", "tea/0.2.0"].map(|b| push(&registry, b)).join(",");
    bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &images]).ok();
    let database = std::fs::read(bed.path("x.db")).unwrap();
    let image = TestImage::new([Layer::gzip([("x.db", database)])]).label(DATABASE_LABEL, "x.db");
    registry.push("samples/index", "2", &image);
    export(&format!("{}/samples/index:2", registry.host()), "tea").ok();
    let exported = std::fs::read(bed.path("out/tea/0.2.0/pots.crd.yaml")).unwrap();
    assert_eq!(exported, std::fs::read(crate::bed::data("bundles/tea/0.2.0/manifests/pots.crd.yaml")).unwrap());
}
