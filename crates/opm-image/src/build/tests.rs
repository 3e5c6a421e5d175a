#![allow(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::config::rfc3339;
use super::*;
use crate::digest::Digest;

fn built(home: &Path, epoch: u64, reversed: bool) -> (Built, Vec<u8>) {
    let from = home.join("file");
    std::fs::write(&from, vec![7; 300_000]).unwrap();
    let mut contents = Contents::default();
    let mut paths = ["database/index.db", "bin/opm", "bin/grpc_health_probe"];
    if reversed {
        paths.reverse();
    }
    for path in paths {
        match path {
            "bin/grpc_health_probe" => contents.link(path, "opm").unwrap(),
            _ => contents.file(path, &from, path == "bin/opm").unwrap(),
        }
    }
    let mut out = Vec::new();
    let built = contents.write(&mut out, Path::new("out"), epoch).unwrap();
    (built, out)
}

#[test]
fn a_layer_depends_on_its_content_alone() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, bytes) = built(one.path(), 5, false);
    assert_eq!(built(two.path(), 5, true), (first.clone(), bytes.clone()));
    assert_ne!(built(two.path(), 6, false).0.digest, first.digest);
    assert_eq!((first.digest, first.size), (Digest::of(&bytes), bytes.len() as u64));
    assert_eq!((&bytes[4..8], bytes[9]), (&[0; 4][..], 255), "time and system of gzip");

    let mut tar = Vec::new();
    io::copy(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut tar).unwrap();
    assert_eq!(first.diff_id, Digest::of(&tar));
    let mut archive = tar::Archive::new(&tar[..]);
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 5));
        let path = entry.path().unwrap().display().to_string();
        found.push(format!("{path} {:o} {}", header.mode().unwrap(), header.size().unwrap()));
    }
    let expected = [
        "bin/ 755 0",
        "bin/grpc_health_probe 777 0",
        "bin/opm 755 300000",
        "database/ 755 0",
        "database/index.db 644 300000",
    ];
    assert_eq!(found, expected);
}

#[test]
fn paths_stay_in_the_image_and_are_free() {
    for path in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0b", "taken", "taken/a"] {
        let mut contents = Contents::default();
        contents.file("taken", "from", false).unwrap();
        assert!(matches!(contents.file(path, "from", false), Err(ErrorKind::BadPath { .. })), "{path}");
    }
    let home = tempfile::tempdir().unwrap();
    let mut contents = Contents::default();
    contents.file("gone", home.path().join("none"), false).unwrap();
    assert!(
        matches!(contents.write(io::sink(), Path::new("out"), 0), Err(ErrorKind::Io { path, .. }) if path.ends_with("none"))
    );
}

#[test]
fn names_may_be_long() {
    let home = tempfile::tempdir().unwrap();
    let from = home.path().join("file");
    std::fs::write(&from, "content").unwrap();
    // Around every length at which the format changes its ways.
    for length in [80, 89, 90, 91, 95, 99, 100, 101, 150, 200, 255, 256, 257, 983, 984, 985, 1000] {
        let name = format!("é{}", "n".repeat(length - 2));
        let mut contents = Contents::default();
        contents.file(&format!("{name}/{name}"), &from, false).unwrap();
        contents.link("link", &name).unwrap();
        let mut out = Vec::new();
        contents.archive(&mut out, Path::new("out"), 0).unwrap();
        let mut archive = tar::Archive::new(&out[..]);
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let link = entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap());
            let mut content = String::new();
            io::Read::read_to_string(&mut entry, &mut content).unwrap();
            found.push((path, link.unwrap_or_default(), content));
        }
        let expected = [
            ("link".to_owned(), name.clone(), String::new()),
            (format!("{name}/"), String::new(), String::new()),
            (format!("{name}/{name}"), String::new(), "content".to_owned()),
        ];
        assert_eq!(found, expected, "{length}");
    }
}

#[test]
fn a_full_disk_is_reported_with_its_file() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = Contents::default().write(Full, Path::new("out"), 0).unwrap_err();
    assert!(
        matches!(&error, ErrorKind::Io { path, source }
        if path == Path::new("out") && source.kind() == io::ErrorKind::StorageFull),
        "{error:?}"
    );
}

#[test]
fn configuration_and_manifest_take_the_layer_in() {
    let home = tempfile::tempdir().unwrap();
    let (layer, _) = built(home.path(), 0, false);
    let change = Change {
        labels: [("b".to_owned(), "new".to_owned())].into(),
        ports: vec!["50051/tcp".to_owned()],
        entrypoint: Some(vec!["/bin/opm".to_owned()]),
        cmd: None,
        user: Some("1002".to_owned()),
        working_dir: Some("/tmp".to_owned()),
        history: "text".to_owned(),
    };
    let base = json!({"os": "linux", "x": 1, "created": "old", "history": null, "rootfs": {"diff_ids": ["one"]},
        "config": {"Labels": {"a": "old", "b": "old"}, "Cmd": ["sh"], "User": "1001"}});
    let config = extend_config(base.to_string().as_bytes(), &layer, &change, 0).unwrap();
    let found: Value = serde_json::from_slice(&config).unwrap();
    let expected = json!({"os": "linux", "x": 1, "created": "1970-01-01T00:00:00Z",
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "text"}],
        "rootfs": {"type": "layers", "diff_ids": ["one", layer.diff_id.as_str()]},
        "config": {"Labels": {"a": "old", "b": "new"}, "User": "1002", "WorkingDir": "/tmp", "Entrypoint": ["/bin/opm"],
            "ExposedPorts": {"50051/tcp": {}}}});
    assert_eq!(found, expected);
    assert!(config.starts_with(br#"{"config":{"Entrypoint""#));
    for bad in ["[]", r#"{"config":1}"#, r#"{"rootfs":{"diff_ids":1}}"#, r#"{"history":{}}"#] {
        assert!(extend_config(bad.as_bytes(), &layer, &change, 0).is_err(), "{bad}");
    }

    for (media_type, word) in [
        ("application/vnd.docker.distribution.manifest.v2+json", "vnd.docker."),
        ("application/vnd.oci.image.manifest.v1+json", "vnd.oci."),
    ] {
        let base = json!({"layers": [{"digest": "below"}], "annotations": {"k": "v"}}).to_string();
        let bytes = extend_manifest(Some(base.as_bytes()), Family::of(media_type), &config, &layer).unwrap();
        let found: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(found["mediaType"], media_type);
        assert_eq!(found["config"]["digest"], Digest::of(&config).as_str());
        assert_eq!((&found["layers"][0]["digest"], &found["annotations"]["k"]), (&json!("below"), &json!("v")));
        assert_eq!(found["layers"][1]["digest"], layer.digest.as_str());
        assert!(found["layers"][1]["mediaType"].as_str().unwrap().contains(word));
    }
}

#[test]
fn the_moment_is_read_and_written() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(rfc3339(seconds), expected);
    }
    let read = |text: &str| epoch(&Environment { source_date_epoch: Some(text.into()), ..Environment::default() });
    assert_eq!(epoch(&Environment::default()).unwrap(), 0);
    assert_eq!(read("1709251199").unwrap(), 1_709_251_199);
    for bad in ["yesterday", "-1", "1.5", "253402300800"] {
        assert!(matches!(read(bad), Err(ErrorKind::Epoch(_))), "{bad}");
    }
}
