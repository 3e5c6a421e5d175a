use opm_image::testing::FakeRegistry;

use super::push_index;
use crate::bed::Bed;

#[test]
fn images_that_the_index_lacks_are_named() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let index = push_index(&bed, &registry);
    bed.opm(&["index", "deprecatetruncate", "--use-http", "--generate", "-f", &index, "-b", "reg.example/none:1"])
        .fails(1, &["target bundlepaths for deprecation missing from registry: [reg.example/none:1]"]);
    assert!(bed.files().is_empty());
}
