//! The answers themselves.

use std::collections::BTreeMap;

use opm_model::{
    Bundle, BundleKey, Channel, ChannelEntry, Cursor, Gvk, Package, Page, Property, Query, QueryError, Reply, Stop,
    property_type,
};
use rusqlite::{Params, Row};

use super::content::{api, objects, text};
use super::{Catalog, Content, Reader};
use crate::package::split;

/// How much a page of a listing may hold before it ends, in bytes of content.
const PAGE_BYTES: usize = 128 * 1024;
/// How many bundles a page may hold.
const PAGE_BUNDLES: usize = 256;
/// The bits of a cursor that hold the place in the listing; those above hold the number of the face.
const SEQ_BITS: u32 = 40;

/// A bundle at a place, as the face knows it.
struct Place {
    id: i64,
    bundle: Bundle,
}

const PLACE: &str = "SELECT p.bundle, b.name, p.package, p.channel, b.version, b.image, p.replaces, p.skips, p.seq
    FROM face.place p JOIN face.bundle b ON b.id = p.bundle";
const ENTRY: &str = "SELECT e.package, e.channel, e.name, ifnull(e.replaced, '') FROM face.entry e";
const PROVIDES: &str =
    "JOIN face.provides v ON v.bundle = e.bundle AND v.api_group = ?1 AND v.api_version = ?2 AND v.kind = ?3";

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    let skips: String = row.get(7)?;
    Ok(Place {
        id: row.get(0)?,
        bundle: Bundle {
            csv_name: row.get(1)?,
            package: row.get(2)?,
            channel: row.get(3)?,
            version: row.get(4)?,
            image: row.get(5)?,
            replaces: row.get(6)?,
            skips: split(&skips),
            ..Bundle::default()
        },
    })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<ChannelEntry> {
    Ok(ChannelEntry { package: row.get(0)?, channel: row.get(1)?, bundle: row.get(2)?, replaces: row.get(3)? })
}

impl Catalog {
    fn rows<T, P: Params>(
        &self,
        reader: &Reader,
        query: &str,
        params: P,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, QueryError> {
        let all = || reader.conn.prepare_cached(query)?.query_map(params, read)?.collect::<Result<_, _>>();
        all().map_err(|e| self.fault(e))
    }

    fn first<T, P: Params>(
        &self,
        reader: &Reader,
        query: &str,
        params: P,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, QueryError> {
        let one = || reader.conn.prepare_cached(query)?.query_map(params, read)?.next().transpose();
        one().map_err(|e| self.fault(e))
    }

    /// The properties or dependencies of a bundle, each once, in the order in which they were stored.
    fn owned(&self, reader: &Reader, id: i64, list: Owned, only_fitting: bool) -> Result<Vec<Property>, QueryError> {
        let read = |row: &Row<'_>| {
            Ok(Property::new(
                row.get::<_, Option<String>>(0)?.unwrap_or_default(),
                text(row.get_ref(1)?.as_bytes_or_null()?.unwrap_or_default()),
            ))
        };
        let query = match list {
            Owned::Properties => {
                "SELECT o.type, o.value FROM face.property f JOIN main.properties o ON o.rowid = f.id
                WHERE f.bundle = ?1 AND (f.fits OR NOT ?2) ORDER BY f.id"
            }
            Owned::Dependencies => {
                "SELECT o.type, o.value FROM face.dependency f JOIN main.dependencies o ON o.rowid = f.id
                WHERE f.bundle = ?1 AND (f.fits OR NOT ?2) ORDER BY f.id"
            }
        };
        self.rows(reader, query, (id, only_fitting), read)
    }

    /// Fills in what the catalog's own file holds of a bundle. `is_listing` tells the form that listings have, and `is_again`
    /// whether the same bundle was listed just before.
    fn complete(
        &self,
        reader: &Reader,
        Place { id, mut bundle }: Place,
        is_listing: bool,
        is_again: bool,
    ) -> Result<Bundle, QueryError> {
        let with_content = !is_listing
            || match self.content {
                Content::Always => true,
                Content::Once => !is_again,
                Content::UnlessImage => bundle.image.is_empty(),
            };
        let query = if with_content {
            "SELECT skiprange, bundle FROM main.operatorbundle WHERE rowid = ?1"
        } else {
            "SELECT skiprange, NULL FROM main.operatorbundle WHERE rowid = ?1"
        };
        let read = |row: &Row<'_>| {
            let skip_range: Option<String> = row.get(0)?;
            Ok((skip_range.unwrap_or_default(), objects(row.get_ref(1)?.as_bytes_or_null()?.unwrap_or_default())))
        };
        if let Some((skip_range, content)) = self.first(reader, query, [id], read)? {
            bundle.skip_range = skip_range;
            (bundle.objects, bundle.csv_json) = content?;
        }
        let properties = self.owned(reader, id, Owned::Properties, !is_listing)?;
        let dependencies = self.owned(reader, id, Owned::Dependencies, !is_listing)?;
        bundle.provided_apis = apis(&properties);
        bundle.required_apis = apis(&dependencies);
        bundle.properties = once(properties);
        bundle.dependencies = once(dependencies);
        if !is_listing {
            bundle.replaces.clear();
            bundle.skips.clear();
            for api in bundle.provided_apis.iter_mut().chain(&mut bundle.required_apis) {
                let query = "SELECT plural FROM main.api WHERE group_name = ?1 AND version = ?2 AND kind = ?3";
                let plural = self.first(reader, query, [&api.group, &api.version, &api.kind], |r| r.get(0))?;
                api.plural = plural.unwrap_or_default();
            }
        }
        Ok(bundle)
    }

