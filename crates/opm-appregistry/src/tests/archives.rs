//! What comes of archives.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use crate::{AppRegistryError, Files, Limits, decode};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn header(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    // Paths are put there as they are: some would be refused otherwise.
    let name = &mut header.as_old_mut().name;
    name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        tar.append(&header(path, *kind, content.len() as u64), content.as_bytes()).unwrap();
    }
    gzip(&tar.into_inner().unwrap())
}

fn files(entries: &[(&str, &str)]) -> Vec<u8> {
    archive(&entries.iter().map(|(path, content)| (*path, EntryType::Regular, *content)).collect::<Vec<_>>())
}

fn decoded(blob: &[u8]) -> Result<Files, AppRegistryError> {
    decode(blob, &Limits::default())
}

fn listing(files: &Files) -> String {
    files
        .iter()
        .map(|(path, content)| format!("{path}={}", String::from_utf8_lossy(content)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn nested_ones_are_as_they_are() {
    let blob = archive(&[
        ("top-x1/", EntryType::Directory, ""),
        ("./top-x1/1.0.0/csv.yaml", EntryType::Regular, "old and long"),
        ("top-x1//1.0.0/./csv.yaml", EntryType::Regular, "new"),
        ("top-x1/link", EntryType::Symlink, ""),
        ("../../hard", EntryType::Link, ""),
        ("top-x1/device", EntryType::Char, ""),
        ("top-x1/old/", EntryType::Regular, ""),
        ("top-x1/tea.package.yaml", EntryType::Continuous, "p"),
    ]);
    assert_eq!(listing(&decoded(&blob).unwrap()), "top-x1/1.0.0/csv.yaml=new top-x1/tea.package.yaml=p");
    // One file alone is a nested archive as well, if it is a manifest, or nothing we know.
    for text in ["kind: ClusterServiceVersion\n", "data: {x: y}\n", "data: [packages]\n", "a: [1\n", ""] {
        assert_eq!(listing(&decoded(&files(&[("a/csv.yaml", text)])).unwrap()), format!("a/csv.yaml={text}"));
    }
}

#[test]
fn paths_stay_in_their_directory() {
    for (path, why) in [
        ("../x", "leads out of its directory"),
        ("a/../../x", "leads out of its directory"),
        ("a/..", "leads out of its directory"),
        ("/etc/passwd", "is absolute"),
        ("a\\..\\x", "characters that no name may have"),
        ("a\nb", "characters that no name may have"),
        ("./", ""),
    ] {
        for kind in [EntryType::Regular, EntryType::Directory] {
            let result = decoded(&archive(&[("a", EntryType::Regular, "b"), (path, kind, "")]));
            match result {
                Err(AppRegistryError::Path { why: said, .. }) => {
                    assert!(!why.is_empty() && said.contains(why), "{path:?}: {said}");
                }
                Err(error) => panic!("{path:?}: {error}"),
                Ok(_) => assert_eq!(why, "", "{path:?}"),
            }
        }
    }
    let clash = decoded(&files(&[("a/b/c", ""), ("a/b.d", ""), ("a/b", "")])).unwrap_err().to_string();
    assert_eq!(clash, "the archive has an entry \"a/b\", which is a file, and the directory of others");
}

#[test]
fn what_is_broken_or_hostile_is_refused() {
    let good = files(&[("a", "content"), ("b", "content")]);
    let mut flipped = good.clone();
    *flipped.iter_mut().rev().nth(6).unwrap() ^= 1;
    let mut trailing = good.clone();
    trailing.extend_from_slice(b"\x1f\x8bjunk");
    for (name, blob) in [
        ("nothing", &b""[..]),
        ("text", b"not gzip at all"),
        ("a tar file without gzip", &header("a", EntryType::Regular, 0).as_bytes()[..]),
        ("one that is cut", &good[..good.len() / 2]),
        ("one that is cut at its checksum", &good[..good.len() - 4]),
        ("a wrong checksum", &flipped),
        ("half of another member", &trailing),
        ("gzip of junk", &gzip(&[b'x'; 2000])),
        ("a tar file that is cut", &gzip(header("a", EntryType::Regular, 5000).as_bytes())),
    ] {
        let error = decoded(blob).unwrap_err();
        assert!(matches!(error, AppRegistryError::Archive(_)), "{name}: {error}");
    }
    for empty in [archive(&[]), archive(&[("a/", EntryType::Directory, ""), ("l", EntryType::Symlink, "")])] {
        assert!(matches!(decoded(&empty), Err(AppRegistryError::Empty)));
    }
    let limits = Limits { unpacked: 1 << 20, entries: 10, path: 20 };
    let limited = |blob: &[u8]| match decode(blob, &limits).unwrap_err() {
        AppRegistryError::Limit { what, .. } => what,
        other => panic!("{other}"),
    };
    let zeros = "\0".repeat(2 << 20);
    assert_eq!(limited(&files(&[("a", &zeros)])), "the unpacked size in bytes");
    assert_eq!(limited(&archive(&[("l", EntryType::Symlink, &zeros)])), "the unpacked size in bytes");
    assert_eq!(limited(&gzip(zeros.as_bytes())), "the unpacked size in bytes");
    assert_eq!(
        limited(&archive(&[("name", EntryType::GNULongName, &zeros), ("x", EntryType::Regular, "")])),
        "the unpacked size in bytes"
    );
    assert_eq!(limited(&archive(&[("d/", EntryType::Directory, ""); 11])), "the number of entries");
    assert_eq!(limited(&files(&[("a/long/path/to/nowhere", ""), ("b", "")])), "the length of a path in bytes");
}

#[test]
fn flattened_ones_are_split() {
    let text = r"
data:
  packages: |
    - packageName: tea
      channels: [{name: alpha, currentCSV: tea.v1}]
    - {packageName: pot}
  clusterServiceVersions: |
    - {kind: ClusterServiceVersion, metadata: {name: tea.v1}}
    - {kind: ClusterServiceVersion, metadata: {name: tea.v1}}
    - {kind: ClusterServiceVersion, metadata: {name: ../../tea}}
  customResourceDefinitions: |
    - {spec: {group: a, version: v1, names: {kind: Pot}}}
    - {spec: {group: b, versions: [{name: v1}], names: {kind: Pot}}}
    - {spec: {}}
";
    assert_eq!(
        listing(&decoded(&files(&[("bundle.yaml", text)])).unwrap()).replace("} ", "}\n"),
        r#"tea/Pot-v1-2.crd.yaml={"spec":{"group":"b","names":{"kind":"Pot"},"versions":[{"name":"v1"}]}}
tea/Pot-v1.crd.yaml={"spec":{"group":"a","names":{"kind":"Pot"},"version":"v1"}}
tea/pot.package.yaml={"packageName":"pot"}
tea/tea.package.yaml={"channels":[{"currentCSV":"tea.v1","name":"alpha"}],"packageName":"tea"}
tea/tea.v1.clusterserviceversion.yaml={"kind":"ClusterServiceVersion","metadata":{"name":"tea.v1"}}
tea/unnamed.clusterserviceversion.yaml={"kind":"ClusterServiceVersion","metadata":{"name":"../../tea"}}
tea/unnamed.crd.yaml={"spec":{}}"#
    );
    for (text, why) in [
        ("data: {packages: ''}", "no packages found"),
        ("data: {clusterServiceVersions: '[]', packages: null}", "no packages found"),
        ("data: {packages: '{}'}", "data.packages: expected a list"),
        ("data: {packages: 'a: [1'}", "data.packages: "),
        ("data: {packages: [{}]}", "the first package has no packageName"),
        ("data: {packages: [{packageName: ..}]}", "cannot be the name of a package"),
    ] {
        let error = decoded(&files(&[("bundle.yaml", text)])).unwrap_err().to_string();
        assert!(error.starts_with("bundle.yaml: ") && error.contains(why), "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_path_is_elsewhere(paths in prop::collection::vec("(/|\\./|\\.\\./|[a-c]/){0,4}([a-c]|\\.|\\.\\.)?", 0..8)) {
        let entries: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "x")).collect();
        if let Ok(files) = decoded(&files(&entries)) {
            for path in files.keys() {
                prop_assert!(path.split('/').all(|name| !matches!(name, "" | "." | "..")), "{}", path);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = decoded(&bytes);
        let _ = decoded(&gzip(&bytes));
    }
}
