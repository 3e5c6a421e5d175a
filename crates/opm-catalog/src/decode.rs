//! Documents to blobs: typed decoding as Go's `encoding/json` does it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use opm_document::json::{self, Cursor, Normal};
use opm_model::Property;

use crate::blob::{
    Blob, Bundle, Channel, ChannelEntry, Deprecation, DeprecationEntry, Icon, Kind, Meta, Package, RelatedImage, schema,
};
use crate::fields::{Fault, Fields, Read, fold, list_of_objects, next_text};
use crate::{Origin, objects};

/// Standard base64 that, like Go's, does not look at the bits beyond the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Bytes in base64; line breaks within do not matter.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    if memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_some() {
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        return BASE64.decode(text);
    }
    BASE64.decode(text)
}

/// Whether the text is base64 without line breaks, of bytes that begin with this one.
pub(crate) fn is_base64_of(first: u8, text: &str) -> bool {
    let bytes = text.as_bytes();
    let padding = bytes.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let body = &bytes[..bytes.len() - padding];
    // The loop that asks this becomes vector instructions.
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    bytes.len().is_multiple_of(4)
        && body.chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & is_letter(byte)))
        && text.get(..4).is_some_and(|head| BASE64.decode(head).is_ok_and(|head| head.first() == Some(&first)))
}

/// How much of a document an error message shows, in characters.
const SHOWN: usize = 200;

/// The three fields that every blob may have, however their names are cased.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) schema: String,
    pub(crate) package: String,
    pub(crate) name: String,
}

impl Head {
    /// The head of a document, which must be an object without keys that differ only in case.
    pub(crate) fn of(document: &Normal) -> Read<Self> {
        let Some(members) = document.members() else { return Err(Fault::of_type("an object", document.text())) };
        let mut head = Self::default();
        let mut seen: BTreeMap<String, Cow<'_, str>> = BTreeMap::new();
        for (key, value) in members {
            let key = json::text(key);
            let folded = fold(&key);
            if let Some(other) = seen.get(&folded) {
                return Err(Fault::at_key(&key, format!("duplicate keys for key {folded:?}: {other:?} and {key:?}")));
            }
            let field = match folded.as_str() {
                "schema" => Some(&mut head.schema),
                "package" => Some(&mut head.package),
                "name" => Some(&mut head.name),
                _ => None,
            };
            match field {
                None => {}
                Some(field) if value.starts_with('"') => *field = json::text(value).into_owned(),
                Some(_) => return Err(Fault::of_type("a string", value).below_key(&key)),
            }
            seen.insert(folded, key);
        }
        Ok(head)
    }

    /// That the document, of which this is the head, has a schema.
    pub(crate) fn check_schema(&self, document: &Normal) -> Read<()> {
        if !self.schema.is_empty() {
            return Ok(());
        }
        let text = document.text();
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        Err(Fault::new(format!("object '{shown}{more}' is missing root schema field")))
    }

    /// The document that this is the head of.
    pub(crate) fn meta(self, document: Normal, origin: Origin) -> Meta {
        let json = document.into_text();
        Meta { schema: self.schema, package: self.package, name: self.name, json, origin }
    }
}

/// The blob that a document is.
pub(crate) fn blob(document: Normal, origin: Origin) -> Read<Blob> {
    let head = Head::of(&document)?;
    head.check_schema(&document)?;
    let fields = || Fields::of(&document);
    Ok(match head.schema.as_str() {
        schema::PACKAGE => Blob::Package(fields().and_then(|f| package(f, origin)).map_err(|f| f.reading("package"))?),
        schema::CHANNEL => Blob::Channel(fields().and_then(|f| channel(f, origin)).map_err(|f| f.reading("channel"))?),
        schema::BUNDLE => {
            let read = fields().and_then(|f| bundle(f, origin));
            let bundle = read.and_then(|bundle| objects::check(&bundle).map(|()| bundle));
            Blob::Bundle(bundle.map_err(|f| f.reading("bundle"))?)
        }
        schema::DEPRECATIONS => {
            let read = fields().and_then(|f| deprecation(f, origin));
            Blob::Deprecation(read.map_err(|f| f.reading("deprecation"))?)
        }
        _ => Blob::Other(head.meta(document, origin)),
    })
}

