//! Images on disk.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{client, expect, listing, options, resolve};
use crate::testing::{Entry, Layer, TestImage, archive};
use crate::{Client, Digest, Environment, ErrorKind, Keep, Silent};

/// A path and its content.
type Content = (String, Vec<u8>);
type Tar = Vec<Content>;

fn image(text: &str) -> TestImage {
    TestImage::new([Layer::gzip([("a", text)]), Layer::zstd([("b", text)])]).label("text", text)
}

/// The files of a layout with these images under these names.
fn layout(images: &[(Option<&str>, TestImage)]) -> Tar {
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    let mut entries: Vec<Value> = Vec::new();
    for (name, image) in images {
        let (manifest, _) = image.manifest();
        let mut entry = image.entry();
        if let Some(name) = name {
            entry.as_object_mut().unwrap().remove("platform");
            entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        }
        entries.push(entry);
        files.extend(image.blobs().into_iter().chain([manifest]).map(|bytes| (blob(&bytes), bytes)));
    }
    files.push(("index.json".to_owned(), json!({"schemaVersion": 2, "manifests": entries}).to_string().into_bytes()));
    files
}

fn write_dir(dir: &Path, files: &[Content]) {
    for (path, bytes) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn write_archive(path: &Path, files: &[Content]) {
    let entries: Vec<Entry> = files.iter().map(|(path, bytes)| Entry::file(path, bytes)).collect();
    std::fs::write(path, archive(&entries)).unwrap();
}

/// A client whose temporary files can be seen.
fn client_in(home: &Path) -> Client {
    let temp_dir = home.join("tmp");
    std::fs::create_dir_all(&temp_dir).unwrap();
    Client::new(options(), Environment { temp_dir: Some(temp_dir), ..Environment::default() }).unwrap()
}

async fn text(client: &Client, name: &str) -> Result<String, String> {
    match resolve(client, name).await {
        Ok(image) => Ok(image.labels()["text"].clone()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn layouts_and_archives_are_unpacked() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    let files = layout(&[(Some("v1"), image("one"))]);
    write_dir(&path("dir"), &files);
    write_archive(&path("plain.tar"), &files);
    let compress = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    std::fs::write(path("zstd.tar"), compress(&std::fs::read(path("plain.tar")).unwrap())).unwrap();
    write_docker(&path("docker.tar"), &[(&["x/y:v1"], image_plain("one"))]);
    let client = client_in(home.path());
    for name in ["oci:dir", "oci-archive:plain.tar", "oci-archive:zstd.tar", "docker-archive:docker.tar"] {
        let (kind, file) = name.split_once(':').unwrap();
        for tag in ["", ":v1"] {
            let name = format!("{kind}:{}{tag}", path(file).display());
            let image = resolve(&client, &name).await.unwrap();
            assert_eq!(image.labels()["text"], "one");
            let into = path("into");
            let unpacked = client.unpack(&image, &into, &Keep::everything(), &Silent).await.unwrap();
            expect(unpacked.root(), &[("a", "one"), ("b", "one")]);
            std::fs::remove_dir_all(into).unwrap();
        }
    }
    assert!(listing(&path("tmp")).is_empty(), "{:?}", listing(&path("tmp")));
}

#[tokio::test]
async fn images_are_found_by_name() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("dir");
    write_dir(&dir, &layout(&[(Some("v1"), image("one")), (Some("quay.io/a/b:v2"), image("two"))]));
    let name = |tag: &str| format!("oci:{}{tag}", dir.display());
    assert_eq!(text(&client(), &name(":v1")).await.unwrap(), "one");
    assert_eq!(text(&client(), &name(":quay.io/a/b:v2")).await.unwrap(), "two");
    let error = text(&client(), &name("")).await.unwrap_err();
    assert!(
        error.ends_with("say which image is meant by adding `:TAG`; it holds 2 images: v1, quay.io/a/b:v2"),
        "{error}"
    );
    let error = text(&client(), &name(":v3")).await.unwrap_err();
    assert!(error.contains("there is no image `v3` in it"), "{error}");
    // Without names, but with platforms, the layout is an index.
    let dir = home.path().join("platforms");
    let (amd, arm) = (image("amd").platform("linux/amd64"), image("arm").platform("linux/arm64"));
    write_dir(&dir, &layout(&[(None, amd), (None, arm)]));
    let mut options = options();
    options.platform = Some("linux/arm64".parse().unwrap());
    let client = Client::new(options, Environment::default()).unwrap();
    assert_eq!(text(&client, &format!("oci:{}", dir.display())).await.unwrap(), "arm");
}

#[tokio::test]
async fn what_is_wrong_with_a_layout_is_said() {
    let home = tempfile::tempdir().unwrap();
    let files = layout(&[(Some("v1"), image("one"))]);
    let manifest = files.iter().position(|(_, bytes)| *bytes == image("one").manifest().0).unwrap();
    let change = |change: &dyn Fn(&mut Tar)| {
        let mut files = files.clone();
        change(&mut files);
        files
    };
    let index = files.len() - 1;
    let cases: Vec<(Tar, &str)> = vec![
        (vec![], "index.json"),
        (change(&|files| files[index].1 = b"{".to_vec()), "index.json: the manifest is malformed"),
        (change(&|files| files[index].1 = br#"{"manifests":[],"schemaVersion":2}"#.to_vec()), "it holds no image"),
        (
            change(&|files| {
                files.remove(manifest);
            }),
            "blobs/sha256/",
        ),
        (change(&|files| files[manifest].1[0] ^= 1), "wrong digest of the manifest"),
        (change(&|files| files[manifest].1.push(b' ')), "wrong size of the manifest"),
        (
            change(&|files| {
                files[index].1 =
                    String::from_utf8_lossy(&files[index].1).replace("sha256:", "sha256:../../../").into_bytes();
            }),
            "is not a digest",
        ),
    ];
    for (n, (files, expected)) in cases.iter().enumerate() {
        let dir = home.path().join(n.to_string());
        std::fs::create_dir(&dir).unwrap();
        write_dir(&dir, files);
        let file = home.path().join(format!("{n}.tar"));
        write_archive(&file, files);
        for name in [format!("oci:{}", dir.display()), format!("oci-archive:{}", file.display())] {
            let error = text(&client(), &name).await.unwrap_err();
            assert!(error.starts_with(&name) && error.contains(expected), "{expected}: {error}");
        }
    }
    for name in ["oci:/nowhere/dir", "oci-archive:/nowhere/file", "docker-archive:/nowhere/file"] {
        let error = resolve(&client(), name).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
    }
}

#[tokio::test]
async fn links_out_of_a_layout_are_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("dir");
    write_dir(&dir, &layout(&[(Some("v1"), image("one"))]));
    let outside = home.path().join("outside.json");
    std::fs::rename(dir.join("index.json"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, dir.join("index.json")).unwrap();
    let error = text(&client(), &format!("oci:{}", dir.display())).await.unwrap_err();
    assert!(error.ends_with("index.json leads out of the directory"), "{error}");
    // In an archive, links are inside or nowhere.
    let file = home.path().join("x.tar");
    std::fs::write(&file, archive(&[Entry::symlink("index.json", &*outside.to_string_lossy())])).unwrap();
    let error = text(&client(), &format!("oci-archive:{}", file.display())).await.unwrap_err();
    assert!(error.ends_with("index.json: it does not exist"), "{error}");
}

fn image_plain(text: &str) -> TestImage {
    // `docker save` stores layers uncompressed; others compress them.
    TestImage::new([Layer::plain([("a", text)]), Layer::gzip([("b", text)])]).label("text", text)
}

/// A docker archive, the second of two equal layers as a link to the first, as `docker save` did for long.
fn write_docker(path: &Path, images: &[(&[&str], TestImage)]) -> PathBuf {
    let mut entries = Vec::new();
    let mut manifest = Vec::new();
    for (tags, image) in images {
        let config = image.config();
        let config_name = format!("{}.json", Digest::of(&config).hex());
        let mut layers = Vec::new();
        for layer in &image.layers {
            let real = format!("{}/layer.tar", layer.diff_id.hex());
            entries.push(Entry::file(&real, &layer.bytes));
            let name = format!("link-{}/layer.tar", layer.diff_id.hex());
            entries.push(Entry::symlink(&name, format!("../{real}")));
            layers.push(name);
        }
        manifest.push(json!({"Config": config_name, "RepoTags": tags, "Layers": layers}));
        entries.push(Entry::file(config_name, config));
    }
    entries.push(Entry::file("manifest.json", Value::from(manifest).to_string()));
    std::fs::write(path, archive(&entries)).unwrap();
    path.to_owned()
}

#[tokio::test]
async fn docker_archives_hold_several_images() {
    let home = tempfile::tempdir().unwrap();
    let file = write_docker(
        &home.path().join("x.tar"),
        &[(&["a/b:v1", "a/b:latest"], image_plain("one")), (&["a/c:v2"], image_plain("two"))],
    );
    let name = |tag: &str| format!("docker-archive:{}{tag}", file.display());
    for (tag, expected) in [(":a/b:v1", "one"), (":latest", "one"), (":v2", "two")] {
        assert_eq!(text(&client(), &name(tag)).await.unwrap(), expected);
    }
    let error = text(&client(), &name("")).await.unwrap_err();
    assert!(error.ends_with("it holds: a/b:v1, a/b:latest, a/c:v2"), "{error}");
    let error = text(&client(), &name(":v3")).await.unwrap_err();
    assert!(error.contains("there is no image `v3`"), "{error}");
}

#[tokio::test]
async fn docker_archives_are_checked() {
    let home = tempfile::tempdir().unwrap();
    let client = client_in(home.path());
    let damaged = |from: &str, to: &str| {
        let file = write_docker(&home.path().join("x.tar"), &[(&["a:v1"], image_plain("one"))]);
        let mut bytes = std::fs::read(&file).unwrap();
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&file, bytes).unwrap();
        format!("docker-archive:{}", file.display())
    };
    // The content of the first layer; then the configuration.
    let name = damaged("one\0", "two\0");
    let image = resolve(&client, &name).await.unwrap();
    let error = client.unpack(&image, &home.path().join("into"), &Keep::everything(), &Silent).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Digest { what: "the layer", .. }), "{error}");
    drop(image);
    let error = resolve(&client, &damaged("\"linux\"", "\"lunix\"")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Digest { what: "the configuration", .. }), "{error}");
    assert!(!home.path().join("into").exists() && listing(&home.path().join("tmp")).is_empty());
}

#[tokio::test]
async fn archives_have_limits() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("x.tar");
    std::fs::write(&file, zstd::encode_all(&archive(&[Entry::file("a", vec![0; 1 << 20])])[..], 1).unwrap()).unwrap();
    let mut options = options();
    options.limits.unpacked = 1 << 19;
    let temp_dir = home.path().join("tmp");
    std::fs::create_dir(&temp_dir).unwrap();
    let environment = Environment { temp_dir: Some(temp_dir.clone()), ..Environment::default() };
    let client = Client::new(options, environment).unwrap();
    let error = resolve(&client, &format!("oci-archive:{}", file.display())).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
    assert!(listing(&temp_dir).is_empty());
}
