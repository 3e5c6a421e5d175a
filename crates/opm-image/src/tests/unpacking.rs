//! What layers turn into.

use std::os::unix::fs::PermissionsExt;

use super::{Heard, client, expect, listing, options, pull, pull_as};
use crate::testing::{Entry, FakeRegistry, Layer, TestImage, archive};
use crate::{Client, Environment, ErrorKind, Keep, Limits, Options, Silent};

fn layers(layers: &[&[Entry]]) -> TestImage {
    TestImage::new(layers.iter().map(|entries| Layer::entries(*entries)))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn layers_apply_in_order() {
    type Case<'a> = (&'a str, Vec<Vec<Entry>>, &'a [(&'a str, &'a str)]);
    let f = |path: &str, content: &str| Entry::file(path, content);
    let cases: Vec<Case<'_>> = vec![
        ("parents are made", vec![vec![f("a/b/c", "1")]], &[("a", "DIR"), ("a/b", "DIR"), ("a/b/c", "1")]),
        ("later wins", vec![vec![f("a", "1"), f("a", "2")], vec![f("a", "3")]], &[("a", "3")]),
        (
            "whiteout",
            vec![vec![f("a", "1"), f("d/b", "2")], vec![Entry::whiteout(".wh.a"), Entry::whiteout(".wh.d")]],
            &[],
        ),
        (
            "whiteout of nothing",
            vec![vec![Entry::whiteout("x/.wh.a"), Entry::whiteout(".wh."), Entry::whiteout(".wh...")]],
            &[],
        ),
        (
            "opaque, before and after the new content",
            vec![
                vec![f("d/a", "1"), f("e/a", "1")],
                vec![
                    Entry::whiteout("d/.wh..wh..opq"),
                    f("d/b", "2"),
                    f("e/b", "2"),
                    Entry::whiteout("e/.wh..wh..opq"),
                ],
            ],
            &[("d", "DIR"), ("d/b", "2"), ("e", "DIR"), ("e/b", "2")],
        ),
        ("union file system bookkeeping", vec![vec![f(".wh..wh.plnk/1.2", "x"), f("a", "1")]], &[("a", "1")]),
        ("up is clamped", vec![vec![f("../../a", "1"), f("b/../../c", "2")]], &[("a", "1"), ("c", "2")]),
        ("absolute is relative", vec![vec![f("/etc/a", "1")]], &[("etc", "DIR"), ("etc/a", "1")]),
        ("root entries", vec![vec![Entry::dir("./"), Entry::dir("/"), f("./a", "1")]], &[("a", "1")]),
        ("old directories", vec![vec![f("d/", ""), f("d/a", "1")]], &[("d", "DIR"), ("d/a", "1")]),
        (
            "below a link to the outside",
            vec![vec![Entry::symlink("l", "/tmp/x"), f("l/a", "1")]],
            &[("l", "-> tmp/x"), ("tmp", "DIR"), ("tmp/x", "DIR"), ("tmp/x/a", "1")],
        ),
        (
            "below a link upwards, in another layer",
            vec![vec![Entry::symlink("d/l", "../../../..")], vec![f("d/l/a", "1")]],
            &[("a", "1"), ("d", "DIR"), ("d/l", "-> ..")],
        ),
        (
            "links",
            vec![vec![
                f("d/a", "1"),
                Entry::symlink("d/rel", "a"),
                Entry::symlink("abs", "/d/a"),
                Entry::symlink("chain", "d/../abs"),
                Entry::symlink("dangling", "/etc/passwd"),
                Entry::symlink("self", "self"),
                Entry::symlink("out", "../../../../etc"),
            ]],
            &[("abs", "-> d/a"), ("chain", "-> d/a"), ("d", "DIR"), ("d/a", "1"), ("d/rel", "-> ../d/a")],
        ),
        (
            "hard links",
            vec![
                vec![f("a", "1"), Entry::hard_link("b", "a")],
                vec![Entry::hard_link("d/c", "/b"), Entry::whiteout(".wh.a")],
            ],
            &[("b", "1"), ("d", "DIR"), ("d/c", "1")],
        ),
        (
            "devices and pipes",
            vec![vec![f("gone", "1")], vec![Entry::device("dev/null"), Entry::fifo("p"), Entry::device("gone")]],
            &[],
        ),
        (
            "a directory in place of a link",
            vec![vec![f("d/a", "1"), Entry::symlink("l", "d")], vec![Entry::dir("l"), f("l/b", "2")]],
            &[("d", "DIR"), ("d/a", "1"), ("l", "DIR"), ("l/b", "2")],
        ),
        ("a file in place of a directory", vec![vec![f("d/a", "1")], vec![f("d", "2")]], &[("d", "2")]),
        (
            "extended attributes are dropped",
            vec![vec![Entry::extended("SCHILY.xattr.security.capability", "\u{1}\0\0\u{2}"), f("a", "1"), f("b", "2")]],
            &[("a", "1"), ("b", "2")],
        ),
        (
            "names in extended headers are confined too",
            vec![vec![
                Entry::extended("path", "/../../a"),
                f("b", "1"),
                Entry::extended("linkpath", "../../../a"),
                Entry::symlink("l", "b"),
                Entry::extended("linkpath", "/../a"),
                Entry::hard_link("h", "b"),
            ]],
            &[("a", "1"), ("h", "1"), ("l", "-> a")],
        ),
        ("long names", vec![vec![f(&"n".repeat(150), "1")]], &[(LONG, "1")]),
        ("odd names", vec![vec![f("sp ace\n\u{e9}", "1")]], &[("sp ace\n\u{e9}", "1")]),
    ];
    let registry = FakeRegistry::start();
    for (what, entries, expected) in cases {
        let entries: Vec<&[Entry]> = entries.iter().map(Vec::as_slice).collect();
        registry.push("ns/name", "v1", &layers(&entries));
        let home = tempfile::tempdir().unwrap();
        let unpacked = pull(&client(), &registry, home.path()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        expect(unpacked.root(), expected);
    }
}

const LONG: &str = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";

#[tokio::test]
async fn every_compression_is_recognised_by_content() {
    let registry = FakeRegistry::start();
    let members = {
        let (one, two) = (Layer::gzip([("m1", "1")]).bytes, Layer::raw([]).bytes);
        [one, two].concat()
    };
    let image = TestImage::new([
        Layer::gzip([("gzip", "1")]),
        Layer::zstd([("zstd", "2")]),
        Layer::plain([("plain", "3")]),
        Layer::raw(members),
        Layer::raw([]),
    ]);
    registry.push("ns/name", "v1", &image);
    let home = tempfile::tempdir().unwrap();
    let unpacked = pull(&client(), &registry, home.path()).await.unwrap();
    expect(unpacked.root(), &[("gzip", "1"), ("m1", "1"), ("plain", "3"), ("zstd", "2")]);
}

#[tokio::test]
async fn modes_are_normalised() {
    let registry = FakeRegistry::start();
    let entries = [
        Entry::dir("closed").mode(0o000),
        Entry::file("closed/setuid", "1").mode(0o6711),
        Entry::file("closed/secret", "2").mode(0o000),
        Entry::file("open", "3").mode(0o666),
        Entry::file("empty", "").mode(0o000),
        Entry::file("empty-tool", "").mode(0o100),
        Entry::hard_link("empty-link", "empty-tool"),
    ];
    registry.push("ns/name", "v1", &layers(&[&entries]));
    let home = tempfile::tempdir().unwrap();
    let unpacked = pull(&client(), &registry, home.path()).await.unwrap();
    for (path, mode) in [
        ("closed", 0o755),
        ("closed/setuid", 0o755),
        ("closed/secret", 0o644),
        ("open", 0o644),
        ("empty", 0o644),
        ("empty-tool", 0o755),
        ("empty-link", 0o755),
    ] {
        let found = std::fs::metadata(unpacked.path(path).unwrap()).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{path}");
    }
}

#[tokio::test]
async fn only_what_is_wanted_is_written_with_what_its_links_need() {
    let registry = FakeRegistry::start();
    let entries = [
        Entry::file("usr/share/doc", "no"),
        Entry::file("opt/bundle/manifests/csv.yaml", "1"),
        Entry::file("opt/bundle/other", "no"),
        Entry::symlink("manifests", "opt/bundle/manifests"),
        Entry::file("store/real", "2"),
        Entry::hard_link("metadata/hard", "store/real"),
        Entry::symlink("metadata/soft", "/store/soft"),
        Entry::file("store/soft", "3"),
        Entry::symlink("metadata/all", "/"),
    ];
    registry.push("ns/name", "v1", &layers(&[&entries]));
    let home = tempfile::tempdir().unwrap();
    let heard = Heard::default();
    let name = format!("{}/ns/name:v1", registry.host());
    let keep = Keep::under(["/manifests/", "metadata", "missing"]);
    let unpacked = pull_as(&client(), &name, home.path(), &keep, &heard).await.unwrap();
    expect(
        unpacked.root(),
        &[
            ("manifests", "-> opt/bundle/manifests"),
            ("metadata", "DIR"),
            ("metadata/all", "-> .."),
            ("metadata/hard", "2"),
            ("metadata/soft", "-> ../store/soft"),
            ("opt", "DIR"),
            ("opt/bundle", "DIR"),
            ("opt/bundle/manifests", "DIR"),
            ("opt/bundle/manifests/csv.yaml", "1"),
            ("store", "DIR"),
            ("store/real", "2"),
            ("store/soft", "3"),
        ],
    );
    assert_eq!((heard.count("Layer"), heard.count("Done")), (2, 1));
    assert!(unpacked.open("/manifests/csv.yaml").is_ok() && unpacked.open("metadata/soft").is_ok());
    assert_eq!(unpacked.path("usr/share/doc"), None);
    assert_eq!(unpacked.path("../../etc/passwd"), None);
    assert!(unpacked.path("missing").is_none());
}

#[tokio::test]
async fn without_links_layers_are_read_once() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &TestImage::new([Layer::gzip([("manifests/a", "1"), ("bin/x", "2")])]));
    let home = tempfile::tempdir().unwrap();
    let heard = Heard::default();
    let name = format!("{}/ns/name:v1", registry.host());
    let unpacked = pull_as(&client(), &name, home.path(), &Keep::under(["manifests"]), &heard).await.unwrap();
    expect(unpacked.root(), &[("manifests", "DIR"), ("manifests/a", "1")]);
    assert_eq!(heard.count("Layer"), 1);
}

