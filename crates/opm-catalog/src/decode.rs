//! Documents to blobs: typed decoding as Go's `encoding/json` does it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use opm_document::{Value, json};
use opm_model::Property;

use crate::blob::{
    Blob, Bundle, Channel, ChannelEntry, Deprecation, DeprecationEntry, Icon, Meta, Package, RelatedImage, schema,
};
use crate::fields::{Fault, Fields, Read, fold, list_of_objects};
use crate::{Origin, objects};

/// Standard base64 that, like Go's, does not look at the bits beyond the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Bytes in base64; line breaks within do not matter.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    if text.contains(['\r', '\n']) {
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        return BASE64.decode(text);
    }
    BASE64.decode(text)
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
    pub(crate) fn of(document: &Value) -> Read<Self> {
        let Value::Object(members) = document else { return Err(Fault::of_type("an object", document)) };
        let mut head = Self::default();
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for (key, value) in members {
            let folded = fold(key);
            if let Some(other) = seen.get(&folded) {
                return Err(Fault::at_key(key, format!("duplicate keys for key {folded:?}: {other:?} and {key:?}")));
            }
            let field = match folded.as_str() {
                "schema" => Some(&mut head.schema),
                "package" => Some(&mut head.package),
                "name" => Some(&mut head.name),
                _ => None,
            };
            match (field, value) {
                (None, _) => {}
                (Some(field), Value::String(text)) => field.clone_from(text),
                (Some(_), other) => return Err(Fault::of_type("a string", other).below_key(key)),
            }
            seen.insert(folded, key);
        }
        Ok(head)
    }

    /// That the document, of which this is the head, has a schema.
    pub(crate) fn check_schema(&self, document: &Value) -> Read<()> {
        if !self.schema.is_empty() {
            return Ok(());
        }
        let text = json::blob(document);
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        Err(Fault::new(format!("object '{shown}{more}' is missing root schema field")))
    }

    /// The name of the package that the document belongs to; empty where it belongs to none.
    pub(crate) fn owner(self) -> String {
        if self.schema == schema::PACKAGE { self.name } else { self.package }
    }

    /// The normal form of the document that this is the head of.
    pub(crate) fn meta(self, document: &Value, origin: Origin) -> Meta {
        Meta { schema: self.schema, package: self.package, name: self.name, json: json::blob(document), origin }
    }
}

/// The blob that a document is.
pub(crate) fn blob(document: Value, origin: Origin) -> Read<Blob> {
    let head = Head::of(&document)?;
    head.check_schema(&document)?;
    Ok(match head.schema.as_str() {
        schema::PACKAGE => Blob::Package(package(document, origin).map_err(|f| f.reading("package"))?),
        schema::CHANNEL => Blob::Channel(channel(document, origin).map_err(|f| f.reading("channel"))?),
        schema::BUNDLE => Blob::Bundle(bundle(document, origin).map_err(|f| f.reading("bundle"))?),
        schema::DEPRECATIONS => Blob::Deprecation(deprecation(document, origin).map_err(|f| f.reading("deprecation"))?),
        _ => Blob::Other(head.meta(&document, origin)),
    })
}

fn package(document: Value, origin: Origin) -> Read<Package> {
    let mut fields = Fields::of(document)?;
    Ok(Package {
        name: fields.text("name")?,
        default_channel: fields.text("defaultChannel")?,
        icon: fields.object("icon", icon)?,
        description: fields.text("description")?,
        properties: properties(&mut fields)?,
        origin,
    })
}

fn icon(mut fields: Fields) -> Read<Icon> {
    let data = match fields.take("base64data") {
        None => None,
        Some(Value::String(text)) => {
            Some(base64(&text).map_err(|e| Fault::at_key("base64data", format!("is not base64: {e}")))?)
        }
        Some(other) => return Err(Fault::of_type("a string", &other).below_key("base64data")),
    };
    Ok(Icon { data, media_type: fields.text("mediatype")? })
}

fn properties(fields: &mut Fields) -> Read<Vec<Property>> {
    let list = fields.list("properties", list_of_objects(property))?;
    Ok(list.unwrap_or_default())
}

fn property(mut fields: Fields) -> Read<Property> {
    let kind = fields.text("type")?;
    // A null is a value here: it is the text that Go keeps.
    let value = fields.take_even_null("value").map(|value| json::blob(&value)).unwrap_or_default();
    Ok(Property { kind, value })
}

fn channel(document: Value, origin: Origin) -> Read<Channel> {
    let mut fields = Fields::of(document)?;
    Ok(Channel {
        name: fields.text("name")?,
        package: fields.text("package")?,
        entries: fields.list("entries", list_of_objects(entry))?,
        properties: properties(&mut fields)?,
        origin,
    })
}

fn entry(mut fields: Fields) -> Read<ChannelEntry> {
    Ok(ChannelEntry {
        name: fields.text("name")?,
        replaces: fields.text("replaces")?,
        skips: fields.list("skips", crate::fields::text)?.unwrap_or_default(),
        skip_range: fields.text("skipRange")?,
    })
}

fn bundle(document: Value, origin: Origin) -> Read<Bundle> {
    let mut fields = Fields::of(document)?;
    let related = |mut f: Fields| Ok(RelatedImage { name: f.text("name")?, image: f.text("image")? });
    let bundle = Bundle {
        name: fields.text("name")?,
        package: fields.text("package")?,
        image: fields.text("image")?,
        properties: properties(&mut fields)?,
        related_images: fields.list("relatedImages", list_of_objects(related))?.unwrap_or_default(),
        origin,
    };
    objects::check(&bundle)?;
    Ok(bundle)
}

fn deprecation(document: Value, origin: Origin) -> Read<Deprecation> {
    let mut fields = Fields::of(document)?;
    let entry = |mut f: Fields| {
        let reference = |mut r: Fields| Ok((r.text("schema")?, r.text("name")?));
        let (schema, name) = f.object("reference", reference)?.unwrap_or_default();
        Ok(DeprecationEntry { schema, name, message: f.text("message")? })
    };
    Ok(Deprecation {
        package: fields.text("package")?,
        entries: fields.list("entries", list_of_objects(entry))?,
        origin,
    })
}
