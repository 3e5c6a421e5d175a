use std::fs;

use opm_image::testing::{Action, FakeRegistry};

use super::catalog;
use crate::bed::Bed;

#[test]
fn a_store_is_whole_or_it_is_told_what_is_not() {
    let (bed, from) = (Bed::new(), FakeRegistry::start());
    let [tea, kettle, _] = catalog(&from);
    let index = format!("{}/ns/index:v1", from.host());
    bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index, "oci:store"]).ok();
    let verify = |store: &str| bed.opm(&["index", "mirror", "verify", store]);
    for store in ["oci:store", "store"] {
        assert_eq!(verify(store).ok().stdout, "4 images are whole\n");
    }
    let blob = |hex: &str| bed.path(&format!("store/blobs/sha256/{hex}"));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(blob(kettle.hex())).unwrap()).unwrap();
    let layer = |at: usize| manifest["layers"][at]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();

    // The shared layer with a byte that flipped, and one that is gone: all images are told that are concerned.
    let mut bytes = fs::read(blob(&layer(0))).unwrap();
    bytes[1000] ^= 1;
    fs::write(blob(&layer(0)), bytes).unwrap();
    fs::remove_file(blob(&layer(1))).unwrap();
    let told = verify("oci:store")
        .fails(3, &["wrong digest", "needed by tea.v1", "needed by kettle.v1", "fetches what is lacking"]);
    assert!(told.stderr.contains(&format!("blob sha256:{} is not there", layer(1))), "{}", told.stderr);
    // What is damaged is not known by its size, and has to be removed; what is gone is fetched again.
    bed.opm(&["index", "mirror", "verify", "--remove-damaged", "oci:store"])
        .fails(3, &["1 damaged blobs were removed"]);
    assert!(!blob(&layer(0)).exists());
    // What cannot be read may be whole.
    fs::create_dir(blob(&layer(0))).unwrap();
    let told = bed.opm(&["index", "mirror", "verify", "--remove-damaged", "oci:store"]).fails(3, &[&layer(0)]);
    assert!(!told.stderr.contains("removed"), "{}", told.stderr);
    fs::remove_dir(blob(&layer(0))).unwrap();
    assert!(
        bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index, "oci:store"]).ok().stdout.contains(" 2 blobs")
    );
    verify("oci:store").ok();

    fs::write(blob(tea.hex()), "{}").unwrap();
    verify("oci:store").fails(3, &[tea.as_str()]);
    for (store, why) in
        [("nowhere", "is no store"), ("oci:nowhere", "is no store of"), ("oci-archive:n.tar", "n.tar.001")]
    {
        verify(store).fails(1, &[why]);
    }
}

#[test]
fn what_did_not_arrive_is_missed_on_both_sides() {
    let (bed, from, to) = (Bed::new(), FakeRegistry::start(), FakeRegistry::start());
    let [tea, ..] = catalog(&from);
    from.fail(format!("/v2/ops/tea/manifests/{tea}"), 100, Action::Status(404, Vec::new(), String::new()));
    let index = format!("{}/ns/index:v1", from.host());
    bed.opm(&["index", "mirror", "--use-http", "--no-cache", &index, "oci:store"]).fails(3, &[tea.as_str()]);
    let lacks = [tea.as_str(), "did not arrive in the store", "needed by tea.v1"];
    bed.opm(&["index", "mirror", "verify", "oci:store"]).fails(3, &lacks);
    let destination = format!("{}/m", to.host());
    bed.opm(&["index", "mirror", "--use-http", "oci:store", &destination]).fails(3, &lacks);
    let mapping = fs::read_to_string(bed.path("manifests/mapping.txt")).unwrap();
    assert!(!mapping.contains(tea.as_str()) && mapping.contains("ops/kettle"), "{mapping}");
}
