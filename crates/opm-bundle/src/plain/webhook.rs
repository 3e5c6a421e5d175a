//! Webhooks: their configurations, services, conversions of CRDs and certificates.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::facts::{Deployment, Facts, MUTATING, Webhook};
use super::tree::{below, members};
use super::{Certificates, ConvertError, Serving};

/// The names that a deployment with webhooks gives rise to, and the certificate where it is made here.
pub(super) struct Names {
    pub(super) service: String,
    pub(super) certificate: String,
    issuer: String,
    serving: Option<Serving>,
}

impl Names {
    fn new(deployment: &str) -> Self {
        let service = cut(&deployment.replace('.', "-"), "service");
        let certificate = cut(&service, "cert");
        let issuer = cut(&certificate, "selfsigned-issuer");
        Self { service, certificate, issuer, serving: None }
    }
}

/// The base with a suffix, in 63 characters.
fn cut(base: &str, suffix: &str) -> String {
    let most = 63 - suffix.len() - 1;
    format!("{}-{suffix}", &base[..base.floor_char_boundary(most)])
}

/// Everything about the webhooks of a bundle.
pub(super) struct Webhooks<'a> {
    facts: &'a Facts<'a>,
    install: &'a str,
    provider: Option<&'a Certificates<'a>>,
    names: BTreeMap<&'a str, Names>,
}

impl<'a> Webhooks<'a> {
    pub(super) fn new(
        facts: &'a Facts<'a>,
        install: &'a str,
        provider: Option<&'a Certificates<'a>>,
    ) -> Result<Self, ConvertError> {
        let mut names: BTreeMap<&str, Names> =
            facts.webhooks.iter().map(|webhook| (webhook.deployment, Names::new(webhook.deployment))).collect();
        if let Some(Certificates::SelfSigned(signer)) = provider {
            for names in names.values_mut() {
                let serving = signer.sign(&hosts(&names.service, install));
                names.serving = Some(serving.map_err(|why| ConvertError::Certificate {
                    service: format!("{install}/{}", names.service),
                    why,
                })?);
            }
        }
        Ok(Self { facts, install, provider, names })
    }

    /// The secret that a deployment has to mount; `None` where it has no webhooks or that is the user's job.
    pub(super) fn secret(&self, deployment: &str) -> Option<&str> {
        let is_provided = !matches!(self.provider, None | Some(Certificates::None));
        self.names.get(deployment).filter(|_| is_provided).map(|names| names.certificate.as_str())
    }

    fn client(&self, webhook: &Webhook<'_>, default_path: Option<&str>) -> Option<Value> {
        let names = self.names.get(webhook.deployment)?;
        let mut service = json!({"name": names.service, "namespace": self.install, "port": webhook.port});
        if let Some(path) = webhook.path.or(default_path) {
            members(&mut service).insert("path".to_owned(), json!(path));
        }
        let mut client = json!({"service": service});
        if let Some(serving) = &names.serving {
            members(&mut client).insert("caBundle".to_owned(), json!(STANDARD.encode(&serving.authority)));
        }
        Some(client)
    }

    /// Tells the provider of certificates where to write the authority.
    fn inject(&self, object: &mut Value, deployment: &str) {
        let Some(names) = self.names.get(deployment) else { return };
        let (key, value) = match self.provider {
            Some(Certificates::CertManager) => {
                ("cert-manager.io/inject-ca-from", format!("{}/{}", self.install, names.certificate))
            }
            Some(Certificates::OpenshiftServiceCa) => ("service.beta.openshift.io/inject-cabundle", "true".to_owned()),
            _ => return,
        };
        below(below(members(object), "metadata"), "annotations").insert(key.to_owned(), json!(value));
    }

