//! Lists of bundles by maturity, from whose versions channels and their upgrade graphs are made.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use opm_model::Version;

use super::{RenderError, Rendered, Renderer};
use crate::Error;
use crate::blob::{Bundle, Catalog, Channel, ChannelEntry, Package};
use crate::csv::Csv;
use crate::fields::{Fault, Fields, Read, list_of_objects};
use crate::properties::version;

#[derive(Clone, Debug)]
pub(super) struct Semver {
    /// The kinds of channels that are made, in the order in which edges are drawn.
    kinds: Vec<Kind>,
    preferred: Kind,
    /// The references of the bundles of each maturity.
    bundles: [Vec<String>; 3],
}

/// The maturities, from the lowest to the highest; their places are their ranks.
const MATURITIES: [&str; 3] = ["candidate", "fast", "stable"];

/// What the versions of a channel have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Major,
    Minor,
}

impl Semver {
    pub(super) fn read(mut fields: Fields<'_>) -> Read<Self> {
        let major = fields.flag("generateMajorChannels")?;
        // Some channels there must be.
        let minor = fields.flag("generateMinorChannels")? || !major;
        let wanted = match fields.text("defaultChannelTypePreference")?.as_str() {
            "" => None,
            "major" => Some((Kind::Major, major)),
            "minor" => Some((Kind::Minor, minor)),
            other => {
                return Err(Fault::new(format!(
                    "unknown DefaultChannelTypePreference: {other:?}: valid values are 'major' or 'minor'"
                )));
            }
        };
        if let Some((kind, false)) = wanted {
            let kind = if kind == Kind::Major { "major" } else { "minor" };
            return Err(Fault::new(format!(
                "schema attribute mismatch: DefaultChannelTypePreference set to '{kind}' doesn't make sense if not \
                 generating {kind}-version channels"
            )));
        }
        let preferred = wanted.map_or(if minor { Kind::Minor } else { Kind::Major }, |(kind, _)| kind);
        let mut bundles: [Vec<String>; 3] = Default::default();
        for (rank, maturity) in MATURITIES.into_iter().enumerate() {
            let image = |mut f: Fields<'_>| {
                let image = f.text("image")?;
                no_more(&f)?;
                Ok(image)
            };
            let list = |mut f: Fields<'_>| {
                let list = f.list("bundles", list_of_objects(image))?;
                no_more(&f)?;
                Ok(list.unwrap_or_default())
            };
            bundles[rank] = fields.object(maturity, list)?.unwrap_or_default();
        }
        no_more(&fields)?;
        let kinds = [(Kind::Major, major), (Kind::Minor, minor)];
        let kinds = kinds.into_iter().filter(|(_, is_made)| *is_made).map(|(kind, _)| kind).collect();
        Ok(Self { kinds, preferred, bundles })
    }

    pub(super) fn references(&self) -> Vec<String> {
        self.bundles.iter().flatten().cloned().collect()
    }

    pub(super) fn expand<F: FnMut(&str) -> Result<Vec<Bundle>, RenderError>>(
        self,
        mut renderer: Renderer<F>,
    ) -> Result<Catalog, Error> {
        let mut by_reference: BTreeMap<&str, Rendered> = BTreeMap::new();
        for reference in self.bundles.iter().flatten() {
            if by_reference.contains_key(reference.as_str()) {
                continue;
            }
            let mut bundles = renderer.render(reference)?;
            let (Some(bundle), true) = (bundles.pop(), bundles.is_empty()) else {
                let found = renderer.render(reference)?.len();
                return Err(Error::Template(format!(
                    "bundle reference {reference:?} resulted in {found} bundles, expected 1"
                )));
            };
            by_reference.insert(reference, bundle);
        }
        if by_reference.is_empty() {
            let message = "render: no bundles specified or no bundles could be rendered";
            return Err(Error::Template(message.to_owned()));
        }
        let (package, lists) = self.versions(&by_reference)?;
        let mut channels = Channels { made: BTreeMap::new(), default: None, preferred: self.preferred };
        let mut nodes = Vec::new();
        for (rank, list) in lists.iter().enumerate() {
            for (name, version) in list {
                for &kind in &self.kinds {
                    nodes.push(channels.add(&package, rank, kind, name, version));
                }
            }
        }
        link(&mut nodes, &mut channels.made);
        let default_channel = channels.default.map(|best| best.channel).unwrap_or_default();
        let last = channels.made.get(&default_channel).and_then(|channel| channel.entries().last());
        let csv = last
            .and_then(|entry| by_reference.values().find(|rendered| rendered.bundle.name == entry.name))
            .and_then(|rendered| rendered.csv.as_deref())
            .and_then(|json| Csv::parse(json).ok())
            .unwrap_or_default();
        let package = Package {
            name: package,
            default_channel,
            icon: csv.icon(false),
            description: csv.description().to_owned(),
            ..Package::default()
        };
        Ok(Catalog {
            packages: vec![package],
            channels: channels.made.into_values().collect(),
            bundles: by_reference.into_values().map(|rendered| rendered.bundle).collect(),
            ..Catalog::default()
        })
    }

    /// The package, and of each maturity the names and versions of its bundles, by version.
    #[expect(clippy::type_complexity, reason = "pairs by rank")]
    fn versions(&self, rendered: &BTreeMap<&str, Rendered>) -> Result<(String, [Vec<(String, Version)>; 3]), Error> {
        const PREFIX: &str = "render: unable to post-process bundle info: ";
        let mut package: Option<String> = None;
        let mut lists: [Vec<(String, Version)>; 3] = Default::default();
        for (list, references) in lists.iter_mut().zip(&self.bundles) {
            for Rendered { bundle, .. } in references.iter().filter_map(|reference| rendered.get(reference.as_str())) {
                let (version, value) = version(bundle)?;
                let package = package.get_or_insert_with(|| value.package_name.clone());
                if *package != value.package_name {
                    return Err(Error::Template(format!(
                        "{PREFIX}bundle {:?} does not belong to this package: {package:?}",
                        value.package_name
                    )));
                }
                if list.iter().any(|(name, _)| *name == bundle.name) {
                    return Err(Error::Template(format!("{PREFIX}duplicate bundle name {:?}", bundle.name)));
                }
                list.push((bundle.name.clone(), version));
            }
            list.sort_by(|(_, a), (_, b)| a.cmp_precedence(b).then_with(|| a.to_string().cmp(&b.to_string())));
            let alike: Vec<String> = list
                .windows(2)
                .filter(|pair| pair[0].1.cmp_precedence(&pair[1].1).is_eq())
                .map(|pair| format!("bundle version \"{}\" cannot be compared to \"{}\"", pair[1].1, pair[0].1))
                .collect();
            if !alike.is_empty() {
                let list = if alike.len() == 1 { alike.concat() } else { format!("[{}]", alike.join(", ")) };
                return Err(Error::Template(format!(
                    "{PREFIX}encountered bundle versions which differ only by build metadata, which cannot be ordered: {list}"
                )));
            }
        }
        Ok((package.unwrap_or_default(), lists))
    }
}

