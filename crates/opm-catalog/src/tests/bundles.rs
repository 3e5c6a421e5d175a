//! Bundles and listings to blobs, and their migration.

use std::collections::BTreeMap;

use opm_model::{Channel, Gvk, Package, Property};
use serde_json::json;

use crate::{
    Bundle, BundleSource, Catalog, Error, Index, Level, Listing, RelatedImage, bundle_blob, migrate, property_type,
};

/// Properties as `type value`, manifests decoded.
fn shown(bundle: &Bundle) -> Vec<String> {
    let object = |value: &str| {
        let one = Bundle { properties: vec![Property::new(property_type::BUNDLE_OBJECT, value)], ..Bundle::default() };
        String::from_utf8(one.objects().concat()).unwrap()
    };
    let show = |p: &Property| match p.kind.as_str() {
        property_type::BUNDLE_OBJECT => format!("object {}", object(&p.value)),
        kind => format!("{kind} {}", p.value),
    };
    bundle.properties.iter().map(show).collect()
}

fn images(related: &[RelatedImage]) -> Vec<(&str, &str)> {
    related.iter().map(|related| (related.name.as_str(), related.image.as_str())).collect()
}

#[test]
fn of_a_bundle() {
    let csv = json!({
        "metadata": {"name": "p.v1", "annotations": {"olm.properties":
            r#"[{"type": "t", "value": {"b": 1.0, "a": "<"}}, {"type": "olm.package", "value": {"packageName": "p", "version": "1.0.1"}}]"#}},
        "spec": {
            "version": "1.0.0", "release": 3,
            "relatedImages": [{"name": "z", "image": "reg/z"}, {"name": "a", "image": "reg/a", "x": 1}],
            "install": {"strategy": "deployment", "spec": {"deployments": [{"spec": {"template": {"spec": {
                "containers": [{"image": "reg/op"}, {"image": "reg/a"}, {"image": "reg/b"}],
                "initContainers": [{"image": "reg/op"}]}}}}]}},
        }
    });
    let objects: [&[u8]; 2] = [b"{\"kind\":\"ClusterServiceVersion\"}\n", b"{\"kind\":\"A\"}"];
    let source = BundleSource {
        image: "reg/b",
        package: "p",
        csv: &csv,
        objects: &objects,
        properties: &[
            Property::new("olm.gvk", r#"{"version":"v1","kind":"K","group":"g"}"#),
            Property::new("s", "\"\\u003c\""),
        ],
        dependencies: &[
            Property::new("olm.package", r#"{"packageName":"q","version":">1"}"#),
            Property::new("olm.gvk", r#"{"group":"g","kind":"R","version":"v1"}"#),
            Property::new("olm.constraint", r#"{"x":1}"#),
        ],
        provided_apis: &[Gvk { plural: "ks".into(), ..Gvk::new("g", "v1", "K") }],
        required_apis: &[Gvk::new("g", "v1", "R"), Gvk::new("g", "v2", "R")],
    };
    let bundle = bundle_blob(&source).unwrap();
    assert_eq!((bundle.name.as_str(), bundle.package.as_str(), bundle.image.as_str()), ("p.v1", "p", "reg/b"));
    assert_eq!(
        shown(&bundle),
        [
            r#"olm.constraint {"x":1}"#,
            r#"olm.gvk {"group":"g","kind":"K","version":"v1"}"#,
            r#"olm.gvk.required {"group":"g","kind":"R","version":"v1"}"#,
            r#"olm.gvk.required {"group":"g","kind":"R","version":"v2"}"#,
            r#"olm.package {"packageName":"p","version":"1.0.1"}"#,
            r#"olm.package.required {"packageName":"q","versionRange":">1"}"#,
            r#"s "\u003c""#,
            r#"t {"b":1.0,"a":"<"}"#,
            // Sorted by their base64.
            r#"object {"kind":"ClusterServiceVersion"}"#,
            r#"object {"kind":"A"}"#,
        ]
    );
    // The bundle's image is also that of an operator, and comes twice.
    assert_eq!(
        images(&bundle.related_images),
        [("a", "reg/a"), ("", "reg/b"), ("", "reg/b"), ("", "reg/op"), ("z", "reg/z")]
    );
    let without_annotation = json!({"metadata": {"name": "p.v1"}, "spec": {"version": "1.0.0", "release": 3}});
    let bundle = bundle_blob(&BundleSource { csv: &without_annotation, ..source }).unwrap();
    assert!(shown(&bundle).contains(&r#"olm.package {"packageName":"p","version":"1.0.0","release":"3"}"#.to_owned()));
}

#[test]
fn bundles_that_make_no_blob() {
    let source = BundleSource {
        image: "",
        package: "p",
        csv: &json!({"metadata": {"name": "b"}, "spec": {"release": []}}),
        objects: &[],
        properties: &[],
        dependencies: &[],
        provided_apis: &[],
        required_apis: &[],
    };
    let message = |source| bundle_blob(source).unwrap_err().to_string();
    assert_eq!(message(&source), "bundle \"b\": spec.release of its CSV must be a string or a number");
    let csv = json!({"metadata": {"name": "b"}});
    let gvk = [Property::new("olm.gvk", "1")];
    let bad = BundleSource { csv: &csv, properties: &gvk, ..source };
    assert!(message(&bad).starts_with("bundle \"b\": parse property[0] of type \"olm.gvk\": invalid type"));
    let text = [Property::new("t", "{")];
    let bad = BundleSource { csv: &csv, dependencies: &text, ..source };
    assert!(message(&bad).starts_with("bundle \"b\": property of type \"t\" is not JSON: EOF"));
}

fn listed(name: &str, channel: &str, version: &str) -> opm_model::Bundle {
    opm_model::Bundle {
        csv_name: name.to_owned(),
        package: "p".to_owned(),
        channel: channel.to_owned(),
        version: version.to_owned(),
        image: format!("reg/{name}"),
        ..opm_model::Bundle::default()
    }
}

fn package(default_channel: &str, channels: &[(&str, &str)]) -> Package {
    let channel = |(name, head): &(&str, &str)| Channel {
        name: (*name).to_owned(),
        csv_name: (*head).to_owned(),
        ..Channel::default()
    };
    Package {
        name: "p".to_owned(),
        default_channel: default_channel.to_owned(),
        channels: channels.iter().map(channel).collect(),
        ..Package::default()
    }
}

/// The catalog of a listing, whose default heads have this CSV.
fn from_listing(
    packages: impl IntoIterator<Item = Package>,
    bundles: impl IntoIterator<Item = opm_model::Bundle>,
    images: &BTreeMap<String, Vec<String>>,
    csv: &str,
) -> Result<Catalog, Error> {
    let mut index = Index::default();
    let mut bundles = bundles.into_iter();
    let packages = packages.into_iter().map(|package| (package, csv.to_owned()));
    let listing = Listing::new(packages, images)?;
    index.add_listing(listing, Level::None, || Ok::<_, Error>(bundles.next().into_iter().collect()))?;
    index.load_all()
}

#[test]
fn of_a_listing() {
    let csv = r#"{"kind":"ClusterServiceVersion","spec":{"icon":[{"base64data":"Zm 9v","mediatype":"image/png"}],
        "relatedImages":[{"name":"n","image":"reg/z"}]}}"#;
    let v2 = opm_model::Bundle {
        csv_json: csv.to_owned(),
        objects: vec![r#"{"kind":"A"}"#.to_owned()],
        replaces: "v1".to_owned(),
        skips: vec!["b".to_owned(), "a".to_owned()],
        skip_range: "<2.0.0".to_owned(),
        properties: vec![
            Property::new("olm.package", r#"{"packageName":"p","version":"2.0.0"}"#),
            Property::new("olm.package", r#"{"packageName":"p","version":"2.0.0","release":"r"}"#),
            Property::new("olm.label", r#"{"label": "l"}"#),
        ],
        dependencies: vec![
            Property::new("olm.label", r#"{"label":"d"}"#),
            Property::new("olm.package", r#"{"packageName":"q","version":">1"}"#),
        ],
        provided_apis: vec![Gvk::new("g", "v1", "K")],
        required_apis: vec![Gvk::new("g", "v1", "R")],
        ..listed("p-v2.0.0-r", "c", "2.0.0")
    };
    let again = opm_model::Bundle { channel: "b".to_owned(), replaces: String::new(), skips: vec![], ..v2.clone() };
    let deprecated =
        opm_model::Bundle { properties: vec![Property::new("olm.deprecated", "{}")], ..listed("v1", "c", "") };
    let related = BTreeMap::from([("p-v2.0.0-r".to_owned(), ["reg/y", "reg/z", "reg/y"].map(str::to_owned).to_vec())]);
    let packages = [package("c", &[("c", "p-v2.0.0-r"), ("b", "p-v2.0.0-r")])];
    let catalog = from_listing(packages, [v2, again, deprecated], &related, csv).unwrap();
    assert_eq!(catalog.packages[0].icon.as_ref().unwrap().data.as_deref(), Some(&b"foo"[..]));
    assert_eq!(catalog.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    let entry = &catalog.channels[1].entries()[0];
    assert_eq!((entry.replaces.as_str(), &entry.skips[..]), ("v1", &["b".to_owned(), "a".to_owned()][..]));
    assert_eq!(catalog.bundles.len(), 1);
    assert_eq!(images(&catalog.bundles[0].related_images), [("", "reg/y"), ("n", "reg/z")]);
    assert_eq!(
        shown(&catalog.bundles[0]),
        [
            r#"olm.gvk {"group":"g","kind":"K","version":"v1"}"#,
            r#"olm.gvk.required {"group":"g","kind":"R","version":"v1"}"#,
            r#"olm.label {"label":"d"}"#,
            r#"olm.label {"label":"l"}"#,
            r#"olm.package {"packageName":"p","version":"2.0.0","release":"r"}"#,
            r#"olm.package.required {"packageName":"q","versionRange":">1"}"#,
            r#"object {"kind":"A"}"#,
        ]
    );
}

#[test]
fn listings_that_make_no_catalog() {
    let none = BTreeMap::new();
    for (packages, bundles, expected) in [
        (
            vec![package("c", &[("c", "v1")])],
            vec![listed("v1", "c", "")],
            "bundle \"v1\": parse version \"\": version is empty",
        ),
        (vec![], vec![listed("v1", "c", "1.0.0")], "bundle \"v1\": unknown package \"p\""),
        (
            vec![package("", &[])],
            vec![listed("v1", "c", "1.0.0")],
            "bundle \"v1\": unknown channel \"c\" of package \"p\"",
        ),
        (
            vec![package("x", &[("c", "v1")])],
            vec![listed("v1", "c", "1.0.0")],
            "invalid index:\n└── invalid package \"p\":\n    └── invalid channel \"x\":\n        └── channel must contain at least one \
             bundle: it is the default channel, but is not in the catalog",
        ),
        (
            vec![package("", &[("c", "v1")])],
            vec![listed("v1", "c", "1.0.0")],
            "invalid index:\n└── invalid package \"p\":\n    └── default channel must be set",
        ),
    ] {
        assert_eq!(from_listing(packages, bundles, &none, "{}").unwrap_err().to_string(), expected);
    }
    // References of images are the listing's own affair.
    let bundle = opm_model::Bundle { image: "a@@b".to_owned(), ..listed("v1", "c", "1.0.0") };
    assert!(from_listing([package("c", &[("c", "v1")])], [bundle.clone()], &none, "{}").is_ok());
    // Icons are looked for in a CSV that must be there.
    let error = from_listing([package("c", &[("c", "v1")])], [bundle.clone()], &none, "").unwrap_err().to_string();
    assert_eq!(error, "bundle \"v1\": has no CSV, but is the head of the default channel of package \"p\"");
    let other = listed("v0", "c", "0.1.0");
    let twice = from_listing([package("c", &[("c", "v1")])], [bundle.clone(), other, bundle], &none, "{}");
    let error = twice.unwrap_err().to_string();
    assert_eq!(error, "bundle \"v1\": is listed at two places, with other bundles between them");
}

/// A bundle whose only property, beside one that nobody knows, is this CSV.
fn with_csv(image: &str, csv: &str) -> Catalog {
    let bundle = Bundle {
        name: "b".to_owned(),
        image: image.to_owned(),
        properties: vec![crate::properties::object(csv.as_bytes()), Property::new("t", "1")],
        ..Bundle::default()
    };
    Catalog { bundles: vec![bundle], ..Catalog::default() }
}

#[test]
fn migration() {
    let csv = r#"{"kind":"ClusterServiceVersion","spec":{"displayName":"D"}}"#;
    let metadata =
        r#"olm.csv.metadata {"apiServiceDefinitions":{},"crdDescriptions":{},"displayName":"D","provider":{}}"#;
    for (image, csv, level, expected) in [
        ("reg/b", csv, Level::ALL, vec!["t 1".to_owned(), metadata.to_owned()]),
        ("reg/b", csv, Level::None, vec![format!("object {csv}"), "t 1".to_owned()]),
        ("", csv, Level::ALL, vec![format!("object {csv}"), "t 1".to_owned()]),
        ("reg/b", r#"{"kind":"A"}"#, Level::ALL, vec![r#"object {"kind":"A"}"#.to_owned(), "t 1".to_owned()]),
    ] {
        let mut catalog = with_csv(image, csv);
        migrate(&mut catalog, level).unwrap();
        assert_eq!(shown(&catalog.bundles[0]), expected);
    }
    let mut bad = with_csv("reg/b", r#"{"kind":"ClusterServiceVersion","spec":{"version":"x"}}"#);
    let error = migrate(&mut bad, Level::ALL).unwrap_err();
    assert!(matches!(&error, Error::Bundle { bundle, .. } if bundle == "b"), "{error}");
    for (name, level) in
        [("", Level::None), ("none", Level::None), ("all", Level::ALL), ("bundle-object-to-csv-metadata", Level::ALL)]
    {
        assert_eq!(name.parse::<Level>().unwrap(), level);
    }
    assert!("x".parse::<Level>().unwrap_err().to_string().starts_with("unknown migration level \"x\""));
}

#[test]
fn objects_of_any_spelling() {
    for (data, expected) in [
        ("a2luZDogQQo=", Some(r#"{"kind":"A"}"#)),
        ("IHsia2luZCI6ICJBIn0=", Some(r#" {"kind": "A"}"#)),
        ("a2lu\\nZDogQQo=", Some(r#"{"kind":"A"}"#)),
    ] {
        let properties = vec![
            Property::new(property_type::BUNDLE_OBJECT, "{}"),
            Property::new(property_type::BUNDLE_OBJECT, format!("{{\"data\":\"{data}\",\"ref\":1}}")),
        ];
        let objects = Bundle { properties, ..Bundle::default() }.objects();
        assert_eq!(objects.first().map(|object| std::str::from_utf8(object).unwrap()), expected);
    }
}