    /// The stored bundle of this name at its place in a channel.
    fn at(&self, reader: &Reader, package: &str, channel: &str, name: &str) -> Result<Option<Place>, QueryError> {
        let query = format!("{PLACE} WHERE b.name = ?1 AND p.package = ?2 AND p.channel = ?3");
        self.first(reader, &query, [name, package, channel], place)
    }
}

#[derive(Clone, Copy)]
enum Owned {
    Properties,
    Dependencies,
}

/// The APIs among properties, each once; the first value that cannot be read ends the list.
fn apis(properties: &[Property]) -> Vec<Gvk> {
    let values = properties.iter().filter(|p| p.kind == property_type::GVK).map(|p| api(p.value.as_bytes()));
    once(values.map_while(|api| api).collect())
}

fn once<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

impl Query for Catalog {
    fn list_packages(&self, stop: &Stop) -> Result<Vec<String>, QueryError> {
        self.read(stop, false, |r| self.rows(r, "SELECT name FROM face.package ORDER BY name", [], |row| row.get(0)))
    }

    fn package(&self, name: &str, stop: &Stop) -> Result<Package, QueryError> {
        if let Some(package) = self.remembered(name) {
            return Ok(package);
        }
        self.read(stop, false, |r| {
            let query = "SELECT ifnull(default_channel, '') FROM face.package WHERE name = ?1";
            let default_channel: Option<String> = self.first(r, query, [name], |row| row.get(0))?;
            let query = "SELECT name, ifnull(head, '') FROM face.channel WHERE package = ?1 ORDER BY name";
            let channels = self.rows(r, query, [name], |row| {
                Ok(Channel { name: row.get(0)?, csv_name: row.get(1)?, deprecation: None })
            })?;
            match default_channel {
                Some(default_channel) if !channels.is_empty() => {
                    let package = Package { name: name.to_owned(), default_channel, channels, deprecation: None };
                    r.remember(&package);
                    Ok(package)
                }
                _ => Err(QueryError::NoPackage(name.to_owned())),
            }
        })
    }

    fn entries_that_replace(&self, csv_name: &str, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        let query = format!("{ENTRY} WHERE e.replaced = ?1 GROUP BY e.package, e.channel, e.name ORDER BY min(e.id)");
        let entries = self.read(stop, false, |r| self.rows(r, &query, [csv_name], entry))?;
        if entries.is_empty() { Err(QueryError::NothingReplaces(csv_name.to_owned())) } else { Ok(entries) }
    }

