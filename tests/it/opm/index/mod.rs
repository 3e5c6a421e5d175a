mod add;
mod build;
mod deprecatetruncate;
mod export;
pub(crate) mod mirror;
mod prune;
mod prune_stranded;
mod rm;

use opm_image::testing::{FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, sample_database};

const DATABASE_LABEL: &str = "operators.operatorframework.io.index.database.v1";

/// Pushes an index image with a database of the sample operators; returns its reference.
fn push_index(bed: &Bed, registry: &FakeRegistry) -> String {
    sample_database(bed, "sample.db");
    let database = std::fs::read(bed.path("sample.db")).unwrap();
    std::fs::remove_file(bed.path("sample.db")).unwrap();
    let image =
        TestImage::new([Layer::gzip([("database/index.db", database)])]).label(DATABASE_LABEL, "/database/index.db");
    registry.push("samples/index", "1", &image);
    format!("{}/samples/index:1", registry.host())
}
