//! Adding to catalogs that were made by hand, where the oracle has nothing to say.

use opm_model::edit::Refusal;

use super::*;
use crate::{Format, Level, migrate, property_type, to_text};

/// A catalog as a person writes it: entries in an order of their own, edges that differ by channel, and more around it.
const BY_HAND: &str = "\
schema: olm.package
name: demo
defaultChannel: alpha
description: Chosen words
icon: {base64data: Y2hvc2Vu, mediatype: image/png}
---
schema: olm.channel
package: demo
name: alpha
properties: [{type: kept, value: 1}]
entries:
- {name: demo.v1.1.0, replaces: demo.v1.0.0, skips: [demo.v0.5.0]}
- {name: demo.v1.0.0, replaces: demo.v0.9.0, skipRange: <1.0.0}
---
schema: olm.channel
package: demo
name: beta
entries:
- {name: demo.v1.1.0, skips: [demo.v1.0.0]}
- {name: demo.v1.0.0, replaces: demo.v0.9.1}
---
schema: olm.bundle
package: demo
name: demo.v1.0.0
image: reg.test/demo.v1.0.0
properties: [{type: olm.package, value: {packageName: demo, version: 1.0.0}}]
---
schema: olm.bundle
package: demo
name: demo.v1.1.0
image: reg.test/demo.v1.1.0
properties: [{type: olm.package, value: {packageName: demo, version: 1.1.0}}]
---
schema: olm.deprecations
package: demo
entries:
- {reference: {schema: olm.channel, name: beta}, message: Old}
- {reference: {schema: olm.bundle, name: demo.v1.0.0}, message: Old}
- {reference: {schema: olm.package}, message: Old}
---
schema: custom.thing
package: demo
name: any
---
schema: loose.thing
of: nobody
---
schema: olm.package
name: other
defaultChannel: c
---
schema: olm.channel
package: other
name: c
entries: [{name: other.v1.0.0, skips: [other.v0.1.0]}]
---
schema: olm.bundle
package: other
name: other.v1.0.0
image: reg.test/other.v1.0.0
properties: [{type: olm.package, value: {packageName: other, version: 1.0.0}}]
";

fn by_hand() -> Catalog {
    crate::parse(BY_HAND.as_bytes(), None).unwrap()
}

fn add(catalog: &Catalog, options: AddOptions, bundles: &[&str]) -> Result<Catalog, EditError> {
    let mut edit = Edit::new(catalog.clone());
    edit.add(all_added(bundles), options)?;
    Ok(done(edit))
}

#[test]
fn what_is_not_concerned_stays() {
    let before = by_hand();
    let mut after = add(&before, REPLACES, &["1.2.0 replaces=1.1.0 icon=bmV3 range=<1.2.0"]).unwrap();
    let entries = after.channels[0].entries.as_mut().unwrap();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["demo.v1.1.0", "demo.v1.0.0", "demo.v1.2.0"]);
    let new = entries.pop().unwrap();
    assert_eq!((new.replaces.as_str(), new.skip_range.as_str()), ("demo.v1.1.0", "<1.2.0"));
    let added = after.bundles.iter().position(|bundle| bundle.name == "demo.v1.2.0").unwrap();
    assert!(!after.bundles.remove(added).properties.is_empty());
    let same = |catalog: &Catalog| to_text(catalog, Format::Yaml).unwrap();
    assert_eq!(same(&after), same(&before), "the icon, too, which is not that of a CSV");
}