    fn entries_that_provide(&self, api: &Gvk, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        let query = format!(
            "{ENTRY} {PROVIDES} GROUP BY e.package, e.channel, e.name, e.replaced
            ORDER BY e.package, e.channel, e.bundle, min(e.id)",
        );
        let entries = self.read(stop, false, |r| self.rows(r, &query, [&api.group, &api.version, &api.kind], entry))?;
        if entries.is_empty() { Err(QueryError::NothingProvides(api.clone())) } else { Ok(entries) }
    }

    fn latest_entries_that_provide(&self, api: &Gvk, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        let query = format!("{ENTRY} {PROVIDES} ORDER BY e.package, e.channel, e.depth, e.id");
        let mut entries =
            self.read(stop, false, |r| self.rows(r, &query, [&api.group, &api.version, &api.kind], entry))?;
        entries.dedup_by(|next, first| next.package == first.package && next.channel == first.channel);
        if entries.is_empty() { Err(QueryError::NothingProvides(api.clone())) } else { Ok(entries) }
    }

    fn bundle(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.bundle(key, stop).map(Reply::Value)
    }

    fn channel_head(&self, package: &str, channel: &str, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.channel_head(package, channel, stop).map(Reply::Value)
    }

    fn bundle_that_replaces(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.bundle_that_replaces(key, stop).map(Reply::Value)
    }

    fn default_bundle_that_provides(&self, api: &Gvk, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.default_bundle_that_provides(api, stop).map(Reply::Value)
    }

