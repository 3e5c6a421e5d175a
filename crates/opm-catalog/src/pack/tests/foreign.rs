//! Caches as the reference writes them.

use std::fs;
use std::path::Path;

use opm_model::{BundleKey, ChannelEntry, Cursor, Gvk, Reply, Stop};
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::{Counts, Foreign, ForeignCache, open_foreign};
use super::pages;

/// The index of one package `p` with the channels `a` and `b`.
const PACKAGES: &str = concat!(
    r#"{"p":{"name":"p","description":"","icon":null,"defaultChannel":"b","Channels":{"#,
    r#""a":{"Name":"a","Head":"p.v1","Bundles":{"p.v1":{"package":"p","channel":"a","name":"p.v1","replaces":"p.v0","skips":null}}},"#,
    r#""b":{"Name":"b","Head":"p.v2","Bundles":{"#,
    r#""p.v1":{"package":"p","channel":"b","name":"p.v1","replaces":"","skips":null},"#,
    r#""p.v2":{"package":"p","channel":"b","name":"p.v2","replaces":"p.v1","skips":["p.v0"]}},"#,
    r#""deprecation":{"message":"old"}}},"deprecation":{"message":"older"}}}"#
);

fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap());
    out.extend(content);
    out
}

/// An `api.Bundle`: with content, and with an image if it is of the second version.
fn bundle(channel: &str, name: &str, fields: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for number in fields {
        match number {
            1 => out.extend(field(1, name)),
            2 => out.extend(field(2, "p")),
            3 => out.extend(field(3, channel)),
            4 => out.extend(field(4, "{}")),
            5 => out.extend([field(5, "{}"), field(5, "x".repeat(300))].concat()),
            6 if name == "p.v2" => out.extend(field(6, "reg.example/p:2")),
            7 => out.extend(field(7, [field(1, "g"), field(2, "v1"), field(3, "K")].concat())),
            9 => out.extend(field(9, "1.0.0")),
            13 => out.extend(field(13, "p.v0")),
            14 => out.extend(field(14, "p.v00")),
            _ => {}
        }
    }
    out
}

const ALL: [u8; 10] = [1, 2, 3, 4, 5, 6, 7, 9, 13, 14];
const FULL: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 9];
const LIGHT: [u8; 8] = [1, 2, 3, 6, 7, 9, 13, 14];