#[test]
fn entries_count_and_not_csvs() {
    let before = by_hand();
    for (options, bundles, expected) in [
        // A new channel takes over the edges of the default channel.
        (
            REPLACES,
            &["1.2.0 in=new replaces=1.1.0"][..],
            "alpha*: 1.0.0 > 0.9.0, 1.1.0[0.5.0] > 1.0.0\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0]\n\
             new: 1.0.0 > 0.9.0, 1.1.0[0.5.0] > 1.0.0, 1.2.0 > 1.1.0",
        ),
        // In a channel where they are, bundles keep their edges.
        (
            REPLACES,
            &["1.2.0 in=beta replaces=1.1.0"],
            "alpha*: 1.0.0 > 0.9.0, 1.1.0[0.5.0] > 1.0.0\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0], 1.2.0 > 1.1.0",
        ),
        // Where a channel was truncated, a bundle may replace what is gone.
        (
            REPLACES,
            &["1.2.0 in=new replaces=0.9.0"],
            "alpha*: 1.0.0 > 0.9.0, 1.1.0[0.5.0] > 1.0.0\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0]\nnew: 1.2.0 > 0.9.0",
        ),
        // One that is put below all others continues there; what is skipped and not there is not forgotten.
        (
            SEMVER,
            &["0.9.5"],
            "alpha*: 0.9.5 > 0.9.0, 1.0.0 > 0.9.5, 1.1.0[0.5.0] > 1.0.0\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0]",
        ),
        (
            SEMVER,
            &["1.0.5"],
            "alpha*: 1.0.0 > 0.9.0, 1.0.5 > 1.0.0, 1.1.0[0.5.0] > 1.0.5\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0]",
        ),
        (
            SKIP_PATCH,
            &["1.1.1"],
            "alpha*: 1.0.0 > 0.9.0, 1.1.0, 1.1.1[1.1.0 0.5.0] > 1.0.0\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0]",
        ),
        // Going over to the mode replaces loses nothing.
        (
            REPLACES,
            &["1.0.0 pkg=fresh", "1.2.0 replaces=1.1.0"],
            "alpha*: 1.0.0 > 0.9.0, 1.1.0[0.5.0] > 1.0.0, 1.2.0 > 1.1.0\nbeta: 1.0.0 > 0.9.1, 1.1.0[1.0.0]\n\
             fresh/alpha*: fresh.v1.0.0",
        ),
    ] {
        let after = add(&before, options, bundles).map_err(|error| text(&error)).unwrap();
        let found = graph(&after).replace("\nother/c*: other.v1.0.0[other.v0.1.0]", "");
        assert_eq!(found, expected, "{bundles:?}");
    }
    let semver = of(SEMVER, &[&["1.0.0", "1.1.0"]]);
    assert_eq!(
        graph(&add(&semver, REPLACES, &["1.2.0 replaces=1.1.0"]).unwrap()),
        "alpha*: 1.0.0, 1.1.0 > 1.0.0, 1.2.0 > 1.1.0"
    );
}

#[test]
fn what_cannot_be_added_is_named_and_changes_nothing() {
    let before = by_hand();
    for (options, bundles, expected) in [
        (
            REPLACES,
            &["1.2.0 replaces=0.5.0"][..],
            "Invalid bundle demo.v1.2.0, replaces nonexistent bundle demo.v0.5.0",
        ),
        (
            REPLACES,
            &["1.2.0 replaces=0.9.0"],
            "adding to package demo would remove demo.v1.1.0, demo.v1.0.0 from channel alpha",
        ),
        (
            REPLACES,
            &["1.2.0 replaces=1.1.0 skips=other.v0.1.0"],
            "bundle other.v0.1.0 belongs to package other on index",
        ),
        (REPLACES, &["1.2.0 replaces=1.1.0 in=", "1.0.0"], "Bundle reg.test/demo.v1.0.0 already exists"),
        (REPLACES, &["1.2.0 replaces=1.1.0 in="], "package demo would not be valid after this edit"),
        (
            REPLACES,
            &["1.2.0 replaces=1.1.0", "1.2.0 replaces=1.1.0 image=reg.test/b"],
            "failed to add bundle \"demo.v1.2.0\": it is given twice, as reg.test/demo.v1.2.0 and as reg.test/b",
        ),
        (REPLACES, &["1.0.0 pkg=Fresh"], "package Fresh would not be valid after this edit: invalid index:"),
        (OVERWRITE, &["1.0.0 image=reg.test/new"], "Cannot overwrite a bundle that is not at the head of a channel"),
        (
            AddOptions { overwrite_latest: true, ..SEMVER },
            &["1.1.0 image=reg.test/new in=new"],
            "failed to add bundle \"demo.v1.1.0\": it is in the catalog already, and --overwrite-latest",
        ),
    ] {
        let mut edit = Edit::new(before.clone());
        let error = text(&edit.add(all_added(bundles), options).expect_err(bundles[0]));
        assert!(error.starts_with(expected), "{bundles:?}: {error}");
        assert!(edit.finish().is_same());
    }
    let mut nameless = all_added(&["1.2.0"]);
    nameless[0].blob.package.clear();
    let error = Edit::new(before.clone()).add(nameless, REPLACES).unwrap_err();
    assert_eq!(text(&error), "bundle demo.v1.2.0: its annotations name no package");
    let mut unversioned = all_added(&["1.2.0"]);
    unversioned[0].blob.properties.retain(|property| property.kind != property_type::PACKAGE);
    let error = Edit::new(before).add(unversioned, REPLACES).unwrap_err();
    assert!(text(&error).contains("has no \"olm.package\" properties"), "{error}");
}