/// The format knows no fields but those that were taken out.
fn no_more(fields: &Fields<'_>) -> Read<()> {
    fields.rest().next().map_or(Ok(()), |key| Err(Fault::new(format!("unknown field {key:?}"))))
}

/// The channels that were made, and the best of them so far.
struct Channels {
    made: BTreeMap<String, Channel>,
    default: Option<Best>,
    preferred: Kind,
}

/// What a channel is chosen for as the default.
struct Best {
    rank: usize,
    /// The version of the bundle for which the channel was made.
    version: Version,
    kind: Kind,
    channel: String,
}

/// An entry of a channel, and what its place in the graph depends on.
struct Node {
    rank: usize,
    kind: Kind,
    version: Version,
    name: String,
    channel: String,
    index: usize,
}

impl Channels {
    fn add(&mut self, package: &str, rank: usize, kind: Kind, name: &str, version: &Version) -> Node {
        let (major, minor) = version.minor_line();
        let channel_name = match kind {
            Kind::Major => format!("{}-v{major}", MATURITIES[rank]),
            Kind::Minor => format!("{}-v{major}.{minor}", MATURITIES[rank]),
        };
        if !self.made.contains_key(&channel_name) {
            self.compete(Best { rank, version: version.clone(), kind, channel: channel_name.clone() });
        }
        let channel = self.made.entry(channel_name.clone()).or_insert_with(|| Channel {
            name: channel_name.clone(),
            package: package.to_owned(),
            ..Channel::default()
        });
        let entries = channel.entries.get_or_insert_default();
        entries.push(ChannelEntry { name: name.to_owned(), ..ChannelEntry::default() });
        let index = entries.len() - 1;
        Node { rank, kind, version: version.clone(), name: name.to_owned(), channel: channel_name, index }
    }

    /// Makes the channel the default if it is better: by maturity, then by version, then by kind.
    fn compete(&mut self, new: Best) {
        let is_better = match &self.default {
            // Where nothing is chosen yet, a version must be at least 0.0.0 in the lowest maturity.
            None => new.rank > 0 || new.version.cmp_precedence(&Version::zero()).is_ge(),
            Some(old) => {
                let by_kind = || (new.kind == self.preferred, new.kind).cmp(&(old.kind == self.preferred, old.kind));
                let order = new.rank.cmp(&old.rank).then_with(|| new.version.cmp_precedence(&old.version));
                order.then_with(by_kind) == Ordering::Greater
            }
        };
        if is_better {
            self.default = Some(new);
        }
    }
}

/// Draws the edges: the highest patch of each minor version replaces that of the minor version before it and skips
/// everything else below it in the major version.
fn link(nodes: &mut [Node], channels: &mut BTreeMap<String, Channel>) {
    nodes.sort_by(|a, b| (a.rank, a.kind).cmp(&(b.rank, b.kind)).then_with(|| a.version.cmp_precedence(&b.version)));
    let mut skips: BTreeSet<&str> = BTreeSet::new();
    let mut replaces = "";
    let mut write = |node: &Node, replaces: &str, skips: &BTreeSet<&str>| {
        let entries = channels.get_mut(&node.channel).and_then(|channel| channel.entries.as_mut());
        if let Some(entry) = entries.and_then(|entries| entries.get_mut(node.index)) {
            replaces.clone_into(&mut entry.replaces);
            entry.skips = skips.iter().filter(|skip| **skip != replaces).map(|&skip| skip.to_owned()).collect();
        }
    };
    let line = |node: &Node| (node.rank, node.kind, node.version.minor_line().0);
    for pair in nodes.windows(2) {
        let (previous, current) = (&pair[0], &pair[1]);
        let is_new_minor = previous.version.minor_line() != current.version.minor_line();
        if line(previous) != line(current) {
            write(previous, replaces, &skips);
            skips.clear();
            replaces = "";
            continue;
        }
        if is_new_minor {
            write(previous, replaces, &skips);
            replaces = &previous.name;
        }
        skips.insert(&previous.name);
    }
    if let [.., penultimate, last] = &*nodes
        && line(penultimate) == line(last)
    {
        write(last, replaces, &skips);
    }
}
