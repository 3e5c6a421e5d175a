//! Files into ConfigMaps, and bundles out of them.

use std::collections::BTreeMap;

use opm_bundle::{File, Files};

use crate::{CONTENT_ENCODING, Content, GZIP_BASE64, SOURCE_IMAGE, StoreOptions, bundle, gzip, store};

const CSV: &str = "kind: ClusterServiceVersion\nmetadata: {name: tea.v1.0.0}\nspec: {version: 1.0.0}\n";
const CRD: &str = r#"{"kind": "CustomResourceDefinition", "metadata": {"name": "pots.tea.example"}}"#;
const ANNOTATIONS: &str = "annotations:\n  operators.operatorframework.io.bundle.package.v1: tea\n  operators.operatorframework.io.bundle.channels.v1: 4.1\n  other: x\n";

fn files(manifests: &[(&str, &str)], metadata: &[(&str, &str)]) -> Files {
    let of = |files: &[(&str, &str)]| Some(files.iter().map(|(name, text)| File::new(*name, *text)).collect());
    Files { manifests: of(manifests), metadata: of(metadata) }
}

fn options(gzip: bool) -> StoreOptions {
    StoreOptions { limit: 1 << 20, gzip, image: "reg.example/tea:1".to_owned() }
}

/// What a ConfigMap with something in it holds afterwards.
fn stored(files: &Files, gzip: bool) -> Content {
    let old = BTreeMap::from([("old".to_owned(), "x".to_owned())]);
    let binary_data = BTreeMap::from([("older".to_owned(), vec![1])]);
    let mut content = Content { annotations: old.clone(), data: old, binary_data };
    store(files, &options(gzip)).unwrap().write_to(&mut content);
    content
}

fn tea() -> Files {
    files(
        &[("pots@crd.yaml", CRD), ("tea.csv.yaml", CSV)],
        &[("annotations.yaml", ANNOTATIONS), ("dependencies.yaml", "dependencies: []\n")],
    )
}

#[test]
fn files_become_keys_and_annotations() {
    let content = stored(&tea(), false);
    let keys: Vec<_> = content.data.keys().map(String::as_str).collect();
    assert_eq!(keys, ["dependencies.yaml", "pots-crd.yaml", "tea.csv.yaml"]);
    assert_eq!(content.data["tea.csv.yaml"], CSV);
    assert!(content.binary_data.is_empty());
    let annotations: Vec<_> = content.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        annotations,
        [
            "olm.sourceImage=reg.example/tea:1",
            "operators.operatorframework.io.bundle.channel.default.v1=",
            "operators.operatorframework.io.bundle.channels.v1=4.1",
            "operators.operatorframework.io.bundle.manifests.v1=",
            "operators.operatorframework.io.bundle.mediatype.v1=",
            "operators.operatorframework.io.bundle.metadata.v1=",
            "operators.operatorframework.io.bundle.package.v1=tea",
        ]
    );
}

#[test]
fn what_is_stored_is_read_again() {
    for gzip in [false, true] {
        let content = stored(&tea(), gzip);
        assert_eq!(content.annotations.get(CONTENT_ENCODING).map(String::as_str), gzip.then_some(GZIP_BASE64));
        assert_eq!((content.data.is_empty(), content.binary_data.is_empty()), (gzip, !gzip));
        let bundle = bundle(&content).unwrap();
        assert_eq!(bundle.csv_name, "tea.v1.0.0");
        assert_eq!(bundle.objects, [CRD, CSV]);
        assert_eq!(
            bundle.csv_json,
            r#"{"kind":"ClusterServiceVersion","metadata":{"name":"tea.v1.0.0"},"spec":{"version":"1.0.0"}}"#
        );
        assert_eq!((bundle.package.as_str(), bundle.version.as_str()), ("", ""));
        assert_eq!(stored(&tea(), gzip), content);
    }
}

#[test]
fn without_annotations_the_old_ones_stay() {
    let content = stored(&files(&[("csv.yaml", CSV)], &[]), false);
    assert_eq!(content.annotations.keys().map(String::as_str).collect::<Vec<_>>(), ["old", SOURCE_IMAGE]);
}