    fn list_bundles(&self, from: Cursor, stop: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, QueryError> {
        let Page { items, next } = self.list_bundles(from, stop)?;
        Ok(Page { items: Reply::Value(items), next })
    }
}

impl Catalog {
    /// One bundle with all its content, but neither `replaces` nor `skips`.
    pub fn bundle(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Bundle, QueryError> {
        self.read(stop, true, |r| match self.at(r, key.package, key.channel, key.csv_name)? {
            Some(place) => self.complete(r, place, false, false),
            None => Err(QueryError::NoEntry {
                package: key.package.to_owned(),
                channel: key.channel.to_owned(),
                csv_name: key.csv_name.to_owned(),
            }),
        })
    }

    /// The head of a channel: only `csv_name`, and `csv_json` as it is stored.
    pub fn channel_head(&self, package: &str, channel: &str, stop: &Stop) -> Result<Bundle, QueryError> {
        self.read(stop, true, |r| {
            let query = "SELECT b.name, o.csv FROM face.channel c JOIN face.bundle b ON b.name = c.head
                JOIN main.operatorbundle o ON o.rowid = b.id WHERE c.package = ?1 AND c.name = ?2";
            let head = self.first(r, query, [package, channel], |row| {
                let csv_json = text(row.get_ref(1)?.as_bytes_or_null()?.unwrap_or_default());
                Ok(Bundle { csv_name: row.get(0)?, csv_json, ..Bundle::default() })
            })?;
            head.ok_or_else(|| QueryError::NoChannelEntry { package: package.to_owned(), channel: channel.to_owned() })
        })
    }

    /// The first bundle of the channel that replaces or skips the one at `key`, with all its content.
    pub fn bundle_that_replaces(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Bundle, QueryError> {
        self.read(stop, true, |r| {
            let query = "SELECT e.name FROM face.entry e
                WHERE e.package = ?1 AND e.channel = ?2 AND e.replaced = ?3 AND e.bundle IS NOT NULL ORDER BY e.id LIMIT 1";
            let name = self.first(r, query, [key.package, key.channel, key.csv_name], |row| row.get::<_, String>(0))?;
            let found = name.map(|name| self.at(r, key.package, key.channel, &name)).transpose()?.flatten();
            let Some(place) = found else {
                let (package, channel) = (key.package.to_owned(), key.channel.to_owned());
                return Err(QueryError::NoChannelEntry { package, channel });
            };
            self.complete(r, place, false, false)
        })
    }

    /// Of the first package whose default channel provides the API, the bundle nearest to the head of that channel.
    pub fn default_bundle_that_provides(&self, api: &Gvk, stop: &Stop) -> Result<Bundle, QueryError> {
        let query = format!(
            "{ENTRY} {PROVIDES} JOIN face.package d ON d.name = e.package AND d.default_channel = e.channel
            ORDER BY e.package, e.depth, e.id LIMIT 1",
        );
        self.read(stop, true, |r| {
            let nearest = self.first(r, &query, [&api.group, &api.version, &api.kind], entry)?;
            let found = nearest.map(|e| self.at(r, &e.package, &e.channel, &e.bundle)).transpose()?.flatten();
            let bundle = found.map(|place| self.complete(r, place, false, false)).transpose()?;
            bundle.filter(|b| !b.objects.is_empty()).ok_or_else(|| QueryError::NoDefaultProvides(api.clone()))
        })
    }

    /// All bundles at all their places, by CSV name, package and channel, a page at a time: the first page begins at
    /// `Cursor::default()`. A page holds at least one bundle and at the most some hundred kilobytes beyond it.
    pub fn list_bundles(&self, from: Cursor, stop: &Stop) -> Result<Page<Vec<Bundle>>, QueryError> {
        let (face, after) = (from.0 >> SEQ_BITS, i64::try_from(from.0 & ((1 << SEQ_BITS) - 1)).unwrap_or(i64::MAX));
        let query = format!("{PLACE} WHERE p.seq > ?1 ORDER BY p.seq LIMIT {PAGE_BUNDLES}");
        self.read(stop, true, |r| {
            if after > 0 && face != r.face.number & ((1 << (64 - SEQ_BITS)) - 1) {
                return Err(self.failure("the catalog was edited while it was being listed; list it again".to_owned()));
            }
            let mut statement = r.conn.prepare_cached(&query).map_err(|e| self.fault(e))?;
            let mut rows = statement.query([after]).map_err(|e| self.fault(e))?;
            let mut page = Page { items: Vec::new(), next: None };
            let (mut bytes, mut last) = (0, 0);
            while let Some(row) = rows.next().map_err(|e| self.fault(e))? {
                if stop.is_asked() {
                    return Err(QueryError::Stopped);
                }
                if bytes >= PAGE_BYTES || page.items.len() + 1 == PAGE_BUNDLES {
                    page.next = Some(Cursor(r.face.number << SEQ_BITS | last));
                    break;
                }
                last = row.get::<_, i64>(8).map_err(|e| self.fault(e))?.cast_unsigned();
                let place = place(row).map_err(|e| self.fault(e))?;
                let is_again = page.items.last().is_some_and(|last: &Bundle| last.csv_name == place.bundle.csv_name);
                let bundle = self.complete(r, place, true, is_again)?;
                bytes += bundle.csv_json.len() + bundle.objects.iter().map(String::len).sum::<usize>();
                page.items.push(bundle);
            }
            Ok(page)
        })
    }

    /// Every stored bundle of a package at each of its places, without content, by channel.
    pub fn places(&self, package: &str, stop: &Stop) -> Result<Vec<Bundle>, QueryError> {
        let query = format!("{PLACE} WHERE p.package = ?1 ORDER BY p.channel, p.seq");
        let places = self.read(stop, false, |r| self.rows(r, &query, [package], place))?;
        Ok(places.into_iter().map(|place| place.bundle).collect())
    }

    /// The images that are listed as related to each bundle, in the order in which they were stored. They outlive the content
    /// of bundles, which edits may drop.
    pub fn related_images(&self, stop: &Stop) -> Result<BTreeMap<String, Vec<String>>, QueryError> {
        let query = "SELECT operatorbundle_name, image FROM main.related_image
            WHERE operatorbundle_name IS NOT NULL AND image IS NOT NULL ORDER BY rowid";
        let rows = |r: &Reader| self.rows(r, query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (bundle, image) in self.read(stop, true, rows)? {
            images.entry(bundle).or_default().push(image);
        }
        Ok(images)
    }
}
