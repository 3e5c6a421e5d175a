//! Images built upon every kind of base and written to every kind of output.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{Heard, client, expect, listing, options};
use crate::build::{Change, Contents, Output, Plan};
use crate::testing::{FakeRegistry, Layer, TestImage};
use crate::{Client, Digest, Environment, Image, ImageError, Keep, Options, Platform, Silent, Source};

/// A plan that adds one file and one label.
pub(super) fn plan(home: &Path, base: Option<&str>) -> Plan {
    let from = home.join("index.db");
    std::fs::write(&from, "new").unwrap();
    let mut contents = Contents::default();
    contents.file("database/index.db", &from, false).unwrap();
    let change = Change {
        labels: [("k".to_owned(), "built".to_owned())].into(),
        entrypoint: Some(vec!["/bin/opm".to_owned()]),
        history: "opm".to_owned(),
        ..Change::default()
    };
    Plan { base: base.map(|base| base.parse().unwrap()), contents, change }
}

pub(super) fn base() -> TestImage {
    TestImage::new([Layer::gzip([("etc/os", "base")])]).label("base", "yes")
}

fn for_platform(platform: &str) -> Client {
    let platform = Some(platform.parse::<Platform>().unwrap());
    Client::new(Options { platform, ..options() }, Environment::default()).unwrap()
}

/// Looks up and unpacks; the files, without those of bases.
async fn read(client: &Client, source: &str) -> (Image, BTreeMap<String, String>) {
    let source: Source = source.parse().unwrap();
    let image = client.resolve(&source, &Silent).await.unwrap_or_else(|error| panic!("{error}"));
    let home = tempfile::tempdir().unwrap();
    let unpacked = client.unpack(&image, &home.path().join("into"), &Keep::everything(), &Silent).await;
    (image, listing(unpacked.unwrap_or_else(|error| panic!("{error}")).root()))
}

fn places(home: &Path) -> [String; 3] {
    let at = home.display();
    [
        format!("oci:{at}/layout:v1"),
        format!("oci-archive:{at}/oci.tar:v1"),
        format!("docker-archive:{at}/docker.tar:ns/name:v1"),
    ]
}

#[tokio::test]
async fn every_base_goes_to_every_output_and_back() {
    let registry = FakeRegistry::start();
    let home = tempfile::tempdir().unwrap();
    let name = format!("{}/ns/base:v1", registry.host());
    for (docker, base_layer) in [(false, Layer::gzip([("etc/os", "base")])), (true, Layer::zstd([("etc/os", "base")]))]
    {
        registry.push("ns/base", "v1", &TestImage { docker, ..TestImage::new([base_layer]).label("base", "yes") });
        let mut bases = vec![name.clone()];
        // What was written is a base itself.
        let [oci, archive, saved] = places(&home.path().join(format!("docker-{docker}")));
        bases.extend([oci, archive, saved]);
        std::fs::create_dir(home.path().join(format!("docker-{docker}"))).unwrap();
        for (n, base) in bases.iter().enumerate() {
            let work = if n == 0 {
                home.path().join(format!("docker-{docker}"))
            } else {
                home.path().join(format!("{docker}-{n}"))
            };
            let _ = std::fs::create_dir(&work);
            let target = format!("{}/ns/target-{n}:v1", registry.host());
            let mut outputs: Vec<Output> = places(&work).iter().map(|text| text.parse().unwrap()).collect();
            outputs.push(Output::Registry(target.parse().unwrap()));
            let mut plan = plan(&work, Some(base));
            plan.change.labels.insert("n".to_owned(), n.to_string());
            let digest =
                client().build(&plan, &outputs, &Silent).await.unwrap_or_else(|error| panic!("{base}: {error}"));
            for output in &outputs {
                let (image, files) = read(&client(), &output.to_string()).await;
                let labels = image.labels();
                assert_eq!(
                    (labels["base"].as_str(), labels["k"].as_str(), labels["n"].as_str()),
                    ("yes", "built", &*n.to_string())
                );
                assert_eq!(
                    (files["etc/os"].as_str(), files["database/index.db"].as_str()),
                    ("base", "new"),
                    "{output}"
                );
                // A registry gets what the base has, and docker archives have Docker's types; layouts are OCI's.
                let family = (docker && n == 0) || n == 3;
                match output {
                    Output::DockerArchive { .. } => {}
                    Output::Registry(_) => assert_eq!(image.media_type().contains("docker"), family, "{base}"),
                    _ => assert!(image.media_type().contains(".oci."), "{base}"),
                }
                if *output == outputs[0] {
                    assert_eq!(*image.digest(), digest, "{output}");
                }
            }
        }
    }
}