#[tokio::test]
async fn bombs_and_nonsense_stop_early_and_leave_nothing() {
    let zeros = vec![0; 1 << 20];
    let huge_name = {
        // A long name of 1 GiB that is announced and then delivered.
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(1 << 30);
        header.set_cksum();
        [header.as_bytes().to_vec(), vec![b'a'; 3 << 20]].concat()
    };
    let huge_size = {
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_size(100 << 30);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let sparse = |size: u64| {
        // A file whose last block alone is stored.
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(512);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.sparse[0].offset.copy_from_slice(format!("{:011o}\0", size - 512).as_bytes());
        gnu.sparse[0].numbytes.copy_from_slice(format!("{:011o}\0", 512).as_bytes());
        gnu.realsize.copy_from_slice(format!("{size:011o}\0").as_bytes());
        header.set_cksum();
        [header.as_bytes().to_vec(), vec![b'x'; 512], vec![0; 1024]].concat()
    };
    let limits = |change: fn(&mut Limits)| {
        let mut options = options();
        options.limits.unpacked = 16 << 20;
        change(&mut options.limits);
        options
    };
    let many: Vec<Entry> = (0..20).map(|n| Entry::file(format!("{n}"), "")).collect();
    let file = |path: &str| archive(&[Entry::file(path, "")]);
    let deep = "a/".repeat(400);
    let cases: Vec<(&str, Vec<u8>, Options, &str)> = vec![
        (
            "one large file",
            Layer::gzip([("a", &zeros)]).bytes,
            limits(|l| l.unpacked = 1 << 19),
            "the unpacked size in bytes exceeds the limit of 524288",
        ),
        ("announced size", huge_size, limits(|_| ()), "the unpacked size in bytes exceeds"),
        ("sparse file", sparse(4 << 30), limits(|_| ()), "the unpacked size in bytes exceeds"),
        ("long name", huge_name, limits(|_| ()), "headers"),
        ("many entries", archive(&many), limits(|l| l.entries = 10), "the number of entries exceeds the limit of 10"),
        (
            "many wanted",
            archive(&many),
            limits(|l| l.kept = 10),
            "the number of wanted entries exceeds the limit of 10",
        ),
        (
            "many directories that no entry names",
            file(&deep[..200]),
            limits(|l| l.entries = 50),
            "the number of entries with their directories exceeds the limit of 50",
        ),
        ("long path", file(&"x".repeat(80)), limits(|l| l.path = 50), "the length of a path exceeds the limit of 50"),
        ("deep path", file(&deep), limits(|_| ()), "too many links or directories"),
        ("no archive", b"{\"this\": \"is no layer\"}".repeat(100), limits(|_| ()), "cannot unpack"),
        ("cut archive", Layer::plain([("a", &zeros)]).bytes[..9000].to_vec(), limits(|_| ()), "cannot unpack"),
        ("bzip2", b"BZh91AY&SY".to_vec(), limits(|_| ()), "bzip2 compression is not supported"),
        (
            "file as parent",
            archive(&[Entry::file("a", ""), Entry::file("a/b", "")]),
            limits(|_| ()),
            "a parent is not a directory",
        ),
        (
            "hard link to nothing",
            archive(&[Entry::hard_link("a", "/etc/passwd")]),
            limits(|_| ()),
            "hard link to `/etc/passwd`: it does not exist",
        ),
        (
            "hard link to a directory",
            archive(&[Entry::dir("d"), Entry::hard_link("a", "d")]),
            limits(|_| ()),
            "it is a directory",
        ),
    ];
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &TestImage::new([Layer::raw(sparse(4096))]));
    let home = tempfile::tempdir().unwrap();
    let unpacked = pull(&client(), &registry, home.path()).await.unwrap();
    assert_eq!(std::fs::read(unpacked.root().join("a")).unwrap(), [vec![0; 3584], vec![b'x'; 512]].concat());
    for (what, bytes, options, expected) in cases {
        // A layer before it, so that there is something to clean up.
        let image = TestImage::new([Layer::gzip([("ok", "1")]), Layer::raw(bytes)]);
        let layer = registry.push_all("ns/name", "v1", &image).layers[1].clone();
        let home = tempfile::tempdir().unwrap();
        let client = Client::new(options, Environment::default()).unwrap();
        let error = pull(&client, &registry, home.path()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{what}: {text}");
        assert!(text.starts_with(&format!("{}/ns/name:v1: layer {layer}: ", registry.host())), "{what}: {text}");
        assert!(listing(home.path()).is_empty(), "{what} leaves {:?}", listing(home.path()));
    }
}

#[tokio::test]
async fn the_target_must_be_empty_and_stays_when_it_was_there() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &TestImage::new([Layer::raw(b"nonsense".repeat(100))]));
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("into")).unwrap();
    assert!(pull(&client(), &registry, home.path()).await.is_err());
    expect(home.path(), &[("into", "DIR")]);
    std::fs::write(home.path().join("into/mine"), "1").unwrap();
    let error = pull(&client(), &registry, home.path()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotEmpty { .. }), "{error}");
    expect(home.path(), &[("into", "DIR"), ("into/mine", "1")]);
}