fn frame(message: &[u8]) -> Vec<u8> {
    [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

fn record(key: &str, value: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(u16::try_from(key.len()).unwrap().to_le_bytes());
    let length = value.map_or(1 << 31, |value| u32::try_from(value.len()).unwrap());
    out.extend(length.to_le_bytes());
    out.extend(key.as_bytes());
    out.extend(value.unwrap_or_default());
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out
}

fn segment(records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"pogreb\x0e\xfd\x02\0\0\0".to_vec();
    out.resize(512, 0);
    out.extend(records.concat());
    out
}

fn blob(text: &str) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

fn fnv(parts: &[&[u8]]) -> String {
    let bytes = parts.iter().flat_map(|part| part.iter());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

/// A store in two segments, of which the second, which is first by name, corrects the first.
fn pogreb() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let database = root.path().join("pogreb.v1/db");
    fs::create_dir_all(&database).unwrap();
    let old = segment(&[
        record("bundles/p/a/p.v1", Some(&bundle("old", "p.v1", &[1, 2, 3]))),
        record("packages.json", Some(PACKAGES.as_bytes())),
        record("bundles/p/b/p.v2", Some(&bundle("b", "p.v2", &ALL))),
        record("bundles/p/b/gone", Some(&bundle("b", "gone", &ALL))),
        record("metas/custom/p", Some(&[blob("one"), blob("two")].concat())),
    ]);
    let new = segment(&[
        record("bundles/p/a/p.v1", Some(&bundle("a", "p.v1", &ALL))),
        record("bundles/p/b/p.v1", Some(&bundle("b", "p.v1", &ALL))),
        record("bundles/p/b/gone", None),
        record("metas/custom/", Some(&blob("three"))),
    ]);
    fs::write(database.join("00001-1.psg"), old).unwrap();
    fs::write(database.join("00000-2.psg"), new).unwrap();
    fs::write(database.join("main.pix"), "anything").unwrap();
    root
}

const JSON: &str = concat!(
    r#"{"csvName":"NAME","packageName":"p","channelName":"CHANNEL","csvJson":"{}","object":["{}","x"],IMAGE"#,
    r#""providedApis":[{"group":"g","version":"v1","kind":"K"}],"version":"1.0.0","#,
    r#""properties":[{"type":"t","value":"{\"a\":\"\u003c\"}"}],"replaces":"p.v0","skips":["p.v00"],"deprecation":{"message":"m"}}"#
);

fn json() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    fs::create_dir_all(cache.join("metas/custom/p")).unwrap();
    fs::write(cache.join("packages.json"), PACKAGES).unwrap();
    for (channel, name, image) in [("a", "p.v1", ""), ("b", "p.v1", ""), ("b", "p.v2", r#""bundlePath":"i","#)] {
        let text = JSON.replace("NAME", name).replace("CHANNEL", channel).replace("IMAGE", image);
        fs::write(cache.join(format!("p_{channel}_{name}.json")), text).unwrap();
    }
    fs::write(cache.join("metas/custom/p/2.json"), r#"{"n":2}"#).unwrap();
    fs::write(cache.join("metas/custom/p/1.json"), r#"{"n":1}"#).unwrap();
    fs::write(cache.join("metas/custom/3.json"), r#"{"n":3}"#).unwrap();
    root
}

fn key<'a>(channel: &'a str, csv_name: &'a str) -> BundleKey<'a> {
    BundleKey { package: "p", channel, csv_name }
}

#[test]
fn the_graph_is_that_of_the_index() {
    let stop = Stop::new();
    for (root, form) in [(pogreb(), Foreign::Pogreb), (json(), Foreign::Json)] {
        let cache = open_foreign(root.path(), form).unwrap();
        assert_eq!(cache.counts(), Counts { packages: 1, channels: 2, bundles: 2, places: 3 });
        assert_eq!(cache.list_packages(&stop).unwrap(), ["p"]);
        let package = cache.package("p", &stop).unwrap();
        assert_eq!((package.default_channel.as_str(), package.deprecation.as_deref()), ("b", Some("older")));
        let channels: Vec<_> =
            package.channels.iter().map(|c| (c.name.as_str(), c.csv_name.as_str(), c.deprecation.as_deref())).collect();
        assert_eq!(channels, [("a", "p.v1", None), ("b", "p.v2", Some("old"))]);
        let shown = |entries: Vec<ChannelEntry>| -> Vec<String> {
            entries.into_iter().map(|e| format!("{}/{}>{}", e.channel, e.bundle, e.replaces)).collect()
        };
        assert_eq!(shown(cache.entries_that_replace("p.v0", &stop).unwrap()), ["a/p.v1>p.v0", "b/p.v2>p.v1"]);
        let api = Gvk::new("g", "v1", "K");
        let latest = cache.latest_entries_that_provide(&api, &stop).unwrap();
        assert_eq!(shown(latest), ["a/p.v1>p.v0", "b/p.v2>p.v1"]);
        let error = cache.bundle(&key("a", "p.v2"), &stop).unwrap_err().to_string();
        assert_eq!(error, "package \"p\", channel \"a\", bundle \"p.v2\" not found");
    }
}

#[test]
fn stored_messages_are_sent_without_what_answers_leave_out() {
    let (root, stop) = (pogreb(), Stop::new());
    let cache = open_foreign(root.path(), Foreign::Pogreb).unwrap();
    for (channel, name) in [("a", "p.v1"), ("b", "p.v1"), ("b", "p.v2")] {
        let answer = cache.bundle(&key(channel, name), &stop).unwrap();
        assert_eq!(answer, Reply::Encoded(frame(&bundle(channel, name, &FULL))));
    }
    let (listed, _) = pages(|at| cache.list_bundles(at, &stop).map(super::page_of)).unwrap();
    let wanted = [bundle("a", "p.v1", &ALL), bundle("b", "p.v1", &ALL), bundle("b", "p.v2", &LIGHT)];
    assert_eq!(listed, wanted.iter().flat_map(|message| frame(message)).collect::<Vec<u8>>());
    for (package, wanted) in [("p", &["one", "two"][..]), ("", &["three"]), ("q", &[])] {
        let (blobs, _) = pages(|at| cache.list_blobs("custom", package, at, &stop).map(super::page_of)).unwrap();
        assert_eq!(blobs, wanted.iter().flat_map(|text| frame(text.as_bytes())).collect::<Vec<u8>>());
    }
}

#[test]
fn files_of_json_become_values() {
    let (root, stop) = (json(), Stop::new());
    let cache = open_foreign(root.path(), Foreign::Json).unwrap();
    let Reply::Value(bundle) = cache.bundle(&key("b", "p.v2"), &stop).unwrap() else { panic!() };
    assert_eq!((bundle.csv_json.as_str(), bundle.objects.len(), bundle.image.as_str()), ("{}", 2, "i"));
    assert_eq!((bundle.replaces.as_str(), bundle.skips.len()), ("", 0));
    assert_eq!((bundle.properties[0].value.as_str(), bundle.deprecation.as_deref()), (r#"{"a":"<"}"#, Some("m")));
    let page = cache.list_bundles(Cursor::default(), &stop).unwrap();
    let Reply::Value(bundles) = page.items else { panic!() };
    let shown: Vec<_> =
        bundles.iter().map(|b| (b.channel.as_str(), b.csv_name.as_str(), b.objects.len(), b.skips.len())).collect();
    assert_eq!(shown, [("a", "p.v1", 2, 1), ("b", "p.v1", 2, 1), ("b", "p.v2", 0, 1)]);
    assert_eq!(page.next, None);
    for (schema, package, wanted) in [
        ("custom", "p", r#"[{"n":1},{"n":2}]"#),
        ("custom", "", r#"[{"n":3}]"#),
        ("none", "", "[]"),
        ("..", "", "[]"),
        ("custom", "..", "[]"),
    ] {
        let Reply::Value(values) = cache.list_blobs(schema, package, Cursor::default(), &stop).unwrap().items else {
            panic!()
        };
        assert_eq!(serde_json::to_string(&values).unwrap(), wanted);
    }
}

fn digests(root: &TempDir, form: Foreign, catalog: &Path) -> (String, String) {
    let cache: Box<dyn ForeignCache> = open_foreign(root.path(), form).unwrap();
    (cache.recorded_digest().unwrap(), cache.computed_digest(catalog, &Stop::new()).unwrap())
}

#[test]
fn the_digest_of_a_store_is_of_blobs_and_records() {
    let root = pogreb();
    fs::write(root.path().join("pogreb.v1/digest"), "00ff\n").unwrap();
    let catalog = tempfile::tempdir().unwrap();
    fs::write(catalog.path().join("b"), "schema: x\nb: 1.0\na: <\n---\nschema: w\n").unwrap();
    fs::write(catalog.path().join("a"), "{\"schema\":\"z\"}").unwrap();
    let (one, two, three) = (bundle("a", "p.v1", &ALL), bundle("b", "p.v1", &ALL), bundle("b", "p.v2", &ALL));
    let wanted = fnv(&[
        b"{\"schema\":\"z\"}\n{\"a\":\"<\",\"b\":1,\"schema\":\"x\"}\n{\"schema\":\"w\"}\n",
        b"bundles/p/a/p.v1",
        &one,
        b"bundles/p/b/p.v1",
        &two,
        b"bundles/p/b/p.v2",
        &three,
        b"metas/custom/",
        &blob("three"),
        b"metas/custom/p",
        &[blob("one"), blob("two")].concat(),
        b"packages.json",
        PACKAGES.as_bytes(),
    ]);
    assert_eq!(digests(&root, Foreign::Pogreb, catalog.path()), ("00ff".to_owned(), wanted));
}

#[test]
fn the_digest_of_files_changes_with_any_of_them() {
    let root = json();
    fs::write(root.path().join("digest"), "x").unwrap();
    let catalog = tempfile::tempdir().unwrap();
    fs::write(catalog.path().join("a"), "1").unwrap();
    let (recorded, first) = digests(&root, Foreign::Json, catalog.path());
    assert_eq!(recorded, "x");
    fs::write(catalog.path().join("a"), "2").unwrap();
    let (_, second) = digests(&root, Foreign::Json, catalog.path());
    fs::write(root.path().join("cache/metas/custom/3.json"), r#"{"n":4}"#).unwrap();
    let (_, third) = digests(&root, Foreign::Json, catalog.path());
    assert!(first != second && second != third && first != third);
}

#[test]
fn damage_is_named() {
    let database = Path::new("pogreb.v1/db/00000-2.psg");
    for (change, wanted) in [
        (&(|bytes: &mut Vec<u8>| bytes[0] = b'x') as &dyn Fn(&mut Vec<u8>), "the header is damaged"),
        (&|bytes| bytes[600] ^= 1, "the record at offset 512 is damaged"),
        (&|bytes| bytes.truncate(700), "the record at offset 512 is damaged"),
        (&|bytes| bytes.truncate(100), "the record at offset 0 is damaged"),
        (&|bytes| bytes.truncate(512), "bundle \"p.v1\" is damaged"),
    ] {
        let root = pogreb();
        let path = root.path().join(database);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let answer = open_foreign(root.path(), Foreign::Pogreb).map_err(|error| error.to_string());
        let error =
            answer.and_then(|cache| cache.bundle(&key("b", "p.v1"), &Stop::new()).map_err(|error| error.to_string()));
        let error = error.unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
    let root = json();
    fs::write(root.path().join("cache/p_a_p.v1.json"), "{").unwrap();
    let error = open_foreign(root.path(), Foreign::Json).err().unwrap().to_string();
    assert!(error.contains("p_a_p.v1.json: its content (EOF"), "{error}");
    let evil = PACKAGES.replace(r#""name":"p.v1","replaces":"p.v0""#, r#""name":"/../x","replaces":"p.v0""#);
    fs::write(root.path().join("cache/packages.json"), evil).unwrap();
    let error = open_foreign(root.path(), Foreign::Json).err().unwrap().to_string();
    assert!(error.contains("the name \"p_a_/../x.json\" in it is damaged"), "{error}");
}

#[test]
fn a_store_under_a_server_may_vanish() {
    let root = pogreb();
    let cache = open_foreign(root.path(), Foreign::Pogreb).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(root.path().join("pogreb.v1/db/00000-2.psg"))
        .unwrap()
        .set_len(600)
        .unwrap();
    let error = cache.bundle(&key("a", "p.v1"), &Stop::new()).unwrap_err().to_string();
    assert!(error.contains("the record at offset 512 is damaged"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_a_store_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        seal in any::<bool>(),
    ) {
        let root = pogreb();
        let path = root.path().join("pogreb.v1/db/00000-2.psg");
        let mut bytes = fs::read(&path).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if seal {
            // The first record's checksum is right whatever is in it.
            let key = usize::from(u16::from_le_bytes([bytes[512], bytes[513]]));
            let value = u32::from_le_bytes(bytes[514..518].try_into().unwrap()) & !(1 << 31);
            let end = 518 + key + value as usize;
            if end + 4 <= bytes.len() {
                let sum = crc32fast::hash(&bytes[512..end]);
                bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
            }
        } else {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(cache) = open_foreign(root.path(), Foreign::Pogreb) {
            let stop = Stop::new();
            let _ = cache.bundle(&key("a", "p.v1"), &stop);
            let _ = cache.list_bundles(Cursor::default(), &stop);
            let _ = cache.list_blobs("custom", "", Cursor::default(), &stop);
        }
    }
}
