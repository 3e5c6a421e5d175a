use opm_image::testing::FakeRegistry;

use super::push_index;
use crate::bed::{Bed, dump, lines};

#[test]
fn keeps_what_channels_list() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let index = push_index(&bed, &registry);
    bed.opm(&["index", "prune-stranded", "--use-http", "--generate", "-f", &index]).ok();
    let packages = lines(&dump(&bed.path("database/index.db")), &["package"]);
    assert_eq!(packages, "package kettle stable\npackage tea stable\n");
}
