//! A Helm chart of a bundle: its manifests as templates, with the namespaces and the changes to pods as values.

use std::collections::BTreeMap;

use opm_document::yaml;
use serde_json::{Value, json};
use sha2::{Digest, Sha224};

use super::tree::{kind, name, text};
use super::{Certificates, ConvertError, DeploymentConfig, Manifests, Places, Plain};
use crate::Files;

/// A Helm chart (API version `v2`).
///
/// What is rendered from its own values is what [`Plain::convert`] gives with the same options. Another install namespace
/// and other target namespaces give what they would give there, but for the merging of objects that only then have one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chart {
    /// The files: path within the chart, and content.
    pub files: BTreeMap<String, String>,
    /// What does not come with the manifests, in words, each once.
    pub warnings: Vec<String>,
}

/// What all templates have in common.
const HELPERS: &str = include_str!("chart/_opm.tpl");
/// What values may be.
const SCHEMA: &str = include_str!("chart/values.schema.json");

/// Names that stand for namespaces while a bundle is converted. They have a digest of the bundle in them, so that nothing in it
/// contains them.
struct Symbols {
    install: String,
    target: String,
}

impl Symbols {
    fn new(files: &Files) -> Self {
        let mut digest = Sha224::new();
        for content in files.manifests.iter().chain(&files.metadata).flatten().flat_map(|file| &file.content) {
            digest.update(content);
        }
        let digest = super::rbac::base36(&digest.finalize());
        Self { install: format!("opm-{digest}-install"), target: format!("opm-{digest}-target") }
    }

    /// A template that renders to this text with the namespaces in place of the symbols.
    fn template(&self, manifest: &str) -> String {
        let Self { install, target } = self;
        // What is braces in a manifest is braces in what is rendered.
        let text = manifest
            .replace("{{", "{{ \"{{\" }}")
            .replace(&format!("{TARGETS}: {target}\n"), &format!("{TARGETS}: {{{{ join \",\" $targets | quote }}}}\n"))
            .replace(&format!("values:\n      - {target}\n"), "values: {{ toJson $targets }}\n");
        let text = replace(&text, install, "{{ $install | quote }}", "{{ $install }}");
        replace(&text, target, "{{ $namespace | quote }}", "{{ $namespace }}")
    }
}

/// Puts one text in the place of a name that is all of a scalar, and another one where it is only a part.
fn replace(text: &str, name: &str, whole: &str, part: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(name) {
        out.push_str(before);
        let is_whole = (before.ends_with(": ") || before.ends_with("- ")) && after.starts_with('\n');
        out.push_str(if is_whole { whole } else { part });
        rest = after;
    }
    out + rest
}

/// The annotation with the namespaces that are watched.
const TARGETS: &str = "olm.targetNamespaces";
const IF_ALL: &str = "{{- if eq (first $targets) \"\" }}";

/// Group, kind, namespace and name: what tells the objects of one conversion apart.
type Key = [String; 4];

fn key(object: &Value) -> Key {
    [super::tree::group(object), kind(object), text(object, "/metadata/namespace"), name(object)].map(str::to_owned)
}

/// An object with the condition on which it is rendered.
struct Entry {
    object: Value,
    when: When,
}

enum When {
    Always,
    /// All namespaces are watched.
    All,
    /// Not all namespaces are watched; where they are, it is another object.
    Else(Value),
    /// Not all namespaces are watched: one object for each that is.
    Each,
}