#[tokio::test]
async fn an_image_without_files_is_an_empty_directory() {
    let registry = FakeRegistry::start();
    registry.push("ns/name", "v1", &TestImage::new([]));
    let home = tempfile::tempdir().unwrap();
    let unpacked = pull(&client(), &registry, home.path()).await.unwrap();
    assert!(unpacked.root().is_dir());
    expect(home.path(), &[("into", "DIR")]);
}

#[tokio::test]
async fn a_dropped_future_leaves_nothing() {
    let registry = FakeRegistry::start();
    let image = TestImage::new([Layer::gzip([("a", "1")]), Layer::gzip([("b", "2")])]);
    let second = registry.push_all("ns/name", "v1", &image).layers[1].clone();
    registry.fail(second.as_str(), 1, crate::testing::Action::Delay(std::time::Duration::from_mins(1)));
    let home = tempfile::tempdir().unwrap();
    let client = client();
    let image = super::resolve(&client, &format!("{}/ns/name:v1", registry.host())).await.unwrap();
    let into = home.path().join("into");
    let reached = Reached { second: second.to_string(), notify: tokio::sync::Notify::new() };
    {
        let keep = Keep::default();
        let unpack = client.unpack(&image, &into, &keep, &reached);
        tokio::select! {
            result = unpack => panic!("finished: {result:?}"),
            () = reached.notify.notified() => {}
        }
    }
    expect(home.path(), &[]);
}

