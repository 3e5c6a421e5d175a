use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use opm_image::testing::{FakeRegistry, Layer, TestImage};

use crate::bed::{Bed, bundles, push};

#[test]
fn images_and_directories_are_unpacked_whole() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    let image = push(&registry, "tea/0.1.0");
    fs::create_dir(bed.path("out")).unwrap();
    fs::set_permissions(bed.path("out"), fs::Permissions::from_mode(0o751)).unwrap();
    let unpack = ["alpha", "bundle", "unpack", "--skip-validation", "-o"];
    bed.opm(&[&unpack[..], &["out", "-s", &image]].concat()).ok();
    bed.opm(&[&unpack[..], &["new/dir", &bundles(&["tea/0.1.0"])]].concat()).ok();
    for dir in ["out", "new/dir"] {
        let found = fs::read(bed.path(&format!("{dir}/metadata/annotations.yaml"))).unwrap();
        assert_eq!(found, fs::read(format!("{}/metadata/annotations.yaml", bundles(&["tea/0.1.0"]))).unwrap());
    }
    assert_eq!(fs::metadata(bed.path("out")).unwrap().permissions().mode() & 0o777, 0o751);
}

#[test]
fn what_is_wrong_leaves_nothing() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    registry.push("ns/x", "1", &TestImage::new([Layer::gzip([("manifests/a.yaml", "kind: Pot\n")])]));
    let image = format!("{}/ns/x:1", registry.host());
    fs::create_dir_all(bed.path("links/manifests")).unwrap();
    fs::write(bed.path("links/manifests/a.yaml"), "kind: Service\n").unwrap();
    symlink("/etc/passwd", bed.path("links/manifests/passwd")).unwrap();
    fs::write(bed.path("file"), "").unwrap();
    let before = bed.files();
    for (args, words) in [
        (
            &["-o", "out", "--use-http", &image][..],
            &["bundle format validation failed:", "Unable to locate metadata"][..],
        ),
        (&["-o", "out/deep", "-v", "links"], &["leads out of the bundle"]),
        (&["-o", "file", "-v", "links"], &["out file is not a directory"]),
    ] {
        bed.opm(&[&["alpha", "bundle", "unpack"], args].concat()).fails(1, words);
        assert_eq!(bed.files(), before, "{args:?}");
    }
}
