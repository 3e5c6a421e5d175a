//! Edits that databases are tested by, on files.

use super::oracle::{Step, Tally, agree};
use super::{ALPHA, AddOptions, OVERWRITE, PERMISSIVE, REPLACES, SEMVER, SKIP_PATCH};
use crate::edit::DeprecateOptions;

fn add(options: AddOptions, bundles: &[&str]) -> Step {
    Step::Add(options, bundles.iter().map(|text| (*text).to_owned()).collect())
}

fn deprecate(options: DeprecateOptions, versions: &[&str]) -> Step {
    Step::Deprecate(options, versions.iter().map(|version| format!("reg.test/demo.v{version}")).collect())
}

/// What most deprecations begin with.
fn base() -> Step {
    add(
        REPLACES,
        &[
            "0.14.0 in=preview,stable default=preview",
            "0.15.0 in=preview,stable default=preview replaces=0.14.0",
            "0.22.2 in=preview default=preview replaces=0.15.0",
        ],
    )
}

/// Does all of these; so many steps are to be done, so many refused.
fn all_agree(all: &[Vec<Step>], done: usize, refused: usize) {
    let mut tally = Tally::default();
    for steps in all {
        agree(steps, &mut tally);
    }
    assert_eq!((tally.done, tally.refused), (done, refused));
}

#[test]
fn graphs_follow_from_what_csvs_say() {
    let all = [
        vec![add(REPLACES, &["1.0.0"])],
        vec![add(REPLACES, &["1.1.0 replaces=1.0.0 icon=aWNvbg==", "1.0.0"])],
        vec![
            add(REPLACES, &["1.0.0 icon=b2xk"]),
            add(REPLACES, &["1.1.0 replaces=1.0.0 icon=bmV3"]),
            add(REPLACES, &["1.2.0 replaces=1.1.0 range=<1.2.0"]),
        ],
        vec![add(REPLACES, &["1.0.0"]), add(REPLACES, &["1.2.0 replaces=1.0.0 skips=1.1.0"])],
        vec![
            add(REPLACES, &["1.0.0"]),
            add(REPLACES, &["1.1.0 replaces=1.0.0"]),
            add(REPLACES, &["1.2.0 replaces=1.0.0 skips=1.1.0"]),
        ],
        vec![add(REPLACES, &["1.0.0"]), add(REPLACES, &["1.1.0 skips=1.0.0"])],
        vec![
            add(REPLACES, &["1.0.0 in=stable default=stable"]),
            add(REPLACES, &["1.1.0 replaces=1.0.0 in=alpha,stable default=alpha"]),
        ],
        vec![
            add(REPLACES, &["1.1.0 in=alpha,beta default=beta"]),
            add(
                REPLACES,
                &["1.0.0 in=beta default=beta", "1.2.0 in=alpha,beta default=alpha replaces=1.1.0 skips=1.0.0"],
            ),
        ],
        vec![add(REPLACES, &["1.0.0"]), add(REPLACES, &["1.0.0+1 replaces=1.0.0"])],
    ];
    all_agree(&all, 18, 0);
}

