//! What the CSV says about the installation, with its types.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::BundleError;
use crate::object::Fields;

pub(super) struct Facts<'a> {
    pub(super) name: &'a str,
    pub(super) strategy: &'a str,
    /// The types of the install modes that are supported.
    pub(super) modes: BTreeSet<&'a str>,
    pub(super) deployments: Vec<Deployment<'a>>,
    pub(super) permissions: Vec<Permission<'a>>,
    pub(super) cluster_permissions: Vec<Permission<'a>>,
    pub(super) owned: Vec<&'a str>,
    pub(super) required: Vec<&'a str>,
    pub(super) has_api_services: bool,
    pub(super) webhooks: Vec<Webhook<'a>>,
}

pub(super) struct Deployment<'a> {
    pub(super) name: &'a str,
    pub(super) label: Vec<(&'a str, &'a str)>,
    /// `None` where there is none.
    pub(super) spec: Option<&'a Map<String, Value>>,
}

/// A service account and what it may do.
#[derive(Clone)]
pub(super) struct Permission<'a> {
    /// As the CSV has it; empty where it has none.
    pub(super) account: &'a str,
    /// `None` where there is no list.
    pub(super) rules: Option<Cow<'a, [Value]>>,
}

impl Deployment<'_> {
    /// A field of the spec.
    pub(super) fn field(&self, key: &str) -> Option<&Value> {
        self.spec?.get(key)
    }
}

impl Permission<'_> {
    /// The service account that is meant.
    pub(super) fn account(&self) -> &str {
        if self.account.is_empty() { "default" } else { self.account }
    }
}

pub(super) const CONVERSION: &str = "ConversionWebhook";
pub(super) const MUTATING: &str = "MutatingAdmissionWebhook";
pub(super) const VALIDATING: &str = "ValidatingAdmissionWebhook";

pub(super) struct Webhook<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) deployment: &'a str,
    pub(super) port: i64,
    pub(super) target_port: Value,
    pub(super) path: Option<&'a str>,
    pub(super) crds: Vec<&'a str>,
    pub(super) rules: Vec<Rule<'a>>,
    /// All fields; `None` where it is null.
    value: Option<&'a Map<String, Value>>,
}

impl<'a> Webhook<'a> {
    /// A field as the CSV has it, unless it is null.
    pub(super) fn field(&self, key: &str) -> Option<&'a Value> {
        self.value?.get(key).filter(|value| !value.is_null())
    }
}

/// The groups and resources of a rule of a webhook.
pub(super) struct Rule<'a> {
    pub(super) groups: Vec<&'a str>,
    pub(super) resources: Vec<&'a str>,
}

/// The keys of a rule in the order that names are made from.
pub(super) const RULE_KEYS: [&str; 5] = ["verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"];