/// However busy the thread is that unpacks: with entries, with one large file, or with what nobody wants.
#[tokio::test]
async fn a_future_that_is_dropped_while_its_thread_works_leaves_nothing() {
    let registry = FakeRegistry::start();
    let many: Vec<Entry> = (0..20_000).map(|n| Entry::file(format!("many/{n}"), "1")).collect();
    let bomb = |name: &str| Layer::gzip([("many/first", "1"), (name, &*"0".repeat(64 << 20))]);
    for (what, layer) in [("entries", Layer::raw(archive(&many))), ("file", bomb("many/b")), ("unwanted", bomb("b"))] {
        registry.push("ns/name", "v1", &TestImage::new([layer]));
        let home = tempfile::tempdir().unwrap();
        let client = client();
        let image = super::resolve(&client, &format!("{}/ns/name:v1", registry.host())).await.unwrap();
        let into = home.path().join("into");
        {
            let keep = Keep::under(["many"]);
            let unpack = client.unpack(&image, &into, &keep, &Silent);
            let begun = async {
                let has_begun = || {
                    let spools = std::fs::read_dir(&into).into_iter().flatten().flatten();
                    spools.map(|spool| spool.path().join("0")).any(|first| first.exists())
                };
                while !has_begun() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                result = unpack => panic!("{what}: finished: {result:?}"),
                () = begun => {}
            }
        }
        expect(home.path(), &[]);
    }
}

