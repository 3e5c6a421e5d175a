//! What is written is read again as the same.

use opm_model::Property;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    Bundle, Catalog, Channel, ChannelEntry, Deprecation, DeprecationEntry, Format, Icon, Origin, Package, RelatedImage,
    parse, to_text, validate,
};

/// Text that YAML has most trouble with.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}",
        "[ -~\n\t]{0,20}",
        "[-:#?\\[\\]{}&*!|>'\"%@`,. \nxé\u{1F600}\u{2028}]{0,12}",
        prop::sample::select(vec![
            "yes",
            "n",
            "0x1F",
            "1_000",
            "010",
            "1e3",
            ".5",
            "~",
            "null",
            "2001-01-01",
            "1:30",
            "<<",
            "---",
            "... a"
        ])
        .prop_map(str::to_owned),
        "([a-z<>&]{1,9} ){12,30}z",
    ]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9.]{0,6}"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000i64..1_000_000).prop_map(Value::from),
        (-1e9..1e9).prop_map(|float: f64| Value::from(float + 0.5)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            // The reference writes this key in a way that it does not read.
            vec((text().prop_filter("a merge key", |key| key != "<<"), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn properties() -> impl Strategy<Value = Vec<Property>> {
    let property = (name(), value()).prop_map(|(kind, value)| Property::new(kind, opm_document::json::blob(&value)));
    vec(property, 0..3)
}

prop_compose! {
    fn package()(name in name(), default_channel in text(), description in text(), properties in properties(),
        icon in option::of((option::of(vec(any::<u8>(), 0..9)), text()))) -> Package {
        let icon = icon.map(|(data, media_type)| Icon { data, media_type });
        Package { name, default_channel, icon, description, properties, origin: Origin::default() }
    }
}

prop_compose! {
    fn channel()(name in text(), package in name(), properties in properties(),
        entries in option::of(vec((text(), text(), vec(text(), 0..3), text()), 0..3))) -> Channel {
        let entry = |(name, replaces, skips, skip_range)| ChannelEntry { name, replaces, skips, skip_range };
        let entries = entries.map(|entries| entries.into_iter().map(entry).collect());
        Channel { name, package, entries, properties, origin: Origin::default() }
    }
}

prop_compose! {
    fn bundle()(name in text(), package in name(), image in text(), properties in properties(),
        related in vec((text(), text()), 0..3)) -> Bundle {
        let related_images = related.into_iter().map(|(name, image)| RelatedImage { name, image }).collect();
        Bundle { name, package, image, properties, related_images, origin: Origin::default() }
    }
}

prop_compose! {
    fn deprecation()(package in name(), entries in option::of(vec((text(), text(), text()), 0..3))) -> Deprecation {
        let entry = |(schema, name, message)| DeprecationEntry { schema, name, message };
        let entries = entries.map(|entries| entries.into_iter().map(entry).collect());
        Deprecation { package, entries, origin: Origin::default() }
    }
}

prop_compose! {
    pub(super) fn catalog()(packages in vec(package(), 0..3), channels in vec(channel(), 0..3), bundles in vec(bundle(), 0..3),
        deprecations in vec(deprecation(), 0..2), others in vec((name(), value()), 0..3)) -> Catalog {
        let other = |(schema, value): (String, Value)| json!({"schema": schema, "value": value}).to_string();
        let others = others.into_iter().map(other).collect::<Vec<_>>().join("\n");
        let mut catalog = Catalog { packages, channels, bundles, deprecations, ..Catalog::default() };
        catalog.append(parse(others.as_bytes(), None).unwrap());
        catalog
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_catalogs_read_the_same(catalog in catalog()) {
        let json = to_text(&catalog, Format::Json).unwrap();
        let sorted = parse(json.as_bytes(), None).unwrap();
        prop_assert_eq!(sorted.bundles.len(), catalog.bundles.len());
        prop_assert_eq!(to_text(&sorted, Format::Json).unwrap(), json);
        let yaml = to_text(&catalog, Format::Yaml).unwrap();
        prop_assert_eq!(parse(yaml.as_bytes(), None).unwrap(), sorted);
    }

    #[test]
    fn nothing_panics(catalog in catalog(), input in vec(any::<u8>(), 0..60)) {
        let _ = parse(&input, None);
        let report = validate(&catalog);
        prop_assert_eq!(report.is_valid(), report.findings.is_empty());
        let _ = report.to_document(Format::Yaml);
        let _ = crate::graph(&catalog, &crate::GraphOptions::default());
        let _ = crate::list_channels(&catalog, None);
    }
}