#[test]
fn findings_are_all_told_and_tell_their_exit_status() {
    let mut edit = Edit::new(by_hand());
    let bundles = ["2.0.0 replaces=1.1.5", "1.1.0 image=reg.test/new", "1.0.0", "1.0.0 pkg=fresh in="];
    let findings = edit.add(all_added(&bundles), REPLACES).unwrap_err().flatten();
    assert!(
        matches!(
            &findings[..],
            [
                EditError::Refused(Refusal::ImageAlreadyAdded(_)),
                EditError::Refused(Refusal::CsvAlreadyAdded { .. }),
                EditError::Refused(Refusal::Manifest { .. }) | EditError::InvalidAfter { .. }
            ]
        ),
        "{findings:?}"
    );
    let findings = edit.add(all_added(&["9.9.9 replaces=1.1.5", "1.0.0 pkg=fresh"]), PERMISSIVE).unwrap();
    assert!(matches!(&findings[..], [EditError::Refused(Refusal::ReplacesNothing { .. })]), "{findings:?}");
    assert!(graph(&done(edit)).contains("fresh/alpha*: fresh.v1.0.0"));
}

#[test]
fn a_catalog_that_was_not_valid_is_told_apart() {
    let mut before = by_hand();
    before.packages[0].default_channel.clear();
    let error = Edit::new(before.clone()).add(all_added(&["1.2.0 replaces=1.1.0"]), REPLACES).unwrap_err();
    assert!(matches!(&error, EditError::InvalidBefore { package, .. } if package == "demo"), "{error}");
    // Other packages can be edited, and it can be removed.
    let elsewhere = edited(&before, |edit| edit.add(all_added(&["1.0.0 pkg=fresh"]), REPLACES));
    assert_eq!(elsewhere.invalid_before().findings.len(), 1);
    assert!(edited(&before, |edit| edit.remove(&["demo"], false)).invalid_before().is_valid());
}

#[test]
fn new_bundles_are_like_the_others() {
    let kinds = |catalog: &Catalog| {
        let new = catalog.bundles.iter().find(|bundle| bundle.name == "demo.v1.1.0").unwrap();
        let kinds = new.properties.iter().map(|p| p.kind.clone()).filter(|kind| kind != "olm.package");
        kinds.collect::<Vec<_>>()
    };
    let with_objects = of(REPLACES, &[&["1.0.0"]]);
    let mut with_metadata = with_objects.clone();
    migrate(&mut with_metadata, Level::ALL).unwrap();
    let all = AddOptions { level: Level::ALL, ..REPLACES };
    for (catalog, options, bundles, expected) in [
        (&with_objects, all, &["1.1.0 replaces=1.0.0"][..], property_type::BUNDLE_OBJECT),
        (&with_metadata, REPLACES, &["1.1.0 replaces=1.0.0"], property_type::CSV_METADATA),
        (&Catalog::default(), REPLACES, &["1.1.0"], property_type::BUNDLE_OBJECT),
        (&Catalog::default(), all, &["1.1.0"], property_type::CSV_METADATA),
    ] {
        assert_eq!(kinds(&add(catalog, options, bundles).unwrap()), [expected]);
    }
}

#[test]
fn substitutes_are_known_by_the_metadata_of_their_csvs() {
    let mut catalog = of(ALPHA, &[&["1.0.0", "1.1.0 replaces=1.0.0"], &["1.0.0+1 for=1.0.0"], &["1.0.0+2 for=1.0.0"]]);
    assert_eq!(graph(&catalog), "alpha*: 1.0.0, 1.0.0+1, 1.0.0+2[1.0.0+1 1.0.0], 1.1.0 > 1.0.0+2");
    migrate(&mut catalog, Level::ALL).unwrap();
    let catalog = add(&catalog, ALPHA, &["1.2.0 replaces=1.1.0 skips=1.0.0"]).unwrap();
    assert!(graph(&catalog).contains("1.2.0[1.0.0 1.0.0+1 1.0.0+2] > 1.1.0"), "{}", graph(&catalog));
}

#[test]
fn releases_count_like_build_metadata() {
    let mut bundles = all_added(&["1.0.0 name=demo-v1.0.0-9", "1.0.0 name=demo-v1.0.0-10 replaces=x.v9"]);
    for (bundle, release) in bundles.iter_mut().zip(["9", "10"]) {
        let property = bundle.blob.properties.iter_mut().find(|p| p.kind == property_type::PACKAGE).unwrap();
        property.value = format!("{{\"packageName\":\"demo\",\"version\":\"1.0.0\",\"release\":\"{release}\"}}");
    }
    bundles[1].replaces = "demo-v1.0.0-9".to_owned();
    let mut edit = Edit::new(Catalog::default());
    edit.add(vec![bundles.remove(0)], REPLACES).unwrap();
    edit.add(bundles, REPLACES).map_err(|error| text(&error)).unwrap();
    assert_eq!(graph(&done(edit)), "alpha*: demo-v1.0.0-10 > demo-v1.0.0-9, demo-v1.0.0-9");
}