/// The blob of this kind, which is one of those that are understood, that was written as this text.
pub(crate) fn written(kind: Kind, text: &str, origin: Origin) -> Read<Blob> {
    let fields = Fields::next(&mut Cursor::new(text))?;
    Ok(match kind {
        Kind::Package => Blob::Package(package(fields, origin)?),
        Kind::Channel => Blob::Channel(channel(fields, origin)?),
        Kind::Bundle => Blob::Bundle(bundle(fields, origin)?),
        Kind::Deprecation | Kind::Other => Blob::Deprecation(deprecation(fields, origin)?),
    })
}

fn package(mut fields: Fields<'_>, origin: Origin) -> Read<Package> {
    Ok(Package {
        name: fields.text("name")?,
        default_channel: fields.text("defaultChannel")?,
        icon: fields.object("icon", icon)?,
        description: fields.text("description")?,
        properties: properties(&mut fields)?,
        origin,
    })
}

fn icon(mut fields: Fields<'_>) -> Read<Icon> {
    let data = match fields.take("base64data") {
        None => None,
        Some(value) => {
            let text = crate::fields::text(value).map_err(|f| f.below_key("base64data"))?;
            Some(base64(&text).map_err(|e| Fault::at_key("base64data", format!("is not base64: {e}")))?)
        }
    };
    Ok(Icon { data, media_type: fields.text("mediatype")? })
}

fn properties(fields: &mut Fields<'_>) -> Read<Vec<Property>> {
    let list = fields.list("properties", list_of_objects(property))?;
    Ok(list.unwrap_or_default())
}

fn property(mut fields: Fields<'_>) -> Read<Property> {
    let kind = fields.text("type")?;
    // A null is a value here: it is the text that Go keeps.
    let value = fields.take_even_null("value").map(str::to_owned).unwrap_or_default();
    Ok(Property { kind, value })
}

fn channel(mut fields: Fields<'_>, origin: Origin) -> Read<Channel> {
    Ok(Channel {
        name: fields.text("name")?,
        package: fields.text("package")?,
        entries: fields.list("entries", list_of_objects(entry))?,
        properties: properties(&mut fields)?,
        origin,
    })
}

fn entry(mut fields: Fields<'_>) -> Read<ChannelEntry> {
    Ok(ChannelEntry {
        name: fields.text("name")?,
        replaces: fields.text("replaces")?,
        skips: fields.list("skips", next_text)?.unwrap_or_default(),
        skip_range: fields.text("skipRange")?,
    })
}

fn bundle(mut fields: Fields<'_>, origin: Origin) -> Read<Bundle> {
    let related = |mut f: Fields<'_>| Ok(RelatedImage { name: f.text("name")?, image: f.text("image")? });
    Ok(Bundle {
        name: fields.text("name")?,
        package: fields.text("package")?,
        image: fields.text("image")?,
        properties: properties(&mut fields)?,
        related_images: fields.list("relatedImages", list_of_objects(related))?.unwrap_or_default(),
        origin,
    })
}

fn deprecation(mut fields: Fields<'_>, origin: Origin) -> Read<Deprecation> {
    let entry = |mut f: Fields<'_>| {
        let reference = |mut r: Fields<'_>| Ok((r.text("schema")?, r.text("name")?));
        let (schema, name) = f.object("reference", reference)?.unwrap_or_default();
        Ok(DeprecationEntry { schema, name, message: f.text("message")? })
    };
    Ok(Deprecation {
        package: fields.text("package")?,
        entries: fields.list("entries", list_of_objects(entry))?,
        origin,
    })
}
