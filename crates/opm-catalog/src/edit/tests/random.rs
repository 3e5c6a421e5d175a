//! Edits that nobody thought of, on databases and on files.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::oracle::{Step, Tally, agree};
use super::{ALPHA, AddOptions, REPLACES, SEMVER, SKIP_PATCH};
use crate::edit::DeprecateOptions;

/// Versions that random catalogs are made of.
const VERSIONS: [&str; 8] = ["1.0.0", "1.0.1", "1.1.0", "1.1.0+1", "1.1.1", "1.2.0", "1.3.0", "2.0.0"];

fn version() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&VERSIONS[..])
}

/// A bundle that mostly says what makes sense.
fn any_bundle(alpha: bool) -> impl Strategy<Value = String> {
    let channels = prop::sample::select(&["a", "b", "a,b", "c", "a,c"][..]);
    let default = prop::sample::select(&["", "a", "a", "b"][..]);
    let lower = |of: usize, any: usize| if of == 0 { String::new() } else { VERSIONS[any % of].to_owned() };
    let index = any::<prop::sample::Index>;
    let edges = (index(), prop::collection::vec(index(), 0..3), index(), 0..10u8);
    (0..VERSIONS.len(), channels, default, edges).prop_map(move |(version, channels, default, (below, skips, base, dice))| {
        let replaces = if dice < 8 { lower(version, below.index(VERSIONS.len())) } else { String::new() };
        let skips: Vec<String> = skips.iter().map(|skip| lower(version, skip.index(VERSIONS.len()))).collect();
        let skips: Vec<String> = skips.into_iter().filter(|skip| !skip.is_empty()).collect();
        let range = if dice == 0 { "<1.0.0" } else { "" };
        let image = if dice == 1 { " image=reg.test/again" } else { "" };
        let base = if dice > 7 && alpha { lower(version, base.index(VERSIONS.len())) } else { String::new() };
        let version = VERSIONS[version];
        format!(
            "{version} in={channels} default={default} replaces={replaces} for={base} skips={} range={range}{image}",
            skips.join(",")
        )
    })
}

fn any_step(options: AddOptions) -> impl Strategy<Value = Step> {
    let bundles = prop::collection::vec(any_bundle(options.alpha), 1..4);
    let options = (any::<bool>(), 0..4u8).prop_map(move |(permissive, dice)| AddOptions {
        permissive,
        overwrite_latest: dice == 0,
        ..options
    });
    let adds = (options, bundles).prop_map(|(options, bundles)| Step::Add(options, bundles));
    let images = prop::collection::vec(version().prop_map(|v| format!("reg.test/demo.v{}", v.replace('+', "-"))), 1..3);
    let deprecates = (any::<bool>(), any::<bool>(), images).prop_map(|(permissive, allow_package_removal, images)| {
        Step::Deprecate(DeprecateOptions { permissive, allow_package_removal }, images)
    });
    let removes = Just(Step::Remove(vec!["demo".to_owned()]));
    prop_oneof![12 => adds, 4 => deprecates, 1 => removes]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::with_cases(8)
    })]

    #[test]
    fn random_edits_by_what_csvs_say(steps in prop::collection::vec(any_step(REPLACES), 2..8)) {
        agree(&steps, &mut Tally::default());
    }

    #[test]
    fn random_edits_by_version(steps in prop::collection::vec(any_step(SEMVER), 2..8)) {
        agree(&steps, &mut Tally::default());
    }

    #[test]
    fn random_edits_by_minor_version(steps in prop::collection::vec(any_step(SKIP_PATCH), 2..8)) {
        agree(&steps, &mut Tally::default());
    }

    #[test]
    fn random_substitutes(steps in prop::collection::vec(any_step(ALPHA), 2..8)) {
        agree(&steps, &mut Tally::default());
    }
}
