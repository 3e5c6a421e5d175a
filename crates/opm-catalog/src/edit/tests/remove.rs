//! Removing, pruning, deprecating.

use opm_model::edit::Refusal;

use super::*;
use crate::edit::DeprecateOptions;
use crate::{Deprecation, DeprecationEntry, Meta};

fn three() -> Catalog {
    let mut catalog = of(REPLACES, &[&["1.0.0", "1.0.0 pkg=other", "1.0.0 pkg=third"]]);
    for package in ["demo", "other", ""] {
        let json = format!("{{\"package\":\"{package}\",\"schema\":\"x\"}}");
        catalog.others.push(Meta { schema: "x".to_owned(), package: package.to_owned(), json, ..Meta::default() });
    }
    catalog
}

fn left(catalog: &Catalog) -> String {
    let packages: Vec<&str> = catalog.packages.iter().map(|package| package.name.as_str()).collect();
    let mut others: Vec<&str> = catalog.others.iter().map(|other| other.package.as_str()).collect();
    others.sort_unstable();
    format!("{} with {others:?}, {} bundles", packages.join(" "), catalog.bundles.len())
}

#[test]
fn packages_go_with_all_that_belongs_to_them() {
    let catalog = three();
    let removed = edited(&catalog, |edit| edit.remove(&["demo"], false));
    assert_eq!(left(&removed.into_catalog()), "other third with [\"\", \"other\"], 2 bundles");

    let mut edit = Edit::new(catalog.clone());
    let error = edit.remove(&["demo", "none", "", "none"], false).unwrap_err();
    assert_eq!(error.to_string(), "no package found for packagename none\nno package found for packagename ");
    let findings = edit.remove(&["demo", "none"], true).unwrap();
    assert!(matches!(&findings[..], [EditError::Refused(Refusal::NoPackage(name))] if name == "none"), "{findings:?}");
    assert_eq!(left(&done(edit)), "other third with [\"\", \"other\"], 2 bundles");

    let mut edit = Edit::new(catalog.clone());
    assert_eq!(edit.prune(&["other", "none"]).len(), 1);
    assert_eq!(left(&done(edit)), "other with [\"\", \"other\"], 1 bundles");
    let mut edit = Edit::new(catalog);
    assert!(edit.prune(&[""]).is_empty());
    assert_eq!(left(&done(edit)), " with [\"\"], 0 bundles");
}

const STRICT: DeprecateOptions = DeprecateOptions { permissive: false, allow_package_removal: false };

fn preview() -> Catalog {
    of(
        REPLACES,
        &[&[
            "0.14.0 in=preview,stable default=preview",
            "0.15.0 in=preview,stable default=preview replaces=0.14.0",
            "0.22.2 in=preview default=preview replaces=0.15.0",
        ]],
    )
}

#[test]
fn deprecations_of_what_goes_are_trimmed() {
    let entry = |schema: &str, name: &str| DeprecationEntry {
        schema: schema.to_owned(),
        name: name.to_owned(),
        message: "old".to_owned(),
    };
    let names = |catalog: &Catalog| -> Vec<String> {
        catalog.deprecations.iter().flat_map(Deprecation::entries).map(|e| format!("{} {}", e.schema, e.name)).collect()
    };
    let mut catalog = preview();
    let gone = vec![entry("olm.channel", "stable"), entry("olm.bundle", "demo.v0.14.0")];
    let kept = [entry("olm.package", ""), entry("olm.channel", "preview"), entry("olm.bundle", "demo.v0.22.2")];
    let entries = Some(gone.iter().chain(&kept).cloned().collect());
    catalog.deprecations.push(Deprecation { package: "demo".to_owned(), entries, ..Deprecation::default() });
    let after = edited(&catalog, |edit| edit.deprecate(&["reg.test/demo.v0.15.0"], STRICT)).into_catalog();
    assert_eq!(graph(&after), "preview*: 0.22.2 > 0.15.0");
    assert_eq!(names(&after), ["olm.package ", "olm.channel preview", "olm.bundle demo.v0.22.2"]);

    // A blob in which nothing remains goes.
    catalog.deprecations[0].entries = Some(gone);
    let after = edited(&catalog, |edit| edit.deprecate(&["reg.test/demo.v0.15.0"], STRICT)).into_catalog();
    assert!(after.deprecations.is_empty());
    let removed = edited(&catalog, |edit| edit.remove(&["demo"], false)).into_catalog();
    assert!(removed.is_empty());
}

#[test]
fn a_refused_deprecation_changes_nothing() {
    for (versions, options, expected) in [
        (
            &["0.15.0", "9.9.9"][..],
            STRICT,
            "target bundlepaths for deprecation missing from registry: [reg.test/demo.v9.9.9]",
        ),
        (
            &["0.15.0", "0.22.2"],
            STRICT,
            "error deprecating bundle reg.test/demo.v0.22.2: Bundle deprecation causing default",
        ),
        (
            &["0.22.2"],
            DeprecateOptions { allow_package_removal: true, ..STRICT },
            "cannot deprecate default channel head from package without removing all other channel heads in package demo: \
             must deprecate reg.test/demo.v0.15.0, head of channel stable",
        ),
    ] {
        let mut edit = Edit::new(preview());
        let images: Vec<String> = versions.iter().map(|version| format!("reg.test/demo.v{version}")).collect();
        let error = edit.deprecate(&images, options).unwrap_err();
        assert!(text(&error).starts_with(expected), "{error}");
        assert!(edit.finish().is_same());
    }
}
