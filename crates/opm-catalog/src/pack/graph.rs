//! What a served catalog keeps in memory: names and edges, as sorted tables of numbers.

use opm_model::{BundleKey, Channel, ChannelEntry, Gvk, Package};

use super::Counts;
use super::names::{Name, Names};

/// The number of a place: of a bundle in a channel of a package. Places are counted in the order of package, channel and bundle.
pub(super) type Place = u32;

/// All packages, channels and places of a catalog. Tables are sorted by name, and so by number: [`Names`] are.
#[derive(Debug, Default, PartialEq)]
pub struct Graph {
    pub(super) names: Names,
    pub(super) packages: Vec<PackageRow>,
    pub(super) channels: Vec<ChannelRow>,
    pub(super) places: Vec<PlaceRow>,
    pub(super) skips: Vec<Name>,
    pub(super) apis: Vec<ApiRow>,
    /// The places of the bundles that provide each API.
    pub(super) providers: Vec<Place>,
    /// What each place replaces or skips, sorted. Made of the tables above.
    pub(super) replaced: Vec<(Name, Place)>,
}

/// A package; its channels end where those of the next begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PackageRow {
    pub(super) name: Name,
    pub(super) default_channel: Name,
    pub(super) deprecation: Option<Name>,
    /// The number of its first channel.
    pub(super) channels: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ChannelRow {
    pub(super) name: Name,
    pub(super) head: Name,
    pub(super) deprecation: Option<Name>,
    /// Its first place.
    pub(super) places: Place,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlaceRow {
    pub(super) bundle: Name,
    /// The empty name where it replaces nothing.
    pub(super) replaces: Name,
    /// The number of its first skip.
    pub(super) skips: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApiRow {
    pub(super) group: Name,
    pub(super) version: Name,
    pub(super) kind: Name,
    /// The number of its first provider.
    pub(super) providers: u32,
}

/// Why a question about the graph has no answer, in the words of the interface.
#[derive(Debug, thiserror::Error)]
pub(super) enum Missing {
    #[error("package {0:?} not found")]
    Package(String),
    #[error("package {0:?}, channel {1:?} not found")]
    Channel(String, String),
    #[error("package {0:?}, channel {1:?}, bundle {2:?} not found")]
    Bundle(String, String, String),
    #[error("no entry found for package {0:?}, channel {1:?}")]
    Replacement(String, String),
    #[error("no channel entries found that provide group:{:?} version:{:?} kind:{:?}", .0.group, .0.version, .0.kind)]
    Provider(Gvk),
    #[error("no entry found that provides group:{:?} version:{:?} kind:{:?}", .0.group, .0.version, .0.kind)]
    DefaultProvider(Gvk),
}

/// Where a place is: the numbers of its package and its channel.
#[derive(Clone, Copy)]
struct Address {
    package: usize,
    channel: usize,
}

/// The rows of a table from `start` up to where the next row's begin.
fn span<T>(rows: &[T], start: u32, next: Option<u32>) -> &[T] {
    let end = next.map_or(rows.len(), |next| next as usize);
    rows.get(start as usize..end).unwrap_or_default()
}

impl Graph {
    /// Adds what is made of the tables.
    pub(super) fn indexed(mut self) -> Self {
        let mut replaced = Vec::with_capacity(self.places.len() + self.skips.len());
        for (place, row) in (0..).zip(&self.places) {
            replaced.push((row.replaces, place));
            replaced.extend(self.skips(place).iter().map(|skip| (*skip, place)));
        }
        replaced.sort_unstable();
        replaced.dedup();
        self.replaced = replaced;
        self
    }

    pub(super) fn channels(&self, package: usize) -> &[ChannelRow] {
        let next = self.packages.get(package + 1).map(|row| row.channels);
        span(&self.channels, self.packages[package].channels, next)
    }

    fn places(&self, channel: usize) -> &[PlaceRow] {
        let next = self.channels.get(channel + 1).map(|row| row.places);
        span(&self.places, self.channels[channel].places, next)
    }

    pub(super) fn skips(&self, place: Place) -> &[Name] {
        let place = place as usize;
        span(&self.skips, self.places[place].skips, self.places.get(place + 1).map(|row| row.skips))
    }

    fn find_package(&self, name: &str) -> Option<usize> {
        let name = self.names.find(name)?;
        self.packages.binary_search_by_key(&name, |row| row.name).ok()
    }

    fn find_channel(&self, package: usize, name: &str) -> Option<usize> {
        let name = self.names.find(name)?;
        let at = self.channels(package).binary_search_by_key(&name, |row| row.name).ok()?;
        Some(self.packages[package].channels as usize + at)
    }

    fn find_place(&self, channel: usize, name: Name) -> Option<Place> {
        let at = self.places(channel).binary_search_by_key(&name, |row| row.bundle).ok()?;
        Some(self.channels[channel].places + u32::try_from(at).ok()?)
    }

    fn address(&self, place: Place) -> Address {
        let channel = self.channels.partition_point(|row| row.places <= place) - 1;
        let package = self.packages.partition_point(|row| row.channels as usize <= channel) - 1;
        Address { package, channel }
    }

    /// The names of the package, the channel and the bundle at a place.
    pub(super) fn key(&self, place: Place) -> BundleKey<'_> {
        let Address { package, channel } = self.address(place);
        BundleKey {
            package: self.names.get(self.packages[package].name),
            channel: self.names.get(self.channels[channel].name),
            csv_name: self.names.get(self.places[place as usize].bundle),
        }
    }

    fn entry(&self, place: Place, replaces: Name) -> ChannelEntry {
        let BundleKey { package, channel, csv_name } = self.key(place);
        ChannelEntry {
            package: package.to_owned(),
            channel: channel.to_owned(),
            bundle: csv_name.to_owned(),
            replaces: self.names.get(replaces).to_owned(),
        }
    }

    /// The names of all packages.
    pub(super) fn package_names(&self) -> Vec<String> {
        self.packages.iter().map(|row| self.names.get(row.name).to_owned()).collect()
    }

    /// A package, with its channels.
    pub(super) fn package(&self, name: &str) -> Result<Package, Missing> {
        let at = self.find_package(name).ok_or_else(|| Missing::Package(name.to_owned()))?;
        let row = self.packages[at];
        let text = |name| self.names.get(name).to_owned();
        let channel = |channel: &ChannelRow| Channel {
            name: text(channel.name),
            csv_name: text(channel.head),
            deprecation: channel.deprecation.map(text),
        };
        Ok(Package {
            name: text(row.name),
            default_channel: text(row.default_channel),
            channels: self.channels(at).iter().map(channel).collect(),
            deprecation: row.deprecation.map(text),
        })
    }

    fn channel(&self, package: &str, channel: &str) -> Result<usize, Missing> {
        let at = self.find_package(package).ok_or_else(|| Missing::Package(package.to_owned()))?;
        self.find_channel(at, channel).ok_or_else(|| Missing::Channel(package.to_owned(), channel.to_owned()))
    }

    /// The place of a bundle.
    pub(super) fn place(&self, package: &str, channel: &str, bundle: &str) -> Result<Place, Missing> {
        let at = self.channel(package, channel)?;
        let place = self.names.find(bundle).and_then(|name| self.find_place(at, name));
        place.ok_or_else(|| Missing::Bundle(package.to_owned(), channel.to_owned(), bundle.to_owned()))
    }

    /// The head of a channel.
    pub(super) fn head(&self, package: &str, channel: &str) -> Result<Place, Missing> {
        let at = self.channel(package, channel)?;
        let head = self.channels[at].head;
        let missing = || Missing::Bundle(package.to_owned(), channel.to_owned(), self.names.get(head).to_owned());
        self.find_place(at, head).ok_or_else(missing)
    }

    /// The first bundle of the channel that replaces or skips this one.
    pub(super) fn replacement(&self, package: &str, channel: &str, bundle: &str) -> Result<Place, Missing> {
        let at = self.channel(package, channel)?;
        let first = self.channels[at].places;
        let end = first as usize + self.places(at).len();
        let place = self.names.find(bundle).and_then(|name| {
            let from = self.replaced.partition_point(|row| *row < (name, first));
            self.replaced.get(from).filter(|row| row.0 == name && (row.1 as usize) < end).map(|row| row.1)
        });
        place.ok_or_else(|| Missing::Replacement(package.to_owned(), channel.to_owned()))
    }

    /// The places of all bundles that replace or skip this one; one that skips it several times is there as often.
    pub(super) fn entries_that_replace(&self, bundle: &str) -> Vec<ChannelEntry> {
        let Some(name) = self.names.find(bundle) else { return Vec::new() };
        let from = self.replaced.partition_point(|row| row.0 < name);
        let mut entries = Vec::new();
        for (_, place) in self.replaced[from..].iter().take_while(|row| row.0 == name) {
            let replaces = self.places[*place as usize].replaces;
            let skips = self.skips(*place).iter().filter(|skip| **skip == name).count();
            let times = if replaces == name { 1 } else { skips };
            entries.extend((0..times).map(|_| self.entry(*place, replaces)));
        }
        entries
    }

    /// The places of the bundles that provide an API.
    fn providers(&self, api: &Gvk) -> Result<&[Place], Missing> {
        let find = |text| self.names.find(text);
        let at = match (find(&api.group), find(&api.version), find(&api.kind)) {
            (Some(group), Some(version), Some(kind)) => {
                let key = (group, version, kind);
                self.apis.binary_search_by_key(&key, |row| (row.group, row.version, row.kind)).ok()
            }
            _ => None,
        };
        let at = at.ok_or_else(|| Missing::Provider(api.clone()))?;
        Ok(span(&self.providers, self.apis[at].providers, self.apis.get(at + 1).map(|row| row.providers)))
    }

    fn entries_of(&self, place: Place, skips: impl Fn(Name) -> bool, entries: &mut Vec<ChannelEntry>) {
        let replaces = self.places[place as usize].replaces;
        entries.push(self.entry(place, replaces));
        let others = self.skips(place).iter().filter(|skip| **skip != replaces && skips(**skip));
        entries.extend(others.map(|skip| self.entry(place, *skip)));
    }

    /// What every bundle that provides an API replaces and skips.
    pub(super) fn entries_that_provide(&self, api: &Gvk) -> Result<Vec<ChannelEntry>, Missing> {
        let mut entries = Vec::new();
        for place in self.providers(api)? {
            self.entries_of(*place, |_| true, &mut entries);
        }
        Ok(entries)
    }

    /// The heads of channels that provide an API.
    fn providing_heads(&self, api: &Gvk) -> Result<Vec<(Place, Address)>, Missing> {
        let heads = self.providers(api)?.iter().map(|place| (*place, self.address(*place)));
        let is_head =
            |(place, at): &(Place, Address)| self.places[*place as usize].bundle == self.channels[at.channel].head;
        let heads: Vec<_> = heads.filter(is_head).collect();
        if heads.is_empty() { Err(Missing::Provider(api.clone())) } else { Ok(heads) }
    }

    /// What every head of a channel that provides an API replaces, and what it skips in its channel.
    pub(super) fn latest_entries_that_provide(&self, api: &Gvk) -> Result<Vec<ChannelEntry>, Missing> {
        let mut entries = Vec::new();
        for (place, at) in self.providing_heads(api)? {
            self.entries_of(place, |skip| self.find_place(at.channel, skip).is_some(), &mut entries);
        }
        Ok(entries)
    }

    /// Of the first package whose default channel's head provides an API, that head.
    pub(super) fn default_that_provides(&self, api: &Gvk) -> Result<Place, Missing> {
        let heads = self.providing_heads(api)?;
        let is_default = |at: &Address| self.channels[at.channel].name == self.packages[at.package].default_channel;
        let default = heads.into_iter().find(|(_, at)| is_default(at));
        default.map(|(place, _)| place).ok_or_else(|| Missing::DefaultProvider(api.clone()))
    }

    /// All places in the order of listings: by channel, package and bundle.
    pub(super) fn listing(&self) -> Vec<Place> {
        let mut order = Vec::with_capacity(self.places.len());
        for (package, row) in self.packages.iter().enumerate() {
            for (at, channel) in self.channels(package).iter().enumerate() {
                let at = row.channels as usize + at;
                let places = (channel.places..).zip(self.places(at));
                order.extend(places.map(|(place, of)| ((channel.name, row.name, of.bundle), place)));
            }
        }
        order.sort_unstable();
        order.into_iter().map(|(_, place)| place).collect()
    }

    /// How much there is in the catalog.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            packages: self.packages.len() as u64,
            channels: self.channels.len() as u64,
            bundles: self.count_bundles() as u64,
            places: self.places.len() as u64,
        }
    }

    fn count_bundles(&self) -> usize {
        let mut count = 0;
        let mut names = Vec::new();
        for package in 0..self.packages.len() {
            names.clear();
            let first = self.packages[package].channels as usize;
            for channel in first..first + self.channels(package).len() {
                names.extend(self.places(channel).iter().map(|row| row.bundle));
            }
            names.sort_unstable();
            names.dedup();
            count += names.len();
        }
        count
    }
}
