//! What is said of bundles.

use opm_model::{Bundle, BundleKey, Dependency, Gvk, Property, Query, Stop};

use super::{CATALOG, Fixture, document, encode, encoded, large, list};

fn p1() -> Bundle {
    Bundle {
        csv_name: "p.v1".into(),
        package: "p".into(),
        channel: "a".into(),
        csv_json: "{\"kind\":\"ClusterServiceVersion\"}\n".into(),
        objects: vec!["{\"kind\":\"Secret\"}".into(), "{\"kind\":\"ClusterServiceVersion\"}\n".into()],
        provided_apis: vec![Gvk::new("g", "v1", "K")],
        version: "1.0.0".into(),
        properties: vec![
            Property::new("olm.package", r#"{"packageName":"p","version":"1.0.0"}"#),
            Property::new("olm.gvk", r#"{"group":"g","kind":"K","version":"v1"}"#),
        ],
        replaces: "p.v0".into(),
        deprecation: Some("old bundle".into()),
        ..Bundle::default()
    }
}

const CSV: &str = concat!(
    r#"{"kind":"ClusterServiceVersion","apiVersion":"operators.coreos.com/v1alpha1","#,
    r#""metadata":{"name":"p.v2","annotations":{"k":"\u003cv\u003e"}},"#,
    r#""spec":{"install":{"strategy":"deployment","spec":{"deployments":null}},"version":"2.0.0","#,
    r#""customresourcedefinitions":{"owned":[{"name":"ks.g","version":"v1","kind":"K"}]},"#,
    r#""apiservicedefinitions":{},"minKubeVersion":"1.20.0","displayName":"P","description":"packs \u0026 more","#,
    r#""provider":{"name":"Corp"},"icon":[{"base64data":"aWNvbg==","mediatype":"image/png"}],"#,
    r#""cleanup":{"enabled":false},"#,
    r#""relatedImages":[{"name":"z","image":"reg.example/z:1"},{"name":"","image":"reg.example/y:1"}]},"#,
    r#""status":{"cleanup":{}}}"#
);

fn p2() -> Bundle {
    Bundle {
        csv_name: "p.v2".into(),
        package: "p".into(),
        channel: "b".into(),
        csv_json: CSV.into(),
        objects: vec![CSV.into()],
        image: "reg.example/p:2".into(),
        provided_apis: vec![Gvk::new("g", "v1", "K"), Gvk::new("g", "v2", "L")],
        required_apis: vec![Gvk::new("h", "v1", "M")],
        version: "2.0.0".into(),
        skip_range: "<2.0.0".into(),
        dependencies: vec![
            Dependency::new("olm.gvk", r#"{"group":"h","kind":"M","version":"v1"}"#),
            Dependency::new("olm.package", r#"{"packageName":"r","version":">=1.0.0 & <2"}"#),
        ],
        properties: vec![
            Property::new("olm.package", r#"{"packageName":"p","version":"2.0.0"}"#),
            Property::new("olm.gvk", r#"{"group":"g","kind":"K","version":"v1"}"#),
            Property::new("olm.gvk", r#"{"group":"g","kind":"L","version":"v2"}"#),
            Property::new("olm.gvk.required", r#"{"group":"h","kind":"M","version":"v1"}"#),
            Property::new("olm.package.required", r#"{"packageName":"r","versionRange":">=1.0.0 & <2"}"#),
            Property::new("custom", r#"{"a":[1,2],"b":"<x>"}"#),
        ],
        replaces: "p.v1".into(),
        skips: vec!["p.v0".into(), "p.v1".into()],
        ..Bundle::default()
    }
}

fn q1() -> Bundle {
    Bundle {
        csv_name: "q.v1".into(),
        package: "q".into(),
        channel: "a".into(),
        image: "reg.example/q:1".into(),
        provided_apis: vec![Gvk::new("g", "v1", "K")],
        version: "1.0.0".into(),
        properties: vec![
            Property::new("olm.package", r#"{"packageName":"q","version":"1.0.0"}"#),
            Property::new("olm.gvk", r#"{"group":"g","kind":"K","version":"v1"}"#),
        ],
        skips: vec!["p.v1".into(), "p.v1".into()],
        ..Bundle::default()
    }
}

#[test]
fn bundles_are_listed_by_channel_package_and_name() {
    let pack = Fixture::new(&[("catalog.yaml", CATALOG)]).pack();
    let p1_in_b = Bundle { channel: "b".into(), replaces: String::new(), ..p1() };
    let p2 = Bundle { csv_json: String::new(), objects: Vec::new(), ..p2() };
    let wanted: Vec<u8> = [p1(), q1(), p1_in_b, p2].into_iter().flat_map(encode).collect();
    let (listed, _) = list(&pack).unwrap();
    assert_eq!(String::from_utf8(listed).unwrap(), String::from_utf8(wanted).unwrap());
}

#[test]
fn bundles_are_asked_for_without_their_edges() {
    let pack = Fixture::new(&[("catalog.yaml", CATALOG)]).pack();
    for bundle in [p1(), p2(), q1()] {
        let key = BundleKey { package: &bundle.package, channel: &bundle.channel, csv_name: &bundle.csv_name };
        let answer = encoded(pack.bundle(&key, &Stop::new()).unwrap());
        let wanted = encode(Bundle { replaces: String::new(), skips: Vec::new(), ..bundle.clone() });
        assert_eq!(String::from_utf8(answer).unwrap(), String::from_utf8(wanted).unwrap());
    }
}

#[test]
fn content_comes_from_the_metadata_only_where_there_is_no_csv() {
    let catalog = CATALOG.replace(
        "- {type: olm.bundle.object, value: {data: eyJraW5kIjoiQ2x1c3RlclNlcnZpY2VWZXJzaW9uIn0K}}",
        "- {type: olm.csv.metadata, value: {displayName: X}}",
    );
    let pack = Fixture::new(&[("catalog.yaml", &catalog)]).pack();
    let key = BundleKey { package: "p", channel: "a", csv_name: "p.v1" };
    let answer = String::from_utf8(encoded(pack.bundle(&key, &Stop::new()).unwrap())).unwrap();
    let parts: Vec<&str> = answer.split('\u{1}').collect();
    assert!(parts[3].contains(r#""displayName":"X""#), "{}", parts[3]);
    assert_eq!(parts[4], r#"{"kind":"Secret"}"#, "manifests that there are stay alone");
}

#[test]
fn texts_are_stored_once() {
    let length = 100_000;
    let fixture = Fixture::new(&[("catalog.yaml", &large(length))]);
    let summary = fixture.build().unwrap();
    // Two different manifests, one of which is the CSV.
    assert!(summary.length < 2 * length as u64 + 20_000, "{}", summary.length);
    let pack = super::Pack::open(fixture.target()).unwrap();
    let (listed, pages) = list(&pack).unwrap();
    assert!(listed.len() > 4 * 3 * length);
    assert!(pages.iter().all(|length| *length <= 64 << 10), "{pages:?}");
    let text = String::from_utf8(listed).unwrap();
    assert_eq!(text.matches(&"y".repeat(length)).count(), 12);
    assert_eq!(text.matches("ClusterServiceVersion").count(), 8);
}

#[test]
fn blobs_are_kept_by_schema_and_package() {
    let pack = Fixture::new(&[("catalog.yaml", CATALOG)]).pack();
    for (schema, package, wanted) in [
        (
            "custom.one",
            "p",
            vec![
                r#"{"name":"first","package":"p","schema":"custom.one"}"#,
                r#"{"name":"second","package":"p","schema":"custom.one"}"#,
            ],
        ),
        ("custom.two", "", vec![r#"{"number":1.5,"schema":"custom.two"}"#]),
        ("custom.one", "", vec![]),
        ("custom.two", "p", vec![]),
        ("olm.bundle", "p", vec![]),
    ] {
        let wanted: Vec<u8> = wanted.iter().flat_map(|text| document(&serde_json::from_str(text).unwrap())).collect();
        let (found, _) = super::blobs(&pack, schema, package).unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), String::from_utf8(wanted).unwrap());
    }
}

#[test]
fn many_blobs_come_in_pages() {
    let one = format!("---\nschema: custom\ntext: {}\n", "z".repeat(50_000));
    let pack = Fixture::new(&[("catalog.yaml", &one.repeat(4))]).pack();
    let (all, pages) = super::blobs(&pack, "custom", "").unwrap();
    assert_eq!(String::from_utf8(all).unwrap().matches('z').count(), 200_000);
    assert_eq!(pages.len(), 4);
    assert!(pages.iter().all(|length| *length <= 64 << 10), "{pages:?}");
}
