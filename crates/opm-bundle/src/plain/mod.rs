//! Plain Kubernetes manifests from a bundle: what the operator needs to run without the Operator Lifecycle Manager.

mod chart;
mod config;
mod deployment;
mod error;
mod facts;
mod kapp;
mod merge;
mod objects;
mod rbac;
mod read;
mod targets;
mod tree;
mod validate;
mod warn;
mod webhook;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::Files;

pub use chart::Chart;
pub use config::DeploymentConfig;
pub use error::ConvertError;

use facts::{Facts, MUTATING, VALIDATING};
use merge::Made;
use warn::Warnings;
use webhook::Webhooks;

/// How a bundle becomes manifests.
#[derive(Default)]
pub struct Plain<'a> {
    /// The namespace of the operator; where there is none, the one that the CSV suggests, else that of the package with
    /// `-system` at the end.
    pub install_namespace: Option<String>,
    /// The namespaces that the operator watches; an empty name stands for all. Where there are none, the install modes
    /// decide: all namespaces, else the install namespace.
    pub target_namespaces: Vec<String>,
    /// Where the certificates of webhooks come from. A bundle without webhooks needs none.
    pub certificates: Option<Certificates<'a>>,
    /// What to change of the operator's pods.
    pub deployment_config: Option<DeploymentConfig>,
    /// Whether the operator also gets its roles in the install namespace, as from the Operator Lifecycle Manager.
    pub rbac_in_install_namespace: bool,
    /// Whether the install namespace is among the objects.
    pub create_namespace: bool,
    /// Whether objects are annotated so that kapp applies them in the right order.
    pub kapp: bool,
}

/// Where the certificates of webhooks come from.
pub enum Certificates<'a> {
    /// cert-manager makes them.
    CertManager,
    /// The service CA operator of OpenShift makes them.
    OpenshiftServiceCa,
    /// They are the user's job.
    None,
    /// They are made here, and become part of the manifests.
    SelfSigned(&'a dyn Sign),
}

/// Makes certificates.
pub trait Sign: Sync {
    /// A certificate for a server that is called by these names; in words why not.
    fn sign(&self, hosts: &[String]) -> Result<Serving, String>;
}

/// A server's certificate, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Serving {
    /// The certificate of the authority.
    pub authority: String,
    /// The certificate of the server.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key stays out of logs.
        f.debug_struct("Serving").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// The manifests of an operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifests {
    /// The objects, in the order in which they should be applied.
    pub objects: Vec<Value>,
    /// What does not come with them, in words, each once.
    pub warnings: Vec<String>,
}

/// The name, without its end, of a file for an object: its place in the order and what tells it apart, as far as file systems
/// take that.
pub fn file_stem(index: usize, parts: &[&str]) -> String {
    let joined = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("_");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let safe: String = joined.chars().map(|c| if is_plain(c) { c } else { '-' }).take(200).collect();
    format!("{index:04}_{}", safe.to_ascii_lowercase())
}

const SUGGESTED_NAMESPACE: &str = "operatorframework.io/suggested-namespace";

/// The namespaces that a conversion is for, where they are not what the options and the bundle say.
struct Places<'a> {
    install: &'a str,
    targets: &'a [String],
}

/// What a conversion found out about the bundle.
struct About {
    package: String,
    version: String,
    modes: Vec<String>,
    install: String,
}