#[test]
fn what_is_refused_and_what_is_not() {
    let all = [vec![
        add(REPLACES, &["1.0.0", "1.1.0 replaces=1.0.0", "7.0.0 pkg=other"]),
        add(REPLACES, &["1.1.0 replaces=1.0.0"]),
        add(REPLACES, &["1.1.0 image=reg.test/new"]),
        add(REPLACES, &["1.1.0", "1.1.0 image=reg.test/new"]),
        add(REPLACES, &["2.0.0 replaces=7.0.0", "7.1.0 pkg=other replaces=demo.v1.1.0"]),
        add(REPLACES, &["2.0.0 replaces=1.1.0 skips=x.v1", "7.1.0 pkg=other replaces=other.v7.0.0 skips=x.v1"]),
        add(REPLACES, &["1.2.0 replaces=1.1.5"]),
        add(REPLACES, &["1.2.0 replaces=1.3.0", "1.3.0 replaces=1.2.0"]),
        add(REPLACES, &["1.2.0 replaces=1.2.0"]),
        add(REPLACES, &["1.0.5 replaces=1.0.0"]),
        add(REPLACES, &["1.2.0 replaces=1.0.0"]),
        add(REPLACES, &["1.1.0+1 name=twin replaces=1.1.0", "1.1.0+1 name=twin2 replaces=1.1.0"]),
        add(REPLACES, &["2.0.0 in=a,b replaces=1.1.0 default=none"]),
        add(REPLACES, &["1.2.0 replaces=1.1.0 for=1.1.0"]),
        add(OVERWRITE, &["1.0.0 image=reg.test/new"]),
        add(PERMISSIVE, &["1.2.0 replaces=1.1.5", "7.1.0 pkg=other replaces=7.0.0", "1.0.0 pkg=third"]),
        add(PERMISSIVE, &["1.2.0 replaces=1.0.0"]),
        add(REPLACES, &["3.0.0 in=new default=alpha replaces=1.2.0"]),
        Step::Remove(vec!["other".to_owned(), "none".to_owned()]),
        Step::Remove(vec!["other".to_owned()]),
        Step::Prune(vec!["demo".to_owned()]),
    ]];
    all_agree(&all, 6, 15);
}

#[test]
fn heads_are_overwritten() {
    let all = [
        vec![
            add(REPLACES, &["1.0.0", "1.1.0 replaces=1.0.0"]),
            add(OVERWRITE, &["1.1.0 replaces=1.0.0 image=reg.test/new icon=bmV3"]),
        ],
        vec![add(REPLACES, &["1.0.0"]), add(OVERWRITE, &["1.0.0 image=reg.test/new"])],
        vec![
            add(REPLACES, &["1.0.0 in=alpha", "1.1.0 in=alpha,beta default=alpha replaces=1.0.0"]),
            add(OVERWRITE, &["1.1.0 in=alpha replaces=1.0.0 image=reg.test/new"]),
        ],
        vec![
            add(REPLACES, &["1.0.0 in=alpha", "1.1.0 in=alpha,beta default=alpha replaces=1.0.0"]),
            add(OVERWRITE, &["1.1.0 in=alpha,beta default=beta replaces=1.0.0 image=reg.test/new"]),
        ],
        vec![
            add(REPLACES, &["1.0.0 in=alpha", "2.0.0 in=beta default=alpha"]),
            add(OVERWRITE, &["1.0.0 in=alpha image=a", "2.0.0 in=beta image=b default=alpha"]),
        ],
    ];
    all_agree(&all, 9, 1);
}

#[test]
fn graphs_follow_from_versions() {
    let all = [
        vec![add(SEMVER, &["1.0.0", "1.2.0", "1.1.0"]), add(SEMVER, &["1.3.0", "0.9.0"])],
        vec![add(SEMVER, &["1.0.0 in=b,a"])],
        vec![add(SEMVER, &["1.0.0 in=b,a default=b"]), add(SEMVER, &["1.1.0 in=a"])],
        vec![add(SEMVER, &["1.0.0 in=a,b default=a"]), add(SEMVER, &["0.9.0 in=a,b default=b"])],
        vec![add(SEMVER, &["1.0.0"]), add(SEMVER, &["1.1.0 replaces=0.1.0 skips=0.2.0"])],
        vec![add(SEMVER, &["1.0.0"]), add(SEMVER, &["1.0.0+1"]), add(SEMVER, &["1.1.0 default=none"])],
        vec![add(SKIP_PATCH, &["1.0.0", "1.0.1", "1.0.2"])],
        vec![add(SKIP_PATCH, &["1.0.0", "1.1.0", "1.1.1"]), add(SKIP_PATCH, &["1.2.0"])],
        vec![add(SKIP_PATCH, &["1.0.0", "1.1.0", "1.1.1"]), add(SKIP_PATCH, &["1.1.2"])],
        vec![add(SKIP_PATCH, &["1.0.0", "1.0.1", "1.1.0", "1.1.1"]), add(SKIP_PATCH, &["1.0.2"])],
        vec![add(SKIP_PATCH, &["1.1.0", "1.1.2"]), add(SKIP_PATCH, &["1.1.1"])],
        vec![add(SKIP_PATCH, &["1.1.0", "1.1.1", "0.9.0"]), add(SEMVER, &["0.8.0"])],
        vec![
            add(REPLACES, &["1.0.0", "1.1.0 replaces=1.0.0"]),
            add(REPLACES, &["1.2.0 replaces=1.0.0 skips=1.1.0"]),
            add(SEMVER, &["1.1.5"]),
        ],
    ];
    all_agree(&all, 24, 2);
}

