//! A catalog in memory.

use std::time::Duration;

use opm_document::Value;
use opm_model::{
    Bundle, BundleKey, Channel, ChannelEntry, Cursor, Gvk, Package, Page, Property, Query, QueryError, Reply, Stop,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a fake tells about the questions that it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It begins to wait until it is asked to stop.
    Waits,
    /// It was asked to stop.
    Stopped,
    /// It answers the page of a listing that begins here.
    Page(u64),
}

/// How long the pieces are in which a fake lists what is encoded.
pub(super) const PIECE: u64 = 64 * 1024;

/// A catalog that echoes what it is asked. Some names are special:
/// `nothing` is not there, `panic` panics, `wait` waits until it is asked to stop.
pub(super) struct Fake {
    /// How many bundles it lists, each on a page of its own.
    pub(super) bundles: u64,
    /// How long the CSV of each bundle in the listing is, in bytes.
    pub(super) size: usize,
    /// Whether it answers with what the service sends.
    pub(super) encoded: bool,
    /// Where the listing fails.
    pub(super) fails_at: Option<u64>,
    /// Ends all waiting.
    pub(super) release: Stop,
    events: UnboundedSender<Event>,
}

impl Fake {
    pub(super) fn new() -> (Self, UnboundedReceiver<Event>) {
        let (events, told) = unbounded_channel();
        (Self { bundles: 3, size: 10, encoded: false, fails_at: None, release: Stop::new(), events }, told)
    }

    fn tell(&self, event: Event) {
        // The test may not listen.
        self.events.send(event).unwrap_or_default();
    }

    fn reply(&self, bundle: Bundle) -> Reply<Bundle> {
        if self.encoded { Reply::Encoded(crate::encode::bundle(bundle)) } else { Reply::Value(bundle) }
    }

    /// A bundle of the listing.
    fn listed(&self, number: u64) -> Bundle {
        Bundle { csv_json: "x".repeat(self.size), ..bundle("p", "c", &number.to_string()) }
    }

    /// A piece of the listing, if all bundles have names of one length.
    fn piece(&self, from: Cursor) -> Page<Reply<Vec<Bundle>>> {
        let one = crate::encode::bundle(self.listed(0)).len() as u64;
        let (start, end) = (from.0, (from.0 + PIECE).min(one * self.bundles));
        let mut bytes = Vec::new();
        for number in start / one..end.div_ceil(one) {
            let frame = crate::encode::bundle(self.listed(number));
            let at =
                |place: u64| usize::try_from(place.clamp(number * one, (number + 1) * one) - number * one).unwrap();
            bytes.extend_from_slice(&frame[at(start)..at(end)]);
        }
        Page { items: Reply::Encoded(bytes), next: (end < one * self.bundles).then_some(Cursor(end)) }
    }

