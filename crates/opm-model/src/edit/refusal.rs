//! Why an edit is refused.

use crate::{ManifestError, VersionError};

/// Why an edit of a catalog is refused, however that is stored.
///
/// The texts begin with the words of operator-registry v1.73.0, which scripts match on.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A bundle cannot be stored.
    #[error("failed to add bundle {name:?}: {why}")]
    AddBundle {
        /// The bundle's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A bundle stands in for another, which is an alpha feature.
    #[error("bundle {0}: olm.substitutesFor is an alpha-only feature: allow it with --enable-alpha")]
    AlphaOnly(String),
    /// A package has no usable default channel.
    #[error("no default channel specified for {0}: set defaultChannel to one of its channels")]
    NoDefaultChannel(String),
    /// A chain of bundles returns to itself.
    #[error("Cycle detected, {bundle} replaces {replaces} (package {package}, channel {channel})")]
    Cycle {
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The bundle whose `replaces` closes the cycle.
        bundle: String,
        /// What it replaces.
        replaces: String,
    },
    /// A bundle replaces one that the catalog lacks.
    #[error("Invalid bundle {bundle}, replaces nonexistent bundle {replaces} (package {package}, channel {channel})")]
    ReplacesNothing {
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The bundle that declares `replaces`.
        bundle: String,
        /// What it replaces.
        replaces: String,
    },
    /// The heads of the channels and the default channel cannot be chosen.
    #[error("package {package}")]
    Manifest {
        /// The package's name.
        package: String,
        /// Why.
        source: ManifestError,
    },
    /// A version cannot be read, or not be ordered.
    #[error("bundle {bundle}")]
    Version {
        /// The bundle's name.
        bundle: String,
        /// What is wrong with its version.
        source: VersionError,
    },

    /// A bundle image is in the catalog already (exit status 2).
    #[error("Bundle {0} already exists: bundle image already added to this catalog")]
    ImageAlreadyAdded(String),
    /// A CSV of the package is in the catalog already (exit status 3).
    #[error(
        "Bundle already added that provides package and csv: package {package} has {csv} in channel {channel}; it cannot be added a second time{}",
        aside(image)
    )]
    CsvAlreadyAdded {
        /// The package's name.
        package: String,
        /// The CSV's name.
        csv: String,
        /// The channel where it is.
        channel: String,
        /// The image that should be added; empty where there is none.
        image: String,
    },
    /// Only heads can be overwritten.
    #[error(
        "Cannot overwrite a bundle that is not at the head of a channel using --overwrite-latest: {bundle} of package {package} is replaced by {replaced_by} in channel {channel}"
    )]
    OverwriteNotHead {
        /// The package's name.
        package: String,
        /// The bundle that should be overwritten.
        bundle: String,
        /// The channel where it is no head.
        channel: String,
        /// What replaces it there.
        replaced_by: String,
    },
    /// Only one bundle of a package can be overwritten at a time.
    #[error("Cannot overwrite more than one bundle at a time for a given package using --overwrite-latest: package {package}, bundles {}", bundles.join(" and "))]
    OverwriteTwice {
        /// The package's name.
        package: String,
        /// The bundles.
        bundles: Vec<String>,
    },
    /// A bundle without image cannot be overwritten.
    #[error("index add --overwrite-latest is only supported when using bundle images: {0} has none in this catalog")]
    OverwriteWithoutImage(String),
    /// An edge of the upgrade graph would join two packages.
    #[error("bundle {bundle} must belong to exactly one package, found on: [{}]", packages.join(" "))]
    TwoPackages {
        /// The bundle's name.
        bundle: String,
        /// The packages.
        packages: Vec<String>,
    },
    /// An edge of the upgrade graph would lead into another package.
    #[error("bundle {bundle} belongs to package {owner} on index, cannot be added as an edge for package {package}")]
    ForeignEdge {
        /// The bundle's name.
        bundle: String,
        /// The package that has it.
        owner: String,
        /// The package that wants it.
        package: String,
    },
    /// A bundle would be added, but could not be reached in its channel.
    #[error("add prunes bundle {bundle}{} from package {package}, channel {channel}: this may be due to incorrect channel head ({head}): nothing from there on replaces or skips it; bundles of the channel: {}", aside(image), listed.join(", "))]
    Prunes {
        /// The bundle's name.
        bundle: String,
        /// Its image; empty where there is none.
        image: String,
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
        /// The head of the channel.
        head: String,
        /// What is reached from the head.
        listed: Vec<String>,
    },
    /// A bundle has the version of another one.
    #[error(
        "Bundle version {version} already added to index: {existing} has it in channel {channel} of package {package}; {bundle} cannot be added beside it"
    )]
    VersionAlreadyAdded {
        /// The version.
        version: String,
        /// The bundle that has it.
        existing: String,
        /// The bundle that should be added.
        bundle: String,
        /// The package's name.
        package: String,
        /// The channel's name.
        channel: String,
    },
    /// No default channel is declared, and none can be chosen.
    #[error("Default channel is missing and can't be inferred: bundle {0} declares no channels")]
    NoChannels(String),
    /// A chain of substitutions returns to itself.
    #[error("cyclic substitutesFor chain detected involving {0:?}")]
    SubstitutionCycle(String),
    /// Two substitutes of one bundle have the same version.
    #[error("cannot determine latest substitution because of duplicate versions: {0} and {1}")]
    SubstitutionTie(String, String),

    /// There is no such package.
    #[error("no package found for packagename {0}")]
    NoPackage(String),
    /// Images that should be deprecated are not in the catalog.
    #[error("target bundlepaths for deprecation missing from registry: [{}]", .0.join(" "))]
    NothingToDeprecate(Vec<String>),
    /// A default channel would disappear.
    #[error(
        "error deprecating bundle {image}: Bundle deprecation causing default channel removal: {bundle} is the head of {channel}, the default channel of package {package}; deprecate an older bundle, or allow it with --allow-package-removal"
    )]
    RemovesDefaultChannel {
        /// The image that should be deprecated.
        image: String,
        /// The bundle that heads the default channel.
        bundle: String,
        /// The default channel.
        channel: String,
        /// The package's name.
        package: String,
    },
    /// A package would lose its default channel, but not its other channels.
    #[error(
        "cannot deprecate default channel head from package without removing all other channel heads in package {package}: must deprecate {image}, head of channel {channel}"
    )]
    MustDeprecateAll {
        /// The package's name.
        package: String,
        /// The image that must be deprecated too.
        image: String,
        /// The channel that it heads.
        channel: String,
    },
}

/// The image of a bundle that was named, if it has one.
fn aside(image: &str) -> String {
    if image.is_empty() { String::new() } else { format!(" ({image})") }
}