impl Plain<'_> {
    /// Makes a chart of a bundle. The same files and options give the same chart.
    ///
    /// Self-signed certificates are an error: they hold for the names of one namespace, and a chart is no place for keys.
    pub fn chart(&self, files: &Files) -> Result<Chart, ConvertError> {
        if matches!(self.certificates, Some(Certificates::SelfSigned(_))) {
            let why =
                "self-signed certificates hold for one namespace, which a chart leaves open: choose another provider";
            return Err(ConvertError::Chart(why.to_owned()));
        }
        // With the default values, for the checks and the warnings.
        let (Manifests { warnings, .. }, about) = self.convert_for(files, None)?;
        let symbols = Symbols::new(files);
        // The config and the roles in the install namespace are the templates' job.
        let bare = Plain {
            certificates: self.certificates.as_ref().map(|provider| match provider {
                Certificates::CertManager => Certificates::CertManager,
                Certificates::OpenshiftServiceCa => Certificates::OpenshiftServiceCa,
                _ => Certificates::None,
            }),
            create_namespace: self.create_namespace,
            kapp: self.kapp,
            ..Plain::default()
        };
        let convert = |target: &str| {
            let places = Places { install: &symbols.install, targets: &[target.to_owned()] };
            bare.convert_for(files, Some(&places)).map(|(manifests, _)| manifests.objects)
        };
        let has = |mode: &str| about.modes.iter().any(|known| known == mode);
        let all = if has("AllNamespaces") { Some(convert("")?) } else { None };
        let is_narrow = ["OwnNamespace", "SingleNamespace", "MultiNamespace"].into_iter().any(has);
        let some = if is_narrow { Some(convert(&symbols.target)?) } else { None };

        let mut chart = Chart { warnings, ..Chart::default() };
        let entries = entries(all, some, &symbols.target);
        let rbac_in_install_namespace = self.rbac_in_install_namespace;
        let templates = Templates { symbols, prefix: &about.package, rbac_in_install_namespace };
        for (index, entry) in entries.iter().enumerate() {
            let name = name(&entry.object).replace(&templates.symbols.install, "");
            let stem = super::file_stem(index, &[kind(&entry.object), &name]);
            chart.files.insert(format!("templates/{stem}.yaml"), templates.file(index, entry));
        }
        let modes: Vec<String> = about.modes.iter().map(|mode| json!(mode).to_string()).collect();
        let helpers = HELPERS.replace("@MODES@", &modes.join(" ")).replace("\"opm.", &format!("\"{}.", about.package));
        chart.files.insert("templates/_opm.tpl".to_owned(), helpers);
        chart.files.insert("values.schema.json".to_owned(), SCHEMA.to_owned());
        chart.files.insert("values.yaml".to_owned(), self.values(&about.install));
        let version = if is_version(&about.version) { about.version.as_str() } else { "0.0.0" };
        let about = json!({
            "apiVersion": "v2",
            "appVersion": version,
            "description": format!("Runs the operator {} without the Operator Lifecycle Manager", about.package),
            "name": about.package,
            "type": "application",
            "version": version,
        });
        chart.files.insert("Chart.yaml".to_owned(), written(&about));
        Ok(chart)
    }

    /// The values of the chart.
    fn values(&self, install: &str) -> String {
        let config = self.deployment_config.as_ref().map_or_else(|| json!({}), DeploymentConfig::value);
        [
            ("The namespace of the operator; empty for that of the release.", "installNamespace", json!(install)),
            (
                "The namespaces that the operator watches, or one empty name for all of them. Empty: all of them if the\n# operator can do that, else its own.",
                "targetNamespaces",
                json!(self.target_namespaces),
            ),
            (
                "Changes to the operator's pods, in the form of the config of a Subscription: env, envFrom, volumes,\n# volumeMounts, tolerations, resources, nodeSelector, affinity, annotations.",
                "deploymentConfig",
                config,
            ),
        ]
        .map(|(comment, key, value)| format!("# {comment}\n{}", written(&json!({key: value}))))
        .join("\n")
    }
}

fn written(object: &Value) -> String {
    let mut out = Vec::new();
    yaml::write_portably(object, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes the templates of a chart.
struct Templates<'a> {
    symbols: Symbols,
    /// What the names of templates begin with: all charts of a release share them.
    prefix: &'a str,
    rbac_in_install_namespace: bool,
}

impl Templates<'_> {
    fn file(&self, index: usize, entry: &Entry) -> String {
        let prefix = self.prefix;
        let head = format!(
            "{{{{- $install := include \"{prefix}.installNamespace\" . -}}}}\n\
             {{{{- $targets := fromJsonArray (include \"{prefix}.targetNamespaces\" .) -}}}}\n"
        );
        let manifest = self.symbols.template(&written(&entry.object));
        match &entry.when {
            When::Always if kind(&entry.object) == "Deployment" => format!(
                "{{{{- define \"{prefix}.{index:04}\" -}}}}\n{head}{manifest}{{{{ end -}}}}\n\
                 {{{{- $manifest := include \"{prefix}.{index:04}\" . -}}}}\n\
                 {{{{- with .Values.deploymentConfig }}}}\n---\n\
                 {{{{ include \"{prefix}.configured\" (dict \"deployment\" $manifest \"config\" .) }}}}\n\
                 {{{{- else }}}}\n---\n{{{{ $manifest }}}}{{{{ end }}}}\n"
            ),
            When::Always => format!("{head}---\n{manifest}"),
            When::Else(wide) => format!(
                "{head}{IF_ALL}\n---\n{}{{{{ else }}}}\n---\n{manifest}{{{{ end }}}}\n",
                self.symbols.template(&written(wide))
            ),
            When::All => format!("{head}{IF_ALL}\n---\n{manifest}{{{{ end }}}}\n"),
            When::Each => {
                let all = if self.rbac_in_install_namespace { "uniq (append $targets $install)" } else { "$targets" };
                format!(
                    "{head}{{{{- if ne (first $targets) \"\" }}}}\n{{{{- range $namespace := {all} }}}}\n---\n\
                     {manifest}{{{{ end }}}}\n{{{{- end }}}}\n"
                )
            }
        }
    }
}

/// Whether a text is a semantic version.
fn is_version(text: &str) -> bool {
    opm_model::Version::parse(text).is_ok()
}

/// The objects of the conversions for all namespaces and for some, each once and with its condition.
fn entries(all: Option<Vec<Value>>, some: Option<Vec<Value>>, target: &str) -> Vec<Entry> {
    let is_broad = some.is_none();
    let mut wide: BTreeMap<Key, Value> = all.iter().flatten().map(|object| (key(object), object.clone())).collect();
    let mut entries = Vec::new();
    for object in some.into_iter().flatten() {
        let when = match wide.remove(&key(&object)) {
            _ if text(&object, "/metadata/namespace") == target => When::Each,
            // The annotation that differs is right for both.
            Some(other) if other != object && kind(&object) != "Deployment" => When::Else(other),
            _ => When::Always,
        };
        entries.push(Entry { object, when });
    }
    for object in all.into_iter().flatten().filter(|object| wide.contains_key(&key(object))) {
        entries.push(Entry { object, when: if is_broad { When::Always } else { When::All } });
    }
    entries
}
