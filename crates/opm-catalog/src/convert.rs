//! Catalogs to templates.

use std::io;
use std::path::Path;

use opm_document::json::{self, Normal};

use crate::blob::schema;
use crate::decode::Head;
use crate::fields::{Fields, Read};
use crate::load::{Document, documents, located, syntax};
use crate::template::TemplateKind;
use crate::{Error, Format, raw};

/// Turns a stream of blobs into the text of a template that expands to them: `basic`, in which bundles are left to their
/// images, or `substitutes`, with no substitutions yet. Blobs need not have a schema here. `name` is what errors call the
/// stream. The text ends as the reference's does, YAML with an empty line.
pub fn convert_template(
    kind: TemplateKind,
    input: impl io::Read,
    name: Option<&Path>,
    format: Format,
) -> Result<String, Error> {
    let mut entries = Vec::new();
    for document in documents(input, name) {
        let Document { value, origin, text } = document?;
        if value.text() != "null" {
            entries.push(entry(kind, value).map_err(|fault| located(&fault, origin, &text))?);
        }
    }
    let (schema, rest) = match kind {
        TemplateKind::Basic => (kind.schema(), ""),
        TemplateKind::Substitutes => (kind.schema(), ",\"substitutions\":[]"),
        TemplateKind::Semver => {
            return Err(Error::Usage("a catalog can be converted to the templates basic and substitutes".to_owned()));
        }
    };
    let entries = if entries.is_empty() { "null".to_owned() } else { format!("[{}]", entries.join(",")) };
    let text = format!("{{\"schema\":\"{schema}\",\"entries\":{entries}{rest}}}");
    let mut out = Vec::with_capacity(text.len() * 3 / 2);
    match format {
        Format::Json => {
            let escaped = json::compact(&text).map_err(|source| syntax(name, source))?;
            json::indent(&escaped, &mut out);
        }
        Format::Yaml => {
            out.extend_from_slice(b"---\n");
            crate::write::write_yaml(text.as_bytes(), &mut out)?;
        }
    }
    out.push(b'\n');
    Ok(raw::into_text(out))
}

/// The entry of the template for a blob.
fn entry(kind: TemplateKind, document: Normal) -> Read<String> {
    let head = Head::of(&document)?;
    if kind != TemplateKind::Basic || head.schema != schema::BUNDLE {
        return Ok(document.into_text());
    }
    let image = Fields::of(&document)?.text("image")?;
    Ok(raw::object(&[("schema", schema::BUNDLE), ("image", &image)]))
}
