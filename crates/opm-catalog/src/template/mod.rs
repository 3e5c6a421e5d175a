//! Templates: short descriptions of catalogs that name bundles by their images.

mod basic;
mod semver;
mod substitutes;

use std::io::Read;
use std::path::Path;

use opm_document::json::{Cursor, Normal};

use crate::blob::{Bundle, Catalog};
use crate::fields::{self, Fault, Fields};
use crate::load::{Document, documents, located};
use crate::{Error, Level, Origin};

/// The kinds of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateKind {
    /// A catalog whose bundles are given by their images.
    Basic,
    /// Lists of bundles by maturity, from whose versions channels are made.
    Semver,
    /// A catalog in whose graphs bundles stand in for others.
    Substitutes,
}

impl TemplateKind {
    /// All kinds, by name.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Semver, Self::Substitutes];

    /// The name of the kind, by which commands call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Semver => "semver",
            Self::Substitutes => "substitutes",
        }
    }

    /// The `schema` of templates of this kind.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Basic => "olm.template.basic",
            Self::Semver => "olm.semver",
            Self::Substitutes => "olm.template.substitutes",
        }
    }
}

impl std::str::FromStr for TemplateKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(" ");
            Error::Usage(format!("invalid template type {name:?}, must be one of: [{names}]"))
        })
    }
}

/// A template that was read.
#[derive(Clone, Debug)]
pub struct Template(Content);

#[derive(Clone, Debug)]
enum Content {
    Basic(basic::Basic),
    Semver(semver::Semver),
    Substitutes(substitutes::Substitutes),
}

/// Why a bundle could not be rendered; whatever error the one who renders has.
pub type RenderError = Box<dyn std::error::Error + Send + Sync>;

impl Template {
    /// Reads a template of this kind or, where none is given, of the kind that its `schema` says. `name` is what errors call
    /// the input. A template is one document.
    pub fn parse(kind: Option<TemplateKind>, input: impl Read, name: Option<&Path>) -> Result<Self, Error> {
        let mut documents = documents(input, name);
        let Document { value, origin, text } =
            documents.next().ok_or_else(|| Error::Template("decoding template input: it is empty".to_owned()))??;
        if let Some(second) = documents.find(|next| next.as_ref().map_or(true, |next| !next.is_null())) {
            let line = second?.origin.line;
            let message = format!("a template is one document, but another one begins in line {line}");
            return Err(Error::Document { origin, column: None, message });
        }
        Self::read(kind, &value, &origin).map_err(|fault| located(&fault, origin, &text))
    }

    fn read(kind: Option<TemplateKind>, document: &Normal, origin: &Origin) -> fields::Read<Self> {
        let mut fields = Fields::of(document)?;
        let schema = fields.text("schema")?;
        let kind = match kind {
            Some(kind) => kind,
            None if schema.is_empty() => return Err(Fault::new("template input missing required 'schema' field")),
            None => TemplateKind::ALL
                .into_iter()
                .find(|kind| kind.schema() == schema)
                .ok_or_else(|| Fault::new(format!("unknown template schema: {schema}")))?,
        };
        if schema != kind.schema() {
            let expected = kind.schema();
            return Err(Fault::new(format!("template has unknown schema ({schema:?}), should be {expected:?}")));
        }
        Ok(Self(match kind {
            TemplateKind::Basic => Content::Basic(basic::Basic::read(fields, origin)?),
            TemplateKind::Semver => Content::Semver(semver::Semver::read(fields)?),
            TemplateKind::Substitutes => Content::Substitutes(substitutes::Substitutes::read(fields, origin)?),
        }))
    }

    /// The kind of the template.
    pub fn kind(&self) -> TemplateKind {
        match &self.0 {
            Content::Basic(_) => TemplateKind::Basic,
            Content::Semver(_) => TemplateKind::Semver,
            Content::Substitutes(_) => TemplateKind::Substitutes,
        }
    }

    /// The references of the bundles that [`Template::expand`] will ask for, each once, so that they can be fetched together.
    pub fn references(&self) -> Vec<String> {
        let mut references = match &self.0 {
            Content::Basic(basic) => basic.references(),
            Content::Semver(semver) => semver.references(),
            Content::Substitutes(substitutes) => substitutes.references(),
        };
        let mut seen = std::collections::BTreeSet::new();
        references.retain(|reference| seen.insert(reference.clone()));
        references
    }

    /// The catalog that the template describes. `render` answers with the bundles that are at a reference, before any
    /// migration; it is asked once for each reference. Bundles are settled and migrated to `level`.
    pub fn expand(
        self,
        level: Level,
        render: impl FnMut(&str) -> Result<Vec<Bundle>, RenderError>,
    ) -> Result<Catalog, Error> {
        let renderer = Renderer { level, render, done: Vec::new() };
        match self.0 {
            Content::Basic(basic) => basic.expand(renderer),
            Content::Semver(semver) => semver.expand(renderer),
            Content::Substitutes(substitutes) => substitutes.expand(renderer),
        }
    }
}

/// Renders references, each once.
struct Renderer<F> {
    level: Level,
    render: F,
    done: Vec<(String, Vec<Rendered>)>,
}

/// A bundle as it is put into a catalog, and its CSV as the image has it.
#[derive(Clone)]
struct Rendered {
    bundle: Bundle,
    csv: Option<Vec<u8>>,
}

impl<F: FnMut(&str) -> Result<Vec<Bundle>, RenderError>> Renderer<F> {
    fn render(&mut self, reference: &str) -> Result<Vec<Rendered>, Error> {
        if let Some((_, bundles)) = self.done.iter().find(|(done, _)| done == reference) {
            return Ok(bundles.clone());
        }
        let fault = |source| Error::Render { reference: reference.to_owned(), source };
        let bundles = (self.render)(reference).map_err(fault)?;
        let csvs: Vec<Option<Vec<u8>>> = bundles.iter().map(Bundle::csv_json).collect();
        let mut catalog = Catalog { bundles, ..Catalog::default() };
        catalog.settle();
        crate::migrate(&mut catalog, self.level)?;
        let bundles: Vec<Rendered> =
            catalog.bundles.into_iter().zip(csvs).map(|(bundle, csv)| Rendered { bundle, csv }).collect();
        self.done.push((reference.to_owned(), bundles.clone()));
        Ok(bundles)
    }
}

/// The blobs in the `entries` of a template.
fn entries(fields: &mut Fields<'_>, origin: &Origin) -> fields::Read<Vec<crate::Blob>> {
    let entry = |cursor: &mut Cursor<'_>| {
        let entry = Normal::of_json(cursor.raw().as_bytes()).map_err(|error| Fault::new(error.message))?;
        crate::decode::blob(entry, origin.clone())
    };
    Ok(fields.list("entries", entry)?.unwrap_or_default())
}