impl<'a> Facts<'a> {
    pub(super) fn new(csv: &'a Value) -> Result<Self, BundleError> {
        let fields = Fields::of(csv);
        let spec = fields.object("spec")?;
        let install = spec.object("install")?;
        let details = install.object("spec")?;
        let mut modes = BTreeSet::new();
        for mode in spec.objects("installModes")? {
            let kind = mode.string("type")?;
            match mode.get("supported") {
                None | Some(Value::Bool(false)) => {}
                Some(Value::Bool(true)) => drop(modes.insert(kind)),
                Some(other) => return Err(mode.fault("supported", "a boolean", other)),
            }
        }
        let crds = |list: &str| -> Result<Vec<&'a str>, BundleError> {
            spec.object("customresourcedefinitions")?.objects(list)?.iter().map(|crd| crd.string("name")).collect()
        };
        let all = |list: Vec<Fields<'a>>, of: fn(&Fields<'a>) -> Result<Permission<'a>, BundleError>| {
            list.iter().map(of).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            name: fields.subject().1,
            strategy: install.string("strategy")?,
            modes,
            deployments: details.objects("deployments")?.iter().map(deployment).collect::<Result<_, _>>()?,
            permissions: all(details.objects("permissions")?, permission)?,
            cluster_permissions: all(details.objects("clusterPermissions")?, permission)?,
            owned: crds("owned")?,
            required: crds("required")?,
            has_api_services: !spec.object("apiservicedefinitions")?.list("owned")?.is_empty(),
            webhooks: spec.objects("webhookdefinitions")?.iter().map(webhook).collect::<Result<_, _>>()?,
        })
    }

    /// The webhooks of a deployment.
    pub(super) fn webhooks_of<'b>(&'b self, deployment: &'b str) -> impl Iterator<Item = &'b Webhook<'a>> {
        self.webhooks.iter().filter(move |webhook| webhook.deployment == deployment)
    }

    /// The names of the service accounts that the CSV asks for, but for `default`.
    pub(super) fn accounts(&self) -> BTreeSet<&str> {
        let all = self.permissions.iter().chain(&self.cluster_permissions);
        all.map(Permission::account).filter(|account| *account != "default").collect()
    }

    /// The conversion webhook of each CRD that has one.
    pub(super) fn conversions(&self) -> BTreeMap<&'a str, &Webhook<'a>> {
        let all = self.webhooks.iter().filter(|webhook| webhook.kind == CONVERSION);
        all.flat_map(|webhook| webhook.crds.iter().map(move |crd| (*crd, webhook))).collect()
    }
}

fn deployment<'a>(fields: &Fields<'a>) -> Result<Deployment<'a>, BundleError> {
    let spec = fields.object("spec")?;
    let template = spec.object("template")?;
    template.object("metadata")?.object("annotations")?.string_map()?;
    spec.object("selector")?.object("matchLabels")?.string_map()?;
    let pod = template.object("spec")?;
    pod.string("serviceAccountName")?;
    pod.objects("volumes")?;
    for list in ["initContainers", "containers"] {
        for container in pod.objects(list)? {
            container.string("name")?;
            container.string("image")?;
            container.strings("args")?;
            container.strings("command")?;
            container.objects("volumeMounts")?;
            for variable in container.objects("env")? {
                variable.string("name")?;
                variable.string("value")?;
            }
        }
    }
    Ok(Deployment { name: fields.string("name")?, label: fields.object("label")?.string_map()?, spec: spec.value() })
}

fn permission<'a>(fields: &Fields<'a>) -> Result<Permission<'a>, BundleError> {
    for rule in fields.objects("rules")? {
        for key in RULE_KEYS {
            rule.strings(key)?;
        }
    }
    Ok(Permission {
        account: fields.string("serviceAccountName")?,
        rules: fields.get("rules").and_then(Value::as_array).map(|rules| Cow::Borrowed(rules.as_slice())),
    })
}

fn webhook<'a>(fields: &Fields<'a>) -> Result<Webhook<'a>, BundleError> {
    let given = match fields.get("containerPort") {
        None => 0,
        Some(number) => number.as_i64().ok_or_else(|| fields.fault("containerPort", "a whole number", number))?,
    };
    let port = if given > 0 { given } else { 443 };
    let target_port = match fields.get("targetPort") {
        None => json!(port),
        Some(value @ (Value::Number(_) | Value::String(_))) => value.clone(),
        Some(other) => return Err(fields.fault("targetPort", "a number or a string", other)),
    };
    let rule = |rule: &Fields<'a>| {
        rule.strings("operations")?;
        rule.strings("apiVersions")?;
        Ok::<_, BundleError>(Rule { groups: rule.strings("apiGroups")?, resources: rule.strings("resources")? })
    };
    fields.strings("admissionReviewVersions")?;
    let path = fields.string("webhookPath")?;
    Ok(Webhook {
        kind: fields.string("type")?,
        name: fields.string("generateName")?,
        deployment: fields.string("deploymentName")?,
        port,
        target_port,
        path: fields.get("webhookPath").map(|_| path),
        crds: fields.strings("conversionCRDs")?,
        rules: fields.objects("rules")?.iter().map(rule).collect::<Result<_, _>>()?,
        value: fields.value(),
    })
}