    fn act(&self, name: &str, stop: &Stop, missing: QueryError) -> Result<(), QueryError> {
        match name {
            "nothing" => Err(missing),
            "panic" => panic!("as it was told"),
            "wait" => {
                self.tell(Event::Waits);
                while !stop.is_asked() && !self.release.is_asked() {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                self.tell(Event::Stopped);
                Err(QueryError::Stopped)
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn package(name: &str) -> Package {
    let channel = |name: &str, deprecation: Option<&str>| Channel {
        name: name.to_owned(),
        csv_name: format!("{name}.v1"),
        deprecation: deprecation.map(str::to_owned),
    };
    Package {
        name: name.to_owned(),
        default_channel: "beta".to_owned(),
        channels: vec![channel("alpha", Some("too old")), channel("beta", None)],
        deprecation: Some(String::new()),
    }
}

/// A bundle with something in each of its fields.
pub(crate) fn bundle(package: &str, channel: &str, csv_name: &str) -> Bundle {
    let gvk = |plural: &str| Gvk { plural: plural.to_owned(), ..Gvk::new("group", "v1", "Kind") };
    Bundle {
        csv_name: csv_name.to_owned(),
        package: package.to_owned(),
        channel: channel.to_owned(),
        csv_json: r#"{"kind":"ClusterServiceVersion"}"#.to_owned(),
        objects: vec!["{}".to_owned(), r#""ünï""#.to_owned()],
        image: "registry.example/image:1".to_owned(),
        provided_apis: vec![gvk("kinds"), gvk("")],
        required_apis: vec![gvk("")],
        version: "1.2.3".to_owned(),
        skip_range: "<1.2.3".to_owned(),
        dependencies: vec![Property::new("olm.gvk", "1")],
        properties: vec![Property::new("olm.package", "2"), Property::new("x", "3")],
        replaces: "before".to_owned(),
        skips: vec!["a".to_owned(), "b".to_owned()],
        deprecation: Some("gone".to_owned()),
    }
}

pub(super) fn entry(package: &str, bundle: &str) -> ChannelEntry {
    ChannelEntry {
        package: package.to_owned(),
        channel: "alpha".to_owned(),
        bundle: bundle.to_owned(),
        replaces: "before".to_owned(),
    }
}

impl Query for Fake {
    fn list_packages(&self, _: &Stop) -> Result<Vec<String>, QueryError> {
        Ok(vec!["a".to_owned(), String::new(), "c".to_owned()])
    }

    fn package(&self, name: &str, stop: &Stop) -> Result<Package, QueryError> {
        self.act(name, stop, QueryError::NoPackage(name.to_owned()))?;
        Ok(package(name))
    }

    fn bundle(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        let missing = QueryError::NoEntry {
            package: key.package.to_owned(),
            channel: key.channel.to_owned(),
            csv_name: key.csv_name.to_owned(),
        };
        self.act(key.package, stop, missing)?;
        let mut bundle = bundle(key.package, key.channel, key.csv_name);
        if key.csv_name == "large" {
            bundle.csv_json = "x".repeat(self.size);
        }
        Ok(self.reply(bundle))
    }

    fn channel_head(&self, package: &str, channel: &str, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        let missing = QueryError::NoChannelEntry { package: package.to_owned(), channel: channel.to_owned() };
        self.act(package, stop, missing)?;
        let csv_name = format!("{package}.{channel}");
        Ok(self.reply(Bundle { csv_name, csv_json: "{}\n".to_owned(), ..Bundle::default() }))
    }

    fn entries_that_replace(&self, csv_name: &str, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        self.act(csv_name, stop, QueryError::NothingReplaces(csv_name.to_owned()))?;
        Ok(vec![entry("p", csv_name), entry("q", csv_name)])
    }

    fn bundle_that_replaces(&self, key: &BundleKey<'_>, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.act(key.package, stop, QueryError::NoCsv)?;
        Ok(self.reply(bundle(key.package, key.channel, &format!("after {}", key.csv_name))))
    }

    fn entries_that_provide(&self, api: &Gvk, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        self.act(&api.group, stop, QueryError::NothingProvides(api.clone()))?;
        Ok(vec![entry("all", &api.to_string())])
    }

    fn latest_entries_that_provide(&self, api: &Gvk, stop: &Stop) -> Result<Vec<ChannelEntry>, QueryError> {
        self.act(&api.group, stop, QueryError::NothingProvides(api.clone()))?;
        Ok(vec![entry("latest", &api.to_string())])
    }

    fn default_bundle_that_provides(&self, api: &Gvk, stop: &Stop) -> Result<Reply<Bundle>, QueryError> {
        self.act(&api.group, stop, QueryError::NoDefaultProvides(api.clone()))?;
        Ok(self.reply(bundle("default", "alpha", &api.to_string())))
    }

    fn list_bundles(&self, from: Cursor, _: &Stop) -> Result<Page<Reply<Vec<Bundle>>>, QueryError> {
        self.tell(Event::Page(from.0));
        if self.fails_at == Some(from.0) {
            return Err(QueryError::Store("the disk is on fire".into()));
        }
        if self.encoded {
            return Ok(self.piece(from));
        }
        let next = from.0 + 1;
        let items = (from.0 < self.bundles).then(|| self.listed(from.0)).into_iter().collect();
        Ok(Page { items: Reply::Value(items), next: (next < self.bundles).then_some(Cursor(next)) })
    }

    fn list_blobs(
        &self,
        schema: &str,
        package: &str,
        from: Cursor,
        _: &Stop,
    ) -> Result<Page<Reply<Vec<Value>>>, QueryError> {
        let blob = |number: u64| serde_json::json!({ "schema": schema, "package": package, "number": number });
        let items = match schema {
            "nothing" => return Ok(Page { items: Reply::Value(Vec::new()), next: None }),
            _ if self.encoded => Reply::Encoded(crate::encode::document(&blob(from.0))),
            _ => Reply::Value(vec![blob(from.0)]),
        };
        Ok(Page { items, next: (from.0 < 2).then_some(Cursor(from.0 + 1)) })
    }
}
