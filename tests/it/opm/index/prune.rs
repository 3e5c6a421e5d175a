use opm_image::testing::FakeRegistry;

use super::push_index;
use crate::bed::{Bed, dump, lines};

#[test]
fn keeps_what_is_named_and_refuses_slips() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let index = push_index(&bed, &registry);
    let prune =
        |args: &[&str]| bed.opm(&[&["index", "prune", "--use-http", "--generate", "-f", &index][..], args].concat());
    prune(&["-p", "tae"]).fails(1, &["no package found for packagename tae"]);
    assert!(bed.files().is_empty());
    prune(&["-p", "kettle,tae", "--permissive"]).ok();
    assert_eq!(lines(&dump(&bed.path("database/index.db")), &["package"]), "package kettle stable\n");
}