#[tokio::test]
async fn what_is_not_wanted_does_not_count_as_such() {
    let registry = FakeRegistry::start();
    let mut entries: Vec<Entry> = (0..50).map(|n| Entry::file(format!("usr/{n}"), "")).collect();
    entries.extend((0..10).map(|n| Entry::file(format!("manifests/{n}"), "")));
    registry.push("ns/name", "v1", &layers(&[&entries]));
    let name = format!("{}/ns/name:v1", registry.host());
    let keep = Keep::under(["manifests"]);
    for (kept, succeeds) in [(10, true), (9, false)] {
        let home = tempfile::tempdir().unwrap();
        let client = client().with_limits(Limits { kept, ..Limits::default() });
        let unpacked = pull_as(&client, &name, home.path(), &keep, &Silent).await;
        assert_eq!(unpacked.is_ok(), succeeds, "{unpacked:?}");
    }
}

/// Tells when the second layer is begun.
struct Reached {
    second: String,
    notify: tokio::sync::Notify,
}

impl crate::Progress for Reached {
    fn event(&self, event: crate::Event<'_>) {
        if let crate::Event::Layer { digest, .. } = event
            && digest.as_str() == self.second
        {
            self.notify.notify_one();
        }
    }
}

#[tokio::test]
async fn images_can_be_unpacked_at_once() {
    let registry = FakeRegistry::start();
    for n in 0..8 {
        registry.push("ns/name", &format!("v{n}"), &TestImage::new([Layer::gzip([("a", n.to_string())])]));
    }
    let client = client();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (client, name) = (client.clone(), format!("{}/ns/name:v{n}", registry.host()));
        tasks.spawn(async move {
            let home = tempfile::tempdir().unwrap();
            let unpacked = pull_as(&client, &name, home.path(), &Keep::default(), &Silent).await.unwrap();
            expect(unpacked.root(), &[("a", &n.to_string())]);
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}