#[tokio::test]
async fn scratch_is_for_the_host_or_the_platform_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let output = format!("oci:{}/layout", home.path().display());
    for (client, platform) in
        [(client(), Platform::host().to_string()), (for_platform("linux/arm/v7"), "linux/arm/v7".to_owned())]
    {
        let digest = client.build(&plan(home.path(), None), &[output.parse().unwrap()], &Silent).await.unwrap();
        let (image, files) = read(&client, &output).await;
        assert_eq!((image.digest(), files.len()), (&digest, 2));
        let config: Value = serde_json::from_slice(image.config()).unwrap();
        let text = |name: &str| config[name].as_str().map(str::to_owned);
        let found: Vec<String> = ["os", "architecture", "variant"].iter().filter_map(|name| text(name)).collect();
        assert_eq!(found.join("/"), platform);
    }
}

#[tokio::test]
async fn the_same_input_gives_the_same_digest() {
    const GOLDEN: &str = "sha256:43a28c5a250b4fc8fc665d08677008bb31098ae4e6530200f33e83880396a469";
    let client = for_platform("linux/amd64");
    let mut archives = std::collections::BTreeSet::new();
    for n in 0..20 {
        let (home, temp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let environment = Environment {
            temp_dir: (n % 2 == 0).then(|| temp.path().to_owned()),
            source_date_epoch: (n % 3 == 0).then(|| "0".into()),
            ..Environment::default()
        };
        let options = Options { platform: client.options().platform.clone(), ..options() };
        let client = Client::new(options, environment).unwrap();
        let plan = plan(home.path(), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = [0o600, 0o644, 0o777, 0o400][n % 4];
            std::fs::set_permissions(home.path().join("index.db"), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let file = home.path().join("oci.tar");
        let output = Output::OciArchive { file: file.clone(), tag: None };
        assert_eq!(client.build(&plan, &[output], &Silent).await.unwrap().as_str(), GOLDEN, "build {n}");
        archives.insert(Digest::of(&std::fs::read(file).unwrap()));
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }
    assert_eq!(archives.len(), 1);
    // Another moment is another image.
    let home = tempfile::tempdir().unwrap();
    let environment = Environment { source_date_epoch: Some("1".into()), ..Environment::default() };
    let later = Client::new(Options { platform: client.options().platform.clone(), ..options() }, environment).unwrap();
    assert_ne!(later.build(&plan(home.path(), None), &[], &Silent).await.unwrap().as_str(), GOLDEN);
}

/// An index of two images and an attestation, with annotations.
pub(super) fn push_list(registry: &FakeRegistry) -> [TestImage; 2] {
    let images = ["linux/amd64", "linux/arm64"].map(|platform| {
        TestImage::new([Layer::gzip([("arch", platform)]), Layer::gzip([("etc/os", "base")])]).platform(platform)
    });
    let attestation = TestImage::new([Layer::raw("{}")]).platform("unknown/unknown");
    let entries: Vec<Value> = images.iter().chain([&attestation]).map(TestImage::entry).collect();
    for image in images.iter().chain([&attestation]) {
        registry.push("ns/base", "child", image);
    }
    registry.push_index("ns/base", "v1", &entries);
    images
}

#[tokio::test]
async fn every_image_of_a_list_is_extended() {
    let registry = FakeRegistry::start();
    let images = push_list(&registry);
    let home = tempfile::tempdir().unwrap();
    let plan = plan(home.path(), Some(&format!("{}/ns/base:v1", registry.host())));
    let at = home.path().display();
    let target: Output = format!("oci:{at}/layout:v1").parse().unwrap();
    let outputs = [
        target.clone(),
        Output::Registry(format!("{}/ns/target:v1", registry.host()).parse().unwrap()),
        format!("oci-archive:{at}/oci.tar").parse().unwrap(),
    ];
    let heard = Heard::default();
    let digest = client().build(&plan, &outputs, &heard).await.unwrap();
    assert_eq!(heard.count("Skipped"), 1);
    for output in outputs {
        for platform in ["linux/amd64", "linux/arm64"] {
            let (image, files) = read(&for_platform(platform), &output.to_string()).await;
            assert_eq!(image.index_digest(), Some(&digest));
            assert_eq!((files["arch"].as_str(), files["database/index.db"].as_str()), (platform, "new"));
        }
    }
    let (media_type, index) = registry.manifest("ns/target", "v1").unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(
        (media_type, index["manifests"].as_array().unwrap().len()),
        (index["mediaType"].as_str().unwrap().to_owned(), 2)
    );
    assert_eq!(index["manifests"][1]["platform"], images[1].entry()["platform"]);

    // One platform is one image, and all that a docker archive can hold.
    let one = for_platform("linux/arm64").build(&plan, &[target], &Silent).await.unwrap();
    let (image, _) = read(&client(), &format!("oci:{at}/layout:v1")).await;
    assert_eq!((image.digest(), image.index_digest()), (&one, None));
    let saved: Output = format!("docker-archive:{at}/saved.tar").parse().unwrap();
    let error = client().build(&plan, std::slice::from_ref(&saved), &Silent).await.unwrap_err().to_string();
    assert!(error.contains("--platform") && !home.path().join("saved.tar").exists(), "{error}");
    for_platform("linux/arm64").build(&plan, &[saved], &Silent).await.unwrap();
}

#[tokio::test]
async fn a_docker_list_stays_one_but_in_layouts() {
    let registry = FakeRegistry::start();
    let images = ["linux/amd64", "linux/arm64"].map(|platform| {
        let image = TestImage::new([Layer::gzip([("arch", platform)])]).platform(platform);
        TestImage { docker: true, ..image }
    });
    for image in &images {
        registry.push("ns/base", "child", image);
    }
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    let entries: Vec<Value> = images.iter().map(TestImage::entry).collect();
    let index = json!({"schemaVersion": 2, "mediaType": list, "manifests": entries}).to_string();
    registry.push_manifest("ns/base", "v1", list, index);
    let home = tempfile::tempdir().unwrap();
    let plan = plan(home.path(), Some(&format!("{}/ns/base:v1", registry.host())));
    let layout = format!("oci:{}/layout:v1", home.path().display());
    let target = format!("{}/ns/target:v1", registry.host());
    let outputs = [Output::Registry(target.parse().unwrap()), layout.parse().unwrap()];
    client().build(&plan, &outputs, &Silent).await.unwrap();
    assert_eq!(registry.manifest("ns/target", "v1").unwrap().0, list);
    for (place, family) in [(&target, "docker"), (&layout, "oci")] {
        for platform in ["linux/amd64", "linux/arm64"] {
            let (image, files) = read(&for_platform(platform), place).await;
            assert_eq!((files["arch"].as_str(), files["database/index.db"].as_str()), (platform, "new"));
            let manifest: Value = serde_json::from_slice(image.manifest()).unwrap();
            for described in [&manifest, &manifest["config"], &manifest["layers"][1]] {
                assert!(described["mediaType"].as_str().unwrap().contains(family), "{manifest}");
            }
        }
    }
}

#[tokio::test]
async fn a_layout_keeps_its_other_images() {
    let home = tempfile::tempdir().unwrap();
    let layout = |tag: &str| format!("oci:{}/layout{tag}", home.path().display());
    let mut plan = plan(home.path(), None);
    let mut built = Vec::new();
    for (tag, label) in [(":v1", "1"), (":v2", "2"), ("", "3"), (":v1", "4"), ("", "5")] {
        plan.change.labels.insert("n".to_owned(), label.to_owned());
        built.push(client().build(&plan, &[layout(tag).parse().unwrap()], &Silent).await.unwrap());
    }
    let index: Value = serde_json::from_slice(&std::fs::read(home.path().join("layout/index.json")).unwrap()).unwrap();
    let digests: Vec<&str> =
        index["manifests"].as_array().unwrap().iter().map(|entry| entry["digest"].as_str().unwrap()).collect();
    assert_eq!(digests, [built[1].as_str(), built[3].as_str(), built[4].as_str()]);
    for (tag, label) in [(":v1", "4"), (":v2", "2")] {
        let (image, files) = read(&client(), &layout(tag)).await;
        assert_eq!((image.labels()["n"].as_str(), files["database/index.db"].as_str()), (label, "new"));
    }
}

async fn refused(client: &Client, plan: &Plan, output: &str) -> String {
    let error: ImageError = client.build(plan, &[output.parse().unwrap()], &Silent).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn bases_that_do_not_serve_are_refused_and_leave_nothing() {
    let registry = FakeRegistry::start();
    let home = tempfile::tempdir().unwrap();
    let output = format!("oci:{}/new/layout", home.path().display());
    let name = format!("{}/ns/base:v1", registry.host());
    let plan = plan(home.path(), Some(&name));

    let error = refused(&client(), &plan, &output).await;
    assert!(error.starts_with(&format!("{name}: not found")), "{error}");

    registry.push("ns/base", "v1", &base());
    let error = refused(&for_platform("linux/s390x"), &plan, &output).await;
    assert!(error.contains("no image for linux/s390x; on offer: linux/amd64"), "{error}");

    push_list(&registry);
    let error = refused(&for_platform("linux/s390x"), &plan, &output).await;
    assert!(error.contains("no image for linux/s390x; on offer: linux/amd64, linux/arm64"), "{error}");

    let pushed = registry.push_all("ns/base", "v1", &base());
    registry.remove_blob("ns/base", &pushed.layers[0]);
    let error = refused(&client(), &plan, &output).await;
    assert_eq!(error, format!("{name}: layer {}: not found: the registry does not have this blob", pushed.layers[0]));

    let config = registry.push_blob("ns/base", "not json");
    let layer = registry.push_blob("ns/base", "layer");
    let described = |digest: &Digest, size: usize, kind: &str| json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest.as_str(), "size": size});
    let manifest = |config: Value| {
        let layers = [described(&layer, 5, "layer.v1.tar")];
        json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string()
    };
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    registry.push_manifest("ns/base", "v1", media_type, manifest(described(&config, 8, "config.v1+json")));
    let error = refused(&client(), &plan, &output).await;
    assert!(error.starts_with(&format!("{name}: the configuration of the image is malformed")), "{error}");

    let config = registry.push_blob("ns/base", "{}");
    registry.push_manifest("ns/base", "v1", media_type, manifest(described(&config, 2, "config.v1+json")));
    let error = refused(&client(), &plan, &output).await;
    assert!(error.contains("the base has 1 layers, but its configuration names 0"), "{error}");
    expect(home.path(), &[("index.db", "new")]);
}

#[tokio::test]
async fn a_base_without_labels_serves() {
    let registry = FakeRegistry::start();
    registry.push("ns/base", "v1", &TestImage::new([Layer::gzip([("etc/os", "base")])]));
    let home = tempfile::tempdir().unwrap();
    let output = format!("oci:{}/layout", home.path().display());
    let plan = plan(home.path(), Some(&format!("{}/ns/base:v1", registry.host())));
    client().build(&plan, &[output.parse().unwrap()], &Silent).await.unwrap();
    let (image, files) = read(&client(), &output).await;
    assert_eq!(image.labels().iter().collect::<Vec<_>>(), [(&"k".to_owned(), &"built".to_owned())]);
    assert_eq!((files["etc/os"].as_str(), files["database/index.db"].as_str()), ("base", "new"));
}

#[tokio::test]
async fn layers_that_may_not_be_copied_stay_where_they_are() {
    let registry = FakeRegistry::start();
    let home = tempfile::tempdir().unwrap();
    let mut foreign = Layer::gzip([("windows", "1")]);
    foreign.urls = vec!["https://elsewhere.example/layer".to_owned()];
    foreign.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip".to_owned();
    let pushed = registry.push_all("ns/base", "v1", &TestImage::new([foreign, Layer::gzip([("etc/os", "base")])]));
    registry.remove_blob("ns/base", &pushed.layers[0]);
    let plan = plan(home.path(), Some(&format!("{}/ns/base:v1", registry.host())));
    let at = home.path().display();
    let target = format!("{}/ns/target:v1", registry.host()).parse().unwrap();
    let outputs = [Output::Registry(target), format!("oci:{at}/layout").parse().unwrap()];
    client().build(&plan, &outputs, &Silent).await.unwrap();
    let (_, manifest) = registry.manifest("ns/target", "v1").unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["layers"][0]["urls"][0], "https://elsewhere.example/layer");
    let error = refused(&client(), &plan, &format!("docker-archive:{at}/saved.tar")).await;
    assert!(error.contains("https://elsewhere.example/layer"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_written_leaves_what_was_there() {
    let home = tempfile::tempdir().unwrap();
    let at = home.path().display();
    let plan = plan(home.path(), None);
    std::fs::create_dir(home.path().join("other")).unwrap();
    std::fs::write(home.path().join("other/file"), "mine").unwrap();
    std::fs::create_dir(home.path().join("broken")).unwrap();
    std::fs::write(home.path().join("broken/index.json"), "[]").unwrap();
    let before = listing(home.path());
    for (output, why) in [
        (format!("oci:{at}/other"), "other things than an image layout"),
        (format!("oci:{at}/broken"), "index.json"),
        (format!("oci-archive:{at}/none/oci.tar"), "none"),
        (format!("docker-archive:{at}/other"), "not a file"),
        (format!("oci:{at}/index.db/layout"), "index.db"),
    ] {
        let error = refused(&client(), &plan, &output).await;
        assert!(error.starts_with(&output) && error.contains(why), "{error}");
    }
    let mut gone = plan.clone();
    gone.contents.file("gone", home.path().join("gone"), false).unwrap();
    let error = refused(&client(), &gone, &format!("oci-archive:{at}/oci.tar")).await;
    assert!(error.contains("gone"), "{error}");
    assert_eq!(listing(home.path()), before);
}

#[tokio::test]
async fn whiteouts_hide_what_is_below() {
    let registry = FakeRegistry::start();
    let below = Layer::gzip([("configs/a", "1"), ("configs/b", "2"), ("tmp/x", "3"), ("keep", "4")]);
    registry.push("ns/base", "v1", &TestImage::new([below]));
    let home = tempfile::tempdir().unwrap();
    let mut plan = plan(home.path(), Some(&format!("{}/ns/base:v1", registry.host())));
    plan.contents.remove("configs/a").unwrap();
    plan.contents.clear("tmp").unwrap();
    plan.contents.directory("database", true).unwrap();
    for bad in ["../a", "", "a/.wh.b"] {
        assert!(plan.contents.remove(bad).is_err() && plan.contents.directory(bad, false).is_err(), "{bad}");
    }
    let output = format!("oci:{}/layout", home.path().display());
    client().build(&plan, &[output.parse().unwrap()], &Silent).await.unwrap();
    let (_, files) = read(&client(), &output).await;
    let files: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(files, ["configs", "configs/b", "database", "database/index.db", "keep", "tmp"]);
}