impl Plain<'_> {
    /// Converts a bundle. The same files and options give the same manifests, but for self-signed certificates.
    pub fn convert(&self, files: &Files) -> Result<Manifests, ConvertError> {
        self.convert_for(files, None).map(|(manifests, _)| manifests)
    }

    fn convert_for(&self, files: &Files, places: Option<&Places<'_>>) -> Result<(Manifests, About), ConvertError> {
        let mut source = read::read(files)?;
        let annotations = read::annotations(&source.csv, &source.csv_file, files)?;
        let facts = Facts::new(&source.csv).map_err(|why| ConvertError::file(&source.csv_file, why))?;
        let provider = self.certificates.as_ref();
        let found = validate::findings(&source, &facts, provider);
        if !found.is_empty() {
            return Err(ConvertError::Invalid(found));
        }
        let suggested = annotations.get(SUGGESTED_NAMESPACE).filter(|name| !name.is_empty());
        let install = match (places, &self.install_namespace, suggested) {
            (Some(places), ..) => places.install.to_owned(),
            (_, Some(name), _) => name.clone(),
            (_, None, Some(name)) => name.to_string(),
            (_, None, None) => format!("{}-system", source.package),
        };
        if !targets::is_label(&install) {
            let why = format!("install namespace {install:?} is not the name of a namespace (a DNS-1123 label)");
            return Err(ConvertError::Targets(why));
        }
        let targets = match places {
            Some(places) => places.targets.to_vec(),
            None => targets::effective(&self.target_namespaces, &install, &facts.modes)?,
        };
        let webhooks = Webhooks::new(&facts, &install, provider)?;
        let mut warnings = Warnings::default();
        warn::unmet(&source, &facts, &install, provider, &mut warnings);

        let generated = |value| Made { value, file: None };
        let mut made = Vec::new();
        if self.create_namespace {
            made.push(generated(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": install}})));
        }
        made.extend(rbac::accounts(&facts, &install).into_iter().map(generated));
        made.extend(rbac::roles(&facts, &install, &targets, self.rbac_in_install_namespace).into_iter().map(generated));
        let conversions = facts.conversions();
        for mut crd in std::mem::take(&mut source.crds) {
            let webhook = conversions.get(tree::name(&crd.value));
            objects::check_crd(&crd, webhook.is_some(), &mut warnings);
            objects::clean(&mut crd.value);
            if let Some(webhook) = webhook {
                if crd.value.pointer("/spec/preserveUnknownFields") == Some(&Value::Bool(true)) {
                    let name = tree::name(&crd.value);
                    let why = format!(
                        "CustomResourceDefinition {name}: spec.preserveUnknownFields must be false, since a webhook converts it"
                    );
                    return Err(ConvertError::file(&crd.file, why));
                }
                webhooks.convert(&mut crd.value, webhook);
            }
            made.push(Made { value: crd.value, file: Some(crd.file) });
        }
        for mut item in std::mem::take(&mut source.others) {
            objects::settle(&mut item, &install)?;
            made.push(Made { value: item.value, file: Some(item.file) });
        }
        for entry in &facts.deployments {
            let mut object = deployment::object(entry, &annotations, &install, &targets);
            if let Some(secret) = webhooks.secret(entry.name) {
                if let Some((volume, path)) = deployment::odd_certificate(&object)
                    && path != "/tmp/k8s-webhook-server/serving-certs"
                    && path != "/apiserver.local.config/certificates"
                {
                    warnings.add(format!(
                        "deployment {} mounts volume {volume} at {path}: if that is the certificate of its webhooks, its secret has to come from elsewhere",
                        entry.name
                    ));
                }
                deployment::mount_certificate(&mut object, secret);
            }
            if let Some(config) = &self.deployment_config {
                config.apply(&mut object);
            }
            made.push(generated(object));
        }
        made.extend(webhooks.configurations(VALIDATING, &targets).into_iter().map(generated));
        made.extend(webhooks.configurations(MUTATING, &targets).into_iter().map(generated));
        made.extend(webhooks.services().into_iter().map(generated));
        made.extend(webhooks.certificates().into_iter().map(generated));

        let mut objects = merge::once(made, &mut warnings)?;
        if self.kapp {
            kapp::annotate(&mut objects, &source.package);
        }
        let about = About {
            version: tree::text(&source.csv, "/spec/version").to_owned(),
            modes: facts.modes.iter().map(|mode| (*mode).to_owned()).collect(),
            package: source.package,
            install,
        };
        Ok((Manifests { objects, warnings: warnings.into_list() }, about))
    }
}
