use opm_image::testing::FakeRegistry;

use super::push_index;
use crate::bed::{Bed, dump, lines};

#[test]
fn removes_packages_or_nothing() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let index = push_index(&bed, &registry);
    let rm = |packages: &str| bed.opm(&["index", "rm", "--use-http", "--generate", "-f", &index, "-o", packages]);
    rm("tea,coffee").fails(1, &["no package found for packagename coffee"]);
    assert!(bed.files().is_empty());
    rm("tea").ok();
    assert_eq!(lines(&dump(&bed.path("database/index.db")), &["package"]), "package kettle stable\n");
}
