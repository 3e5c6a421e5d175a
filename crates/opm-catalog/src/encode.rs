//! Blobs to compact JSON, their members in the order of the format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opm_model::Property;

use crate::blob::{
    Blob, Bundle, Channel, ChannelEntry, Deprecation, DeprecationEntry, Icon, Meta, Package, RelatedImage, schema,
};
use crate::raw;

/// What can be written as JSON.
pub(crate) trait Encode: Sync {
    /// Appends compact JSON text.
    fn encode(&self, missing: Missing, out: &mut Vec<u8>);
}

/// What becomes of a value that a property lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is written as null, as the reference does.
    Null,
    /// It stays missing.
    Left,
}

/// An object that is being written.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    missing: Missing,
    separator: u8,
}

impl<'a> Members<'a> {
    fn new(missing: Missing, out: &'a mut Vec<u8>) -> Self {
        Self { out, missing, separator: b'{' }
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.push(self.separator);
        self.separator = b',';
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn text(mut self, key: &str, text: &str) -> Self {
        raw::string(text, self.key(key));
        self
    }

    fn text_unless_empty(self, key: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.text(key, text) }
    }

    /// A member that is JSON text already.
    fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key).extend_from_slice(json.as_bytes());
        self
    }

    fn list<T: Encode>(mut self, key: &str, items: &[T]) -> Self {
        let missing = self.missing;
        let out = self.key(key);
        out.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            item.encode(missing, out);
        }
        out.push(b']');
        self
    }

    fn list_unless_empty<T: Encode>(self, key: &str, items: &[T]) -> Self {
        if items.is_empty() { self } else { self.list(key, items) }
    }

    fn list_or_null<T: Encode>(self, key: &str, items: Option<&[T]>) -> Self {
        match items {
            Some(items) => self.list(key, items),
            None => self.raw(key, "null"),
        }
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

impl Encode for String {
    fn encode(&self, _: Missing, out: &mut Vec<u8>) {
        raw::string(self, out);
    }
}

impl Encode for Property {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        let members = Members::new(missing, out).text("type", &self.kind);
        match (self.value.as_str(), missing) {
            ("", Missing::Left) => members.end(),
            ("", Missing::Null) => members.raw("value", "null").end(),
            (value, _) => members.raw("value", value).end(),
        }
    }
}

impl Encode for Blob {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        match self {
            Self::Package(package) => package.encode(missing, out),
            Self::Channel(channel) => channel.encode(missing, out),
            Self::Bundle(bundle) => bundle.encode(missing, out),
            Self::Deprecation(deprecation) => deprecation.encode(missing, out),
            Self::Other(meta) => meta.encode(missing, out),
        }
    }
}

impl Encode for Package {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        let mut members = Members::new(missing, out)
            .text("schema", schema::PACKAGE)
            .text("name", &self.name)
            .text("defaultChannel", &self.default_channel);
        if let Some(icon) = &self.icon {
            icon.encode(missing, members.key("icon"));
        }
        members
            .text_unless_empty("description", &self.description)
            .list_unless_empty("properties", &self.properties)
            .end();
    }
}

impl Encode for Icon {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        let members = Members::new(missing, out);
        let members = match &self.data {
            Some(data) => members.text("base64data", &STANDARD.encode(data)),
            None => members.raw("base64data", "null"),
        };
        members.text("mediatype", &self.media_type).end();
    }
}

impl Encode for Channel {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        Members::new(missing, out)
            .text("schema", schema::CHANNEL)
            .text("name", &self.name)
            .text("package", &self.package)
            .list_or_null("entries", self.entries.as_deref())
            .list_unless_empty("properties", &self.properties)
            .end();
    }
}

impl Encode for ChannelEntry {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        Members::new(missing, out)
            .text("name", &self.name)
            .text_unless_empty("replaces", &self.replaces)
            .list_unless_empty("skips", &self.skips)
            .text_unless_empty("skipRange", &self.skip_range)
            .end();
    }
}

impl Encode for Bundle {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        Members::new(missing, out)
            .text("schema", schema::BUNDLE)
            .text_unless_empty("name", &self.name)
            .text_unless_empty("package", &self.package)
            .text("image", &self.image)
            .list_unless_empty("properties", &self.properties)
            .list_unless_empty("relatedImages", &self.related_images)
            .end();
    }
}

impl Encode for RelatedImage {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        Members::new(missing, out).text("name", &self.name).text("image", &self.image).end();
    }
}

impl Encode for Deprecation {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        Members::new(missing, out)
            .text("schema", schema::DEPRECATIONS)
            .text("package", &self.package)
            .list_or_null("entries", self.entries.as_deref())
            .end();
    }
}

impl Encode for DeprecationEntry {
    fn encode(&self, missing: Missing, out: &mut Vec<u8>) {
        let mut members = Members::new(missing, out);
        Members::new(missing, members.key("reference"))
            .text("schema", &self.schema)
            .text_unless_empty("name", &self.name)
            .end();
        members.text("message", &self.message).end();
    }
}

impl Encode for Meta {
    fn encode(&self, _: Missing, out: &mut Vec<u8>) {
        out.extend_from_slice(self.json.as_bytes());
    }
}
