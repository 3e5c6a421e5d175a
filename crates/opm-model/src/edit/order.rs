use std::collections::BTreeMap;

use crate::Version;

/// The bundles of each package by ascending version (build metadata counts), then in the given order. Those without a version, which
/// are refused later, come first.
pub fn by_package<K: Ord, B>(bundles: impl IntoIterator<Item = (K, Option<Version>, B)>) -> BTreeMap<K, Vec<B>> {
    let mut packages: BTreeMap<K, Vec<(Option<Version>, B)>> = BTreeMap::new();
    for (package, version, bundle) in bundles {
        packages.entry(package).or_default().push((version, bundle));
    }
    let sorted = |mut group: Vec<(Option<Version>, B)>| {
        group.sort_by(|(a, _), (b, _)| match (a, b) {
            (Some(a), Some(b)) => a.cmp_with_build(b).unwrap_or_else(|_| has_order(b).cmp(&has_order(a))),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
        group.into_iter().map(|(_, bundle)| bundle).collect()
    };
    packages.into_iter().map(|(package, group)| (package, sorted(group))).collect()
}

/// Whether the build metadata of a version can be compared to others.
fn has_order(version: &Version) -> bool {
    version.cmp_with_build(version).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_in_the_order_of_versions_then_as_given() {
        let bundles = ["b:1.1.0", "a:2.0.0", "b:1.0.0+2", "b:1.0.0+1", "b:x", "b:1.0.0+1"];
        let parsed = bundles.iter().enumerate().filter_map(|(index, text)| {
            let (package, version) = text.split_once(':')?;
            Some((package, Version::parse(version).ok(), index))
        });
        assert_eq!(by_package(parsed), BTreeMap::from([("a", vec![1]), ("b", vec![4, 3, 5, 2, 0])]));
    }
}