    /// Makes the CSV's webhook convert a CRD.
    pub(super) fn convert(&self, crd: &mut Value, webhook: &Webhook<'_>) {
        let Some(client) = self.client(webhook, Some("/")) else { return };
        let versions = webhook.field("admissionReviewVersions").cloned().unwrap_or_else(|| json!([]));
        below(members(crd), "spec").insert(
            "conversion".to_owned(),
            json!({"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": versions}}),
        );
        self.inject(crd, webhook.deployment);
    }

    /// The configurations of the webhooks of one type.
    pub(super) fn configurations(&self, kind: &'static str, targets: &[String]) -> Vec<Value> {
        let all = self.facts.webhooks.iter().filter(|webhook| webhook.kind == kind);
        all.filter_map(|webhook| self.configuration(webhook, targets)).collect()
    }

    fn configuration(&self, webhook: &Webhook<'_>, targets: &[String]) -> Option<Value> {
        let is_mutating = webhook.kind == MUTATING;
        let name = webhook.name.strip_suffix('-').unwrap_or(webhook.name);
        let mut item = Map::new();
        let last = if is_mutating { "reinvocationPolicy" } else { "sideEffects" };
        for key in [
            "rules",
            "failurePolicy",
            "matchPolicy",
            "objectSelector",
            "sideEffects",
            "timeoutSeconds",
            "admissionReviewVersions",
            last,
        ] {
            if let Some(value) = webhook.field(key) {
                item.insert(key.to_owned(), value.clone());
            }
        }
        item.insert("name".to_owned(), json!(name));
        item.insert("clientConfig".to_owned(), self.client(webhook, None)?);
        if targets != [""] {
            let expression = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": targets});
            item.insert("namespaceSelector".to_owned(), json!({"matchExpressions": [expression]}));
        }
        let kind = if is_mutating { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" };
        let mut object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "webhooks": [item],
        });
        self.inject(&mut object, webhook.deployment);
        Some(object)
    }

    /// The deployments that have webhooks, in their order.
    fn served(&self) -> impl Iterator<Item = (&'a Deployment<'a>, &Names)> {
        let facts: &'a Facts<'a> = self.facts;
        facts.deployments.iter().filter_map(|deployment| Some((deployment, self.names.get(deployment.name)?)))
    }

    /// The services of the deployments that have webhooks.
    pub(super) fn services(&self) -> Vec<Value> {
        self.served().map(|(deployment, names)| self.service(deployment, names)).collect()
    }

    fn service(&self, deployment: &Deployment<'_>, names: &Names) -> Value {
        let ports: BTreeMap<i64, &Value> =
            self.facts.webhooks_of(deployment.name).map(|webhook| (webhook.port, &webhook.target_port)).collect();
        let ports: Vec<Value> = ports
            .into_iter()
            .map(|(port, target)| json!({"name": port.to_string(), "port": port, "targetPort": target}))
            .collect();
        let selector = deployment.field("selector").and_then(|selector| selector.get("matchLabels"));
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": names.service, "namespace": self.install},
            "spec": {"ports": ports, "selector": selector.cloned().unwrap_or_else(|| json!({}))},
        });
        if matches!(self.provider, Some(Certificates::OpenshiftServiceCa)) {
            below(below(members(&mut object), "metadata"), "annotations")
                .insert("service.beta.openshift.io/serving-cert-secret-name".to_owned(), json!(names.certificate));
        }
        object
    }

    /// What the certificates come from.
    pub(super) fn certificates(&self) -> Vec<Value> {
        let is_managed = matches!(self.provider, Some(Certificates::CertManager));
        let of = |(_, names): (_, &Names)| match &names.serving {
            Some(serving) => vec![self.certificate_secret(names, serving)],
            None if is_managed => self.managed_certificate(names),
            None => Vec::new(),
        };
        self.served().flat_map(of).collect()
    }

    fn certificate_secret(&self, names: &Names, serving: &Serving) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": names.certificate, "namespace": self.install},
            "type": "kubernetes.io/tls",
            "data": {
                "ca.crt": STANDARD.encode(&serving.authority),
                "tls.crt": STANDARD.encode(&serving.certificate),
                "tls.key": STANDARD.encode(&serving.key),
            },
        })
    }

    fn managed_certificate(&self, names: &Names) -> Vec<Value> {
        let hosts = hosts(&names.service, self.install);
        vec![
            json!({
                "apiVersion": "cert-manager.io/v1",
                "kind": "Issuer",
                "metadata": {"name": names.issuer, "namespace": self.install},
                "spec": {"selfSigned": {}},
            }),
            json!({
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "metadata": {"name": names.certificate, "namespace": self.install},
                "spec": {
                    "commonName": hosts[0],
                    "dnsNames": hosts,
                    "duration": "17520h0m0s",
                    "issuerRef": {"name": names.issuer},
                    "renewBefore": "24h0m0s",
                    "secretName": names.certificate,
                    "usages": ["server auth"],
                },
            }),
        ]
    }
}

/// The names that a service is called by within a cluster.
fn hosts(service: &str, namespace: &str) -> [String; 3] {
    let host = format!("{service}.{namespace}");
    [host.clone(), format!("{host}.svc"), format!("{host}.svc.cluster.local")]
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn derived_names_fit() {
        assert_eq!(cut("a-b", "service"), "a-b-service");
        for length in 50..70 {
            assert_eq!(cut(&"d".repeat(length), "service").len(), (length + 8).min(63), "{length}");
        }
    }
}
