//! When a catalog counts as changed.

use std::fs;

use super::super::digest;
use super::Fixture;

#[test]
fn a_digest_is_of_paths_and_bytes() {
    let of = |files: &[(&str, &str)]| digest(Fixture::new(files).source()).unwrap();
    let base = of(&[("a.yaml", "x"), ("d/b.yaml", "y")]);
    assert_eq!(base, of(&[("d/b.yaml", "y"), ("a.yaml", "x")]));
    assert_eq!(base.to_string().len(), 64);
    for other in [
        of(&[]),
        of(&[("a.yaml", "x")]),
        of(&[("a.yaml", "y"), ("d/b.yaml", "x")]),
        of(&[("a.yaml", "xy"), ("d/b.yaml", "")]),
        of(&[("a.yaml", "x"), ("d/c.yaml", "y")]),
        of(&[("a.yaml", "x"), ("d-b.yaml", "y")]),
    ] {
        assert_ne!(base, other);
    }
    let ignored = of(&[("a.yaml", "x"), ("d/b.yaml", "y"), ("note.txt", "z"), (".indexignore", "note.txt")]);
    assert_eq!(base, ignored);
}

#[test]
fn every_byte_of_a_large_file_counts() {
    let fixture = Fixture::new(&[]);
    let path = fixture.source().join("large");
    let mut bytes = vec![b'x'; (2 << 20) + 5];
    fs::write(&path, &bytes).unwrap();
    let mut seen = vec![digest(fixture.source()).unwrap()];
    for at in [0, (1 << 20) - 1, 1 << 20, (2 << 20) - 1, 2 << 20, bytes.len() - 1] {
        bytes[at] = b'y';
        fs::write(&path, &bytes).unwrap();
        seen.push(digest(fixture.source()).unwrap());
        bytes[at] = b'x';
    }
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    seen.push(digest(fixture.source()).unwrap());
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn a_single_file_has_no_name() {
    let fixture = Fixture::new(&[("a.yaml", "x"), ("b.yaml", "x")]);
    assert_eq!(digest(fixture.source().join("a.yaml")).unwrap(), digest(fixture.source().join("b.yaml")).unwrap());
    let error = digest(fixture.source().join("c.yaml")).unwrap_err().to_string();
    assert!(error.contains("c.yaml"), "{error}");
}
