//! Images and files made to harm: nothing is read or written outside of them, nothing takes for ever, the database stays.

use opm_image::testing::{Entry, FakeRegistry, Layer, TestImage};
use rusqlite::Connection;

use crate::bed::{Bed, sample_database};
use crate::rows::every_row;

const CSV: &str = "kind: ClusterServiceVersion\nmetadata: {name: evil.v1}\nspec: {version: 1.0.0}\n";
const ANNOTATIONS: &str = "annotations:\n  operators.operatorframework.io.bundle.package.v1: evil\n  operators.operatorframework.io.bundle.channels.v1: c\n";
/// What must not get out of the file it is in.
const SECRET: &str = "kind: Secret\nmetadata: {name: not-for-the-catalog}\n";

/// A good bundle, and what else is in its image.
fn with(more: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut entries =
        vec![Entry::file("manifests/csv.yaml", CSV), Entry::file("metadata/annotations.yaml", ANNOTATIONS)];
    entries.extend(more);
    entries
}

#[test]
fn what_leads_out_of_an_image_stays_in_it() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    std::fs::create_dir_all(bed.path("secret/manifests")).unwrap();
    std::fs::create_dir_all(bed.path("secret/metadata")).unwrap();
    std::fs::write(bed.path("secret/manifests/secret.yaml"), SECRET).unwrap();
    std::fs::write(bed.path("secret/manifests/csv.yaml"), CSV).unwrap();
    std::fs::write(bed.path("secret/metadata/annotations.yaml"), ANNOTATIONS).unwrap();
    let files = || {
        let listed = std::process::Command::new("find").arg(bed.path("secret")).output().unwrap().stdout;
        String::from_utf8(listed).unwrap()
    };
    let before = files();
    let secret = |name: &str| bed.path(&format!("secret/{name}")).to_string_lossy().into_owned();
    // That many steps up lead to the root from wherever the image is unpacked.
    let up = |name: &str| format!("{}{}", "../".repeat(30), &secret(name)[1..]);
    let written = secret("written");
    let cases: Vec<(&str, Vec<Entry>)> = vec![
        ("dots", with([Entry::file(up("written"), "x")])),
        ("absolute", with([Entry::file(&written, "x")])),
        ("inner-dots", with([Entry::file(format!("manifests/{}", up("written")), "x")])),
        ("link-to-file", with([Entry::symlink("manifests/a.yaml", secret("manifests/secret.yaml"))])),
        ("link-up-to-file", with([Entry::symlink("manifests/a.yaml", up("manifests/secret.yaml"))])),
        ("link-to-dir", with([Entry::symlink("way", secret("")), Entry::file("way/written", "x")])),
        (
            "link-to-link",
            with([
                Entry::symlink("one", ".."),
                Entry::symlink("two", "one/../../../.."),
                Entry::symlink("manifests/a.yaml", format!("../two{}", secret("manifests/secret.yaml"))),
            ]),
        ),
        ("hard-link", with([Entry::hard_link("manifests/a.yaml", secret("manifests/secret.yaml"))])),
        ("hard-link-up", with([Entry::hard_link("manifests/a.yaml", up("manifests/secret.yaml"))])),
        (
            "hard-link-to-link",
            with([Entry::symlink("way", secret("manifests")), Entry::hard_link("manifests/a.yaml", "way/secret.yaml")]),
        ),
        (
            "write-through",
            with([Entry::symlink("manifests/a.yaml", &written), Entry::file("manifests/a.yaml", "kind: Role\n")]),
        ),
        ("whiteout", with([Entry::whiteout(up("manifests/.wh.secret.yaml")), Entry::whiteout("../.wh.secret")])),
        (
            "manifests-are-a-link",
            vec![Entry::symlink("manifests", secret("manifests")), Entry::symlink("metadata", secret("metadata"))],
        ),
        ("pipe", with([Entry::fifo("manifests/pipe.yaml"), Entry::device("manifests/null.yaml")])),
        ("loop", with([Entry::symlink("manifests/a.yaml", "b.yaml"), Entry::symlink("manifests/b.yaml", "a.yaml")])),
    ];
    for (name, entries) in cases {
        registry.push("evil", name, &TestImage::new([Layer::entries(&entries)]));
        let image = format!("{}/evil:{name}", registry.host());
        let ended = bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &image]);
        assert!([0, 1].contains(&ended.status) && !ended.stderr.contains("panicked"), "{name}: {ended:?}");
        if ended.status == 0 {
            let conn = Connection::open(bed.path("x.db")).unwrap();
            let stored = "SELECT CAST(bundle AS TEXT) FROM operatorbundle";
            let stored: String = conn.query_row(stored, [], |row| row.get(0)).unwrap();
            assert!(stored.contains("evil.v1") && !stored.contains("not-for-the-catalog"), "{name}: {stored}");
            std::fs::remove_file(bed.path("x.db")).unwrap();
        } else {
            assert!(ended.stderr.contains(&image), "{name}: {ended:?}");
        }
        assert_eq!(files(), before, "{name}");
        assert_eq!(bed.files(), ["secret"], "{name}");
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let bed = Bed::new();
    let registry = FakeRegistry::start();
    sample_database(&bed, "x.db");
    let before = std::fs::read(bed.path("x.db")).unwrap();
    let image = |name: &str, layer: Layer| {
        registry.push("evil", name, &TestImage::new([layer]));
        format!("{}/evil:{name}", registry.host())
    };
    for (reference, words) in [
        (
            image("large", Layer::entries(&with([Entry::file("manifests/large.yaml", vec![b' '; (64 << 20) + 1])]))),
            "manifests/large.yaml: its 67108865 bytes are more than the 67108864 that a file of a bundle may have",
        ),
        (image("no-tar", Layer::raw("neither gzip nor tar")), "evil:no-tar"),
    ] {
        bed.opm(&["registry", "add", "--use-http", "-d", "x.db", "-b", &reference]).fails(1, &[&reference, words]);
        assert!(before == std::fs::read(bed.path("x.db")).unwrap(), "{reference}");
    }
    assert_eq!(bed.files(), ["x.db"]);
}

/// A good bundle whose only fault is one of its files, or its size.
#[test]
fn text_that_is_none_and_text_that_is_long() {
    let bed = Bed::new();
    let write = |path: &str, text: &[u8]| {
        let path = bed.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let long = "x".repeat(20 << 20);
    for (name, csv) in [
        ("latin", [CSV.as_bytes(), b"description: \xe4\n"].concat()),
        ("control", [CSV.as_bytes(), b"description: \"\x01\"\n"].concat()),
        ("long", format!("{CSV}description: {long}\n").into_bytes()),
    ] {
        write(&format!("{name}/manifests/csv.yaml"), &csv);
        write(&format!("{name}/metadata/annotations.yaml"), ANNOTATIONS.as_bytes());
    }
    bed.opm(&["registry", "add", "-d", "x.db", "-b", "latin"]).fails(1, &["bundle directory latin: ", "csv.yaml"]);
    bed.opm(&["registry", "add", "-d", "x.db", "-b", "control"]).fails(1, &["bundle directory control: ", "csv.yaml"]);
    assert!(!bed.path("x.db").exists());
    bed.opm(&["registry", "add", "-d", "x.db", "-b", "long"]).ok();
    assert!(every_row(&bed.path("x.db")).len() > 2 * long.len());
    bed.opm(&["registry", "rm", "-d", "x.db", "-o", "evil"]).ok();
    assert!(std::fs::metadata(bed.path("x.db")).unwrap().len() < 1 << 20, "its room is not given back");
}
