use std::collections::{BTreeMap, BTreeSet};

use super::Refusal;

/// The bundles that new ones name, themselves included, and the packages that so want them.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Wanted<'a> {
    /// Takes in a new bundle of a package: its name, what it replaces, what it skips. Empty names count for nothing.
    pub fn add(&mut self, package: &'a str, names: impl IntoIterator<Item = &'a str>) {
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            self.0.entry(name).or_default().insert(package);
        }
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    /// Whether a bundle is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The edges that would join two packages, as faults of those that want them. `owners` tells which packages of the catalog have
    /// a bundle.
    ///
    /// # Errors
    /// Those of `owners`.
    pub fn faults<E, T: AsRef<str>, O: IntoIterator<Item = T>>(
        self,
        mut owners: impl FnMut(&str) -> Result<O, E>,
    ) -> Result<BTreeMap<String, Vec<Refusal>>, E> {
        let mut faults: BTreeMap<String, Vec<Refusal>> = BTreeMap::new();
        for (bundle, packages) in self.0 {
            if packages.len() > 1 {
                for package in &packages {
                    faults.entry((*package).to_owned()).or_default().push(Refusal::TwoPackages {
                        bundle: bundle.to_owned(),
                        packages: packages.iter().map(ToString::to_string).collect(),
                    });
                }
                continue;
            }
            for owner in owners(bundle)? {
                let owner = owner.as_ref();
                if let Some(package) = packages.iter().find(|package| **package != owner) {
                    faults.entry((*package).to_owned()).or_default().push(Refusal::ForeignEdge {
                        bundle: bundle.to_owned(),
                        owner: owner.to_owned(),
                        package: (*package).to_owned(),
                    });
                }
            }
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn edges_stay_in_their_package() {
        let mut wanted = Wanted::default();
        wanted.add("p", ["p.2", "p.1", ""]);
        wanted.add("q", ["q.1", "r.1", "p.1"]);
        let Ok(faults) = wanted.faults(|name| Ok::<_, Infallible>([name[..1].to_owned()]));
        let texts = |package: &str| faults[package].iter().map(ToString::to_string).collect::<Vec<_>>();
        let both = "bundle p.1 must belong to exactly one package, found on: [p q]";
        assert_eq!(texts("p"), [both]);
        assert_eq!(
            texts("q"),
            [both, "bundle r.1 belongs to package r on index, cannot be added as an edge for package q"]
        );
    }
}
