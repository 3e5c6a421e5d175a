use std::path::PathBuf;

use opm_document::yaml;
use serde::Serialize;

use super::tree;
use crate::{Error, Format, Origin};

/// All that is wrong with a catalog, in the order of its packages, channels and bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings; none if the catalog is valid.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong with a catalog. As data it has all these fields, `null` where there is nothing to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule that is broken.
    #[serde(rename = "code")]
    pub rule: Rule,
    /// What is wrong, in one line.
    pub message: String,
    /// The package concerned.
    pub package: Option<String>,
    /// The channel concerned.
    pub channel: Option<String>,
    /// The bundle concerned.
    pub bundle: Option<String>,
    /// The file that holds the offending blob.
    pub file: Option<PathBuf>,
    /// The line, counted from 1, at which that blob begins; of what cannot be read, that of the offending place.
    pub line: Option<u64>,
}

/// The rules of the format. Their names, as they are serialised, do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Files can be read.
    Readable,
    /// Files hold YAML or JSON.
    Syntax,
    /// Documents are what their schemas say.
    Document,
    /// A package has a name, which is a DNS label.
    PackageName,
    /// Each package has one blob.
    DuplicatePackage,
    /// A blob belongs to a package that is there.
    UnknownPackage,
    /// A package has a default channel.
    DefaultChannel,
    /// A package has channels, and a channel has entries.
    Empty,
    /// A channel has a name.
    ChannelName,
    /// Channel names are unique in a package.
    DuplicateChannel,
    /// An entry is once in a channel.
    DuplicateEntry,
    /// Each entry has a bundle.
    MissingBundle,
    /// Each bundle is in a channel.
    StrayBundle,
    /// A bundle has a name, which fits its version if that has a release.
    BundleName,
    /// Bundle names are unique in a package.
    DuplicateBundle,
    /// No two bundles of a package have the same version.
    DuplicateVersion,
    /// Properties have values that fit their types.
    Property,
    /// A bundle says once which package and version it is.
    PackageProperty,
    /// Versions and releases can be read.
    Version,
    /// A bundle has an image or manifests, and references of images can be read.
    Image,
    /// A channel has one head.
    ChannelHead,
    /// The chain of replacements has no cycle.
    Cycle,
    /// All entries can be reached from the head.
    Stranded,
    /// What an entry skips can be read.
    Skips,
    /// Deprecations concern what is there, once, and say why.
    Deprecation,
    /// A bundle has one set of CSV metadata at the most.
    CsvMetadata,
    /// Schemas and packages of other blobs have plain names.
    CustomSchema,
}

impl Finding {
    /// What an error says that keeps a catalog from being read.
    fn of_error(error: &Error) -> Self {
        let (rule, file, line, message) = match error {
            Error::Syntax { file, source } => (Rule::Syntax, Some(file.clone()), source.line, source.message.clone()),
            Error::Document { origin, message, .. } => (
                Rule::Document,
                origin.file.as_deref().map(PathBuf::from),
                Some(origin.line).filter(|line| *line > 0),
                message.clone(),
            ),
            Error::Read { path, source } => (Rule::Readable, Some(path.clone()), None, source.to_string()),
            other => (Rule::Document, None, None, other.to_string()),
        };
        Self { rule, message, package: None, channel: None, bundle: None, file, line }
    }
}

impl Report {
    /// Whether the catalog is valid.
    pub fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }

    /// A report about a catalog that cannot be read, for these reasons.
    pub fn of_error(error: &Error) -> Self {
        let errors = match error {
            Error::Many(errors) => errors.as_slice(),
            error => std::slice::from_ref(error),
        };
        Self { findings: errors.iter().map(Finding::of_error).collect() }
    }

    /// An error for a catalog that is not valid.
    pub fn into_result(self) -> Result<(), Error> {
        if self.is_valid() { Ok(()) } else { Err(Error::Invalid(Box::new(self))) }
    }

    /// The report as data: `passed`, and where that is false, `error.message` with the text of the report and `findings`
    /// with the parts of each. It ends as the reference's does: JSON with a line feed, YAML with an empty line.
    pub fn to_document(&self, format: Format) -> String {
        self.to_document_with(&self.to_string(), format)
    }

    /// [`Report::to_document`] with another text for `error.message`.
    pub fn to_document_with(&self, message: &str, format: Format) -> String {
        let error = (!self.is_valid()).then_some(Message { message });
        let document = Document { passed: self.is_valid(), error, findings: &self.findings };
        let mut out = Vec::new();
        if format == Format::Yaml
            && let Ok(value) = serde_json::to_value(&document)
            && yaml::write(&value, &mut out).is_ok()
        {
            return crate::raw::into_text(out) + "\n";
        }
        // Only strings, booleans and numbers: this cannot fail. Any JSON is YAML, too, where that could not be written.
        let text = serde_json::to_string_pretty(&document).unwrap_or_default();
        let escapes =
            [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
        escapes.into_iter().fold(text, |text, (character, escape)| text.replace(character, escape)) + "\n"
    }
}

/// A report as data.
#[derive(Serialize)]
struct Document<'a> {
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Message<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&tree::text(&self.findings))
    }
}

/// The findings about one package while they are gathered.
pub(super) struct Findings<'a> {
    list: Vec<Finding>,
    package: &'a str,
    channel: Option<String>,
    bundle: Option<String>,
}

impl<'a> Findings<'a> {
    /// Gathers findings about a package; about none if the name is empty.
    pub(super) fn new(package: &'a str) -> Self {
        Self { list: Vec::new(), package, channel: None, bundle: None }
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.list
    }

    /// Adds a finding about the package or, within [`Findings::in_channel`] and [`Findings::in_bundle`], about those.
    pub(super) fn add(&mut self, rule: Rule, origin: &Origin, message: String) {
        self.list.push(Finding {
            rule,
            message,
            package: Some(self.package.to_owned()).filter(|name| !name.is_empty()),
            channel: self.channel.clone(),
            bundle: self.bundle.clone(),
            file: origin.file.as_deref().map(PathBuf::from),
            line: Some(origin.line).filter(|line| *line > 0),
        });
    }

    /// Runs `check` for findings about a channel.
    pub(super) fn in_channel(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.channel.replace(name.to_owned());
        check(self);
        self.channel = outer;
    }

    /// Runs `check` for findings about a bundle.
    pub(super) fn in_bundle(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.bundle.replace(name.to_owned());
        check(self);
        self.bundle = outer;
    }
}