#[test]
fn files_that_do_not_fit_are_named() {
    let limited = |gzip, limit| store(&tea(), &StoreOptions { limit, gzip, ..options(gzip) });
    let whole = (CRD.len() + CSV.len() + "dependencies: []\n".len()) as u64;
    assert_eq!(limited(false, whole).unwrap().files(), 3);
    let error = limited(false, whole - 1).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("bundle files exceeded {} bytes limit: metadata/dependencies.yaml", whole - 1)),
        "{error}"
    );
    // What counts is what is stored, and small files do not become smaller.
    assert!(limited(true, whole).is_err());
    let large = "a".repeat(100_000);
    let options = StoreOptions { limit: 1000, ..options(true) };
    store(&files(&[("a.yaml", &large)], &[]), &options).unwrap();

    let directory = File { name: "sub".to_owned(), content: Err("it is a directory".to_owned()) };
    for (files, expected) in [
        (
            files(&[("a b.yaml", CSV), ("a-b.yaml", CSV)], &[]),
            "manifests/a b.yaml and manifests/a-b.yaml would both be stored as a-b.yaml: rename one of them",
        ),
        (
            files(&[("a.yaml", CSV)], &[("a.yaml", CSV)]),
            "manifests/a.yaml and metadata/a.yaml would both be stored as a.yaml: rename one of them",
        ),
        (files(&[], &[("annotations.yaml", "a: [")]), "metadata/annotations.yaml cannot be read"),
        (Files { manifests: Some(vec![directory]), metadata: None }, "manifests/sub: it is a directory"),
        (
            Files { manifests: Some(vec![File::new("x", [0xFF])]), metadata: None },
            "manifests/x is not UTF-8 text: store it with --gzip",
        ),
    ] {
        assert_eq!(
            store(&files, &StoreOptions { limit: 1000, ..Default::default() }).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn what_cannot_be_unpacked_is_named() {
    let packed = |bytes: Vec<u8>| Content {
        annotations: BTreeMap::from([(CONTENT_ENCODING.to_owned(), GZIP_BASE64.to_owned())]),
        data: BTreeMap::from([("ignored".to_owned(), CSV.to_owned())]),
        binary_data: BTreeMap::from([("x.yaml".to_owned(), bytes)]),
    };
    assert_eq!(bundle(&packed(gzip::encode(CRD.as_bytes()))).unwrap().objects, [CRD]);
    let bomb = gzip::encode(&vec![b' '; 70 << 20]);
    assert!(bomb.len() < 200_000);
    let mut cut = gzip::encode(CRD.as_bytes());
    cut.truncate(16);
    for (bytes, words) in [
        (b"*".to_vec(), "error decoding x.yaml: it is not base64"),
        (b"aGVsbG8=".to_vec(), "error decoding x.yaml: it is not gzip"),
        (cut, "error decoding x.yaml: it is not gzip"),
        (bomb, "error decoding x.yaml: it unpacks to more than the 67108864 bytes"),
        (gzip::encode(&[0xFF]), "error decoding x.yaml: it is not UTF-8"),
    ] {
        let error = bundle(&packed(bytes)).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
    }
    // Two values that are within the limit, but not together.
    let mut two = packed(gzip::encode(&vec![b' '; 40 << 20]));
    two.binary_data.insert("y.yaml".to_owned(), two.binary_data["x.yaml"].clone());
    assert!(bundle(&two).unwrap_err().to_string().starts_with("error decoding y.yaml: it unpacks to more"));
}

#[test]
fn the_last_of_several_csvs_counts() {
    let other = CSV.replace("tea", "pot");
    let content = stored(&files(&[("1.yaml", CSV), ("2.yaml", &other), ("3.txt", "hello"), ("4", "a: [")], &[]), false);
    let bundle = bundle(&content).unwrap();
    assert_eq!((bundle.csv_name.as_str(), bundle.objects.len()), ("pot.v1.0.0", 2));
}