#[test]
fn deprecations_truncate() {
    let strict = DeprecateOptions::default();
    let permissive = DeprecateOptions { permissive: true, ..strict };
    let removal = DeprecateOptions { allow_package_removal: true, ..strict };
    let all = [
        vec![base(), deprecate(strict, &["0.15.0"])],
        vec![base(), deprecate(strict, &["0.15.0", "0.14.0"])],
        vec![base(), deprecate(strict, &["0.14.0"]), deprecate(strict, &["0.15.0"])],
        vec![base(), deprecate(permissive, &["0.15.0", "9.9.9"])],
        vec![base(), deprecate(permissive, &["0.22.2"])],
        vec![base(), deprecate(removal, &["0.22.2"]), deprecate(removal, &["0.22.2", "0.15.0"])],
        vec![base(), deprecate(strict, &["0.15.0", "9.9.9"]), deprecate(strict, &["0.15.0", "0.22.2"])],
        vec![
            base(),
            deprecate(strict, &["0.15.0"]),
            add(REPLACES, &["0.23.0 in=preview replaces=0.22.2"]),
            add(REPLACES, &["0.24.0 in=preview replaces=0.15.0 skips=0.22.2,0.23.0"]),
            add(REPLACES, &["0.25.0 in=stable replaces=0.24.0"]),
        ],
        vec![add(SEMVER, &["1.0.0 in=a,b default=a", "1.1.0 in=a", "1.2.0 in=a"]), deprecate(strict, &["1.1.0"])],
    ];
    all_agree(&all, 21, 3);
}

#[test]
fn substitutes_take_places() {
    let all = [
        vec![base(), add(ALPHA, &["0.15.0+1 in=preview,stable default=preview replaces=0.14.0 for=0.15.0"])],
        vec![base(), add(ALPHA, &["0.15.0+1 in=preview default=preview replaces=0.14.0 for=0.15.0"])],
        vec![
            base(),
            add(ALPHA, &["0.22.2+1 in=preview replaces=0.15.0 for=0.22.2"]),
            add(ALPHA, &["0.23.0 in=preview replaces=0.22.2"]),
        ],
        vec![
            base(),
            add(ALPHA, &["0.22.2+1 in=preview replaces=0.15.0 for=0.22.2"]),
            add(ALPHA, &["0.23.0 in=preview replaces=0.15.0 skips=0.22.2"]),
        ],
        vec![
            base(),
            add(ALPHA, &["0.15.0+1 in=preview,stable replaces=0.14.0 for=0.15.0"]),
            add(ALPHA, &["0.15.0+2 in=preview,stable replaces=0.14.0 for=0.15.0"]),
            add(ALPHA, &["0.15.0+4 in=preview,stable replaces=0.14.0 for=0.15.0+2"]),
            add(ALPHA, &["0.15.0+3 in=preview,stable replaces=0.14.0 for=0.15.0"]),
        ],
    ];
    all_agree(&all, 14, 0);
}
